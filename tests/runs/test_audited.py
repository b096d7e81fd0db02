"""The answers to audit: a cross-validation's, averaged over repeats, or a run's to images new to it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.errors import RunError, UsageError
from tenfold.harness.estimates.crossval_record import BEGUN, FINISHED, FORMAT, Crossval
from tenfold.harness.records.record import Fields
from tenfold.runs import Run, train
from tenfold.runs.audited import read_answers
from tenfold.training.recipes import Recipe, replace


@pytest.fixture(autouse=True)
def training(some_digits: tuple[Labelled, Labelled], monkeypatch: pytest.MonkeyPatch) -> Labelled:
    monkeypatch.setattr("tenfold.data.parts.load_training", lambda: some_digits[0])
    return some_digits[0]


def blank(fields: Fields) -> dict[str, Any]:
    return {key: kind() for key, kind in fields.items() if isinstance(kind, type)}


def crossval(folder: Path, training: Labelled, checksum: str) -> NDArray[np.float32]:
    """A finished cross-validation of two repeats; its probabilities [2, n, 10]."""
    labels = training.labels
    rng = np.random.default_rng(0)
    raw = rng.random((2, len(labels), 10), np.float32) + 3 * np.eye(10, dtype=np.float32)[labels]
    probabilities: NDArray[np.float32] = (raw / raw.sum(2, keepdims=True)).astype(np.float32)
    record: dict[str, Any] = blank({**BEGUN, **FINISHED})
    record |= {"format": FORMAT, "repeats": 2, "by": "class", "count": len(labels)}
    record["data"] = {"mnist-training": checksum}
    folds = np.zeros((2, len(labels)), np.int16)
    Crossval.begin(folder, record).finish({"labels": labels, "probabilities": probabilities, "folds": folds})
    return probabilities


def test_repeats_are_averaged_and_pictures_are_those_of_the_data(tmp_path: Path, training: Labelled) -> None:
    probabilities = crossval(tmp_path / "cv", training, training.checksum)
    found = read_answers(tmp_path / "cv")
    assert found.on == "mnist-training"
    assert np.array_equal(found.labels, training.labels)
    assert found.probabilities == pytest.approx(probabilities.mean(0))
    assert found.images is not None
    assert np.array_equal(found.images.labels, training.labels)


def test_other_data_has_no_pictures(tmp_path: Path, training: Labelled) -> None:
    crossval(tmp_path / "cv", training, "ab" * 32)
    assert read_answers(tmp_path / "cv").images is None


def test_a_run_has_its_answers_to_the_test_set(finished: Run) -> None:
    openings = finished.record["test_openings"]
    found = read_answers(finished.folder)
    assert found.on == finished.results["test"]["on"]
    with np.load(finished.folder / "predictions.npz") as saved:
        assert np.array_equal(found.labels, saved["labels"])
        assert found.probabilities == pytest.approx(saved["probabilities"])
    assert Run.load(finished.folder).record["test_openings"] == openings


def test_images_that_the_run_learnt_from_are_left_out(
    small: Recipe, some_digits: tuple[Labelled, Labelled]
) -> None:
    _, test = some_digits
    np.savez("tested.npz", images=test.images, labels=test.labels)
    brief = replace(small, epochs=1, patience=None)
    run = train(brief, data=["mnist", "tested.npz"], threads=1, precision="fp32")
    found, learnt = read_answers(run.folder), run.record["trained_on"]["test"]
    kept = np.isin(test.marks, test.split().validation.marks)  # the others of that set were trained on
    assert (found.left_out, len(found.labels)) == (learnt, 100 - learnt) == (92, 8)
    assert np.array_equal(found.labels, test.labels[kept])
    with np.load(run.folder / "predictions.npz") as saved:
        assert found.probabilities == pytest.approx(saved["probabilities"][kept])
    assert found.images is not None
    assert np.array_equal(found.images.images, test.images[kept])
    assert found.images.files == tuple(f"mnist[{i}]" for i in np.flatnonzero(kept))
    final = train(brief, data=["mnist", "tested.npz"], final=True, threads=1, precision="fp32")
    with pytest.raises(
        UsageError, match=r"images of 'mnist', so .* crossval fast --data mnist --data tested"
    ):
        read_answers(final.folder)


def test_without_pictures_nobody_can_tell_which_images_the_run_learnt_from(
    small: Recipe, some_digits: tuple[Labelled, Labelled]
) -> None:
    _, test = some_digits
    held = test.split().validation
    np.savez("a.npz", images=test.images, labels=test.labels)
    np.savez("b.npz", images=held.images.repeat(3, 0), labels=held.labels.repeat(3))
    run = train(replace(small, epochs=1), data=["a.npz", "b.npz"], threads=1, precision="fp32")
    assert run.record["trained_on"]["validation"]
    Path("b.npz").unlink()
    with pytest.raises(UsageError, match="was trained on some of its validation images, and their pictures"):
        read_answers(run.folder)


def test_a_folder_of_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="neither a run nor a cross-validation"):
        read_answers(tmp_path)


def test_an_unfinished_cross_validation_is_refused(tmp_path: Path) -> None:
    record = {"format": FORMAT, **blank(BEGUN), "status": "training"}
    (tmp_path / "crossval.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match="did not finish"):
        read_answers(tmp_path)
