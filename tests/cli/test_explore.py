"""`tenfold explore`: tables and sentences, JSON alone on stdout, and what is told on the way."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data import load_test, load_training
from tenfold.harness.explore import ablate as explore_ablate
from tenfold.harness.explore.record import RECORD
from tenfold.training.networks import Baseline
from tenfold.training.recipes import RECIPES, Recipe, find_recipe

TINY = Recipe("tiny", "two steps", Baseline(), epochs=1, batch_size=80)
ABLATE = ("explore", "ablate", "tiny", "--change", "learning_rate=0.01", "--seeds", 2, "--threads", 1)
SEARCH = ("explore", "search", "tiny", "--range", "learning_rate=0.001:0.02:log", "--only", "--threads", 1)


@pytest.fixture(autouse=True)
def _small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_training().take(range(240), "mnist-training")
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    monkeypatch.setattr("tenfold.data.parts.load_training", lambda: data)
    monkeypatch.setattr("tenfold.data.parts.split", lambda _: data.take(range(240), "mnist").split())


def test_an_ablation_tells_each_training_and_ends_with_a_verdict(tenfold: Any) -> None:
    found = tenfold(*ABLATE)
    assert found.code == 0
    told = found.err.splitlines()
    assert told[0].startswith("Training 'tiny' as it is and with 1 change, 2 seeds each, 1 thread each; ")
    assert [line.endswith(" s left") for line in told[1:5]] == [True, True, True, False]
    assert [line[:11] for line in told[1:5]] == ["1/4  seed 0", "2/4  seed 0", "3/4  seed 1", "4/4  seed 1"]
    assert found.out.splitlines()[0].split() == ["change", "difference", "interval", "p", "time", "verdict"]
    assert found.out.splitlines()[1].startswith("learning_rate=0.01")
    assert "'tiny' as it is: " in found.out
    assert Path("runs/ablate-tiny/explore.html").exists()


def test_where_a_change_takes_longer_the_time_left_is_not_told(tenfold: Any) -> None:
    found = tenfold(*ABLATE[:3], "--change", "epochs=2", "--seeds", 2, "--threads", 1)
    assert (found.code, " left" in found.err) == (0, False)


def test_a_search_ends_with_a_recipe_that_the_other_commands_take(tenfold: Any) -> None:
    found = tenfold(*SEARCH, "--trials", 2)
    assert found.code == 0
    told = found.err.splitlines()
    assert told[0].startswith(
        "Searching 'tiny' over 1 field, 2 trials, 1 thread each; ".replace("fields", "field")
    )
    assert "0/2  trial 0 " in told[1]
    assert "goes on" in told[1]
    assert "of 2: error " in found.out
    made = find_recipe("runs/search-tiny-0")
    shown = json.loads(tenfold("recipes", "runs/search-tiny-0/recipe.json", "--json").out)
    assert (shown["name"], shown["learning_rate"]) == ("tiny-explored", made.learning_rate)
    again = tenfold(*SEARCH, "--trials", 2)
    assert "images" not in again.err
    assert again.out == found.out


@pytest.mark.parametrize(
    ("words", "folder"), [(ABLATE, "ablate-tiny"), ((*SEARCH, "--trials", 2), "search-tiny-0")]
)
def test_json_is_all_that_is_on_stdout_and_says_what_the_record_says(
    tenfold: Any, words: tuple[Any, ...], folder: str
) -> None:
    found = json.loads(tenfold(*words, "--json").out)
    record = json.loads((Path("runs") / folder / RECORD).read_text())
    assert found == {**record, "folder": f"runs/{folder}"}
    again = tenfold(*words, "--quiet")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_an_interrupted_one_says_that_the_same_command_goes_on(tenfold: Any, interrupted_at: Any) -> None:
    with interrupted_at(explore_ablate, "_results"):
        found = tenfold(*ABLATE)
    assert found.code == 130
    assert found.err.endswith("\nThe trainings that were done are kept; the same command goes on.\n")
    assert tenfold(*ABLATE).code == 0


def test_the_fields_are_listed_with_what_a_search_tries(tenfold: Any) -> None:
    lines = tenfold("explore", "fields", "tiny").out.splitlines()
    assert lines[0].split() == ["field", "value", "takes", "search"]
    assert any(line.split()[:2] == ["dropout", "0.5"] for line in lines)
    rows = json.loads(tenfold("explore", "fields", "tiny", "--json").out)
    assert {"field", "path", "value", "takes", "range"} == set(rows[0])
    assert "augmentation.shift" in [row["path"] for row in rows]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["ablate", "tniy", "--change", "epochs=2"], 2, "Did you mean 'tiny'"),
        (["ablate", "tiny", "--change", "epcohs=2"], 2, "Did you mean 'epochs'"),
        (["ablate", "tiny", "--change", "epochs=two"], 2, "takes a whole number, not 'two'"),
        (["ablate", "tiny", "--change", "none.json"], 3, "'none.json' does not exist"),
        (["ablate", "tiny", "--change", "epochs=2", "--seeds", "1"], 2, "not 1"),
        (["search", "tiny", "--trials", "0"], 2, "not 0"),
        (["search", "tiny", "--range", "epochs=3:1"], 2, "from 3 to 1"),
        (["search", "tiny", "--only"], 2, "nothing to search"),
        (["search", "none.json"], 3, "does not exist"),
        (["fields", "tniy"], 2, "Did you mean 'tiny'"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    tenfold: Any, words: list[str], code: int, says: str
) -> None:
    found = tenfold("explore", *words)
    assert (found.code, found.out) == (code, "")
    assert says in found.err
    assert len(found.err.splitlines()) == 1
    assert not Path("runs").exists()


@pytest.mark.parametrize("words", [ABLATE, (*SEARCH, "--trials", 2)])
def test_own_pictures_are_explored_in_a_folder_of_their_own(
    tenfold: Any, digits: Path, words: tuple[Any, ...]
) -> None:
    found = tenfold(*words, "--data", digits, "--data", digits)
    assert found.code == 0
    name = {"ablate": "ablate-tiny-digits+digits", "search": "search-tiny-0-digits+digits"}[words[1]]
    record = json.loads(Path("runs", name, RECORD).read_text())
    assert all("digits" in part and "mnist" not in part for part in record["data"])
    if words[1] == "search":
        assert f"--data {digits} --data {digits}" in found.err or "No trial did better" in found.out
    whole, file = load_test(), "test.npz"
    np.savez(file, images=whole.images, labels=whole.labels)
    found = tenfold(*words, "--data", digits, "--data", file)
    assert (found.code, "so the official test set is not for it" in found.err) == (2, True)
