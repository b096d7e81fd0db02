"""`tenfold curve`: a table, the law in sentences, JSON alone on stdout, a page, and how it goes on."""

import json
from pathlib import Path
from typing import Any

import pytest

from tenfold.cli.curve import law_sentences
from tenfold.data import load_training
from tenfold.harness.estimates import curve as room
from tenfold.training.networks import Baseline
from tenfold.training.recipes import RECIPES, Recipe

TINY = Recipe("tiny", "two epochs", Baseline(), epochs=1, batch_size=100)
WORDS = ("curve", "tiny", "--sizes", "20,100,200", "--seeds", 2, "--threads", 1)


@pytest.fixture(autouse=True)
def _small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    data = load_training().take(range(240), "mnist")
    monkeypatch.setattr("tenfold.data.parts.load_training", lambda: data)
    monkeypatch.setattr("tenfold.data.parts.split", lambda whole: whole.split(40))


def test_a_table_comes_last_and_a_page_with_it(tenfold: Any) -> None:
    found = tenfold(*WORDS)
    assert found.code == 0
    told = found.err.splitlines()
    assert told[0].startswith("Training 'tiny' 6 times on 20 to 200 images, 1 thread each; ")
    assert told[1].startswith("1/6  seed 0   20 images  accuracy ")
    assert " errors in 40)" in told[1]
    assert told[1].endswith(" s left")
    table = found.out.splitlines()
    assert table[0].split("  ")[0] == "training images"
    assert [line.split()[:3] for line in table[1:4]] == [[n, "2", "2"] for n in ("20", "100", "200")]
    assert table[4:] == [
        "on 40 images of mnist-validation",
        "",
        "No power law: it takes 5 sizes or more.",
    ]
    page = Path("runs/curve-tiny-0/curve.html")
    assert found.err.endswith(f"\nThe page is {page}.\n")
    assert "<h1>tiny" in page.read_text()

    listed = json.loads(tenfold("runs", "--json").out)["runs"]
    assert [(run["kind"], run["status"], run["validation"]) for run in listed] == [
        ("curve", "finished", None)
    ]
    assert "recipe     tiny" in tenfold("runs", "show", "runs/curve-tiny-0").out


def test_json_is_the_record_and_a_finished_one_is_read(tenfold: Any) -> None:
    first = tenfold(*WORDS, "--json", "--steps", "epochs")
    assert " left" not in first.err  # a larger size takes longer
    found = json.loads(first.out)
    folder = Path("runs/curve-tiny-epochs-0")
    record = json.loads((folder / "curve.json").read_text())
    assert found == {**record, "folder": str(folder), "page": str(folder / "curve.html")}
    again = tenfold(*WORDS, "--quiet", "--steps", "epochs")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_an_interrupted_one_says_that_the_same_command_goes_on(tenfold: Any, interrupted_at: Any) -> None:
    with interrupted_at(room, "results"):
        found = tenfold(*WORDS)
    assert found.code == 130
    assert found.err.endswith("\nThe trainings that were done are kept; the same command goes on.\n")
    found = tenfold(*WORDS)
    assert (found.code, "seed 0" in found.err) == (0, False)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["tniy"], 2, "Did you mean 'tiny'"),
        (["tiny", "--sizes", "20;30"], 2, "whole numbers with commas between"),
        (["tiny", "--sizes", "20,500"], 3, "There are 200 training images, so not 500"),
        (["tiny", "--steps", "some"], 2, "no way to count the training 'some'"),
        (["tiny", "--seeds", "0"], 2, "not 0"),
        (["tiny", "--engine", "rya"], 2, "Did you mean 'ray'?"),
        (["tiny", "--address", "head:1"], 2, "--address goes with --engine ray"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    tenfold: Any, words: list[str], code: int, sentence: str
) -> None:
    found = tenfold("curve", *words)
    assert (found.code, found.out) == (code, "")
    assert sentence in found.err
    assert len(found.err.splitlines()) == 1
    assert not Path("runs").exists()


def test_the_law_is_told_as_an_extrapolation() -> None:
    law = {"floor": 0.004, "scale": 2.1, "exponent": 0.6, "backtest": 0.0061}
    law["foretold"] = [{"images": 110_000, "error": 0.0045, "low": 0.004, "high": 0.005}]  # type: ignore[assignment]
    last = {"size": 55_000, "accuracy": {"mean": 0.9945}}
    assert law_sentences(law, last).splitlines() == [
        "Power law: error = 0.40 % + 2.1 * images ^ -0.60. Extrapolated, not measured:",
        "  110,000 images: 99.55 % (99.50 to 99.60 as one size or another is left out)",
        "Without its last size it would have foretold 99.39 % for 55,000 images, where 99.45 % was measured.",
    ]


def test_own_pictures_are_measured_in_a_folder_of_their_own(tenfold: Any, digits: Path) -> None:
    found = tenfold("curve", "tiny", "--sizes", 20, "--seeds", 1, "--threads", 1, "--data", digits)
    assert found.code == 0
    assert "on 20 images of digits-validation" in found.out
    record = json.loads(Path("runs/curve-tiny-0-digits/curve.json").read_text())
    assert record["counts"] == {"train": 220, "validation": 20}
