"""Reading a run folder: sound ones whole, and one sentence for each way of being unsound."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.harness.conftest import RunFolder

from tenfold.data.labelled import Labelled
from tenfold.errors import RunError
from tenfold.harness.records.facts import read_facts


def test_a_sound_folder_is_read_whole(run: RunFolder, tmp_path: Path) -> None:
    facts = read_facts(run.write(tmp_path / "mine"), run.images)
    assert facts.name == "mine"
    assert facts.record == run.record
    assert facts.history["val_loss"].tolist() == [0.31, 0.2, 0.22]
    assert facts.temperature == 0.95
    assert facts.thresholds["confidence"] == 0.6
    for answers, prefix, on in ((facts.test, "", "mnist"), (facts.validation, "val_", "held")):
        assert answers is not None
        assert answers.on == on
        np.testing.assert_array_equal(answers.labels, run.arrays[f"{prefix}labels"])
        np.testing.assert_array_equal(answers.probabilities, run.arrays[f"{prefix}probabilities"])
    assert facts.answers is facts.test
    assert facts.test is not None
    assert facts.test.images is run.images.images


def test_without_the_test_set_the_answers_are_those_of_validation(run: RunFolder, tmp_path: Path) -> None:
    del run.arrays["labels"], run.arrays["probabilities"]
    held = Labelled("held", np.zeros((200, 28, 28), np.uint8), run.arrays["val_labels"].copy())
    facts = read_facts(run.write(tmp_path), held)
    assert facts.test is None
    assert facts.answers is facts.validation
    assert facts.validation is not None
    assert facts.validation.images is held.images


def test_a_final_run_has_no_validation_and_empty_columns(run: RunFolder, tmp_path: Path) -> None:
    del run.arrays["val_labels"], run.arrays["val_probabilities"]
    run.history = "epoch,loss,accuracy,val_loss,val_accuracy\n1,0.5,0.9,,\n2,0.4,0.91,,\n"
    facts = read_facts(run.write(tmp_path))
    assert facts.validation is None
    assert np.isnan(facts.history["val_loss"]).all()


def test_a_folder_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        read_facts(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["run.json", "history.csv", "predictions.npz"])
def test_a_file_that_is_absent_cut_or_foreign(run: RunFolder, tmp_path: Path, name: str) -> None:
    path = run.write(tmp_path) / name
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"\xff\xfe\x00garbage", b"[" * 100_000):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match=name):
            read_facts(tmp_path)
    path.unlink()
    with pytest.raises(RunError, match=f"no {name}"):
        read_facts(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("recipe", "baseline"),
        ("seed", None),
        ("results", []),
        ("kept_epoch", 9),
        ("kept_epoch", "2"),
        ("kept_epoch", float("nan")),
        ("parameters", 10**400),
        ("temperature", "warm"),
        ("layers", [["conv", 3]]),
        ("layers", {"a": 1}),
    ],
)
def test_a_record_with_an_unsound_value(run: RunFolder, tmp_path: Path, key: str, value: object) -> None:
    run.record[key] = value
    with pytest.raises(RunError, match=r"run\.json"):
        read_facts(run.write(tmp_path))


def test_a_run_that_still_trains(run: RunFolder, tmp_path: Path) -> None:
    run.record["status"] = "training"
    del run.record["kept_epoch"]
    with pytest.raises(RunError, match=r"did not finish; go on with it first: tenfold train --resume "):
        read_facts(run.write(tmp_path))


@pytest.mark.parametrize(
    "history",
    ["epoch,loss,accuracy\n", "epoch,loss,accuracy\n2,x,0.5\n", "epoch,loss,accuracy\n2,nan,0.5\n", "a\n2\n"],
)
def test_a_history_without_sound_rows(run: RunFolder, tmp_path: Path, history: str) -> None:
    run.history = history
    with pytest.raises(RunError, match=r"history\.csv"):
        read_facts(run.write(tmp_path))


def _scale(run: RunFolder) -> None:
    run.arrays["probabilities"] = run.arrays["probabilities"] * 3


def _forget(run: RunFolder) -> None:
    del run.arrays["probabilities"]


def _shorten(run: RunFolder) -> None:
    run.arrays["labels"] = run.arrays["labels"][:-1]


def _shift(run: RunFolder) -> None:
    run.arrays["labels"] = run.arrays["labels"] + np.uint8(5)


def _scalar(run: RunFolder) -> None:
    run.arrays["labels"] = np.array(3)


def _nothing(run: RunFolder) -> None:
    run.arrays |= {"labels": np.zeros(0, np.uint8), "probabilities": np.zeros((0, 10), np.float32)}


def _objects(run: RunFolder) -> None:
    run.arrays["labels"] = np.array([{}], dtype=object)


def _other_run(run: RunFolder) -> None:
    run.arrays["probabilities"] = run.arrays["probabilities"][::-1]


@pytest.mark.parametrize(
    "spoil", [_scale, _forget, _shorten, _shift, _scalar, _nothing, _objects, _other_run]
)
def test_predictions_that_cannot_be(
    run: RunFolder, tmp_path: Path, spoil: Callable[[RunFolder], None]
) -> None:
    spoil(run)
    with pytest.raises(RunError, match=r"predictions\.npz"):
        read_facts(run.write(tmp_path))


def test_an_array_that_claims_more_than_it_holds(run: RunFolder, tmp_path: Path) -> None:
    header = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**6)}
    np.lib.format.write_array_header_1_0(header, claim)
    with zipfile.ZipFile(run.write(tmp_path) / "predictions.npz", "w") as archive:
        archive.writestr("labels.npy", header.getvalue())
    with pytest.raises(RunError, match="damaged"):
        read_facts(tmp_path)


def test_an_archive_that_unpacks_to_too_much(run: RunFolder, tmp_path: Path) -> None:
    with zipfile.ZipFile(run.write(tmp_path) / "predictions.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("labels.npy", "probabilities.npy"):
            archive.writestr(name, bytes(2**20 * 33))
    with pytest.raises(RunError, match="unpacks to more"):
        read_facts(tmp_path)


def test_pictures_of_another_set_are_refused(run: RunFolder, tmp_path: Path) -> None:
    other = run.images.take(range(399, -1, -1), "other")
    with pytest.raises(RunError, match="other"):
        read_facts(run.write(tmp_path), other)
