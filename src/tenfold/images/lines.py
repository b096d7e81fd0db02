"""Ruled, squared and boxed paper: a thin straight line from side to side of a picture is not part of a digit.

A stem that begins or ends on the paper is one, however long it is; the sides of a frame are lines. A stroke
that crosses a line is kept whole, with the piece of line under it. Paper that lies askew is turned level
first. On cheque digits with a printed line above or below this is worth 2 points of accuracy, on squared
paper with dark lines 80.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.pixels import at_a_side, box_of

_SEARCH_SIDE = 128  # lines are looked for on a plane of this size, where few are wider than a pixel
_TILT = 0.06  # rise over run: 3.4 degrees either way
_COVER = 0.8  # the share of a line's length that must be ink
_BESIDE = 0.5  # and of a further row that belongs to the same line
_ENDS = 0.05  # of the length, within which it begins and ends
_THICKNESS = 0.08  # of the picture's height; a digit's own bar across a tight crop is thicker
_DARKER = 1.5  # times as strong as the line: a stroke that lies on it
_RIM = 0.25  # of the line's strength: what is fainter, and reaches out of it, is its blurred rim
_SHORTEST = 0.25  # of the width: in a corner of paper that was turned, nothing shorter is a line

_CROSSINGS = 4  # of the picture's sides by ink: two lines, or there is no telling how paper lies
_ANGLES = np.radians(np.arange(-15, 15.1, 0.5))
_LEVEL = np.radians(0.25)  # what is less askew is found as it is
_TOUCHED = 0.25  # of a pixel, that is a line's once it is turned back
_POINTS = 2_000  # of ink, enough to tell the angle by

Plane = NDArray[np.uint8]
_Band = tuple[int, int, int]  # first row, last row + 1 (both at the middle column), rise over the width


def lines_of_paper(ink: Plane) -> NDArray[np.bool_]:
    """The pixels of `ink`, uint8 [h, w] and 0 on paper, that belong to lines across or down the picture."""
    mask, _ = _searched(ink)
    crossed = at_a_side(mask) and _crossed(mask)
    if not (crossed or _may_have_lines(mask) or _may_have_lines(mask.T)):
        return np.zeros(ink.shape, bool)  # the answer for nearly every picture
    whole = np.ones(ink.shape, np.uint8)
    found, angle = _level_lines(ink, whole), _askew(mask) if crossed else 0.0
    if not angle:
        return found
    turned = _lines_at(angle, ink)
    turned |= _level_lines(np.where(turned, 0, ink).astype(np.uint8), whole)
    return max(found, turned, key=np.count_nonzero)


def _lines_at(angle: float, ink: Plane) -> NDArray[np.bool_]:
    """Lines that are so askew, in radians: of the picture turned level, and turned back."""
    height, width = ink.shape
    turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), np.degrees(angle), 1), np.float64)
    size = np.abs(turn[:, :2]) @ [width, height]
    turn[:, 2] += (size - [width, height]) / 2
    whole = tuple(np.ceil(size).astype(int).tolist())
    strong = ink * np.uint8(255 // ink.max())  # as what lies between pixels is rounded
    level, seen = (cv2.warpAffine(plane, turn, whole) for plane in (strong, np.ones(ink.shape, np.uint8)))
    lines = _level_lines(np.asarray(level, np.uint8), np.asarray(seen, np.uint8))
    back = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(lines.astype(np.float32), turn, (width, height), flags=back)) > _TOUCHED


def _level_lines(ink: Plane, seen: Plane) -> NDArray[np.bool_]:
    """`seen` is 1 where the picture is."""
    across, down = _Lines(ink, seen), _Lines(np.ascontiguousarray(ink.T), np.ascontiguousarray(seen.T))
    if not across.bands and not down.bands:
        return np.zeros(ink.shape, bool)
    found = across.pixels(ink, framed=len(down.bands) > 1)
    rest = np.where(found, 0, ink).astype(np.uint8)  # where lines cross, neither is a stroke across the other
    return found | down.pixels(np.ascontiguousarray(rest.T), framed=len(across.bands) > 1).T


def _crossed(mask: Plane) -> bool:
    """Whether ink crosses the picture's sides as often as several lines do."""
    sides = mask[0], mask[1:, -1], mask[-1, -2::-1], mask[-2::-1, 0]
    return int(np.count_nonzero(np.diff(np.concatenate(sides)))) >= 2 * _CROSSINGS


def _askew(mask: Plane) -> float:
    """The angle, in radians, by which several straight lines lie askew; 0 where they do not."""
    y, x = np.nonzero(mask)
    step = -(-len(x) // _POINTS)
    sine, cosine = np.sin(_ANGLES)[:, None], np.cos(_ANGLES)[:, None]
    reach = sum(mask.shape)
    sharp = np.zeros(len(_ANGLES))
    for along, aside in ((x, y), (-y, x)):  # lines across, and lines down
        rows = np.rint(cosine * aside[::step] - sine * along[::step]).astype(int) + reach
        rows += 2 * reach * np.arange(len(_ANGLES))[:, None]
        counts = np.bincount(rows.ravel(), minlength=2 * reach * len(_ANGLES))
        sharp += (np.diff(counts.reshape(len(_ANGLES), -1)) ** 2.0).sum(1)
    angle = float(_ANGLES[sharp.argmax()])
    return angle if abs(angle) > _LEVEL else 0.0


def _searched(ink: Plane) -> tuple[Plane, int]:
    """Where there is ink, 1, else 0, on a plane on which lines are looked for; and how many times as large
    `ink` is."""
    factor = -(-max(ink.shape) // _SEARCH_SIDE)
    if factor > 1:
        ink = np.asarray(cv2.dilate(ink, np.ones((factor, factor), np.uint8))[::factor, ::factor], np.uint8)
    return (ink > 0).astype(np.uint8), factor


class _Lines:
    """Those across `ink`, looked for on a smaller plane."""

    def __init__(self, ink: Plane, seen: Plane) -> None:
        self._mask, self._factor = _searched(ink)
        factor = self._factor
        self._seen = np.ascontiguousarray(seen[::factor, ::factor])
        most = max(factor, _THICKNESS * len(ink))
        bands = _bands(self._mask, self._seen)
        self.bands = [band for band in bands if (band[1] - band[0]) * factor <= most]

    def pixels(self, ink: Plane, *, framed: bool) -> NDArray[np.bool_]:
        """Those of `ink` in lines from side to side, and in all where lines that cross them make a frame."""
        found, factor = np.zeros(ink.shape, bool), self._factor
        for band in self.bands:
            if framed or _from_side_to_side(self._mask, self._seen, band):
                top, bottom, rise = band
                _mark(ink, found, ((top - 1) * factor, (bottom + 1) * factor, rise * factor))
        return found


def _may_have_lines(mask: Plane) -> bool:
    """Whether there may be one across a picture that fills its plane: False where no tilt gives one."""
    if box_of(mask)[2] < _COVER * mask.shape[1]:  # as of most single digits
        return False
    most = round(_TILT * mask.shape[1])
    spread = cv2.dilate(mask, np.ones((most + 1 | 1, 1), np.uint8))
    longest: int = cv2.reduce(spread, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).max()
    return bool(longest >= _COVER * mask.shape[1])


def _bands(mask: Plane, seen: Plane) -> list[_Band]:
    height, width = mask.shape
    most = round(_TILT * width)
    length = np.maximum(seen.sum(axis=1), _SHORTEST * width)
    rises = np.array(sorted(range(-most, most + 1), key=abs))  # of equals the most level one
    rows = np.arange(height)[:, None] + most + _drop(rises[:, None, None], width)
    inked = np.pad(mask, ((most, most), (0, 0)))[rows, np.arange(width)].sum(axis=2)  # [rise, row]
    cover = inked / length
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


def _from_side_to_side(mask: Plane, seen: Plane, band: _Band) -> bool:
    """Ink at both ends, as far as a row beside the band."""
    height, width = mask.shape
    top, bottom, rise = band
    rows = (np.arange(top - 1, bottom + 1)[:, None] + _drop(rise, width)).clip(0, height - 1)
    columns = np.arange(width)
    inked = mask[rows, columns].any(0)[seen[rows[1:-1], columns].all(0)]
    end = max(1, round(_ENDS * len(inked)))
    return bool(inked[:end].any() and inked[-end:].any())


def _mark(ink: Plane, found: NDArray[np.bool_], band: _Band) -> None:
    """What lies inside the band is line; what reaches both into it and out of it is a stroke, and so is what
    is much darker than the line."""
    height, width = ink.shape
    top, bottom, rise = band
    columns = np.arange(width)[None]
    rows = np.arange(top, bottom)[:, None] + _drop(rise, width)
    within = np.where((rows >= 0) & (rows < height), ink[rows.clip(0, height - 1), columns], 0)
    if not within.any():  # lines the other way took it
        return
    darkest, strength = within.max(axis=0), within.sum(axis=0, dtype=np.int64)
    # the line's own, also where a stroke lies along three quarters of it; between two rows, each has a half
    level, total = (float(np.quantile(of[of > 0], 0.25)) for of in (darkest, strength))
    reaching = np.where(within > _RIM * level, within, 0)
    from_above = np.minimum.accumulate(reaching, axis=0)
    from_below = np.minimum.accumulate(reaching[::-1], axis=0)[::-1]
    line = (within > 0) & (from_above == 0) & (from_below == 0)
    line &= (within <= _DARKER * level) | (strength < _DARKER * total)
    row, column = np.nonzero(line)
    found[rows[row, column], column] = True


def _drop(rise: NDArray[np.int_] | int, width: int) -> NDArray[np.int_]:
    """How many rows a line with this rise lies below its middle, at each column."""
    return np.rint(rise * (np.arange(width) / width - 0.5)).astype(int)
