"""Where digits that touch may be parted: paths from top to bottom that cross little ink.

A cut leans as the writing does and may bend, so it follows digits that overlap. There are more cuts than
digits: a classifier has to say which of the parts belong together.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_SIDEWAYS = 0.3  # pixels of ink that a step aside costs: of equal paths the most upright one

_LEANS = tuple(step / 10 for step in range(-3, 11))  # handwriting leans to the right, by up to 45 degrees

Mask = NDArray[np.bool_]
Costs = list[list[float]]


def lean(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> float:
    """Pixels that the strokes at these places move left for each one down: undone, most are upright."""
    upright = [columns + np.rint(slope * rows).astype(np.intp) for slope in _LEANS]
    heights = [np.bincount(places - places.min()) for places in upright]
    return _LEANS[int(np.argmax([np.square(height).sum() for height in heights]))]


def part(mask: Mask, *, crossing: float, apart: float, lean: float = 0.0) -> list[tuple[Mask, float]]:
    """Masks of the shape of `mask`, bool [h, w], that have no pixel in common and make it up, left to right;
    with each the pixels of ink that the cut to its right crosses, 0 for the last.

    Each cut crosses at most about `crossing` pixels of ink, and half way down they are `apart` pixels or more
    from each other; of two that are closer, the one across less ink is made.
    """
    shift = np.rint(lean * np.arange(len(mask))).astype(np.intp)
    places = np.arange(mask.shape[1]) + shift[:, None] - shift.min()
    upright = np.zeros((len(mask), places.max() + 1), np.bool_)
    np.put_along_axis(upright, places, mask, 1)
    parts = _part_upright(upright, crossing, apart)
    return [(np.take_along_axis(found, places, 1), crossed) for found, crossed in parts]


def _part_upright(mask: Mask, crossing: float, apart: float) -> list[tuple[Mask, float]]:
    down, up = _cheapest(mask), _cheapest(mask[::-1])[::-1]
    middle = len(mask) // 2
    through = down[middle] + up[middle] - mask[middle]
    parts: list[tuple[Mask, float]] = []
    rest = mask
    columns = np.arange(mask.shape[1])
    lists: tuple[Costs, Costs] = down.tolist(), up.tolist()  # read one by one, five times as fast
    for x in _minima(through, crossing, apart):
        left = rest & (columns < _seam(*lists, middle, x)[:, None])
        if left.any() and (left != rest).any():
            parts.append((left, float(through[x])))
            rest = rest & ~left
    return [*parts, (rest, 0.0)]


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


def _seam(down: Costs, up: Costs, middle: int, x: int) -> NDArray[np.intp]:
    """The cheapest path through column `x` of the middle row: its column in each row."""
    seam = np.empty(len(down), np.intp)
    seam[middle] = x
    last = len(down[0]) - 1
    for costs, rows in ((down, range(middle - 1, -1, -1)), (up, range(middle + 1, len(up)))):
        at = x
        for row in rows:
            cost = costs[row]
            best, least = at, cost[at]
            if at and cost[at - 1] + _SIDEWAYS < least:
                best, least = at - 1, cost[at - 1] + _SIDEWAYS
            if at < last and cost[at + 1] + _SIDEWAYS < least:
                best = at + 1
            seam[row] = at = best
    return seam
