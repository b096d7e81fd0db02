"""A page -> its strokes: what is thin and stands out, whatever lies under it (shadows, folds, the table).

`ink.py` looks for one digit that fills its picture; on a page strokes are thin against it, and that alone
tells them from everything wider.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.ink import is_bright, most_telling_grey
from tenfold.images.resize import zoomed
from tenfold.images.surroundings import table

PAGE_SIDE = 1600  # larger pictures are shrunk to this: a digit on a fiftieth of it still has 32 pixels
_SMALL_SIDE = 120  # a shorter side below this is enlarged, so that a cut has room between two strokes
_ENLARGE = 3.0  # at most
_SEEN_SIDE, _AROUND = 256, 0.1  # pixels, and of them, where it is judged whether ink is dark or bright: of
# 768 photographs, cheques and drawn pages either way round none was taken wrongly, nor with 0.06 to 0.16
_FAINTEST = 8  # grey levels between paper and ink below which a page is blank
_WEAK, _STRONG = 0.35, 0.6  # of the ink's level: a stroke's pixels reach the one, somewhere the other
_EDGE = 0.018  # of the longer side: twice what is blurred at the edge of what a page lies on
_SOFTEST = 10.0  # pixels: what is broader is blurred by no more
_DARKEST = 0.4  # of the light on the page: less is no shadow but something dark


@dataclass(frozen=True)
class Strokes:
    """`mask` uint8 [h, w] is 1 on strokes, `width` their usual width in its pixels; `plane` uint8 [h, w]
    tells how far each pixel of `grey` stands out; `scale` is their size over the picture."""

    grey: NDArray[np.uint8]
    plane: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    width: float
    scale: float


def strokes(picture: NDArray[np.uint8]) -> Strokes:
    """The strokes of a picture, uint8 [h, w] or RGB [h, w, 3], of either polarity."""
    height, width = picture.shape[:2]
    scale = PAGE_SIDE / max(height, width)
    if scale >= 1:
        scale = min(max(1.0, _SMALL_SIDE / min(height, width)), _ENLARGE, scale)
    if scale != 1:
        picture = zoomed(picture, scale)
    return _strokes(picture if picture.ndim == 2 else most_telling_grey(picture), scale)


def softened(found: Strokes) -> Strokes:
    """Of the same picture, blurred by a stroke's width: a paper's grain is gone then, and what a pen skipped
    is joined."""
    blur = min(found.width, _SOFTEST)
    return _strokes(np.asarray(cv2.GaussianBlur(found.grey, (0, 0), blur), np.uint8), found.scale)


def _strokes(grey: NDArray[np.uint8], scale: float) -> Strokes:
    around = table(grey)
    if around is None:
        plane, level = _standing_out(grey if is_bright(grey, side=_SEEN_SIDE, share=_AROUND) else 255 - grey)
    else:
        around = _with_its_edge(around)
        plane, level = _standing_out(255 - np.where(around, np.uint8(np.median(grey[~around])), grey))
    mask = _mask(plane, level) if level >= _FAINTEST else np.zeros_like(plane)
    if around is not None:
        mask[_with_its_edge(around)] = 0  # the step from it to the paper is no stroke
    return Strokes(grey, plane, mask, stroke_width(mask), scale)


def _with_its_edge(around: NDArray[np.bool_]) -> NDArray[np.bool_]:
    edge = np.ones((round(_EDGE * max(around.shape)),) * 2, np.uint8)
    return np.asarray(cv2.dilate(around.astype(np.uint8), edge) > 0)


def _standing_out(plane: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """`plane` without what is wider than a stroke (shadows, folds, the table), and the level of its ink.

    As the window of a top-hat grows, what it keeps grows until it is wider than the strokes, and then stays:
    the first such window is taken, twice over. Its response there is the level. In a shadow ink stands out as
    much less as the paper is darker, which is made up for.
    """
    shrink = min(1.0, 512 / max(plane.shape))
    small = zoomed(plane, shrink)
    windows = [3]
    while windows[-1] < max(5, 0.4 * min(small.shape)):
        windows.append(max(windows[-1] + 2, round(1.35 * windows[-1]) | 1))
    levels = [_level(cv2.subtract(small, _opened(small, window))) for window in windows]
    steady = next(
        i
        for i, level in enumerate(levels)
        if 1.1 * level >= levels[min(i + 2, len(levels) - 1)] and level >= 0.4 * levels[-1]
    )
    window = round(windows[steady] / shrink) | 1
    # averaged over a stroke's width, the fine pattern of a paper is part of its level
    under = _opened(cv2.blur(plane, (window, window)), 2 * window + 1)
    lit = max(1.0, float(np.percentile(255 - under[::4, ::4], 90)))
    gain = lit / np.clip(255.0 - np.arange(256), _DARKEST * lit, lit)
    even = np.asarray(cv2.LUT(under, gain), np.float64)  # 15 MB for a page; in place, as new memory is slow
    even *= cv2.subtract(plane, under)
    return np.minimum(even, 255, out=even).astype(np.uint8), levels[steady]


def _opened(plane: NDArray[Any], window: int) -> NDArray[np.uint8]:
    window = min(window, min(plane.shape) | 1)
    opened = cv2.morphologyEx(plane, cv2.MORPH_OPEN, np.ones((window, window), np.uint8))
    return np.asarray(opened, np.uint8)


def _level(plane: NDArray[Any]) -> float:
    """The mean of the brightest hundredth of the pixels."""
    count = max(1, plane.size // 100)
    return float(np.partition(plane.ravel(), -count)[-count:].mean())


def _mask(plane: NDArray[np.uint8], level: float) -> NDArray[np.uint8]:
    """Pixels of ink: above the weak level and joined to some above the strong one."""
    weak = (plane > max(_WEAK * level, 1)).astype(np.uint8)
    count, labels = cv2.connectedComponents(weak, connectivity=8)
    kept = np.zeros(count, np.uint8)
    kept[labels[plane > _STRONG * level]] = 1
    kept[0] = 0
    return np.asarray(kept[labels], np.uint8)


def stroke_width(mask: NDArray[np.uint8]) -> float:
    """The usual width in pixels of what is 1 in `mask`, uint8 [h, w]; 1 where there is nothing."""
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    ridge = np.sort(distance[(distance > 0) & (distance >= cv2.dilate(distance, np.ones((3, 3), np.uint8)))])
    if not len(ridge):
        return 1.0
    area = ridge.cumsum()  # a thick stroke counts for more: there may be many thin lines on the paper
    return max(1.0, 2 * float(ridge[np.searchsorted(area, area[-1] / 2)]) - 1)
