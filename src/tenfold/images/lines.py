"""Ruled, squared and boxed paper: a thin straight line from side to side of a picture is not part of a digit.

A stem that begins or ends on the paper is one, however long it is; the sides of a frame are lines. A stroke
that crosses a line is kept whole, with the piece of line under it. On cheque digits with a printed line above
or below this is worth 2 points of accuracy, on squared paper with dark lines 80.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_SEARCH_SIDE = 128  # lines are looked for on a plane of this size, where few are wider than a pixel
_TILT = 0.06  # rise over run: 3.4 degrees either way
_COVER = 0.8  # the share of a line's length that must be ink
_BESIDE = 0.5  # and of a further row that belongs to the same line
_ENDS = 0.05  # of the length, within which it begins and ends
_THICKNESS = 0.08  # of the picture's height; a digit's own bar across a tight crop is thicker
_DARKER = 1.5  # times as strong as the line: a stroke that lies on it

Plane = NDArray[np.uint8]
_Band = tuple[int, int, int]  # first row, last row + 1 (both at the middle column), rise over the width


def lines_of_paper(ink: Plane) -> NDArray[np.bool_]:
    """The pixels of `ink`, uint8 [h, w] and 0 on paper, that belong to lines across or down the picture."""
    across, down = _Lines(ink), _Lines(np.ascontiguousarray(ink.T))
    return across.pixels(framed=len(down.bands) > 1) | down.pixels(framed=len(across.bands) > 1).T


class _Lines:
    """Those across `ink`, looked for on a smaller plane."""

    def __init__(self, ink: Plane) -> None:
        self._ink = ink
        self._factor = factor = -(-max(ink.shape) // _SEARCH_SIDE)
        small = ink
        if factor > 1:
            small = cv2.dilate(ink, np.ones((factor, factor), np.uint8))[::factor, ::factor].astype(np.uint8)
        self._mask = (small > 0).astype(np.uint8)
        most = max(factor, _THICKNESS * len(ink))
        self.bands = [band for band in _bands(self._mask) if (band[1] - band[0]) * factor <= most]

    def pixels(self, *, framed: bool) -> NDArray[np.bool_]:
        """Of lines from side to side, and of all where those that cross them make a frame of them."""
        found, factor = np.zeros(self._ink.shape, bool), self._factor
        for band in self.bands:
            if framed or _from_side_to_side(self._mask, band):
                top, bottom, rise = band
                _mark(self._ink, found, ((top - 1) * factor, (bottom + 1) * factor, rise * factor))
        return found


def _bands(mask: Plane) -> list[_Band]:
    height, width = mask.shape
    most = round(_TILT * width)
    spread = cv2.dilate(mask, np.ones((most + 1 | 1, 1), np.uint8))
    if spread.mean(axis=1).max() < _COVER:  # no line at any tilt: the answer for nearly every picture
        return []
    rises = np.array(sorted(range(-most, most + 1), key=abs))  # of equals the most level one
    rows = np.arange(height)[:, None] + most + _drop(rises[:, None, None], width)
    cover = np.pad(mask, ((most, most), (0, 0)))[rows, np.arange(width)].mean(axis=2)  # [rise, row]
    best = cover.max(axis=0)
    bands = []
    while best.max() >= _COVER:
        top = int(best.argmax())
        rise = int(cover[:, top].argmax())
        bottom = top + 1
        while top > 0 and cover[rise, top - 1] > _BESIDE:
            top -= 1
        while bottom < height and cover[rise, bottom] > _BESIDE:
            bottom += 1
        bands.append((top, bottom, int(rises[rise])))
        best[max(0, top - 1) : bottom + 1] = 0
    return bands


def _from_side_to_side(mask: Plane, band: _Band) -> bool:
    """Ink at both ends, as far as a row beside the band."""
    height, width = mask.shape
    top, bottom, rise = band
    rows = np.arange(top - 1, bottom + 1)[:, None] + _drop(rise, width)
    inked = mask[rows.clip(0, height - 1), np.arange(width)].any(0)
    end = max(1, round(_ENDS * width))
    return bool(inked[:end].any() and inked[-end:].any())


def _mark(ink: Plane, found: NDArray[np.bool_], band: _Band) -> None:
    """What lies inside the band is line; what reaches both into it and out of it is a stroke, and so is what
    is much darker than the line."""
    height, width = ink.shape
    top, bottom, rise = band
    columns = np.arange(width)[None]
    rows = np.arange(top, bottom)[:, None] + _drop(rise, width)
    within = np.where((rows >= 0) & (rows < height), ink[rows.clip(0, height - 1), columns], 0)
    from_above = np.minimum.accumulate(within, axis=0)
    from_below = np.minimum.accumulate(within[::-1], axis=0)[::-1]
    # the line's own level, also where a stroke lies along three quarters of it
    level = float(np.quantile(within.max(axis=0), 0.25))
    line = (within > 0) & (from_above == 0) & (from_below == 0) & (within <= _DARKER * level)
    row, column = np.nonzero(line)
    found[rows[row, column], column] = True


def _drop(rise: NDArray[np.int_] | int, width: int) -> NDArray[np.int_]:
    """How many rows a line with this rise lies below its middle, at each column."""
    return np.rint(rise * (np.arange(width) / width - 0.5)).astype(int)
