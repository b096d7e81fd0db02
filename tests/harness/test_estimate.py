"""What a cross-validation found: by fold, by writer, and how optimistic folds by class are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tenfold.harness.crossval_record import Crossval
from tenfold.harness.estimate import by_writer, mean_error, optimism


def fits(*errors: float) -> list[dict[str, float]]:
    return [{"error": error} for error in errors]


def test_the_mean_error_has_the_corrected_interval() -> None:
    errors = [0.010, 0.012, 0.009, 0.011, 0.013]
    found = mean_error(fits(*errors), 5)
    error = np.sqrt((1 / 5 + 1 / 4) * np.var(errors, ddof=1))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 4, 0.011, error))


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


def write(folder: Path, by: str, errors: list[float], **changes: Any) -> Crossval:
    record = {
        "format": 1,
        "status": "finished",
        "recipe": {"name": "small"},
        "folds": 3,
        "by": by,
        "repeats": 1,
        "seed": 0,
        "threads": 1,
        "precision": "fp32",
        "data": {"some": "ab" * 32},
        "count": 300,
        "versions": {},
        "fits": fits(*errors),
        "results": {},
        **changes,
    }
    return Crossval.begin(folder, record)


PLAIN, STRANGERS = [0.010, 0.011, 0.012], [0.030, 0.031, 0.032]


def test_optimism_is_the_same_from_both_sides(tmp_path: Path) -> None:
    one = write(tmp_path / "one", "class", PLAIN)
    other = write(tmp_path / "other", "writer", STRANGERS)
    for side in (one, other):
        found = optimism(side)
        assert found is not None
        assert (found["by_class"], found["by_writer"]) == pytest.approx((0.011, 0.031))
        assert found["difference"] == pytest.approx(0.02)
        error = np.sqrt(2 * (1 / 3 + 1 / 2) * 1e-6)
        assert found["interval"] == pytest.approx(stats.t.interval(0.95, 2, 0.02, error))


@pytest.mark.parametrize(
    "changes",
    [
        {"by": "class"},
        {"recipe": {"name": "other"}},
        {"folds": 4},
        {"data": {"some": "cd" * 32}},
        {"status": "training"},
    ],
)
def test_there_is_no_optimism_without_a_counterpart(tmp_path: Path, changes: dict[str, Any]) -> None:
    one = write(tmp_path / "one", "class", PLAIN)
    write(tmp_path / "other", **{"by": "writer", "errors": STRANGERS, **changes})
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "crossval.json").write_text("{")
    assert optimism(one) is None


def test_what_did_not_finish_says_nothing_of_optimism(tmp_path: Path) -> None:
    write(tmp_path / "other", "writer", STRANGERS)
    assert optimism(write(tmp_path / "one", "class", PLAIN, status="training")) is None
