"""When an answer is unsure: what the thresholds of a model file mean, and how they are fitted.

    thresholds = fit_thresholds(probabilities, share=0.99, spreads=True)     of validation images
    unsure(probabilities, thresholds)                                        bool [n]

`probabilities` is float [n, k] with rows that sum to 1.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.metrics import threshold_accepting

CONFIDENCE, LIKENESS = "confidence", "likeness"  # the thresholds that a model file may have
LOW = "low confidence"  # why an answer is unsure that is below the first of them
FEW = 1_000  # images to fit on: the hundredth of fewer that is refused has less than ten
LEAST = 0.6  # the confidence of what is accepted by its likeness


def likeness(probabilities: ArrayLike) -> NDArray[np.float64]:
    """How like one digit each row looks, float64 [n] in 1/k..1: its largest cube root over the sum of all,
    as if the temperature were three times as high.

    What is torn between two digits is a digit, and what is none is spread over all ten. The confidence falls
    alike for both, this far more for the second.
    """
    roots = np.cbrt(np.asarray(probabilities, np.float64))
    found: NDArray[np.float64] = roots.max(1) / roots.sum(1)
    return found


def fit_thresholds(probabilities: ArrayLike, *, share: float, spreads: bool) -> dict[str, float]:
    """Thresholds that let `share` of these validation images through, to six digits.

    `spreads` tells that the model has learnt to spread what is no digit over all ten: likeness decides, and
    the share is a standard error higher, as what is refused is stated for so many of other digits accepted.
    """
    confidence = np.asarray(probabilities, np.float64).max(1)
    if not spreads:
        return {CONFIDENCE: _cut(threshold_accepting(confidence, share=share))}
    alike = np.where(confidence >= LEAST, likeness(probabilities), 0)
    share = min(1.0, share + math.sqrt(share * (1 - share) / len(alike)))
    return {
        CONFIDENCE: LEAST,
        LIKENESS: _cut(threshold_accepting(alike, share=share)),
    }


def fitted_on_few(count: object) -> str:
    """What is to be told of thresholds that were fitted on `count` images, 0 or None where that is not known;
    "" where they are enough."""
    if not isinstance(count, int) or not 0 < count < FEW:
        return ""
    return (
        f"The thresholds below which it says unsure rest on the least sure hundredth of {count} validation "
        f"images, fewer than ten; with fewer than {FEW:,} images they say little."
    )


def _cut(threshold: float) -> float:
    """Rounded up, it would refuse what it was to let through."""
    return math.floor(1e6 * threshold) / 1e6


def unsure(probabilities: ArrayLike, thresholds: Mapping[str, float]) -> NDArray[np.bool_]:
    """Which rows fall below a model's threshold "confidence" or "likeness", bool [n]; one that it does not
    have refuses nothing."""
    rows = np.asarray(probabilities, np.float64)  # what is at a threshold in float32 might fall either way
    doubtful = rows.max(1) < thresholds.get(CONFIDENCE, 0.0)
    if LIKENESS in thresholds:
        doubtful |= likeness(rows) < thresholds[LIKENESS]
    return np.asarray(doubtful)
