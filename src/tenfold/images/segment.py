"""A page -> lines of atoms: strokes and parts of strokes that, joined, make digits.

    page = segment(picture)                 uint8 [h, w] or RGB [h, w, 3] of any size
    for line in page.lines:                 top to bottom
        line.atoms                          left to right; a digit is a few neighbouring atoms
    page.digit(line.atoms[2:4])             some atoms alone, as the 28 x 28 that the network sees

Digits that touch are cut wherever a path from top to bottom crosses little ink. There are more cuts than
digits: which atoms belong together is for the classifier to say (`reading/page.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.cuts import part
from tenfold.images.ink import ink
from tenfold.images.normalise import _FINE as FINE
from tenfold.images.normalise import _place, _with_stroke_width
from tenfold.images.rules import without_rules

PAGE_SIDE = 1600  # larger pictures are shrunk to this: a digit on a fiftieth of it still has 32 pixels
_SMALL_SIDE = 120  # a shorter side below this is enlarged, so that a cut has room between two strokes
_ENLARGE = 3.0  # at most
_FAINTEST = 8  # grey levels between paper and ink below which a page is blank
_WEAK, _STRONG = 0.35, 0.6  # of the ink's level: a stroke's pixels reach the one, somewhere the other
_SPECK = 0.12  # of a digit's height: what is smaller both ways is dirt
_PART = 0.4  # of a digit's height: what is smaller may belong to a digit or be a dot, and makes no line
_TALLEST = 3.0  # of a digit's height: what is taller is no digit
_CUT_FROM = 0.5  # of a digit's height: what is narrower is not cut
_CROSSING = 3.5  # of a stroke's width: a cut crosses at most so much ink
_BESIDE = 0.12  # of a digit's height: cuts are so far apart

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Atom:
    """Ink that is never parted. `box` is x, y, width, height on the plane; `mask` bool of that size."""

    box: Box
    mask: NDArray[np.bool_]
    cut: bool = False  # its right side is a cut through ink


@dataclass(frozen=True)
class Line:
    """Atoms from left to right, and the height in pixels of the plane that its digits have."""

    atoms: tuple[Atom, ...]
    height: float


@dataclass(frozen=True)
class Page:
    """Lines from top to bottom on `plane` uint8 [h, w], ink bright; `scale` is its size over the picture."""

    plane: NDArray[np.uint8]
    scale: float
    stroke: float
    lines: tuple[Line, ...]

    def digit(self, atoms: Sequence[Atom]) -> NDArray[np.uint8]:
        """`atoms` alone, as MNIST's makers would have drawn them: uint8 [28, 28], ink bright."""
        x, y, width, height = around(atoms)
        mask = np.zeros((height + 2, width + 2), np.uint8)
        for atom in atoms:
            left, top = atom.box[0] - x + 1, atom.box[1] - y + 1
            mask[top : top + atom.box[3], left : left + atom.box[2]][atom.mask] = 255
        zoom = FINE / max(width, height)
        size = max(1, round(mask.shape[1] * zoom)), max(1, round(mask.shape[0] * zoom))
        fine = cv2.resize(mask, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
        return _place(_with_stroke_width(np.where(fine > 127, 255, 0).astype(np.uint8)))

    def on_picture(self, box: Box) -> Box:
        """`box` in pixels of the picture."""
        x, y, width, height = (round(length / self.scale) for length in box)
        return x, y, max(1, width), max(1, height)


def around(atoms: Sequence[Atom]) -> Box:
    """The box of several atoms."""
    left, top = min(a.box[0] for a in atoms), min(a.box[1] for a in atoms)
    right = max(a.box[0] + a.box[2] for a in atoms)
    bottom = max(a.box[1] + a.box[3] for a in atoms)
    return left, top, right - left, bottom - top


def segment(picture: NDArray[np.uint8]) -> Page:
    """The lines of a picture, uint8 [h, w] or RGB [h, w, 3], of either polarity; none if it is blank."""
    short = min(picture.shape[:2])
    enlarge = min(_ENLARGE, _SMALL_SIDE / short)
    if enlarge > 1:
        picture = _resized(picture, enlarge, cv2.INTER_CUBIC)
    found = ink(picture, side=PAGE_SIDE)
    scale = found.scale * max(1.0, enlarge)
    plane, level = _strokes_only(found.plane)
    if level < _FAINTEST:
        return Page(plane, scale, 0.0, ())
    mask = _mask(plane, level)
    stroke = _stroke_width(mask)
    atoms = _components(without_rules(mask, stroke))
    return Page(plane, scale, stroke, tuple(_lines(atoms, stroke)))


def _resized(picture: NDArray[np.uint8], zoom: float, interpolation: int) -> NDArray[np.uint8]:
    size = tuple(max(1, round(length * zoom)) for length in picture.shape[1::-1])
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8)


def _strokes_only(plane: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """`plane` without what is wider than a stroke (shadows, folds, the table), and the level of its ink.

    As the window of a top-hat grows, what it keeps grows until it is wider than the strokes, and then stays:
    the first such window is taken, twice over. Its response there is the level.
    """
    shrink = min(1.0, 512 / max(plane.shape))
    small = _resized(plane, shrink, cv2.INTER_AREA)
    windows = [3]
    while windows[-1] < max(5, 0.4 * min(small.shape)):
        windows.append(max(windows[-1] + 2, round(1.35 * windows[-1]) | 1))
    levels = [_level(_top_hat(small, window)) for window in windows]
    steady = next(
        i
        for i, level in enumerate(levels)
        if 1.1 * level >= levels[min(i + 2, len(levels) - 1)] and level >= 0.4 * levels[-1]
    )
    window = round(2 * windows[steady] / shrink) | 1
    return _top_hat(plane, window), levels[steady]


def _top_hat(plane: NDArray[np.uint8], window: int) -> NDArray[np.uint8]:
    window = min(window, min(plane.shape) | 1)
    hat = cv2.morphologyEx(plane, cv2.MORPH_TOPHAT, np.ones((window, window), np.uint8))
    return np.asarray(hat, np.uint8)


def _level(plane: NDArray[np.uint8], share: float = 0.01) -> float:
    """The mean of the brightest pixels."""
    count = max(1, int(plane.size * share))
    return float(np.partition(plane.ravel(), -count)[-count:].mean())


def _mask(plane: NDArray[np.uint8], level: float) -> NDArray[np.uint8]:
    """Pixels of ink: above the weak level and joined to some above the strong one."""
    weak = (plane > max(_WEAK * level, 1)).astype(np.uint8)
    count, labels = cv2.connectedComponents(weak, connectivity=8)
    kept = np.zeros(count, np.uint8)
    kept[labels[plane > _STRONG * level]] = 1
    kept[0] = 0
    return np.asarray(kept[labels], np.uint8)


def _stroke_width(mask: NDArray[np.uint8]) -> float:
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    ridge = distance[(distance > 0) & (distance >= cv2.dilate(distance, np.ones((3, 3), np.uint8)))]
    return max(1.0, 2 * float(np.median(ridge)) - 1) if len(ridge) else 1.0


def _components(mask: NDArray[np.uint8]) -> list[Atom]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    atoms = []
    for i in range(1, count):
        x, y, w, h = (int(v) for v in stats[i, :4])
        atoms.append(Atom((x, y, w, h), labels[y : y + h, x : x + w] == i))
    return atoms


def _lines(atoms: list[Atom], stroke: float) -> list[Line]:
    height = _digit_height(atoms, stroke)
    atoms = [
        a for a in atoms if max(a.box[2:]) >= max(_SPECK * height, stroke) and a.box[3] <= _TALLEST * height
    ]
    large = sorted((a for a in atoms if a.box[3] >= _PART * height), key=lambda a: a.box[0])
    rows = _rows(large, height)
    for atom in atoms:
        if atom.box[3] < _PART * height:
            near = [row for row in rows if _beside(atom, row, height)]
            if near:
                min(near, key=lambda row: _distance(atom, row)).append(atom)
    rows.sort(key=lambda row: float(np.median([_middle(a)[1] for a in row if a.box[3] >= _PART * height])))
    return [_line(row, stroke) for row in rows]


def _digit_height(atoms: list[Atom], stroke: float) -> float:
    """The median height, by ink, of what is not a line or a dot."""
    sizes = [(a.box[3], int(a.mask.sum())) for a in atoms if a.box[3] >= 3 * stroke]
    if not sizes:
        return max((float(a.box[3]) for a in atoms), default=1.0)
    heights, weights = (np.array(column, np.float64) for column in zip(*sorted(sizes), strict=True))
    return float(heights[np.searchsorted(weights.cumsum(), weights.sum() / 2)])


def _middle(atom: Atom) -> tuple[float, float]:
    x, y, width, height = atom.box
    return x + width / 2, y + height / 2


def _rows(atoms: list[Atom], height: float) -> list[list[Atom]]:
    """Each atom, from left to right, joins the row whose last atoms it stands beside."""
    rows: list[list[Atom]] = []
    for atom in atoms:
        offsets = [abs(_middle(atom)[1] - _level_at(row, _middle(atom)[0])) for row in rows]
        best = min(range(len(rows)), key=lambda i: offsets[i], default=None)
        if best is not None and offsets[best] <= 0.6 * max(height, min(atom.box[3], 1.5 * height)):
            rows[best].append(atom)
        else:
            rows.append([atom])
    return rows


def _level_at(row: list[Atom], x: float) -> float:
    """Where the row's middle runs at `x`: straight on from its last atoms."""
    middles = np.array([_middle(a) for a in row[-6:]])
    if len(middles) < 4:
        return float(middles[-3:, 1].mean())
    slope = float(np.clip(np.polyfit(middles[:, 0], middles[:, 1], 1)[0], -0.25, 0.25))
    return float(middles[:, 1].mean() + slope * (x - middles[:, 0].mean()))


def _distance(atom: Atom, row: list[Atom]) -> float:
    x, y = _middle(atom)
    nearest = min(row, key=lambda a: abs(_middle(a)[0] - x))
    return abs(_middle(nearest)[1] - y)


def _beside(atom: Atom, row: list[Atom], height: float) -> bool:
    x, _ = _middle(atom)
    nearest = min(row, key=lambda a: abs(_middle(a)[0] - x))
    return (
        _distance(atom, row) < 0.8 * max(height, nearest.box[3]) and abs(_middle(nearest)[0] - x) < 2 * height
    )


def _line(atoms: list[Atom], stroke: float) -> Line:
    height = _digit_height(atoms, stroke)
    cut = [piece for atom in atoms for piece in _cut(atom, height, stroke)]
    return Line(tuple(sorted(cut, key=lambda a: _middle(a)[0])), height)


def _cut(atom: Atom, height: float, stroke: float) -> list[Atom]:
    if atom.box[2] < _CUT_FROM * height or atom.box[3] < _PART * height:
        return [atom]
    parts = part(atom.mask, crossing=_CROSSING * stroke, apart=_BESIDE * height)
    return [_trimmed(atom.box, mask) for mask in parts] if len(parts) > 1 else [atom]


def _trimmed(box: Box, mask: NDArray[np.bool_]) -> Atom:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return Atom((box[0] + x, box[1] + y, width, height), mask[y : y + height, x : x + width], True)
