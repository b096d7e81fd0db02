"""Where digits that touch may be parted: paths from top to bottom that cross little ink.

A cut may lean and bend, so it follows slanted and overlapping digits. There are more cuts than digits: a
classifier has to say which of the parts belong together.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_SIDEWAYS = 0.3  # pixels of ink that a step aside costs: paths stay upright where they can

Mask = NDArray[np.bool_]


def part(mask: Mask, *, crossing: float, apart: float) -> list[Mask]:
    """Masks of the shape of `mask`, bool [h, w], that have no pixel in common and make it up, left to right.

    Each cut crosses at most about `crossing` pixels of ink, and half way down they are `apart` pixels or more
    from each other; of two that are closer, the one across less ink is made.
    """
    down, up = _cheapest(mask), _cheapest(mask[::-1])[::-1]
    middle = len(mask) // 2
    through = down[middle] + up[middle] - mask[middle]
    parts, rest = [], mask
    columns = np.arange(mask.shape[1])
    for x in _minima(through, crossing, apart):
        left = rest & (columns < _seam(down, up, middle, x)[:, None])
        if left.any() and (left != rest).any():
            parts.append(left)
            rest = rest & ~left
    return [*parts, rest]


def _cheapest(mask: Mask) -> NDArray[np.float32]:
    """For each pixel the least ink on a path to it from the top, a step down or diagonally down a row."""
    cost = np.full((mask.shape[0], mask.shape[1] + 2), np.inf, np.float32)
    cost[:, 1:-1] = mask
    for above, row in pairwise(cost):
        row[1:-1] += np.minimum(above[1:-1], np.minimum(above[:-2], above[2:]) + _SIDEWAYS)
    return cost[:, 1:-1]


def _minima(cost: NDArray[np.float32], limit: float, apart: float) -> list[int]:
    """Columns of the least cost, at most `limit`, at least `apart` from each other, in order."""
    chosen: list[int] = []
    for x in np.argsort(cost, kind="stable").tolist():
        if cost[x] > limit:
            break
        if all(abs(x - other) >= apart for other in chosen):
            chosen.append(x)
    return sorted(chosen)


def _seam(down: NDArray[np.float32], up: NDArray[np.float32], middle: int, x: int) -> NDArray[np.intp]:
    """The cheapest path through column `x` of the middle row: its column in each row."""
    seam = np.empty(len(down), np.intp)
    seam[middle] = x
    for costs, rows in ((down, range(middle - 1, -1, -1)), (up, range(middle + 1, len(up)))):
        at = x
        for row in rows:
            near = {column: costs[row, column] + _SIDEWAYS * (column != at) for column in _around(at, costs)}
            at = min(near, key=near.__getitem__)
            seam[row] = at
    return seam


def _around(column: int, costs: NDArray[np.float32]) -> range:
    return range(max(0, column - 1), min(costs.shape[1], column + 2))
