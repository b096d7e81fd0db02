"""Any picture -> the strength of its ink: how far each pixel departs from the paper around it.

Paper is what remains when every stroke is closed over: a morphological closing with a window wider than any
stroke keeps shadows, uneven light and patches pasted on another ground, since those are wider still. All that
concerns paper is computed on a plane of 64 pixels a side, where it costs a tenth of a millisecond.
"""

from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.lines import lines_of_paper
from tenfold.images.pixels import at_a_side
from tenfold.images.resize import shrunk
from tenfold.images.surroundings import sheet

WORK_SIDE = 512  # pictures are shrunk to this many pixels a side: a digit on a tenth of it still has 50
_SAMPLE = 4096  # pixels, enough to tell the colours by
_PAPER_SIDE = 64
_STROKE_SHARE = 0.45  # the widest stroke, as a share of the picture's shorter side
_PAPER_SHARE = 0.6  # of the longer side: the window in which more than half is paper
_RIM = 0.08  # of the shorter side, where it is not judged what is ink
_OF_SHADOW = 0.7  # the share of a dark part that must be paper where the picture goes on, to be a shadow
_SHADED = 0.8  # of the ink's depth: light falls into a shadow, too
_LEAST_PAPER = 0.05  # the share of paper in a window that its mean can be trusted from
_NOISES = 3.0  # ink departs from paper by this many standard deviations of the paper
_FAINT, _FULL = 0.25, 0.6  # bounds of the threshold as shares of full ink: pencil fades to a quarter

_LINE = 0.6  # of the threshold, above which ink may be of a line
_NOISE_CORRELATION = (
    0.25  # of neighbouring pixels: of a digit's 0.35 and more, of noise, also shrunk, under 0.2
)


@dataclass(frozen=True)
class Ink:
    """`plane` uint8 [h, w] is 0 on paper and rises with the ink, in grey levels of the picture.

    `threshold` parts ink from paper, `contrast` is the level of full ink (0 for a blank or noise); `bright`
    tells light ink on dark paper; `scale` is the plane's size over the picture's.
    """

    plane: NDArray[np.uint8]
    threshold: int
    contrast: int
    bright: bool
    scale: float

    @property
    def mask(self) -> NDArray[np.uint8]:
        """1 where there is ink, else 0, uint8 [h, w]."""
        return cv2.threshold(self.plane, self.threshold, 1, cv2.THRESH_BINARY)[1].astype(np.uint8, copy=False)


def ink(picture: NDArray[np.uint8], *, side: int = WORK_SIDE) -> Ink:
    """The ink of `picture`, uint8 [h, w] or RGB [h, w, 3], on a plane of at most `side` pixels a side,
    without the lines of ruled paper."""
    work = shrunk(picture, side)
    grey = work if work.ndim == 2 else most_telling_grey(work)
    on_paper = sheet(grey)
    if on_paper is not None:
        grey = np.where(on_paper.pixels, grey, np.uint8(np.median(grey[on_paper.pixels])))
    bright = is_bright(grey) if on_paper is None else on_paper.dark
    if bright:
        grey = cv2.bitwise_not(grey).astype(np.uint8, copy=False)
    paper = _paper(grey)
    plane = cv2.subtract(paper, grey).astype(np.uint8, copy=False)
    threshold, contrast = _threshold(plane, cv2.subtract(paper, grey, dtype=cv2.CV_16S))
    if contrast and _is_noise(plane):
        contrast = 0
    scale = max(work.shape) / max(picture.shape)
    return _without_lines(Ink(plane, threshold, contrast, bright, scale))


def _without_lines(found: Ink) -> Ink:
    strong = cv2.threshold(found.plane, _LINE * found.threshold, 0, cv2.THRESH_TOZERO)[1]
    lines = lines_of_paper(strong.astype(np.uint8, copy=False))
    if not lines.any() or not found.mask[~lines].any():  # a picture of nothing but a line shows a 1
        return found
    return replace(found, plane=np.where(lines, 0, found.plane).astype(np.uint8))


def most_telling_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The projection of colours in which they differ most: yellow ink on white, or red on green, has no
    contrast in plain luminance."""
    every = max(1, isqrt(rgb.shape[0] * rgb.shape[1] // _SAMPLE))  # along a row alone, few columns are seen
    sample = rgb[::every, ::every].reshape(-1, 3).astype(np.float32)
    sample -= sample.mean(axis=0)
    axis = np.linalg.eigh(sample.T @ sample)[1][:, -1]
    axis *= np.sign(axis.sum() or 1.0) / np.abs(axis).sum()
    offset = -255 * float(axis[axis < 0].sum())
    weights = np.append(axis, offset)[None].astype(np.float32)
    return cv2.transform(rgb, weights).reshape(rgb.shape[:2]).astype(np.uint8, copy=False)


def is_bright(grey: NDArray[np.uint8], *, side: int = _PAPER_SIDE, share: float = _PAPER_SHARE) -> bool:
    """Light ink on dark paper: what departs from the paper around it, the median over `share` of the longer
    side on a plane of `side` pixels, departs upwards.

    Of 6,000 real and rendered pictures, either way round, one was taken wrongly. A global threshold that asks
    which part is the smaller failed on half of those with a shadow.
    """
    small = shrunk(grey, side)
    window = max(3, round(share * max(small.shape)) | 1)
    paper = cv2.medianBlur(small, window)
    rim = round(_RIM * min(small.shape))  # a frame's corners look like dark paper
    inner = np.s_[rim : small.shape[0] - rim, rim : small.shape[1] - rim]
    above = cv2.subtract(small[inner], paper[inner])
    below = cv2.subtract(paper[inner], small[inner])
    return bool(cv2.norm(above) > cv2.norm(below))


def _paper(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The level of the paper, bright, around and under dark ink.

    A closing overestimates it by the noise, the mean of what is not ink is wrong near a shadow's edge: the
    lower of the two is right.
    """
    small = shrunk(grey, _PAPER_SIDE).astype(np.float32)
    trend = _trend(small)  # without it, a window cut off by the border sees only the brighter side
    level = small - trend
    window = (max(3, round(_STROKE_SHARE * min(small.shape)) | 1),) * 2
    closed = np.asarray(cv2.morphologyEx(level, cv2.MORPH_CLOSE, np.ones(window, np.uint8)), np.float32)
    least, dark = _dark(closed - level)
    if at_a_side(dark):  # as of few pictures
        closed = _without_shadow(level, closed, window, least, dark)
        _, dark = _dark(closed - level)
    blank = 1 - dark
    share = cv2.blur(blank.astype(np.float32), window, borderType=cv2.BORDER_REPLICATE)
    total = cv2.blur(level * blank, window, borderType=cv2.BORDER_REPLICATE)
    mean = np.where(share > _LEAST_PAPER, total / np.maximum(share, _LEAST_PAPER), closed)
    paper = np.clip(np.ceil(np.minimum(closed, mean) + trend), 0, 255).astype(np.uint8)
    size = (grey.shape[1], grey.shape[0])
    return cv2.resize(paper, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def _dark(depth: NDArray[np.float32]) -> tuple[float, NDArray[np.uint8]]:
    """The depth that parts ink from paper, and 1 where there is ink, else 0."""
    plane = np.clip(depth, 0, 255).astype(np.uint8)
    least, dark = cv2.threshold(plane, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return least, np.asarray(dark, np.uint8)


def _without_shadow(
    level: NDArray[np.float32],
    closed: NDArray[np.float32],
    window: tuple[int, int],
    least: float,
    dark: NDArray[np.uint8],
) -> NDArray[np.float32]:
    """`closed` where `dark` is ink, but not where only the sides of the picture make a dark part as slim as a
    stroke: the corner of a shadow, beside one digit.

    That is all of it paper where the picture goes on beyond its sides as it is at them. A stroke along a side
    would be so too, but hangs together with others that are not.
    """
    beyond = window[0] // 2
    wider = cv2.copyMakeBorder(level, beyond, beyond, beyond, beyond, cv2.BORDER_REPLICATE)
    inside = np.s_[beyond : beyond + level.shape[0], beyond : beyond + level.shape[1]]
    going_on = cv2.morphologyEx(wider, cv2.MORPH_CLOSE, np.ones(window, np.uint8))[inside]
    doubtful = closed - going_on > least / 2
    count, parts = cv2.connectedComponents(dark)
    share = np.bincount(parts[doubtful], minlength=count) / np.bincount(parts.ravel(), minlength=count)
    shadow = share > _OF_SHADOW
    shadow[0] = False
    if not shadow.any() or (~shadow[1:]).sum() != 1:
        return closed
    depth, shaded = (closed - level).clip(0, 255).astype(np.uint8), shadow[parts]
    if np.median(depth[shaded]) > _SHADED * np.median(depth[(dark > 0) & ~shaded]):
        return closed
    around = cv2.dilate(shaded.astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.where(around > 0, going_on, closed).astype(np.float32)


def _trend(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """The slope of the light across the picture: the median change over a quarter of it, each way."""
    height, width = small.shape
    across, down = width // 4, height // 4
    slope_x = _middle(small[:, across:] - small[:, :-across]) / across if across else 0.0
    slope_y = _middle(small[down:] - small[:-down]) / down if down else 0.0
    x = slope_x * (np.arange(width, dtype=np.float32) - width / 2)
    y = slope_y * (np.arange(height, dtype=np.float32) - height / 2)
    return np.asarray(y[:, None] + x, np.float32)


def _middle(values: NDArray[np.float32]) -> float:
    """The median, in a fifth of the time that numpy takes for few values."""
    half = values.size // 2
    return float(np.partition(values, half, axis=None)[half])


def _threshold(plane: NDArray[np.uint8], departure: NDArray[Any]) -> tuple[int, int]:
    """The level that parts ink from paper, and that of full ink: the upper quartile of what is surely ink."""
    otsu, blank = cv2.threshold(plane, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    noise = _NOISES * float(cv2.meanStdDev(departure, mask=blank)[1].item())
    histogram = np.bincount(plane.ravel(), minlength=256)
    histogram[: int(max(otsu, noise)) + 1] = 0
    count = histogram.cumsum()
    contrast = int(np.searchsorted(count, 0.75 * count[-1])) if count[-1] else 0
    return int(min(max(noise, _FAINT * contrast), _FULL * contrast)), contrast


def _is_noise(plane: NDArray[np.uint8]) -> bool:
    """Whether pixels differ from their neighbours in all four directions: thin strokes are alike in one."""
    values = plane.astype(np.float32)
    values -= values.mean()
    pairs = (
        (values[:, 1:], values[:, :-1]),
        (values[1:], values[:-1]),
        (values[1:, 1:], values[:-1, :-1]),
        (values[1:, :-1], values[:-1, 1:]),
    )
    most = _NOISE_CORRELATION * float(np.vdot(values, values))
    return all(float(np.vdot(a, b)) < most for a, b in pairs)
