"""What a digit lies in and is no part of: a frame or a ring around it, the edge of its paper, a table.

A photograph shows more than the digit, and most of it is large: it would be taken for the digit itself.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.shrink import shrunk

_AROUND = 0.4  # of the picture's shorter side: what is smaller lies around no digit
_WITHIN = 0.25  # of the longer side of what lies around: what is smaller is a speck, or the dot of a 0
_SLIM, _WIDE = 0.35, 0.8  # width of a 0's bar over the 0's; and over height, of a ring that is no 0
_DIRECTIONS = 32
_CLOSED = 0.9  # of them, in which a frame has ink
_ALONG = 0.95  # of a side of the picture, which the edge of the paper covers
_BESIDE = 0.15  # of the picture's shorter side: what is smaller is no digit beside that edge
_SMALLEST = 32  # pixels of the shorter side: no photograph of a sheet is smaller
_SMALL = 64  # pixels a side while the sheet is looked for
_LEAST, _STRAIGHT = 0.12, 0.86  # a sheet's share of the picture, and of the rectangle around it
_WRITTEN = 0.005, 0.35  # the share of a sheet that is not paper

Plane = NDArray[np.uint8]


def surroundings(labels: NDArray[Any], stats: NDArray[Any]) -> NDArray[np.bool_]:
    """Which components, bool [n], lie around another one or along a whole side of the picture.

    `labels` [h, w] and `stats` [1 + n, 5] are of `cv2.connectedComponentsWithStats`.
    """
    found = _along_a_side(labels, stats)
    _, _, width, height, _ = stats[1:].T
    for place in np.flatnonzero(np.minimum(width, height) > _AROUND * min(labels.shape)):
        found[place] |= _lies_around(labels, stats, int(place) + 1)
    return found


def _along_a_side(labels: NDArray[Any], stats: NDArray[Any]) -> NDArray[np.bool_]:
    """None where nothing else is as large as a digit."""
    sides = labels[0], labels[-1], labels[:, 0], labels[:, -1]
    shares = [np.bincount(side, minlength=len(stats))[1:] / len(side) for side in sides]
    found: NDArray[np.bool_] = np.max(shares, 0) > _ALONG
    others = stats[1:, 2:4].max(1) > _BESIDE * min(labels.shape)
    return found if (others & ~found).any() else np.zeros_like(found)


def _lies_around(labels: NDArray[Any], stats: NDArray[Any], number: int) -> bool:
    """Ink nearly all around another component that is no dot, nor the bar of a 0."""
    x, y, w, h, _ = stats[number]
    left, top, width, height, _ = stats[1:].T
    inside = (left > x) & (top > y) & (left + width < x + w) & (top + height < y + h)
    longer = np.maximum(width, height)
    inside &= (longer > _WITHIN * max(w, h)) & ((width > _SLIM * w) | (w > _WIDE * h))
    if not inside.any():
        return False
    place = int(np.argmax(longer * inside))
    rows, columns = np.nonzero(labels[y : y + h, x : x + w] == number)
    middle = left[place] + width[place] / 2 - x, top[place] + height[place] / 2 - y
    angles = np.arctan2(rows - middle[1], columns - middle[0])
    directions = np.unique(((angles / (2 * np.pi) + 0.5) * _DIRECTIONS).astype(int) % _DIRECTIONS)
    return len(directions) >= _CLOSED * _DIRECTIONS


def sheet(grey: Plane) -> NDArray[np.bool_] | None:
    """The pixels of a bright sheet of paper that lies on something darker, with what is written on it; None
    where there is none."""
    edges = grey[0], grey[-1], grey[:, 0], grey[:, -1]
    if min(grey.shape) < _SMALLEST or np.median(np.concatenate(edges)) > grey.mean():
        return None  # the answer for nearly every picture: paper goes on beyond its sides
    small = shrunk(grey, _SMALL)
    bright = np.asarray(cv2.threshold(small, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1], np.uint8)
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea, default=None)
    if outline is None or len(outline) < 4:
        return None
    (_, (width, height), _), filled = cv2.minAreaRect(outline), np.zeros(small.shape, np.uint8)
    cv2.drawContours(filled, [outline], 0, 1, -1)
    area = int(filled.sum())
    low, high = _WRITTEN
    if area < _LEAST * small.size or area < _STRAIGHT * (width + 1) * (height + 1):
        return None
    if not low <= 1 - (bright & filled).sum() / area <= high:
        return None
    inner = cv2.erode(cv2.copyMakeBorder(filled, 1, 1, 1, 1, cv2.BORDER_CONSTANT), np.ones((3, 3), np.uint8))
    large = cv2.resize(inner[1:-1, 1:-1], grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(large) > 0
