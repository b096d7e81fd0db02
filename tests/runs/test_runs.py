"""Runs from end to end on a few digits: train, resume, reproduce, evaluate, report."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.training.conftest import torch_left_as_it_was

import tenfold
from tenfold.data import Labelled, load_test
from tenfold.errors import DivergedError, OutputExistsError, RunError, UnknownNameError, UsageError
from tenfold.files import sha256
from tenfold.harness.records.lock import claimed
from tenfold.model import read_model
from tenfold.runs import Run, evaluate, reproduce, resume, train, write_report
from tenfold.training import checkpoint
from tenfold.training.backup import newest
from tenfold.training.callbacks import Callback, EarlyStopping, Logs, ModelCheckpoint
from tenfold.training.loop import Trainer
from tenfold.training.networks import Baseline, Columns
from tenfold.training.recipes import RECIPES, Recipe, replace, write_recipe

FILES = {
    "model.onnx",
    "history.csv",
    "predictions.npz",
    "run.json",
    "report.html",
    "sample.png",
    "checkpoints",
}
QUICK: dict[str, Any] = {"threads": 1, "precision": "fp32"}
CONTRACT = {
    *("format", "tenfold", "status", "recipe", "seed", "final", "threads", "device", "precision", "started"),
    *("data", "counts", "machine", "versions", "durations", "epochs", "kept_epoch", "stopped", "parameters"),
    *("temperature", "thresholds", "model_sha256", "results", "test_openings"),
}


class StopAfter(Callback):
    """Interrupts the training at the end of an epoch, as Ctrl-C does, before or after it is saved."""

    def __init__(self, epoch: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.epoch, self.error = epoch, error

    def on_epoch_end(self, trainer: Trainer, logs: Logs) -> None:  # noqa: ARG002
        if trainer.epoch == self.epoch:
            raise self.error


def test_a_training_is_told_in_the_types_of_numpy_and_pathlib(
    small: Recipe, digits: Path, tmp_path: Path
) -> None:
    once = write_recipe(tmp_path / "once.json", replace(small, epochs=1))
    run = train(
        once,
        seed=np.arange(3)[2],
        threads=np.arange(2)[1],
        precision="fp32",
        data=digits,
        out=tmp_path / "out",
    )
    read = Run.load(run.folder).record
    assert (read["seed"], read["threads"], read["sets"]) == (2, 1, [str(digits)])
    same = train(str(once), seed=2, **QUICK, data=[str(digits)], out=tmp_path / "same")
    assert same.record["model_sha256"] == read["model_sha256"]


def test_a_training_leaves_torch_as_it_was(small: Recipe, digits: Path) -> None:
    with torch_left_as_it_was():
        train(replace(small, epochs=1), data=digits, **QUICK)


def test_trainings_in_threads_give_the_model_of_one_alone(small: Recipe, digits: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        trainings = [pool.submit(train, small, data=digits, **QUICK) for _ in range(3)]
    assert len({training.result().record["model_sha256"] for training in trainings}) == 1


@pytest.mark.parametrize("wrong", [{"seed": 1.5}, {"seed": "7"}, {"threads": 1.5}], ids=str)
def test_a_seed_that_is_no_whole_number_is_refused_before_the_training(
    small: Recipe, digits: Path, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=r"^The (seed|number of threads) .* whole number, not "):
        train(small, data=[str(digits)], out=tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_a_run_folder_holds_all_that_was_promised(finished: Run) -> None:
    record = finished.record
    assert {path.name for path in finished.folder.iterdir()} == FILES
    assert set(record) >= CONTRACT
    assert json.loads((finished.folder / "run.json").read_text()) == record
    assert (record["status"], record["seed"], record["sets"]) == ("finished", 5, ["mnist"])
    assert record["counts"] == {"train": 220, "validation": 20}
    assert set(record["data"]) == {"mnist-train", "mnist-validation"}
    assert record["parameters"] == 34_826
    assert record["epochs"] == 3
    assert record["stopped"] == "limit"
    assert record["test_openings"] == 1
    assert set(record["durations"]) == {"load", "train", "export", "evaluate"}


def history(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "history.csv").read_text().splitlines()))


def test_the_kept_epoch_is_the_best_on_validation(finished: Run) -> None:
    rows = history(finished.folder)
    best = max(rows, key=lambda row: float(row["val_accuracy"]))  # the first of equals
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert finished.record["kept_epoch"] == int(best["epoch"])
    assert finished.results["validation"]["accuracy"] == pytest.approx(float(best["val_accuracy"]))


def test_the_model_file_is_the_one_recorded_and_says_what_was_measured(finished: Run) -> None:
    data = (finished.folder / "model.onnx").read_bytes()
    metadata = read_model(finished.folder / "model.onnx").metadata
    assert sha256(data) == finished.record["model_sha256"]
    assert metadata.temperature == finished.record["temperature"]
    assert dict(metadata.thresholds) == finished.record["thresholds"]
    for part in ("validation", "test"):
        result = finished.results[part]
        assert metadata.measured[part] == {key: result[key] for key in metadata.measured[part]}
        assert metadata.measured[part]["count"] == {"validation": 20, "test": 100}[part]


def test_the_answers_behind_the_results_are_kept(finished: Run) -> None:
    with np.load(finished.folder / "predictions.npz") as arrays:
        wrong = int((arrays["probabilities"].argmax(1) != arrays["labels"]).sum())
        assert arrays["probabilities"].shape == (100, 10)
        assert arrays["val_probabilities"].shape == (20, 10)
    assert wrong == finished.results["test"]["errors"]


def test_the_sample_is_a_digit_to_try_the_model_on(finished: Run) -> None:
    picture = cv2.imread(str(finished.folder / "sample.png"), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert np.array_equal(picture, load_test().images[0])
    (answer,) = tenfold.Reader(finished.folder).predict([finished.folder / "sample.png"])
    with np.load(finished.folder / "predictions.npz") as arrays:
        assert answer.probabilities == pytest.approx(arrays["probabilities"][0], abs=1e-5)


@pytest.mark.parametrize("last_whole_epoch", [0, 1, 2])
def test_a_resumed_run_gives_the_same_model_as_one_that_never_stopped(
    small: Recipe, finished: Run, last_whole_epoch: int
) -> None:
    started: list[Run] = []
    with pytest.raises(KeyboardInterrupt):
        train(small, seed=5, **QUICK, callbacks=[StopAfter(last_whole_epoch + 1)], on_start=started.append)
    folder = started[0].folder
    assert folder == Path("runs/small-5")
    assert any((folder / "checkpoints").glob("last-*")) == (last_whole_epoch > 0)
    spent = Run.load(folder).record["durations"]["train"]
    with pytest.raises(RunError, match="--resume runs/small-5"):
        write_report(Run.load(folder))
    run = resume(folder)  # with other callbacks than it was begun with
    assert run.record["model_sha256"] == finished.record["model_sha256"]
    assert run.results == finished.results
    assert run.record["durations"]["train"] > spent > 0
    assert [row["epoch"] for row in history(folder)] == ["1", "2", "3"]
    assert all(float(row["seconds"]) > 0 for row in history(folder))
    with pytest.raises(RunError, match="nothing to resume"):
        resume(folder)


@pytest.mark.parametrize(("recorded", "least"), [({}, 150), ({"train": 170}, 170)])
def test_what_a_killed_process_trained_counts_as_training_time(
    small: Recipe, recorded: dict[str, float], least: int
) -> None:
    """A killed process writes no record: epoch 1 took 100 s here, what was saved of epoch 2 took 50."""
    with pytest.raises(KeyboardInterrupt):
        train(small, seed=5, **QUICK, callbacks=[StopAfter(2)], out="run")
    run = Run.load("run")
    run.record["durations"] = recorded
    run.save()
    rows = [line.split(",") for line in Path("run/history.csv").read_text().splitlines()]
    text = "\n".join(",".join([*row[:-1], "seconds" if row[0] == "epoch" else "100"]) for row in rows)
    Path("run/history.csv").write_text(text)
    found = newest(Path("run/checkpoints"))
    assert found is not None
    checkpoint.save(found.path, {**found.tree, "seconds": 50.0})
    record = resume("run").record
    assert least < record["durations"]["train"] < least + 20
    assert sum(float(row["seconds"]) for row in history(Path("run"))) == pytest.approx(150, abs=20)


def begun(finished: Run, **changes: Any) -> Path:
    """The finished run as if it had been interrupted, with a changed record."""
    finished.record |= {"status": "training", **changes}
    finished.save()
    return finished.folder


def test_a_run_is_not_resumed_where_it_would_end_otherwise(finished: Run) -> None:
    record = finished.record
    versions = {**record["versions"], "torch": "1.0", "onnx": "1.0"}  # the one decides no more
    sentence = f"the same model: versions.torch was 1.0 and is {_torch()}. --force"
    with pytest.raises(RunError, match=re.escape(sentence)):
        resume(begun(finished, versions=versions))
    machine = {**record["machine"], "processor": "abacus"}
    with pytest.raises(RunError, match=r"machine\.processor was abacus"):
        resume(begun(finished, versions=record["versions"] | {"torch": _torch()}, machine=machine))


def _torch() -> str:
    from tenfold.environment import versions

    return versions()["torch"]


def test_a_run_whose_images_changed_is_not_resumed(finished: Run) -> None:
    with pytest.raises(RunError, match=r"data\.mnist-train was 0{64} and is [0-9a-f]{64}; data\.mnist-val"):
        resume(begun(finished, data={"mnist-train": "0" * 64}))


def test_a_training_that_diverges_is_one_error_and_saves_no_model(
    small: Recipe, digits: Path, tmp_path: Path
) -> None:
    with pytest.raises(DivergedError):
        train(
            small, data=[str(digits)], **QUICK, out=tmp_path / "out", callbacks=[StopAfter(1, DivergedError)]
        )
    assert not (tmp_path / "out" / "model.onnx").exists()


def test_one_process_at_a_time_works_on_a_run(finished: Run) -> None:
    folder = begun(finished)
    with claimed(folder), pytest.raises(OutputExistsError, match="Another process is at work in"):
        resume(folder)
    with claimed(folder):  # a claim that has ended is none
        pass
    assert resume(folder).finished


def test_a_run_that_ended_before_its_report_gets_it(finished: Run) -> None:
    report = finished.folder / "report.html"
    page = report.read_text()
    report.unlink()
    (finished.folder / "drawn").mkdir()
    (finished.folder / f".{'a' * 16}.tmp").write_bytes(b"<html>")
    assert resume(finished.folder).record == finished.record
    assert report.read_text() == page
    assert {path.name for path in finished.folder.iterdir()} == FILES


def test_a_run_that_ended_before_its_record_is_begun_anew(
    small: Recipe, digits: Path, tmp_path: Path
) -> None:
    """All that a crash while run.json is written leaves is a file that only that leaves."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f".{'a' * 16}.tmp").write_bytes(b"{")
    run = train(replace(small, epochs=1), data=[str(digits)], **QUICK, out=tmp_path / "out")
    assert {path.name for path in run.folder.iterdir()} == FILES


def test_a_run_is_reproduced_bit_for_bit(finished: Run) -> None:
    finished.record["versions"]["onnx"] = "1.0"  # of a Tenfold that wrote models by that package
    finished.save()
    again = reproduce(finished.folder)
    assert again.folder == Path("runs/first-again")
    assert again.record["reproduces"] == {"run": str(finished.folder), "identical": True, "differs": {}}
    assert Run.load(again.folder).record == again.record
    assert again.record["test_openings"] == 1


def test_what_differs_from_the_first_run_is_listed(finished: Run) -> None:
    finished.record["seed"] = 6
    finished.record["versions"]["torch"] = "1.0"
    finished.record["processes"] = 2
    finished.save()
    found = reproduce(finished.folder, "again").record["reproduces"]
    assert found["identical"] is False
    assert found["differs"]["versions.torch"] == ["1.0", _torch()]
    assert found["differs"]["processes"] == [2, 1]
    assert any(name.startswith("results.") for name in found["differs"])
    assert not any(name.startswith("data.") for name in found["differs"])


def test_a_run_is_repeated_by_one_process(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="without torchrun"):
        reproduce(finished.folder)
    assert not Path("runs").exists()


def test_only_a_finished_run_is_reproduced(finished: Run) -> None:
    with pytest.raises(RunError, match="did not finish"):
        reproduce(begun(finished))


def test_a_final_run_keeps_the_last_epoch_and_takes_the_calibration(small: Recipe, finished: Run) -> None:
    same = replace(small, summary="in other words")
    run = train(same, final=True, calibration=finished.folder, **QUICK)
    assert run.record["counts"] == {"train": 240, "validation": 0}
    assert (run.record["stopped"], run.record["kept_epoch"]) == ("last", 3)
    for key in ("temperature", "thresholds"):
        assert run.record[key] == finished.record[key]
    origin = {"run": str(finished.folder), "model_sha256": finished.record["model_sha256"]}
    assert run.record["calibration"] == reproduce(run.folder).record["calibration"] == origin
    metadata = read_model(run.folder / "model.onnx").metadata
    assert metadata.temperature == finished.record["temperature"]
    assert set(run.results) == set(metadata.measured) == {"test"}
    with pytest.raises(UsageError, match="cannot calibrate"):
        train(small, final=True, calibration=run.folder, **QUICK)
    with pytest.raises(UsageError, match=r"cannot calibrate, .*: name was small and is other\.$"):
        train(replace(small, name="other"), final=True, calibration=finished.folder, **QUICK)
    other = replace(small, network=Baseline(dropout=0.25))
    with pytest.raises(UsageError, match=r"cannot calibrate, .*: network\.dropout was 0\.5 and is 0\.25\.$"):
        train(other, final=True, calibration=finished.folder, **QUICK)
    with pytest.raises(UsageError, match=r"sets was \['mnist'\] and is \['mnist', 'digits\.npz'\]\.$"):
        train(small, data=["mnist", "digits.npz"], final=True, calibration=finished.folder, **QUICK)
    with pytest.raises(UsageError, match="only with --final"):
        train(small, calibration=finished.folder, **QUICK)


def test_a_final_run_on_own_digits_alone_is_not_evaluated(small: Recipe, digits: Path) -> None:
    run = train(replace(small, epochs=1), data=[str(digits)], final=True, **QUICK)
    assert run.results == {}
    assert run.record["test_openings"] == 0
    assert "It was not evaluated" in (run.folder / "report.html").read_text()
    assert not (run.folder / "sample.png").exists()


@pytest.mark.parametrize(
    ("patience", "epochs", "stopped", "sentence"),
    [
        (0, 2, "early", "Epoch 1 of 2 was kept; a callback stopped the training early."),
        (3, 3, "limit", "Epoch 1 of 3 was kept; training ended at its limit of epochs."),
    ],
)
def test_a_callback_of_the_users_own_ends_the_training_and_chooses_the_epoch(
    small: Recipe, digits: Path, patience: int, epochs: int, stopped: str, sentence: str
) -> None:
    callback = EarlyStopping("val_loss", min_delta=9, patience=patience)  # no later epoch is so much better
    run = train(replace(small, patience=None), data=[str(digits)], callbacks=[callback], **QUICK)
    record = run.record
    assert (record["epochs"], record["kept_epoch"], record["stopped"]) == (epochs, 1, stopped)
    assert record["callbacks"] == ["EarlyStopping"]
    assert sentence in (run.folder / "report.html").read_text()


def test_own_digits_never_open_the_test_set(
    small: Recipe, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened() -> None:
        raise AssertionError("the test set was opened")

    monkeypatch.setattr("tenfold.runs.carry_out.load_test", opened)
    run = train(replace(small, epochs=1), data=[str(digits)], **QUICK)
    assert set(run.results) == {"validation"}
    assert run.record["test_openings"] == 0
    page = (run.folder / "report.html").read_text()
    (run.folder / "report.html").unlink()
    write_report(run)
    assert (run.folder / "report.html").read_text() == page
    digits_moved = digits.rename(digits.with_suffix(".away"))
    try:  # pictures are not lost; without a report there is one all the same
        with pytest.raises(
            RunError, match=r"digits.npz are not where they were .*report.html' is kept; .* --out PAGE"
        ):
            write_report(run)
        assert (run.folder / "report.html").read_text() == page
        (run.folder / "report.html").unlink()
        assert "<html" in write_report(run).read_text()
    finally:
        digits_moved.rename(digits)


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"recipe": "basline"}, UnknownNameError, "Did you mean 'baseline'"),
        (
            {"recipe": replace(RECIPES["fast"], network=Columns())},
            UsageError,
            "network of its own, 'columns'",
        ),
        ({"data": ["no-such-set"]}, UnknownNameError, "no data set 'no-such-set'"),
        ({"device": "gpu"}, UsageError, "There is no device 'gpu'"),
        ({"precision": "fp61"}, UnknownNameError, "There is no precision 'fp61'"),
        ({"threads": 0}, UsageError, "at least one thread"),
        ({"callbacks": [EarlyStopping("val_los")]}, UnknownNameError, "Did you mean 'val_loss'"),
        ({"callbacks": [EarlyStopping()], "final": True}, UnknownNameError, "no metric 'val_loss'"),
        ({"callbacks": [ModelCheckpoint("{f1}")]}, UnknownNameError, "no field of a checkpoint's path 'f1'"),
        ({"callbacks": [EarlyStopping]}, UsageError, "list of Callback objects; <class .*EarlyStopping'>"),
        ({"callbacks": EarlyStopping()}, UsageError, "list of Callback objects; <.*EarlyStopping object"),
        ({"calibration": "runs/x"}, UsageError, "only with --final"),
        ({"calibration": "runs/x", "final": True}, RunError, "not a run folder"),
    ],
)
def test_what_is_wrong_is_refused_before_a_folder_is_made(
    settings: dict[str, Any], error: type[Exception], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=sentence):
        train(**settings)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_refused_before_any_image_is_loaded(
    small: Recipe, finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tenfold.runs.carry_out.load_parts", lambda *_, **__: pytest.fail("images were loaded")
    )
    before = (finished.folder / "run.json").read_bytes()
    with pytest.raises(UsageError, match="choose another --out"):
        train(small, out=finished.folder)
    with pytest.raises(UsageError, match="choose another --out"):
        reproduce(finished.folder, out=finished.folder)
    assert (finished.folder / "run.json").read_bytes() == before


def test_every_opening_of_the_test_set_is_counted(
    finished: Run, digits: Path, some_digits: tuple[Labelled, Labelled]
) -> None:
    found = evaluate(finished.folder, threads=1)
    assert found == {**finished.results["test"], "trained_on": False}
    assert Run.load(finished.folder).record["test_openings"] == 2
    evaluate(str(finished.folder / "model.onnx"))  # the same model by its file
    assert Run.load(finished.folder).record["test_openings"] == 3
    _, test = some_digits
    assert evaluate(finished.folder, test, threads=1) == found  # and so is the same set at hand
    assert Run.load(finished.folder).record["test_openings"] == 4
    np.savez("mine.npz", images=test.images, labels=test.labels)
    evaluate(finished.folder, "mine.npz")  # and under another name
    assert Run.load(finished.folder).record["test_openings"] == 5
    shutil.copy(digits, "mnist.npz")
    for other in (digits, "mnist.npz"):
        found = evaluate(finished.folder, other)
        assert (found["on"], found["count"]) == (Path(other).stem, 240)
    assert Run.load(finished.folder).record["test_openings"] == 5


def test_a_model_file_alone_is_evaluated(model_file: Path, digits: Path) -> None:
    assert evaluate(model_file, digits)["count"] == 240


def test_without_torch_a_training_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenfold.errors.find_spec", lambda _: None)
    works: list[Callable[[str], Run]] = [train, resume, reproduce]
    for work in works:
        with pytest.raises(UsageError, match=r"pip install '\.\[train\]'"):
            work("baseline")


WITHOUT_TORCH = """
import sys
from importlib import import_module

from tenfold.errors import MissingExtraError
from tenfold.harness.estimates.crossval import crossval

sys.modules["torch"] = None
for call, given in ((crossval, "fast"), *((import_module, f"tenfold.{n}") for n in sys.argv[1:])):
    try:
        call(given)
    except MissingExtraError as error:
        print(error)
"""


def test_without_torch_whatever_trains_names_the_extra() -> None:
    rooms = ("training.recipes", "training.loop", "harness.explore.search")
    command = [sys.executable, "-c", WITHOUT_TORCH, *rooms]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    sentence = "Training needs the extra 'train'; in the project's folder: pip install '.[train]'"
    assert done.stdout.splitlines() == [sentence] * 4
