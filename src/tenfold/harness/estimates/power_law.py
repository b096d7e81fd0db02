"""How an error falls as the number of training images n grows: error(n) = floor + scale * n ** -exponent.

    law = fit([100, 1_000, 10_000, 55_000], [0.21, 0.062, 0.019, 0.0088])
    law.at(110_000)                                     what the law says of a number that nobody tried
    foretell([100, ...], [0.21, ...], 110_000)          the same, with how far it depends on single sizes

The fit is by least squares of the logarithms, so that 1 % and 10 % of error count alike. A law that fits what
was measured need not hold beyond it: labels that are wrong, a network that is too small and a training that
is too short all end it. `backtest` says how far off it would have been for the largest size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.errors import ShapeError
from tenfold.metrics import Floats

FEWEST = 4  # sizes that a law of three numbers is fitted to
EXPONENTS = (0.02, 3.0)
FLOORS = (1e-4, 1e3)  # of the floor, in units of scale * largest ** -exponent
GRID, ROUNDS = 33, 12


class Law(NamedTuple):
    """`floor` and `scale` are errors, fractions of 1: those of endless images, and beyond that of one."""

    floor: float
    scale: float
    exponent: float

    def at(self, images: ArrayLike) -> Floats:
        """The error of that many training images, [n] or a number; at most 1. Of a number it is a float."""
        count = np.asarray(images, np.float64)
        errors: Floats = np.minimum(self.floor + self.scale * count**-self.exponent, 1.0)
        return errors


class Foretold(NamedTuple):
    """The error that the law says; `low` and `high` are the least and the most where one size is left out."""

    images: int
    error: float
    low: float
    high: float


def fit(images: Sequence[int], errors: Sequence[float]) -> Law:
    """The law of least squared logarithms through at least 4 sizes and their errors, fractions above 0.

    Raises ShapeError for other numbers.
    """
    counts, found = _checked(images, errors)
    shares = counts / counts.max()
    # the logarithms of the exponent and of the floor, a grid that is drawn closer around the best
    middle = [np.log([low, high]).mean() for low, high in (EXPONENTS, FLOORS)]
    reach = [np.diff(np.log([low, high]))[0] / 2 for low, high in (EXPONENTS, FLOORS)]
    best = (np.inf, 0.0, 0.0, 0.0)
    for _ in range(ROUNDS):
        exponents, floors = (
            np.exp(np.clip(np.linspace(m - r, m + r, GRID), *np.log(ends)))
            for m, r, ends in zip(middle, reach, (EXPONENTS, FLOORS), strict=True)
        )
        best = min(best, _search(shares, found, exponents, np.append(0.0, floors)))
        middle = [np.log(best[1]), np.log(best[2]) if best[2] > 0 else middle[1]]
        reach = [r / 3 for r in reach]
    _, exponent, floor, scale = best
    return Law(scale * floor, float(scale * counts.max() ** exponent), exponent)


def foretell(images: Sequence[int], errors: Sequence[float], at: int) -> Foretold | None:
    """What the law through all sizes says of `at` images; None for fewer than 5 sizes, as one is left out."""
    if len(images) <= FEWEST:
        return None
    without = [float(fit(*_left_out(images, errors, i)).at(at)) for i in range(len(images))]
    whole = float(fit(images, errors).at(at))
    return Foretold(at, whole, min(*without, whole), max(*without, whole))


def backtest(images: Sequence[int], errors: Sequence[float]) -> float | None:
    """The error that the law through all sizes but the largest says of the largest; None for fewer than 5."""
    if len(images) <= FEWEST:
        return None
    largest = int(np.argmax(images))
    return float(fit(*_left_out(images, errors, largest)).at(images[largest]))


def _search(
    shares: Floats, errors: Floats, exponents: Floats, floors: Floats
) -> tuple[float, float, float, float]:
    """(loss, exponent, floor, scale) of the best pair; the best scale of a pair is in closed form."""
    shapes = np.log(shares[:, None, None] ** -exponents[:, None] + floors)  # [sizes, exponents, floors]
    rest = np.log(errors)[:, None, None] - shapes
    scales = rest.mean(0)
    losses = ((rest - scales) ** 2).sum(0)
    e, f = np.unravel_index(losses.argmin(), losses.shape)
    return float(losses[e, f]), float(exponents[e]), float(floors[f]), float(np.exp(scales[e, f]))


def _left_out(
    images: Sequence[int], errors: Sequence[float], place: int
) -> tuple[Sequence[int], Sequence[float]]:
    kept = [i for i in range(len(images)) if i != place]
    return [images[i] for i in kept], [errors[i] for i in kept]


def _checked(images: Sequence[int], errors: Sequence[float]) -> tuple[NDArray[np.float64], Floats]:
    counts, found = np.asarray(images, np.float64), np.asarray(errors, np.float64)
    if counts.ndim != 1 or counts.shape != found.shape or len(np.unique(counts)) < FEWEST:
        raise ShapeError(f"A power law is fitted to the errors of at least {FEWEST} numbers of images.")
    if not (counts.min() > 0 and np.isfinite(found).all() and found.min() > 0 and found.max() <= 1):
        raise ShapeError("A power law is fitted to errors above 0, fractions of 1, of 1 image or more.")
    return counts, found
