"""Ruled lines, squares and boxes taken off a mask of ink, the strokes that cross them kept.

A straight run of ink far longer than any stroke of a digit is a line, but for the only one of a stroke that
is as high as the run is long: the foot of a large 2, written with a fine pen. So is a shorter one, as thin as
others, that leads from one line to another: the side of a box, or a piece of a square. Lines may lie askew,
and in a photograph taken from aside in several directions: slopes are tried until nothing more is found.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# Lengths and heights are in widths of a stroke, where nothing else is said.
_LONG = 20.0  # a straight run across so long is a line
_LONG_DOWN = 60.0  # and down: a large 1 is a straight run, too
_SIDE = 6.0  # a run so long may be the side of a box
_SPAN = 0.5  # of its length, that lies between lines at least, where it is longer than _LONG
_AS_THIN = 1.5  # times the height of lines the other way: what is higher is no line
_THIN = 0.7  # and what is lower than this may always be one
_CROSSES = 1.6  # ink so much higher than a line is not the line alone
_FINEST = 2.5  # pixels: strokes that seem finer are lines that outnumber them
_LARGE = 10.0  # what is smaller has no line in it
_SLOPES = np.tan(np.radians(np.arange(-15, 15.1, 0.5)))
_POINTS = 20_000  # of ink, enough to tell the slope by
_TURNS = 6  # slopes that are tried at most
_FEW = 0.003  # of the ink looked at: who takes less off has found no more lines

Plane = NDArray[np.uint8]
Parts = tuple[NDArray[np.int32], NDArray[np.int32]]  # which stroke each pixel is of, and their stats


def without_rules(mask: Plane, stroke: float) -> Plane:
    """`mask` uint8 [h, w] of 0 and 1, whose strokes are `stroke` pixels wide, without straight lines across
    and down that are level, or up to 15 degrees askew."""
    stroke = max(stroke, _FINEST)
    rest, level, whole = mask, False, _parts(mask)
    for _ in range(_TURNS):
        slope, ink = _slope(rest, stroke, whole if rest is mask else _parts(rest))
        before, rest = rest, _without_lines(rest, mask, stroke, slope, whole)
        level |= slope == 0
        if np.count_nonzero(before) - np.count_nonzero(rest) <= _FEW * ink:
            break
    return rest if level else _without_lines(rest, mask, stroke, 0.0, whole)


def _parts(mask: Plane) -> Parts:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def _slope(mask: Plane, stroke: float, parts: Parts) -> tuple[float, int]:
    """Rise over run of the lines in the strokes that are large enough to have one in them, 0 where there are
    none, and the pixels of these strokes. By that slope, ink falls into the fewest rows and columns."""
    labels, stats = parts
    size = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1) / stroke
    large = np.append(False, size >= (_LONG if (size >= _LONG).any() else _LARGE))
    ink = int(stats[large, cv2.CC_STAT_AREA].sum())
    if not ink:
        return 0.0, 0
    x, y = _places(mask)
    step = -(-len(x) // _POINTS)
    seen = large[labels[y[::step], x[::step]]]
    x, y = (place[::step][seen].astype(np.float32) / np.float32(stroke) for place in (x, y))
    count = 2 + round(2 * sum(mask.shape) / stroke)
    sharp = np.zeros(len(_SLOPES))
    for along, aside in ((x, y), (-y, x)):  # lines across, and lines down
        for place, slope in enumerate(_SLOPES.astype(np.float32)):
            rows = np.bincount((aside - slope * along + count / 2).astype(int), minlength=count)
            sharp[place] += float((np.diff(rows) ** 2.0).sum())
    return float(_SLOPES[sharp.argmax()]), ink


def _without_lines(rest: Plane, mask: Plane, stroke: float, slope: float, parts: Parts) -> Plane:
    """`rest` of `mask` without the lines of `mask`, whose strokes are `parts`, that rise by `slope` to either
    axis."""
    across = _Lines(mask, stroke, slope, _LONG)
    down = _Lines(_turned(mask), stroke, -slope, _LONG_DOWN)
    labels, stats = parts
    across.leave_feet(labels, stats[:, cv2.CC_STAT_HEIGHT])
    down.leave_feet(labels.T, stats[:, cv2.CC_STAT_WIDTH])
    for _ in range(2):  # what led to a line may have led to none
        across.keep_between(down)
        down.keep_between(across)
    return _turned(down.taken_off(_turned(across.taken_off(rest))))


class _Lines:
    """Those across `mask` that rise by `slope`: 1 on `plane`. Those `long` enough are lines whatever else
    there is; the shorter runs count as lines until `keep_between` has sorted them."""

    def __init__(self, mask: Plane, stroke: float, slope: float, long: float) -> None:
        self._stroke = stroke
        level = _sheared(mask, slope)
        runs = (_runs(level, round(length * stroke)) for length in (long, _SIDE))
        self._long, self.plane = (_back(found, slope, len(mask)) for found in runs)
        self._x, self._y = _places(self.plane)
        count, labels = cv2.connectedComponents(self.plane, connectivity=8)
        self._of = labels[self._y, self._x]  # for each of its pixels, the run that it is of
        self._left, self._right = _ends(self._x, self._of, count)
        self._length = np.maximum(1, self._right - self._left + 1)
        self._height = np.bincount(self._of, minlength=count) / self._length
        self._is_long = np.zeros(count, np.bool_)
        self._is_long[self._of[self._long[self._y, self._x] > 0]] = True
        self._kept = self._height > 0

    @property
    def height(self) -> float:
        """The usual one, in pixels; 0 where there are none."""
        return float(np.median(self._height[self._kept])) if self._kept.any() else 0.0

    def leave_feet(self, labels: NDArray[np.int32], heights: NDArray[np.int32]) -> None:
        """Of the long runs, leave those that are the only one of their stroke and no longer than it is high.
        `labels` [h, w] say which stroke each pixel is of."""
        if not self._is_long.any():
            return
        stroke = np.zeros(len(self._length), np.intp)
        stroke[self._of] = labels[self._y, self._x]
        alone = np.bincount(stroke[self._is_long], minlength=len(heights))[stroke] == 1
        feet = self._is_long & alone & (self._length <= heights[stroke])
        self._is_long &= ~feet
        its = feet[self._of]
        self._long[self._y[its], self._x[its]] = 0

    def keep_between(self, others: "_Lines") -> None:
        """Of the shorter runs, those thin ones that lead from one of the `others`, lines down, or from a side
        of the picture, to another."""
        reach = round(self._stroke)
        beside = cv2.dilate(_turned(others.plane), np.ones((1, 2 * reach + 1), np.uint8))
        beside[:, : reach + 1] = beside[:, -reach - 1 :] = 1
        near = beside[self._y, self._x] > 0
        first, last = _ends(self._x[near], self._of[near], len(self._length))
        between = (first <= self._left + reach) & (last >= self._right - reach)
        between |= (self._length >= _LONG * self._stroke) & (last - first >= _SPAN * self._length)
        thin = self._height <= max(_AS_THIN * others.height, _THIN * self._stroke)
        its = (between & thin)[self._of]
        self._kept = between & thin | self._is_long
        self.plane = self._long.copy()
        self.plane[self._y[its], self._x[its]] = 1

    def taken_off(self, mask: Plane) -> Plane:
        """`mask` without them, but for where its ink is higher than they are: there a stroke crosses."""
        higher = round(_CROSSES * self._stroke) | 1
        crossing = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((higher, 1), np.uint8))
        return np.asarray(cv2.subtract(mask, cv2.subtract(self.plane, crossing)), np.uint8)


def _runs(mask: Plane, length: int) -> Plane:
    """The ink of level lines, so many pixels long and longer."""
    if length >= mask.shape[1]:
        return np.zeros_like(mask)
    # thickened, a line that leans stays in one row of pixels for longer
    thick = cv2.dilate(mask, np.ones((3, 1), np.uint8))
    line = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    return np.asarray(cv2.bitwise_and(mask, line), np.uint8)


def _sheared(mask: Plane, slope: float) -> Plane:
    """Each column moved up or down, so that what rises by `slope` is level, on a plane with room for it."""
    height, width = mask.shape
    out = np.zeros((height + _drop(slope, width).max(), width), np.uint8)
    for columns, drop in _blocks(slope, width):
        out[drop : drop + height, columns] = mask[:, columns]
    return out


def _back(mask: Plane, slope: float, height: int) -> Plane:
    """What `_sheared` made of a plane of that height, as it was before."""
    out = np.zeros((height, mask.shape[1]), np.uint8)
    for columns, drop in _blocks(slope, mask.shape[1]):
        out[:, columns] = mask[drop : drop + height, columns]
    return out


def _blocks(slope: float, width: int) -> Iterator[tuple[slice, int]]:
    """Neighbouring columns that move together, and by how many rows."""
    drops = _drop(slope, width)
    edges = [0, *(1 + np.flatnonzero(np.diff(drops))).tolist(), width]
    for left, right in pairwise(edges):
        yield slice(left, right), int(drops[left])


def _drop(slope: float, width: int) -> NDArray[np.int_]:
    """Rows, from 0, that each column moves down."""
    drops: NDArray[np.int_] = np.rint(abs(slope) * np.arange(width)).astype(int)
    return drops[::-1] if slope > 0 else drops


def _ends(x: NDArray[Any], of: NDArray[Any], count: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The least and the greatest `x` of each of `count` runs; far above, and -1, where a run has none."""
    first, last = np.full(count, np.iinfo(np.int32).max), np.full(count, -1)
    np.minimum.at(first, of, x)
    np.maximum.at(last, of, x)
    return first, last


def _places(mask: Plane) -> NDArray[np.int32]:
    """x and y of what is not 0, int32 [2, n], in a fraction of numpy's time."""
    places = cv2.findNonZero(mask)
    return np.zeros((2, 0), np.int32) if places is None else places.reshape(-1, 2).T.astype(np.int32)


def _turned(mask: Plane) -> Plane:
    """Rows for columns."""
    return np.asarray(cv2.transpose(mask), np.uint8)
