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

from tenfold.images.cuts import lean, part
from tenfold.images.normalise import _FINE as FINE
from tenfold.images.normalise import _place, _with_stroke_width
from tenfold.images.rules import without_rules
from tenfold.images.strokes import stroke_width, strokes

_SPECK = 0.12  # of a digit's height: what is smaller both ways is dirt
_PART = 0.4  # of a digit's height: what is smaller may belong to a digit or be a dot, and makes no line
_TALLEST = 3.0  # of a digit's height: what is taller is no digit
_CUT_FROM = 0.5  # of a digit's height: what is narrower is not cut
_CROSSING = 3.5  # of a stroke's width: a cut crosses at most so much ink
_BESIDE = 0.12  # of a digit's height: cuts are so far apart

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Atom:
    """Ink that is never parted. `box` is x, y, width, height on the plane; `mask` bool of that size; `cut` is
    the ink that the cut on its right side crosses, in widths of a stroke, and None where there is no cut."""

    box: Box
    mask: NDArray[np.bool_]
    cut: float | None = None


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
        edge = min(127, int(fine.max()) // 2)  # shrunk, a line of one pixel is never full
        return _place(_with_stroke_width(np.where(fine > edge, 255, 0).astype(np.uint8)))

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
    found = strokes(picture)
    mask = without_rules(found.mask, found.width)
    return Page(found.plane, found.scale, tuple(_lines(_components(mask), stroke_width(mask))))


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
    places = [np.add(np.nonzero(atom.mask), [[atom.box[1]], [atom.box[0]]]) for atom in atoms]
    slant = lean(*np.hstack(places))
    cut = [piece for atom in atoms for piece in _cut(atom, height, stroke, slant)]
    return Line(tuple(sorted(cut, key=lambda a: _middle(a)[0] + slant * _middle(a)[1])), height)


def _cut(atom: Atom, height: float, stroke: float, slant: float) -> list[Atom]:
    if atom.box[2] < _CUT_FROM * height or atom.box[3] < _PART * height:
        return [atom]
    parts = part(atom.mask, crossing=_CROSSING * stroke, apart=_BESIDE * height, lean=slant)
    if len(parts) == 1:
        return [atom]
    cuts = [crossed / stroke for _, crossed in parts[:-1]] + [None]
    return [_trimmed(atom.box, mask, cut) for (mask, _), cut in zip(parts, cuts, strict=True)]


def _trimmed(box: Box, mask: NDArray[np.bool_], cut: float | None) -> Atom:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return Atom((box[0] + x, box[1] + y, width, height), mask[y : y + height, x : x + width], cut)
