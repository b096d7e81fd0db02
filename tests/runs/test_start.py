"""Runs that begin with the weights of a saved model: what they tell of it, and that they stay repeatable."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data import Labelled, load_set
from tenfold.errors import ModelFileError, RunError, UsageError
from tenfold.model import MODELS, read_model
from tenfold.runs import Run, evaluate, reproduce, resume, train
from tenfold.training.callbacks import Callback
from tenfold.training.loop import Trainer
from tenfold.training.recipes import RECIPES, Recipe, replace

QUICK: dict[str, Any] = {"threads": 1, "precision": "fp32"}


class Interrupt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, trainer: Trainer, loss: Any) -> None:  # noqa: ARG002
        if trainer.step == self.step:
            raise KeyboardInterrupt


@pytest.fixture
def mine(tmp_path: Path, some_digits: tuple[Labelled, Labelled]) -> Path:
    """100 digits of others than the first run has seen."""
    path = tmp_path / "mine.npz"
    np.savez(path, images=some_digits[1].images, labels=some_digits[1].labels)
    return path


def test_it_goes_on_by_the_model_s_recipe_and_says_with_what_it_began(finished: Run, mine: Path) -> None:
    run = train(start=finished.folder, data=mine, **QUICK)
    start = run.record["start"]
    recipe = {**finished.record["recipe"], "name": "small-tuned", "learning_rate": 3.3e-5}
    assert run.record["recipe"] == recipe
    assert (start["model"], start["model_sha256"]) == (
        str(finished.folder),
        finished.record["model_sha256"],
    )
    scratch = train(Recipe.from_dict(run.record["recipe"]), data=mine, **QUICK)
    assert run.results["validation"]["nll"] < scratch.results["validation"]["nll"]
    assert (
        start["validation"]["accuracy"]
        == evaluate(run.folder / "start", load_set(mine).split().validation)["accuracy"]
    )
    told = f"at first those of the model {finished.folder}."
    assert told in (run.folder / "report.html").read_text("utf-8")
    assert "at first those" not in (scratch.folder / "report.html").read_text("utf-8")


def test_what_the_model_had_learnt_from_its_successor_has(finished: Run, mine: Path, digits: Path) -> None:
    run = train(start=finished.folder, data=mine, **QUICK)
    data = read_model(run.folder / "model.onnx").metadata.data
    assert set(data) == {"mnist-train", "mine-train", "mine-validation"}
    assert data["mnist-train"] == finished.record["data"]["mnist-train"]
    own = load_set(digits).split(20).train
    assert evaluate(run.folder, own)["trained_on"] == len(own)
    moved = shutil.copy(run.folder / "model.onnx", "moved.onnx")  # without what the folder tells
    assert evaluate(moved, own)["trained_on"] == len(own)


def test_images_that_the_model_had_learnt_are_told_where_they_validate(
    finished: Run, mine: Path, small: Recipe
) -> None:
    held_out = load_set(mine).split().validation
    np.savez("held_out.npz", images=held_out.images.repeat(9, 0), labels=held_out.labels.repeat(9))
    first = train(small, data="held_out.npz", **QUICK)
    second = train(small, start=first.folder, data=mine, **QUICK)
    assert second.record["trained_on"] == {"validation": len(held_out)}
    assert read_model(second.folder / "model.onnx").metadata.measured == {}
    assert evaluate(second.folder, held_out)["trained_on"] == len(held_out)
    third = train(small, start=finished.folder, data=mine, **QUICK)
    assert third.record["trained_on"] == {"validation": 0}


def test_of_a_model_file_the_sets_are_known_that_it_had_learnt_as_a_whole(
    small: Recipe, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(small, data=mine, final=True, **QUICK)
    shutil.copy(first.folder / "model.onnx", "first.onnx")
    monkeypatch.setattr("tenfold.runs.carry_out.FEW", 5)  # enough to fit on, were they not all known
    second = train(small, start="first.onnx", data=mine, **QUICK)
    assert second.record["trained_on"]["validation"] == second.record["counts"]["validation"]
    assert second.record["calibration"]["model"] == "first.onnx"
    assert evaluate(second.folder / "start", load_set(mine))["trained_on"] == 100


def test_in_a_chain_no_set_is_lost(small: Recipe, mine: Path) -> None:
    data, start, sets = load_set(mine), None, []
    for part in range(3):  # another set of the same name each time
        np.savez(mine, images=data.images[part::3], labels=data.labels[part::3])
        run = train(small, data=mine, start=start, **QUICK)
        sets.append(load_set(mine).split().train)
        start = run.folder
    alone = shutil.copy(run.folder / "model.onnx", "alone.onnx")
    assert [evaluate(alone, each)["trained_on"] for each in sets] == [len(each) for each in sets]


def test_a_set_that_is_called_validation_and_was_learnt_stays_known(small: Recipe, mine: Path) -> None:
    named = mine.rename(mine.with_name("my-validation.npz"))
    first = train(small, data=named, final=True, **QUICK)
    data = load_set(named)
    np.savez("other.npz", images=data.images[::2] // 2, labels=data.labels[::2])
    second = train(small, start=first.folder, data="other.npz", **QUICK)
    alone = shutil.copy(second.folder / "model.onnx", "alone.onnx")
    assert evaluate(alone, data)["trained_on"] == len(data)


def test_an_official_test_follows_where_mnist_is_learnt(finished: Run, small: Recipe) -> None:
    run = train(small, start=finished.folder, **QUICK)
    assert run.record["trained_on"] == {"validation": 0, "test": 0}
    assert run.record["test_openings"] == 1
    assert read_model(run.folder / "model.onnx").metadata.recipe["start"] == finished.record["model_sha256"]
    further = train(start=run.folder, **QUICK)
    assert further.record["recipe"] == run.record["recipe"]


def test_it_can_be_repeated_and_taken_up(finished: Run, small: Recipe, mine: Path) -> None:
    settings: dict[str, Any] = {"start": finished.folder, "data": mine, **QUICK}
    whole = train(small, **settings)
    assert reproduce(whole.folder).record["reproduces"]["identical"]
    for step in (1, 4):  # before anything was saved, and after
        with pytest.raises(KeyboardInterrupt):
            train(small, out=f"runs/stopped-{step}", callbacks=[Interrupt(step)], **settings)
        again = resume(f"runs/stopped-{step}")
        assert again.record["model_sha256"] == whole.record["model_sha256"]


def test_it_keeps_the_model_whatever_becomes_of_it(finished: Run, small: Recipe, mine: Path) -> None:
    shutil.copy(finished.folder / "model.onnx", "first.onnx")
    settings: dict[str, Any] = {"start": "first.onnx", "data": mine, **QUICK}
    run = train(small, **settings)
    with pytest.raises(KeyboardInterrupt):
        train(small, out="stopped", callbacks=[Interrupt(1)], **settings)
    Path("first.onnx").unlink()
    assert resume("stopped").record["model_sha256"] == run.record["model_sha256"]
    again = reproduce(run.folder)
    assert again.record["reproduces"]["identical"]
    assert again.record["start"] == run.record["start"]
    kept = run.folder / "start" / "model.onnx"
    assert kept.read_bytes() == (finished.folder / "model.onnx").read_bytes()
    shutil.copy(run.folder / "model.onnx", kept)
    with pytest.raises(RunError, match=r"start' is not the one with which the run began"):
        reproduce(run.folder, "other")
    assert not Path("other").exists()


def test_a_final_training_is_calibrated_by_one_that_began_alike(
    finished: Run, small: Recipe, mine: Path
) -> None:
    scratch = train(small, data=mine, **QUICK)
    begun = train(small, data=mine, start=finished.folder, **QUICK)
    final: dict[str, Any] = {"data": mine, "start": finished.folder, "final": True, **QUICK}
    with pytest.raises(
        UsageError, match="cannot calibrate, as it is of another training: start was None and"
    ):
        train(small, calibration=scratch.folder, **final)
    run = train(small, calibration=begun.folder, **final)
    assert run.record["temperature"] == begun.record["temperature"]


def test_few_validation_images_leave_the_model_s_thresholds_as_they_are(
    finished: Run, small: Recipe, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = finished.record
    for final in (False, True):
        run = train(small, start=finished.folder, data=mine, final=final, **QUICK)
        assert {key: run.record[key] for key in ("temperature", "thresholds")} == {
            key: before[key] for key in ("temperature", "thresholds")
        }
        assert run.record["calibration"] == {
            "model": str(finished.folder),
            "model_sha256": before["model_sha256"],
        }
        assert "rest on the least sure" not in (run.folder / "report.html").read_text("utf-8")
        assert reproduce(run.folder).record["reproduces"]["identical"]
    monkeypatch.setattr("tenfold.runs.carry_out.FEW", 5)
    run = train(small, start=finished.folder, data=mine, **QUICK)
    assert "calibration" not in run.record
    assert run.record["thresholds"] != before["thresholds"]


def test_a_model_that_does_not_fit_leaves_nothing(finished: Run, small: Recipe) -> None:
    before = sorted(Path().rglob("*"))
    with pytest.raises(
        UsageError, match=r"'tiny' cannot begin with '.*first', whose layers are not those of"
    ):
        train(RECIPES["tiny"], start=finished.folder)
    with pytest.raises(ModelFileError, match="reads whole lines and not single digits"):
        train(small, start="lines")
    with pytest.raises(UsageError, match="8-bit integers"):
        train(start="best-int8")
    with pytest.raises(ModelFileError, match=r"'nine.onnx' does not exist"):
        train(small, start="nine.onnx")
    assert sorted(Path().rglob("*")) == before


def test_a_model_without_a_recipe_needs_one_named(model_file: Path) -> None:
    with pytest.raises(
        UsageError, match=r"'.*small.onnx' does not tell its recipe; name the one that it was"
    ):
        train(start=model_file)


def test_every_shipped_model_tells_its_recipe() -> None:
    from tenfold.runs.start import chosen_recipe, read_start

    for name in RECIPES:
        if (MODELS / f"{name}.onnx").exists():
            assert chosen_recipe(None, read_start(name)).network == RECIPES[name].network
    assert chosen_recipe(None, None) == RECIPES["fast"]
    assert chosen_recipe(replace(RECIPES["tiny"], epochs=1), read_start("best")).epochs == 1
