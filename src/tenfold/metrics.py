"""Figures of merit with their uncertainty, in pure numpy: every accuracy that Tenfold prints is made here.

    summary(probabilities, labels, on="mnist")      what a run records of one labelled set
    wilson(9912, 10_000)                            (0.98918, 0.99284): the interval over images
    t_interval([0.991, 0.992, 0.990])               the mean over seeds with its interval

Throughout, `probabilities` is float [n, k] with rows that sum to 1, `labels` integer [n] in 0..k-1, and
`confidence` the largest probability of a row. Unfit arrays raise ShapeError.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.errors import ShapeError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A float32 softmax underflows to 0; its logarithm would make one image outweigh all others.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)
TEMPERATURE_RANGE = (0.05, 20.0)  # what lies outside is no calibration
LEAST_ERRORS = 5  # from which a temperature is fitted: without any, the best one would be 0


# --- intervals ---------------------------------------------------------------------------------------------


class Mean(NamedTuple):
    """A mean over repetitions and its interval; `low` and `high` are NaN where nothing is known of their
    spread: of one repetition, or of several that are all alike."""

    mean: float
    low: float
    high: float


def wilson(count: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval (low, high) of the proportion count / n, fractions of 1.

    Sound near 0 and 1, where the usual normal interval is not. `count` is of correct answers or of errors.
    """
    if not 0 <= count <= n or n == 0:
        raise ShapeError(f"An interval needs at least 1 image and 0 to n hits, not {count} of {n}.")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the exact bound is 0 or 1; rounding would leave 1e-19 of it.
    return (0.0 if count == 0 else middle - half), (1.0 if count == n else middle + half)


def t_interval(values: Sequence[float] | Floats, level: float = 0.95) -> Mean:
    """The mean of `values` (one a seed) with Student's t interval at `level`."""
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ShapeError("A mean over repetitions needs a list of at least 1 number.")
    mean = float(array.mean())
    if np.ptp(array) == 0:
        return Mean(mean, math.nan, math.nan)
    half = t_quantile((1 + level) / 2, array.size - 1) * float(array.std(ddof=1)) / math.sqrt(array.size)
    return Mean(mean, mean - half, mean + half)


def t_quantile(probability: float, freedom: int) -> float:
    """The quantile of Student's t with `freedom` >= 1 degrees of freedom; 0.5 < `probability` < 1."""
    if freedom < 1 or not 0.5 < probability < 1:
        raise ShapeError(f"No t quantile at probability {probability} with {freedom} degrees of freedom.")
    wanted = 2 * probability - 1
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # bisection down to the spacing of floats: the angle is bounded where t is not
        angle = (low + high) / 2
        low, high = (angle, high) if _t_central(angle, freedom) < wanted else (low, angle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def t_central(t: float, freedom: int) -> float:
    """The probability that Student's t lies in -|t|..|t|: one minus the two-sided p-value."""
    return _t_central(math.atan(abs(t) / math.sqrt(freedom)), freedom)


def _t_central(angle: float, freedom: int) -> float:
    """The finite sums of Abramowitz & Stegun 26.7.3 and 26.7.4, with angle = atan(t / sqrt(freedom))."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0 if freedom == 1 else term
    for k in range(2 + odd, freedom - 1, 2):
        term *= (k - 1) / k * cosine * cosine
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


# --- right and wrong ---------------------------------------------------------------------------------------


def accuracy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """The share of `predicted` [n] equal to `labels` [n], in 0..1."""
    predicted, labels = np.asarray(predicted), np.asarray(labels)
    if predicted.shape != labels.shape or labels.ndim != 1 or labels.size == 0:
        raise ShapeError(f"Predictions {list(predicted.shape)} and labels {list(labels.shape)} do not match.")
    return float(np.mean(predicted == labels))


def confusion(predicted: ArrayLike, labels: ArrayLike, classes: int = 10) -> Ints:
    """Counts int64 [classes, classes]: the row is the given label, the column the predicted one."""
    predicted, labels = np.asarray(predicted, np.int64), np.asarray(labels, np.int64)
    if predicted.shape != labels.shape or labels.ndim != 1:
        raise ShapeError(f"Predictions {list(predicted.shape)} and labels {list(labels.shape)} do not match.")
    for name, array in (("Labels", labels), ("Predictions", predicted)):
        if array.size and not 0 <= array.min() <= array.max() < classes:
            raise ShapeError(f"{name} must lie in 0..{classes - 1}.")
    flat = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return flat.astype(np.int64).reshape(classes, classes)


def precision_recall(table: Ints) -> tuple[Floats, Floats]:
    """Precision [k] and recall [k] of a confusion table [k, k]; NaN for a class never predicted or absent."""
    hits = table.diagonal().astype(np.float64)
    with np.errstate(invalid="ignore"):
        return hits / table.sum(0), hits / table.sum(1)


# --- calibration -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bins:
    """A reliability diagram over equal bins of confidence (low, high], 0..1; NaN where `count` is 0."""

    edges: Floats  # [bins + 1]
    count: Ints  # [bins]
    confidence: Floats  # [bins], mean
    accuracy: Floats  # [bins]

    @property
    def ece(self) -> float:
        """The expected calibration error: |accuracy - confidence|, weighted by the images of each bin."""
        filled = self.count > 0
        gaps = np.abs(self.accuracy - self.confidence)[filled]
        return float(np.average(gaps, weights=self.count[filled]))


def softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Probabilities float64 [n, k] of `logits` / temperature; logits of any finite size."""
    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def nll(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The mean negative log-likelihood (cross-entropy) in nats; a probability of 0 counts as 1.2e-38."""
    probabilities, labels = checked(probabilities, labels)
    given = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(given, SMALLEST_PROBABILITY)).mean()) + 0.0  # and never -0


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The mean squared distance from the one-hot label, summed over classes: 0 (perfect) to 2."""
    probabilities, labels = checked(probabilities, labels)
    return float(((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(1).mean())


def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> Bins:
    """Mean confidence and accuracy in `bins` equal bins of confidence."""
    probabilities, labels = checked(probabilities, labels)
    confidence = probabilities.max(1)
    correct = probabilities.argmax(1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(place, confidence, bins) / count
        mean_correct = np.bincount(place, correct, bins) / count
    return Bins(np.linspace(0, 1, bins + 1), count.astype(np.int64), mean_confidence, mean_correct)


def ece(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> float:
    """The expected calibration error over `bins` equal bins of confidence, 0 (perfect) to 1."""
    return reliability(probabilities, labels, bins).ece


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature that minimises the NLL of softmax(logits / temperature), within TEMPERATURE_RANGE; 1
    where fewer than LEAST_ERRORS answers are wrong, as they alone tell when to be how unsure.

    The NLL is convex in 1 / temperature, so its slope there, mean(expected logit - logit of the label),
    has one zero, found by bisection. Ranks, and so accuracy, do not change.
    """
    logits, labels = checked(logits, labels, what="Logits")
    if (logits.argmax(1) != labels).sum() < LEAST_ERRORS:
        return 1.0
    given = logits[np.arange(len(labels)), labels].mean()
    low, high = (math.log(bound) for bound in TEMPERATURE_RANGE)
    for _ in range(60):
        middle = (low + high) / 2
        expected = (softmax(logits, math.exp(middle)) * logits).sum(1).mean()
        # Above the label's logit the probabilities are too sharp: a higher temperature is wanted.
        low, high = (middle, high) if expected > given else (low, middle)
    return math.exp((low + high) / 2)


def calibrated(probabilities: ArrayLike, labels: ArrayLike) -> Floats:
    """`probabilities` [n, k] with the temperature that `fit_temperature` finds for them."""
    logits = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
    return softmax(logits, fit_temperature(logits, labels))


# --- refusing the unsure -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class RiskCoverage:
    """The k most confident of n images: `risk` [n] is their share of errors, `coverage` [n] is k / n."""

    coverage: Floats
    risk: Floats

    @property
    def area(self) -> float:
        """The mean risk over all coverages (AURC): 0 is perfect, the overall error rate is no use at all."""
        return float(self.risk.mean())


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """The risk-coverage curve of `confidence` [n] and `correct` bool [n], whatever their order.

    Images of equal confidence cannot be told apart: their errors are spread evenly over the tie.
    """
    _, accepted, errors = _steps(confidence, correct)
    k = np.arange(1, accepted[-1] + 1)
    expected = np.interp(k, np.concatenate([[0], accepted]), np.concatenate([[0], errors]))
    return RiskCoverage(k / k[-1], expected / k)


def threshold_for(confidence: ArrayLike, correct: ArrayLike, *, error: float) -> float:
    """The lowest threshold t at which images of confidence >= t have at most the share `error` of errors.

    It accepts as many images as that allows; where nothing does, it lies just above the highest confidence.
    """
    values, accepted, errors = _steps(confidence, correct)
    fit = np.flatnonzero(errors / accepted <= error)
    if fit.size:
        return float(values[fit[-1]])
    return float(np.nextafter(np.float32(values[0]), np.float32(np.inf)))


def threshold_accepting(confidence: ArrayLike, *, share: float) -> float:
    """The highest threshold t at which at least `share` (0..1) of the images have confidence >= t."""
    ordered = np.sort(np.asarray(confidence, np.float64))[::-1]
    if ordered.ndim != 1 or ordered.size == 0 or not 0 < share <= 1:
        raise ShapeError("A threshold needs confidences of at least 1 image and a share above 0 and up to 1.")
    return float(ordered[math.ceil(share * ordered.size) - 1])


def _steps(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, Ints, Ints]:
    """Distinct confidences, falling, with the images accepted at each and the errors among them."""
    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct, bool)
    if confidence.shape != correct.shape or confidence.ndim != 1 or confidence.size == 0:
        raise ShapeError("Risk and coverage need one confidence and one answer for each of at least 1 image.")
    values, place = np.unique(-confidence, return_inverse=True)
    accepted = np.cumsum(np.bincount(place))
    errors = np.cumsum(np.bincount(place, ~correct).astype(np.int64))
    return -values, accepted.astype(np.int64), errors


# --- the record --------------------------------------------------------------------------------------------


def summary(probabilities: ArrayLike, labels: ArrayLike, on: str) -> dict[str, Any]:
    """What a run records of the set named `on`: plain numbers, fit for JSON; fractions of 1, nll in nats."""
    probabilities, labels = checked(probabilities, labels)
    correct = int((probabilities.argmax(1) == labels).sum())
    count = len(labels)
    return {
        "on": on,
        "accuracy": correct / count,
        "errors": count - correct,
        "count": count,
        "interval": list(wilson(correct, count)),
        "nll": nll(probabilities, labels),
        "ece": ece(probabilities, labels),
    }


def checked(scores: ArrayLike, labels: ArrayLike, what: str = "Probabilities") -> tuple[Floats, Ints]:
    """`scores` float64 [n, k] and `labels` int64 [n] in 0..k-1. Raises ShapeError; `what` are the scores."""
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or scores.size == 0:
        raise ShapeError(f"{what} {list(scores.shape)} and labels {list(labels.shape)} do not match.")
    if not np.isfinite(scores).all():
        raise ShapeError(f"{what} must be finite numbers.")
    if labels.dtype.kind not in "iu" or not 0 <= labels.min() <= labels.max() < scores.shape[1]:
        raise ShapeError(f"Labels must be whole numbers in 0..{scores.shape[1] - 1}.")
    return scores, labels.astype(np.int64)
