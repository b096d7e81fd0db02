"""Is one model better than another? Tests, intervals and effects, in pure numpy and exact integers.

    mcnemar(only_a=31, only_b=52)                       p = 0.027: two models on the same images
    paired_interval(only_a, only_b, n=10_000)           the interval of their difference in accuracy
    images_needed(only_a, only_b, n=10_000)             how many images would tell them apart
    resampled_t([0.0004, ...], test_share=1 / 4)        two recipes over the folds of a cross-validation
    holm([0.01, 0.04, 0.03])                            several changes at once

`only_a` counts the images that A alone reads rightly, `only_b` those that B alone does: all that the same
images say about a difference. Unfit arguments raise ShapeError.

Sources: McNemar 1947; Bonett & Price 2012 (interval of paired proportions); Connor 1987 (their sample size);
Nadeau & Bengio 2003, for repeated k-fold cross-validation as in Bouckaert & Frank 2004; Holm 1979.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tenfold.errors import ShapeError
from tenfold.metrics import Floats, t_central, t_quantile

LEVEL = 0.95  # of every interval; one minus the p-value below which a difference counts as seen
POWER = 0.8  # how often a study of the needed size would see the difference
MOST_TRAININGS = 100  # that are still said to be needed


def discordant(correct_a: ArrayLike, correct_b: ArrayLike) -> tuple[int, int]:
    """(only_a, only_b) of `correct_a` and `correct_b`, both bool [n], of the same images in one order."""
    a, b = np.asarray(correct_a), np.asarray(correct_b)
    if a.shape != b.shape or a.ndim != 1 or a.size == 0 or a.dtype != bool or b.dtype != bool:
        raise ShapeError("Two models are compared by one right or wrong each for each of at least 1 image.")
    return int((a & ~b).sum()), int((~a & b).sum())


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p-value, 0..1, that two equally good models differ by this much or more.

    Each of the only_a + only_b images is then a fair coin. Summed in whole numbers, so no tail is lost.
    """
    if min(only_a, only_b) < 0:
        raise ShapeError(f"McNemar's test needs counts of images, not {only_a} and {only_b}.")
    n = only_a + only_b
    ways, tail = 1, 0
    for k in range(min(only_a, only_b) + 1):  # ways = n choose k
        tail += ways
        ways = ways * (n - k) // (k + 1)
    return min(1.0, float(2 * tail / (1 << n)))


def cohen_g(only_a: int, only_b: int) -> float:
    """The effect behind McNemar's test, -0.5..0.5: how far A's share of the discordant images is from a half.

    Positive where A is better; 0.05 is small, 0.15 medium, 0.25 large (Cohen 1988). 0 if none is discordant.
    """
    n = only_a + only_b
    return only_a / n - 0.5 if n else 0.0


class Difference(NamedTuple):
    """Of two accuracies, A's minus B's, with its interval; fractions of 1."""

    difference: float
    low: float
    high: float


def paired_interval(only_a: int, only_b: int, n: int, *, level: float = LEVEL) -> Difference:
    """The difference in accuracy over `n` images with its interval, sound also where few images differ.

    Bonett and Price's: Wald's, with an image more for each model. It has 0 in it where `mcnemar` cannot tell
    the two apart, and goes no further than 0 where it can.
    """
    _check_counts(only_a, only_b, n)
    z = NormalDist().inv_cdf((1 + level) / 2)
    a, b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    half = z * math.sqrt((a + b - (a - b) ** 2) / (n + 2))
    low, high = max(-1.0, a - b - half), min(1.0, a - b + half)
    if mcnemar(only_a, only_b) >= 1 - level:
        low, high = min(low, 0.0), max(high, 0.0)
    elif only_a > only_b:
        low = max(low, 0.0)
    else:
        high = min(high, 0.0)
    return Difference((only_a - only_b) / n, low, high)


def images_needed(
    only_a: int, only_b: int, n: int, *, power: float = POWER, level: float = LEVEL
) -> int | None:
    """How many images McNemar's test would need to tell two models apart that differ as they did on `n`.

    With that many it would do so with probability `power`. None where no difference was seen.
    """
    _check_counts(only_a, only_b, n)
    if only_a == only_b:
        return None
    either, difference = (only_a + only_b) / n, (only_a - only_b) / n
    z_level, z_power = NormalDist().inv_cdf((1 + level) / 2), NormalDist().inv_cdf(power)
    spread = z_level * math.sqrt(either) + z_power * math.sqrt(either - difference**2)
    return math.ceil((spread / difference) ** 2)


class Resampled(NamedTuple):
    """A mean over the trainings of a cross-validation, and how far it can be trusted.

    `error` is the corrected standard error, `effect` the mean over the standard deviation (Cohen's d), NaN
    where nothing varies; `p` is the two-sided p-value of a mean of 0.
    """

    mean: float
    low: float
    high: float
    error: float
    p: float
    effect: float
    freedom: int


def resampled_t(
    values: Sequence[float] | Floats, test_share: float, *, level: float = LEVEL, least: float = 0.0
) -> Resampled:
    """The corrected resampled t-test of `values`, one a training; `test_share` = test / training images.

    Trainings on overlapping images vary less than independent ones would: their variance counts as
    (1 / J + test_share) instead of 1 / J times. With k folds, `test_share` is 1 / (k - 1). A standard
    deviation below `least` is not believed: few values may agree by chance.
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size < 2 or not np.isfinite(array).all():
        raise ShapeError("A corrected resampled t-test needs a list of at least 2 finite numbers.")
    if not 0 <= test_share < math.inf:
        raise ShapeError(f"The test images cannot be {test_share} times the training images.")
    mean, deviation, freedom = float(array.mean()), max(float(array.std(ddof=1)), least), array.size - 1
    error = deviation * math.sqrt(1 / array.size + test_share)
    half = t_quantile((1 + level) / 2, freedom) * error
    if error > 0:
        p, effect = max(0.0, 1 - t_central(mean / error, freedom)), mean / deviation
    else:  # nothing varies: no difference is none, and any other is beyond doubt
        p, effect = (1.0 if mean == 0 else 0.0), math.nan
    return Resampled(mean, mean - half, mean + half, error, p, effect, freedom)


def least_spread(differences: Sequence[float], n: int | float) -> float:
    """The standard deviation of `differences` in accuracy over `n` images each, one a training, below which
    it is luck: two trainings that differ by d errors differ on d images or more, each a coin."""
    return math.sqrt(abs(math.fsum(differences)) / len(differences) / n)


def images_needed_resampled(found: Resampled, n: int, *, power: float = POWER) -> int | None:
    """How many images a cross-validation with as many trainings would need to see the mean that was `found`.

    The standard error is taken to fall with the root of the images. None where no difference was seen.
    """
    if found.mean == 0:
        return None
    steps = t_quantile((1 + LEVEL) / 2, found.freedom) + t_quantile(power, found.freedom)
    return math.ceil(n * (steps * found.error / found.mean) ** 2)


def trainings_needed(
    found: Resampled, test_share: float, *, power: float = POWER, level: float = LEVEL
) -> int | None:
    """How many trainings it would take to see the mean that was `found`, with probability `power`.

    None where no difference was seen, or where even MOST_TRAININGS would not do: they share their images, and
    more of them make the error no smaller than that allows.
    """
    if found.mean == 0:
        return None
    deviation = found.error / math.sqrt(1 / (found.freedom + 1) + test_share)

    def would_do(count: int) -> bool:
        steps = t_quantile((1 + level) / 2, count - 1) + t_quantile(power, count - 1)
        return abs(found.mean) >= steps * deviation * math.sqrt(1 / count + test_share)

    counts = range(2, MOST_TRAININGS + 1)
    first = bisect_left(counts, True, key=would_do)
    return counts[first] if first < len(counts) else None


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests at once, adjusted in their order so that below 0.05 in any of them is as
    rare by chance as in one test alone (Holm's step-down)."""
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def adjusted_level(p: float, adjusted: float, tests: int) -> float:
    """The level of an interval that says what the p-value of one of `tests` says, as `holm` adjusted it."""
    factor = adjusted / p if p > 0 and adjusted < 1 else tests
    return 1 - (1 - LEVEL) / factor


def small(p: float) -> str:
    """A p-value in words: what lies far below any level is not told to the digit."""
    return f"{p:.2g}" if p >= 1e-4 else "less than 0.0001"


def _check_counts(only_a: int, only_b: int, n: int) -> None:
    if min(only_a, only_b) < 0 or n < 1 or only_a + only_b > n:
        raise ShapeError(f"Of {n} images, {only_a} and {only_b} cannot be read rightly by one model alone.")
