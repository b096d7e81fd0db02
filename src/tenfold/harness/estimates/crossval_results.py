"""What a cross-validation found: error with its interval, by fold and by writer, and how optimistic it is.

    results(fits, probabilities, labels, folds, writers)      for crossval.json
    optimism(found)                                           folds by class against folds by writer

An error is the share of held-out digits that are read wrongly, a fraction of 1.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import RunError
from tenfold.harness.estimates.crossval_record import Crossval, Fold, OutOfFold
from tenfold.harness.estimates.folds import Folds
from tenfold.harness.estimates.statistics import Resampled, resampled_t
from tenfold.metrics import calibrated, ece, nll, t_quantile, wilson

WORST = 10  # writers listed


def fit_record(fold: Fold, labels: NDArray[np.uint8], split: Folds) -> dict[str, Any]:
    """Of one training, plain numbers: repeat, fold, train, test, errors, error, nll (in nats, without a
    temperature), seconds."""
    given = labels[split == fold.number]
    errors = int((fold.probabilities.argmax(1) != given).sum())
    return {
        "repeat": fold.repeat,
        "fold": fold.number,
        "train": len(labels) - len(given),
        "test": len(given),
        "errors": errors,
        "error": errors / len(given),
        "nll": nll(fold.probabilities, given),
        "seconds": fold.seconds,
    }


def results(
    fits: Sequence[Mapping[str, Any]],
    probabilities: NDArray[np.float32],
    labels: NDArray[np.uint8],
    folds: int,
    writers: NDArray[np.int32] | None,
) -> dict[str, Any]:
    """Plain numbers for the record; `probabilities` [repeats, n, 10] are out of fold.

    The mean error over trainings has the corrected resampled interval, or Wilson's over the images where that
    is wider, as trainings may agree by chance; `errors`, `accuracy`, `nll` and `ece` are over the images of
    all repeats.
    """
    found = mean_error(fits, folds)
    given = np.tile(labels, len(probabilities))
    answers = probabilities.reshape(-1, 10)
    wrong = answers.argmax(1) != given
    low, high = wilson(round(found.mean * len(labels)), len(labels))
    summary: dict[str, Any] = {
        "error": {
            "mean": found.mean,
            "interval": [min(low, max(0.0, found.low)), max(high, min(1.0, found.high))],
        },
        "errors": int(wrong.sum()),
        "count": len(wrong),
        "accuracy": float(1 - wrong.mean()),
        **_calibration(probabilities, labels),
    }
    if writers is not None:
        summary["writers"] = by_writer(wrong.reshape(len(probabilities), -1), writers)
    return summary


def _calibration(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> dict[str, float]:
    """`nll` and `ece` as a model's are: with a temperature, here one a repeat, of all its answers."""
    given = np.tile(labels, len(probabilities))
    answers = np.concatenate([calibrated(one, labels) for one in probabilities])
    return {"nll": nll(answers, given), "ece": ece(answers, given)}


def mean_error(fits: Sequence[Mapping[str, Any]], folds: int) -> Resampled:
    """The mean error over the trainings of a k-fold cross-validation, by the corrected resampled t."""
    return resampled_t([fit["error"] for fit in fits], 1 / (folds - 1))


def by_writer(wrong: NDArray[np.bool_], writers: NDArray[np.int32]) -> dict[str, Any]:
    """How the errors `wrong` [repeats, n] lie on writers: how many have none, the worst ones."""
    names, place = np.unique(writers, return_inverse=True)
    count = np.bincount(place)
    errors = np.bincount(place, wrong.sum(0)).astype(np.int64)
    share = errors / count / len(wrong)
    worst = np.lexsort((names, -errors, -share))[:WORST]
    halfway = np.cumsum(np.sort(errors)[::-1]) >= errors.sum() / 2
    return {
        "count": len(names),
        "without_error": int((errors == 0).sum()),
        "half_of_errors": int(halfway.argmax()) + 1 if errors.sum() else 0,
        "worst": [
            {
                "writer": int(names[w]),
                "digits": int(count[w]),
                "errors": int(errors[w]),
                "error": float(share[w]),
            }
            for w in worst
            if errors[w]
        ],
    }


def optimism(found: Crossval) -> dict[str, Any] | None:
    """How much smaller the error of folds by class is than that of folds by writer, or None without both.

    The other cross-validation is looked for beside `found`: finished, and alike but for its kind of folds and
    its seed. Both answer the same images, so `difference` (writer minus class) is paired image by image; its
    `interval` treats the writers as the sample. Raises RunError where the answers of `found` are damaged.
    """
    if not found.finished:
        return None
    mine = found.out_of_fold()
    for other in _counterparts(found):
        try:
            theirs = other.out_of_fold()
        except RunError:  # a damaged neighbour is no matter of this one
            continue
        plain, strangers = (theirs, mine) if mine.writers is not None else (mine, theirs)
        return {**_paired_by_writer(plain, strangers), "other": str(other.folder)}
    return None


def _paired_by_writer(plain: OutOfFold, strangers: OutOfFold) -> dict[str, Any]:
    """The difference is a ratio of sums over writers, errors to digits: its error is the linearised one."""
    assert strangers.writers is not None
    by_class, by_writer = (1 - side.correct.mean(0) for side in (plain, strangers))
    difference = float((by_writer - by_class).mean())
    _, place = np.unique(strangers.writers, return_inverse=True)
    count = np.bincount(place)
    rest = np.bincount(place, by_writer - by_class) - difference * count
    error = math.sqrt(len(count) / (len(count) - 1) * float((rest**2).sum())) / len(place)
    half = t_quantile(0.975, len(count) - 1) * error
    return {
        "by_class": float(by_class.mean()),
        "by_writer": float(by_writer.mean()),
        "difference": difference,
        "interval": [difference - half, difference + half],
        "writers": len(count),
    }


def _counterparts(found: Crossval) -> Iterator[Crossval]:
    for other in Crossval.all_in(found.folder.resolve().parent):
        kinds = {found.record["by"], other.record["by"]}
        alike = all(found.record[key] == other.record[key] for key in ("recipe", "folds", "data"))
        if alike and other.finished and kinds == {"class", "writer"}:
            yield other
