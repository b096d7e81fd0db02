"""`tenfold compare`: a table, then one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data import load_training
from tenfold.harness.estimates import crossval as room
from tenfold.harness.estimates.crossval_record import Arrays, Crossval
from tenfold.harness.estimates.folds import folds_by_class
from tenfold.training.networks import Baseline
from tenfold.training.recipes import RECIPES, Recipe


def test_two_models_on_a_set(model_file: Path, digits: Path, tenfold: Any) -> None:
    found = tenfold("compare", model_file, model_file, "--on", digits)
    assert found.code == 0
    table, sentence = found.out.split("\n\n")
    assert "McNemar's exact test  p = 1" in table
    assert sentence.startswith("It cannot be told by these 240 images")
    assert "these two models" in found.err
    facts = json.loads(tenfold("compare", model_file, model_file, "--on", digits, "--json").out)
    assert (facts["only_a"], facts["only_b"], facts["verdict"]) == (0, 0, "undecided")
    assert facts["sentence"] == sentence.strip()


def test_two_cross_validations(tmp_path: Path, tenfold: Any) -> None:
    labels = (np.arange(500) % 10).astype(np.uint8)
    split = folds_by_class(labels, 5, seed=0)
    for name, wrong in (("a", 10), ("b", 60)):
        record = {
            "format": 1,
            "status": "training",
            "recipe": {},
            "folds": 5,
            "by": "class",
            "repeats": 1,
            "seed": 0,
            "threads": 1,
            "precision": "fp32",
            "data": {"some": "ab" * 32},
            "count": 500,
            "versions": {},
            "fits": [],
            "results": {},
        }
        predicted = np.where(np.arange(500) < wrong, (labels + 1) % 10, labels)
        answers = np.eye(10, dtype=np.float32)[predicted][None]
        arrays: Arrays = {"labels": labels, "probabilities": answers, "folds": split[None]}
        Crossval.begin(tmp_path / name, record).finish(arrays)
    found = tenfold("compare", tmp_path / "a", tmp_path / "b")
    assert (found.code, found.err) == (0, "")
    assert "corrected resampled t" in found.out
    assert "McNemar out of fold" in found.out
    assert "'a' is better than 'b': 10.00 points more accurate" in found.out


@pytest.fixture
def _small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipes tiny and wide, and 240 digits to train them on."""
    for name, batch in (("tiny", 80), ("wide", 40)):
        recipe = Recipe(name, "a few steps", Baseline(), epochs=1, batch_size=batch)
        monkeypatch.setitem(RECIPES, name, recipe)
    data = load_training().take(range(240), "mnist-training")
    monkeypatch.setattr("tenfold.data.parts.load_training", lambda: data)


@pytest.mark.usefixtures("_small_world")
def test_two_recipes_are_trained_and_what_is_done_is_not_done_again(tenfold: Any) -> None:
    words = ("compare", "tiny", "wide", "--folds", 2, "--threads", 1)
    found = tenfold(*words)
    assert found.code == 0
    told = found.err.splitlines()
    assert told[0] == "To be cross-validated, unless runs/ has that already: 'tiny' and then 'wide'."
    assert told[1].startswith("Training 'tiny' 2 times on about 120 images in only 1 step each, 1 thread")
    assert [line[:11] for line in told[2:4]] == ["1/2  fold 0", "2/2  fold 1"]
    assert told[4].startswith("Training 'wide' 2 times on about 120 images in only 3 steps each, ")
    folders = ["runs/crossval-tiny-class-2x1-0", "runs/crossval-wide-class-2x1-0"]
    assert told[-1] == f"Cross-validated in {' and '.join(folders)}."
    assert "corrected resampled t" in found.out
    assert "'tiny'" in found.out.splitlines()[-1]
    again = tenfold(*words, "--recipes", "--json")
    assert "Training" not in again.err
    assert json.loads(again.out)["folders"] == folders
    beside = tenfold("compare", folders[0], "wide")
    assert beside.err == f"\nCross-validated in {folders[1]}.\n"


@pytest.mark.usefixtures("_small_world")
def test_an_interrupted_one_says_that_the_same_command_goes_on(tenfold: Any, interrupted_at: Any) -> None:
    with interrupted_at(room, "_bring_together"):
        found = tenfold("compare", "tiny", "wide", "--folds", 2, "--threads", 1)
    assert (found.code, found.out) == (130, "")
    assert found.err.endswith("\nThe folds that were done are kept; the same command goes on.\n")


def test_for_models_whose_names_are_recipes_too_the_other_command_is_named(tenfold: Any) -> None:
    found = tenfold("compare", "fast", "baseline")
    assert (found.code, found.out) == (2, "")
    assert "--on mnist, or the recipes: --recipes." in found.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fast", "baseline", "--folds", "3"], "--folds is for recipes"),
        (["fast", "baseline", "--engine", "ray"], "--engine is for recipes"),
        (["fast", "baseline", "--address", "head:1"], "--address goes with --engine ray"),
        (["fast", "baseline", "--recipes", "--on", "mnist"], "leave out --on"),
        (["fast", "fats", "--recipes"], "There is no recipe 'fats'. Did you mean 'fast'?"),
    ],
)
def test_a_slip_is_one_sentence_and_trains_nothing(tenfold: Any, words: list[str], sentence: str) -> None:
    found = tenfold("compare", *words)
    assert (found.code, found.out) == (2, "")
    assert sentence in found.err
    assert len(found.err.splitlines()) == 1
    assert not Path("runs").exists()


def test_what_cannot_be_compared_is_one_sentence(model_file: Path, tenfold: Any) -> None:
    found = tenfold("compare", model_file, "nowhere", "--on", "mnist-validation")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("tenfold: There is no model 'nowhere'.")
