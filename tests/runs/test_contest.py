"""What the user names is compared: runs by their saved answers, cross-validations, models on one set."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data import load_set, load_training
from tenfold.errors import DataError, ModelFileError, RunError, TenfoldError, UnknownNameError, UsageError
from tenfold.runs import Run, train
from tenfold.runs.contest import by_folds, compare
from tenfold.runs.several import report_several
from tenfold.training.recipes import RECIPES, Recipe, replace, write_recipe


@pytest.fixture
def other(finished: Run, tmp_path: Path) -> Path:
    """A run whose answers to the test set are ten errors worse, and to the validation images the same."""
    folder = Path(shutil.copytree(finished.folder, tmp_path / "other"))
    with np.load(folder / "predictions.npz") as saved:
        arrays = dict(saved)
    probabilities = arrays["probabilities"].copy()
    right = np.flatnonzero(probabilities.argmax(1) == arrays["labels"])[:10]
    probabilities[right] = np.eye(10, dtype=np.float32)[(arrays["labels"][right] + 1) % 10]
    np.savez(folder / "predictions.npz", **{**arrays, "probabilities": probabilities})
    change(folder, lambda record: record["results"]["test"].update(errors=errors(probabilities, arrays)))
    return folder


def errors(probabilities: Any, arrays: Any) -> int:
    return int((probabilities.argmax(1) != arrays["labels"]).sum())


def change(folder: Path, edit: Any) -> None:
    record = json.loads((folder / "run.json").read_text())
    edit(record)
    (folder / "run.json").write_text(json.dumps(record))


def openings(folder: Path) -> int:
    return int(Run.load(folder).record["test_openings"])


def test_two_runs_are_compared_by_the_answers_they_saved(finished: Run, other: Path) -> None:
    before = openings(finished.folder), openings(other)
    found = compare(finished.folder, other)
    assert (found["on"], found["count"], found["only_a"], found["only_b"]) == ("mnist", 100, 10, 0)
    assert found["verdict"] == "better"
    assert compare(other, finished.folder)["verdict"] == "worse"
    assert (openings(finished.folder), openings(other)) == before


def test_runs_without_test_answers_are_compared_on_validation(finished: Run, other: Path) -> None:
    with np.load(other / "predictions.npz") as saved:
        arrays = {name: saved[name] for name in saved if name.startswith("val_")}
    np.savez(other / "predictions.npz", **arrays)
    change(other, lambda record: record["results"].pop("test"))
    found = compare(finished.folder, other)
    assert (found["on"], found["count"], found["only_a"], found["only_b"]) == ("mnist-validation", 20, 0, 0)


def test_runs_that_saved_no_answers_to_the_same_images(finished: Run, other: Path) -> None:
    np.savez(other / "predictions.npz")
    with pytest.raises(RunError, match="name a set with --on"):
        compare(finished.folder, other)


def test_other_images_with_the_same_labels_are_not_paired(small: Recipe) -> None:
    """Folders of as many pictures of each class have the same labels in the same order."""
    for name, first in (("one", 1_000), ("two", 2_000)):
        data = load_training().take(range(first, first + 600), name)
        places = np.concatenate([np.flatnonzero(data.labels == label)[:24] for label in range(10)])
        Path(f"{name}s").mkdir()
        np.savez(f"{name}s/own.npz", images=data.images[places], labels=data.labels[places])
        train(replace(small, epochs=1), data=[f"{name}s/own.npz"], threads=1, precision="fp32", out=name)
    with pytest.raises(RunError, match="did not read the same images; name a set for both with --on"):
        compare("one", "two")
    page, _ = report_several([Path("one"), Path("two")])
    assert "Not all runs answered the same images" in page.read_text("utf-8")
    assert compare("one", "one")["verdict"] == "undecided"


def test_runs_that_were_tested_on_other_images(finished: Run, other: Path) -> None:
    with np.load(other / "predictions.npz") as saved:
        arrays = dict(saved)
    np.savez(other / "predictions.npz", **{**arrays, "labels": (arrays["labels"] + 1) % 10})
    change(other, lambda record: record["results"].pop("test"))
    with pytest.raises(RunError, match="did not read the same images"):
        compare(finished.folder, other)


def test_models_read_the_set_that_is_named(finished: Run, model_file: Path) -> None:
    others = load_training().take(range(1_000, 1_240), "others")
    np.savez("others.npz", images=others.images, labels=others.labels)
    found = compare(finished.folder, model_file, on="others.npz")
    assert (found["on"], found["count"]) == ("others.npz", 240)
    assert found["verdict"] == "better"  # the other has random weights
    assert compare(model_file, model_file, on="others.npz")["verdict"] == "undecided"


def test_an_opening_of_the_test_set_is_counted(finished: Run, model_file: Path) -> None:
    before = openings(finished.folder)
    assert compare(finished.folder, model_file, on="mnist")["count"] == 100
    assert openings(finished.folder) == before + 1


def test_a_model_is_not_measured_on_what_it_was_trained_on(
    finished: Run, model_file: Path, digits: Path
) -> None:
    assert compare(model_file, finished.folder, on=digits)["count"] == 20  # that validated
    learnt = load_set(digits).split(20).train
    np.savez("learnt.npz", images=learnt.images, labels=learnt.labels)
    with pytest.raises(UsageError, match=r"trained on the images of 'learnt' too; compare on another set"):
        compare(model_file, finished.folder, on="learnt.npz")


def test_images_that_either_learnt_from_are_left_out(finished: Run, model_file: Path, small: Recipe) -> None:
    others = load_training().take(range(1_000, 1_240), "others")
    np.savez("others.npz", images=others.images, labels=others.labels)
    np.savez("some.npz", images=others.images[:40], labels=others.labels[:40])
    run = train(replace(small, epochs=1), data="some.npz", final=True, calibration=None, threads=1)
    for a, b in ((run.folder, model_file), (model_file, run.folder)):
        found = compare(a, b, on="others.npz")
        assert (found["count"], found["left_out"]) == (200, 40)
    assert compare(finished.folder, model_file, on="others.npz")["left_out"] == 0


@pytest.mark.parametrize(
    ("a", "b", "error", "sentence"),
    [
        (
            "folds",
            "first",
            RunError,
            "^'folds' is a cross-validation and 'first' is a run; compare two of a kind",
        ),
        ("first", "folds", RunError, "^'first' is a run and 'folds' is a cross-validation"),
        ("first", "some.json", RunError, r"'some\.json' is a recipe; compare two of a kind"),
        ("some.json", "small.onnx", RunError, r"'small\.onnx' is a model; compare two of a kind"),
        ("folds", "folds", RunError, r"crossval\.json' is damaged"),
        ("first", "damaged", RunError, r"run\.json"),
        ("first", "nowhere", UnknownNameError, "no model 'nowhere'"),
        ("first", "empty/", ModelFileError, r"no model\.onnx"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    finished: Run,
    model_file: Path,
    tmp_path: Path,
    a: str,
    b: str,
    error: type[TenfoldError],
    sentence: str,
) -> None:
    assert (finished.folder.name, model_file.name) == ("first", "small.onnx")
    for name, file in (("folds", "crossval.json"), ("damaged", "run.json"), ("empty", "notes")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("{")
    with pytest.raises(error, match=sentence):
        compare(a, b)


@pytest.mark.parametrize(
    ("a", "b", "over_folds"),
    [
        ("fast", "baseline", False),  # models, which takes seconds
        ("fast", "first", False),
        ("fast", "small.onnx", False),
        ("fast", "quick.json", True),
        ("search", "fast", True),
        ("folds", "fast", True),
        ("folds", "quick.json", True),
        ("quick", "fast", True),  # no model has this name
        ("nowhere", "fast", False),
        ("nowhere.json", "fast", True),
    ],
)
def test_a_name_of_both_is_the_models_unless_a_recipe_is_beside_it(
    finished: Run, model_file: Path, monkeypatch: pytest.MonkeyPatch, a: str, b: str, over_folds: bool
) -> None:
    assert (finished.folder.name, model_file.name) == ("first", "small.onnx")
    quick = replace(RECIPES["fast"], name="quick", epochs=1)
    for folder, file in (("search", "recipe.json"), ("folds", "crossval.json"), (".", "quick.json")):
        Path(folder).mkdir(exist_ok=True)
        write_recipe(Path(folder, file), quick)
    monkeypatch.setitem(RECIPES, "quick", quick)
    assert by_folds(a, b) is by_folds(b, a) is over_folds
    assert by_folds(a, b, recipes=True)


def test_what_is_for_recipes_is_refused_for_models(finished: Run, model_file: Path) -> None:
    with pytest.raises(UsageError, match=r"--folds is for recipes, .* compared as models; with --recipes"):
        compare(finished.folder, model_file, folds=3)


def test_on_is_not_for_cross_validations(tmp_path: Path) -> None:
    (tmp_path / "folds").mkdir()
    (tmp_path / "folds" / "crossval.json").write_text("{}")
    with pytest.raises(UsageError, match="leave out --on"):
        compare("folds", "folds", on="mnist")


def test_a_set_that_is_not_there(finished: Run) -> None:
    with pytest.raises(DataError, match="does not exist"):
        compare(finished.folder, finished.folder, on="no/such.npz")
