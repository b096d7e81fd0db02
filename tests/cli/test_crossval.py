"""`tenfold crossval`: tables and sentences, JSON alone on stdout, and what is told on the way."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.cli.crossval import optimism_sentence
from tenfold.data import load_training
from tenfold.harness.estimates import crossval as room
from tenfold.training.networks import Baseline
from tenfold.training.recipes import RECIPES, Recipe

TINY = Recipe("tiny", "two steps", Baseline(), epochs=1, batch_size=80)
WRITERS = np.arange(240, dtype=np.int32) % 12


@pytest.fixture(autouse=True)
def _small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    data = load_training().take(range(240), "mnist-training")
    for place in ("data.parts", "harness.estimates.crossval"):  # the latter to tell whose writers are known
        monkeypatch.setattr(f"tenfold.{place}.load_training", lambda: data)
    monkeypatch.setattr(room, "load_writers", lambda *_: WRITERS)


def test_each_fold_is_told_and_the_estimate_comes_last(tenfold: Any) -> None:
    found = tenfold("crossval", "tiny", "--folds", 3, "--threads", 1)
    assert found.code == 0
    told = found.err.splitlines()
    assert told[0].startswith("Training 'tiny' 3 times on about 160 images in only 2 steps each, 1 thread")
    assert [line[:11] for line in told[1:4]] == ["1/3  fold 0", "2/3  fold 1", "3/3  fold 2"]
    table = found.out.splitlines()
    assert table[0].split() == ["fold", "images", "errors", "error", "raw", "NLL"]
    assert table[-1].startswith("error of 'tiny': ")
    assert "mean of 3 trainings on folds by class; 95 % interval" in table[-1]
    assert Path("runs/crossval-tiny-class-3x1-0/oof.npz").exists()


def test_json_is_all_that_is_on_stdout_and_says_what_the_record_says(tenfold: Any) -> None:
    words = ("crossval", "tiny", "--folds", 2, "--repeats", 2, "--by", "writer", "--seed", 4, "--threads", 1)
    found = json.loads(tenfold(*words, "--json").out)
    record = json.loads(Path("runs/crossval-tiny-writer-2x2-4/crossval.json").read_text())
    assert found == {**record, "optimism": None, "folder": "runs/crossval-tiny-writer-2x2-4"}
    assert len(found["fits"]) == 4
    again = tenfold(*words, "--quiet")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_by_writer_the_worst_are_shown_and_how_optimistic_the_other_folds_are(tenfold: Any) -> None:
    tenfold("crossval", "tiny", "--folds", 3, "--threads", 1, "--quiet")
    found = tenfold("crossval", "tiny", "--folds", 3, "--threads", 1, "--by", "writer")
    assert "writers: 12; " in found.out
    assert "writer  digits  errors" in found.out
    assert found.out.splitlines()[-1].startswith("On strangers' digits the error is ")


def test_an_interrupted_one_says_that_the_same_command_goes_on(tenfold: Any, interrupted_at: Any) -> None:
    words = ("crossval", "tiny", "--folds", 3, "--threads", 1)
    with interrupted_at(room, "_bring_together"):
        found = tenfold(*words)
    assert found.code == 130
    assert found.err.endswith("\nThe folds that were done are kept; the same command goes on.\n")
    found = tenfold(*words)
    assert found.code == 0
    assert "3 of 3 were done before.\n" in found.err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["tniy"], 2, "Did you mean 'tiny'"),
        (["tiny", "--folds", "1"], 2, "not 1"),
        (["tiny", "--folds", "100"], 3, "100 folds need 100 images of each class"),
        (["tiny", "--by", "writer", "--folds", "13"], 3, "only 12"),
        (["tiny", "--by", "hand"], 2, "no kind of folds 'hand'"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    tenfold: Any, words: list[str], code: int, sentence: str
) -> None:
    found = tenfold("crossval", *words)
    assert (found.code, found.out) == (code, "")
    assert sentence in found.err
    assert len(found.err.splitlines()) == 1
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("difference", "interval", "words"),
    [
        (0.002, [0.001, 0.003], "optimistic by 0.20 points (95 % interval over 12 writers +0.10 to +0.30)"),
        (-0.002, [-0.003, -0.001], "pessimistic by 0.20 points"),
        (0.001, [-0.001, 0.003], "which may be chance"),
    ],
)
def test_how_optimistic_is_one_sentence(difference: float, interval: list[float], words: str) -> None:
    found: dict[str, Any] = {"by_class": 0.005, "by_writer": 0.007, "writers": 12}
    found |= {"difference": difference, "interval": interval}
    assert words in optimism_sentence(found)


@pytest.fixture
def mine(digits: Path) -> Path:
    """Pictures of one's own beside the working folder, which MNIST does not have so."""
    data = np.load(digits)
    np.savez("mine.npz", images=data["images"][:, ::-1], labels=data["labels"])
    return Path("mine.npz")


def test_own_pictures_are_cross_validated_in_a_folder_of_their_own(
    tenfold: Any, mine: Path, digits: Path
) -> None:
    words = ("crossval", "tiny", "--folds", 2, "--threads", 1)
    tenfold(*words, "--quiet")
    for sets, name in ((["mine.npz"], "mine"), (["mine.npz", digits], "mine+digits")):
        named = [word for each in sets for word in ("--data", each)]
        record = json.loads(tenfold(*words, *named, "--json").out)
        assert record["folder"] == f"runs/crossval-tiny-class-2x1-0-{name}"
        assert (record["count"], record["sets"]) == (240 * len(sets), list(map(str, sets)))
    assert tenfold(*words, "--data", mine, "--out", "runs/crossval-tiny-class-2x1-0").code == 3
    assert "mine.npz[" in tenfold("audit", "runs/crossval-tiny-class-2x1-0-mine").out


def test_who_wrote_own_pictures_is_not_known(tenfold: Any, mine: Path) -> None:
    found = tenfold("crossval", "tiny", "--data", mine, "--by", "writer")
    assert found.code == 3
    assert found.err == (
        "tenfold: Who wrote the digits of 'mine' is not known, only who wrote MNIST's: fold by class.\n"
    )
    assert not Path("runs").exists()
