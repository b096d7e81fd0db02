"""What digits lie in and are no part of: a frame or a ring around one, the edge of its paper, a table.

A photograph shows more than the digit, and most of it is large: it would be taken for the digit itself.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.resize import shrunk

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
_PAGE = 200  # pixels of the shorter side: no photograph of a page is smaller
_TABLE = 128  # pixels a side while the table is looked for that a page lies on
_CLOSED_OVER = 9  # of them: what is slimmer and dark on the paper is writing
_APART = 0.8  # the share of the variance between paper and table; of evenly falling light it is 0.75
_DARKER = 0.75  # a table's brightness over the paper's, at most
_TABLES, _PAPERS = 0.03, 0.12  # of the picture, at least
_BLANK = 0.6  # of the paper, at least: more writing is a light grid on something dark
_BROAD = 0.2  # of the shorter side, which paper covers somewhere both ways
_WRITING = 31  # pixels of 512: strokes are slimmer
_STROKE = 30  # of their pixels: some of a small digit's
_FAINT = 0.1  # of the light, that writing takes at least
_WAYS, _ALIKE = 12, 1.6  # from a sheet's middle, and how much brighter the table may be in one than another
_UNWRITTEN = 0.5  # of the writing's contrast on the paper: where there is more on a table, it is a shadow

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


@dataclass(frozen=True)
class Sheet:
    """Its `pixels`, bool [h, w], with what is written on it; `dark` if it lies on something brighter."""

    pixels: NDArray[np.bool_]
    dark: bool


def sheet(grey: Plane) -> Sheet | None:
    """A bright sheet of paper that lies on something darker, or a dark field on a bright page, as programs
    show pictures in; None where there is none."""
    if min(grey.shape) < _SMALLEST:
        return None
    edges = grey[0], grey[-1], grey[:, 0], grey[:, -1]
    dark = bool(np.median(np.concatenate(edges)) > grey.mean())
    kind = cv2.THRESH_BINARY_INV if dark else cv2.THRESH_BINARY
    small = shrunk(grey, _SMALL)
    bright = np.asarray(cv2.threshold(small, 0, 1, kind | cv2.THRESH_OTSU)[1], np.uint8)
    low, high = _WRITTEN
    if cv2.countNonZero(bright) < (1 - high) * _LEAST * small.size:
        return None  # the answer for most pictures: what departs from the paper is a digit
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea, default=None)
    if outline is None or len(outline) < 4:
        return None
    filled = _filled(outline, small.shape)
    area = int(filled.sum())
    if area < _LEAST * small.size or not _is_straight(outline, area):
        return None
    if not low <= 1 - (bright & filled).sum() / area <= high:
        return None
    inner = cv2.erode(cv2.copyMakeBorder(filled, 1, 1, 1, 1, cv2.BORDER_CONSTANT), np.ones((3, 3), np.uint8))
    large = cv2.resize(inner[1:-1, 1:-1], grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return Sheet(np.asarray(large) > 0, dark)


def table(grey: Plane) -> NDArray[np.bool_] | None:
    """The pixels of what a page with dark writing lies on: darker than it, along the sides of the picture.

    With it go other things on it that have no writing, where the page is a sheet that is seen whole. None of
    its pixels where there is writing, too, as in a shadow; None where the picture is not of such a page.
    """
    if min(grey.shape) < _PAGE:
        return None
    small = shrunk(grey, _TABLE)
    over = _CLOSED_OVER
    beyond = cv2.copyMakeBorder(small, over, over, over, over, cv2.BORDER_REPLICATE)  # as the table does
    closed = cv2.morphologyEx(beyond, cv2.MORPH_CLOSE, np.ones((over, over), np.uint8))
    paper = closed[over:-over, over:-over]
    level, bright = cv2.threshold(paper, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    share = float(bright.mean())
    if not 0 < share < 1 or (small[bright == 1] > level).mean() < _BLANK:
        return None
    lit, dark = float(paper[bright == 1].mean()), float(paper[bright == 0].mean())
    apart = share * (1 - share) * (lit - dark) ** 2 / float(paper.var())
    if apart < _APART or dark > _DARKER * lit:
        return None
    _, parts = cv2.connectedComponents(1 - bright)
    found = np.isin(parts, np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])) & (bright == 0)
    side = round(_BROAD * min(small.shape))
    broad = cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    if found.mean() < _TABLES or broad.mean() < _PAPERS:
        return None
    sheets = _sheets(grey, small, level)
    if sheets is not None:
        found = ~sheets
    else:
        on_it, on_paper = _writing(grey, found, ~found)
        if on_paper < _FAINT:
            return None
        found &= on_it < _UNWRITTEN * on_paper
    return np.asarray(cv2.resize(found.astype(np.uint8), grey.shape[::-1]) > 0)


def _sheets(grey: Plane, small: Plane, level: float) -> NDArray[np.bool_] | None:
    """What is brighter than `level` and has writing on it, filled, if the largest such is a sheet on a table;
    None otherwise. `small` is `grey`, as large as what is returned."""
    bright = small > level
    apart = cv2.morphologyEx(bright.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(apart, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    large = [outline for outline in outlines if cv2.contourArea(outline) >= _TABLES * bright.size]
    large.sort(key=cv2.contourArea, reverse=True)
    things = [_filled(outline, bright.shape) > 0 for outline in large]
    if not things or not _is_seen_whole(things[0]) or not _is_straight(large[0], int(things[0].sum())):
        return None
    if not _is_alike_around(things[0], small):
        return None
    written = _writing(grey, *things)
    if written[0] < _FAINT:
        return None
    kept = [thing for thing, its in zip(things, written, strict=True) if its >= _UNWRITTEN * written[0]]
    return np.asarray(np.any(kept, axis=0))


def _is_alike_around(thing: NDArray[np.bool_], light: Plane) -> bool:
    """It is as dark on all sides of it: where it is brighter on one, the sheet goes on there in a shadow."""
    outside = [cv2.dilate(thing.astype(np.uint8), np.ones((size, size), np.uint8)) for size in (5, 13)]
    y, x = np.nonzero(outside[1] > outside[0])
    middle = np.argwhere(thing).mean(0)
    way = ((np.arctan2(y - middle[0], x - middle[1]) / np.pi + 1) * _WAYS / 2).astype(int) % _WAYS
    levels = [float(np.median(light[y, x][way == each])) for each in range(_WAYS) if (way == each).any()]
    return max(levels) <= _ALIKE * min(levels)


def _is_seen_whole(thing: NDArray[np.bool_]) -> bool:
    """But for one side, which may lie beyond the picture."""
    return sum(bool(side.any()) for side in (thing[0], thing[-1], thing[:, 0], thing[:, -1])) <= 1


def _filled(outline: NDArray[Any], shape: tuple[int, ...]) -> Plane:
    """1 within the outline, else 0."""
    return np.asarray(cv2.drawContours(np.zeros(shape, np.uint8), [outline], 0, 1, -1), np.uint8)


def _is_straight(outline: NDArray[Any], area: int) -> bool:
    """It nearly fills the rectangle around it, which may stand askew."""
    (_, (width, height), _) = cv2.minAreaRect(outline)
    return area >= _STRAIGHT * (width + 1) * (height + 1)


def _writing(grey: Plane, *places: NDArray[np.bool_]) -> list[float]:
    """How dark what is slim is in `places`, each of any size, in a stroke's pixels: shares of the light."""
    middle = cv2.blur(shrunk(grey, 512), (3, 3))  # of its grain, too
    slim = cv2.morphologyEx(middle, cv2.MORPH_BLACKHAT, np.ones((_WRITING, _WRITING), np.uint8))
    found = []
    for place in places:
        inner = cv2.erode(place.astype(np.uint8), np.ones((5, 5), np.uint8))
        inside = cv2.resize(inner, middle.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        dark, lit = slim[inside], middle[inside]
        enough = len(dark) >= _STROKE
        found.append(
            float(np.partition(dark, -_STROKE)[-_STROKE]) / max(1.0, float(np.median(lit))) if enough else 0.0
        )
    return found
