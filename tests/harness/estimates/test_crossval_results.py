"""What a cross-validation found: by fold, by writer, and how optimistic folds by class are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tenfold.harness.estimates.crossval_record import Arrays, Crossval
from tenfold.harness.estimates.crossval_results import by_writer, mean_error, optimism, results
from tenfold.metrics import ece, nll, softmax, wilson


def fits(*errors: float) -> list[dict[str, float]]:
    return [{"error": error} for error in errors]


def test_the_mean_error_has_the_corrected_interval() -> None:
    errors = [0.010, 0.012, 0.009, 0.011, 0.013]
    found = mean_error(fits(*errors), 5)
    error = np.sqrt((1 / 5 + 1 / 4) * np.var(errors, ddof=1))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 4, 0.011, error))


def test_trainings_that_agree_have_the_interval_of_their_images() -> None:
    labels = np.zeros(200, np.uint8)
    sure = np.eye(10, dtype=np.float32)[labels][None]
    found = results([{"error": 0.0}] * 5, sure, labels, 5, None)["error"]
    assert (found["mean"], *found["interval"]) == (0, *wilson(0, 200))


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 3.0])
def test_calibration_is_that_of_answers_with_a_temperature(sharpness: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (2, 3000, 10))
    chances = softmax(logits.reshape(-1, 10)).reshape(logits.shape)
    labels = np.array([rng.choice(10, p=row) for row in chances[0]], np.uint8)
    logits[1] = logits[0]
    told = softmax(sharpness * logits.reshape(-1, 10)).reshape(logits.shape).astype(np.float32)
    found = results(fits(0.1, 0.2), told, labels, 2, None)
    assert found["nll"] == pytest.approx(nll(chances[0], labels), rel=0.02)
    assert found["ece"] < 0.03
    assert ece(told[0], labels) > 0.1 or sharpness == 1


def test_errors_by_writer() -> None:
    writers = np.repeat([7, 3, 9, 4], [4, 4, 2, 10]).astype(np.int32)
    wrong = np.zeros((2, 20), bool)
    wrong[:, 4] = True  # writer 3: 2 of 8 answers
    wrong[0, 8] = True  # writer 9: 1 of 4
    wrong[0, 10:14] = True  # writer 4: 4 of 20
    found = by_writer(wrong, writers)
    assert (found["count"], found["without_error"], found["half_of_errors"]) == (4, 1, 1)
    assert found["worst"] == [
        {"writer": 3, "digits": 4, "errors": 2, "error": 0.25},
        {"writer": 9, "digits": 2, "errors": 1, "error": 0.25},
        {"writer": 4, "digits": 10, "errors": 4, "error": 0.2},
    ]


def test_writers_without_any_error() -> None:
    found = by_writer(np.zeros((1, 6), bool), np.arange(6, dtype=np.int32) // 2)
    assert (found["without_error"], found["half_of_errors"], found["worst"]) == (3, 0, [])


WRITERS = (np.arange(300) // 13).astype(np.int32)


def write(folder: Path, by: str, error: float, **changes: Any) -> Crossval:
    """A finished cross-validation of two repeats, wrong on the share `error` of 300 images."""
    record = {
        "format": 1,
        "status": "training",
        "recipe": {"name": "small"},
        "folds": 3,
        "by": by,
        "repeats": 2,
        "seed": 0,
        "threads": 1,
        "precision": "fp32",
        "data": {"some": "ab" * 32},
        "count": 300,
        "versions": {},
        "fits": [],
        "results": {},
        **changes,
    }
    found = Crossval.begin(folder, record)
    labels = (np.arange(300) % 10).astype(np.uint8)
    wrong = np.random.default_rng(int(1000 * error)).random((2, 300)) < error
    arrays: Arrays = {
        "labels": labels,
        "probabilities": np.eye(10, dtype=np.float32)[np.where(wrong, (labels + 1) % 10, labels)],
        "folds": np.zeros((2, 300), np.int16),
    }
    found.finish(arrays if by == "class" else {**arrays, "writers": WRITERS})
    return found


def test_optimism_is_paired_by_image_over_writers_and_the_same_from_both_sides(tmp_path: Path) -> None:
    """The oracle draws writers with replacement."""
    one, other = write(tmp_path / "one", "class", 0.05), write(tmp_path / "other", "writer", 0.2)
    found = optimism(one)
    assert found is not None
    assert optimism(other) == {**found, "other": str(one.folder)}
    plain, strangers = (1 - side.out_of_fold().correct.mean(0) for side in (one, other))
    assert (found["by_class"], found["by_writer"]) == pytest.approx((plain.mean(), strangers.mean()))
    assert found["difference"] == pytest.approx((strangers - plain).mean())
    assert found["writers"] == 24
    sums, counts = np.bincount(WRITERS, strangers - plain), np.bincount(WRITERS)
    drawn = np.random.default_rng(0).integers(0, 24, (4000, 24))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    half = stats.t.ppf(0.975, 23) * means.std()
    assert np.ptp(found["interval"]) / 2 == pytest.approx(half, rel=0.06)


@pytest.mark.parametrize(
    "changes",
    [{"by": "class"}, {"recipe": {"name": "other"}}, {"folds": 4}, {"data": {"some": "cd" * 32}}],
)
def test_there_is_no_optimism_without_a_counterpart(tmp_path: Path, changes: dict[str, Any]) -> None:
    one = write(tmp_path / "one", "class", 0.05)
    write(tmp_path / "other", **{"by": "writer", "error": 0.2, **changes})
    assert optimism(one) is None


@pytest.mark.parametrize("file", ["crossval.json", "oof.npz"])
def test_a_damaged_neighbour_is_passed_over(tmp_path: Path, file: str) -> None:
    one, other = write(tmp_path / "one", "class", 0.05), write(tmp_path / "other", "writer", 0.2)
    (other.folder / file).write_text("{")
    assert optimism(one) is None


def test_what_did_not_finish_says_nothing_of_optimism(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one", "class", 0.05), write(tmp_path / "other", "writer", 0.2)
    other.record["status"] = "training"
    other.save()
    assert (optimism(one), optimism(other)) == (None, None)
