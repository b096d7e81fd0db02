"""A page -> lines of atoms: strokes and parts of strokes that, joined, make digits.

    page = segment(picture)                 uint8 [h, w] or RGB [h, w, 3] of any size
    page = segment_file("page.jpg")         the same, of a file
    for line in page.lines:                 top to bottom
        line.atoms                          left to right; a digit is a few neighbouring atoms
    page.digit(line.atoms[2:4])             some atoms alone, as the 28 x 28 that the network sees

Digits that touch are cut wherever a path from top to bottom crosses little ink. There are more cuts than
digits: which atoms belong together is for the classifier to say (`reading/page.py`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.atoms import Atom, Box, joined
from tenfold.images.cuts import lean, part
from tenfold.images.decode import PIXEL_LIMIT, read_shrunk
from tenfold.images.normalise import FINE, fine_strokes, place
from tenfold.images.pixels import picture_pixels
from tenfold.images.rows import Row
from tenfold.images.rules import without_rules
from tenfold.images.strokes import PAGE_SIDE, Strokes, softened, stroke_width, strokes

_MOST = 2_000  # strokes on a page: as many digits fill a sheet of A4
_KEPT = 500  # where there are more: that is print or noise, and must not take minutes
_SPECK = 0.12  # of a digit's height: what is smaller both ways is dirt
_PART = 0.4  # of a digit's height: what is smaller may belong to a digit or be a dot, and makes no line
_TALLEST = 3.0  # of a digit's height: what is taller is no digit
_LARGER = 10.0  # of a digit's height: what is taller is no larger writing beside it, as by hand beside print
_CUT_FROM, _CUT_TO = 0.5, 15.0  # of a digit's height: what is narrower or wider is not cut
_CROSSING = 3.5  # of a stroke's width: a cut crosses at most so much ink
_BESIDE = 0.12  # of a digit's height: cuts are so far apart
_TICK, _SLIM = 0.7, 0.35  # of a mark on a rule, at most: its height over a digit's, and its width over that


@dataclass(frozen=True)
class Line:
    """Atoms from left to right, and the height in pixels of the plane that its digits have."""

    atoms: tuple[Atom, ...]
    height: float


@dataclass(frozen=True)
class Page:
    """Lines from top to bottom of what was `seen`. `crowded` tells that not all strokes are kept, as there
    are more than on a page full of digits."""

    seen: Strokes
    lines: tuple[Line, ...]
    crowded: bool = False

    @property
    def atoms(self) -> int:
        """How many there are in all lines."""
        return sum(len(line.atoms) for line in self.lines)

    def digit(self, atoms: Sequence[Atom]) -> NDArray[np.uint8]:
        """`atoms` alone, as MNIST's makers would have drawn them: uint8 [28, 28], ink bright."""
        ink = joined(atoms)
        return place(fine_strokes(ink, FINE / max(ink.shape), margin=1))

    def on_picture(self, box: Box) -> Box:
        """`box` in pixels of the picture."""
        x, y, width, height = (round(length / self.seen.scale) for length in box)
        return x, y, max(1, width), max(1, height)


def segment(picture: NDArray[np.uint8]) -> Page:
    """The lines of a picture, uint8 [h, w] or RGB [h, w, 3], of either polarity; none if it is blank.
    Raises ShapeError for another array."""
    return _page(strokes(picture_pixels(picture)))


def _page(found: Strokes) -> Page:
    mask = without_rules(found.mask, found.width)
    rules = cv2.dilate(cv2.subtract(found.mask, mask), np.ones((3, 3), np.uint8)).astype(np.uint8, copy=False)
    stroke = stroke_width(mask)
    atoms, crowded = _components(mask, stroke)
    height = _digit_height(atoms, stroke)
    atoms = [atom for atom in atoms if not _is_tick(atom, height, rules)]
    return Page(found, tuple(_lines(atoms, stroke, rules)), crowded)


def soften(page: Page) -> Page:
    """The page looked at again, blurred: see `strokes.softened`."""
    return _page(softened(page.seen))


def segment_file(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview, *, pixel_limit: int = PIXEL_LIMIT
) -> Page:
    """`segment` of the picture in a file, a path or its bytes; a large JPEG is not decoded in full, as pages
    are looked at smaller. Raises as `read_picture`."""
    picture, size = read_shrunk(source, PAGE_SIDE, pixel_limit=pixel_limit)
    found = strokes(picture)
    return _page(replace(found, scale=found.scale * max(picture.shape[:2]) / max(size)))


def _components(mask: NDArray[np.uint8], stroke: float) -> tuple[list[Atom], bool]:
    """The connected strokes but for specks, and whether there are more than _MOST: then the _KEPT tallest
    alone, as a thin 1 is as tall as an 8."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    sizes = np.asarray(stats[1:], np.int64)
    height = _middle_height(sizes[:, cv2.CC_STAT_HEIGHT], sizes[:, cv2.CC_STAT_AREA], stroke)
    fit = np.flatnonzero(sizes[:, 2:4].max(1, initial=0) >= max(_SPECK * height, stroke))
    tallest = fit[np.argsort(-sizes[fit, cv2.CC_STAT_HEIGHT], kind="stable")]
    crowded, atoms = len(fit) > _MOST, []
    for i in tallest[:_KEPT] if crowded else tallest:
        x, y, w, h = (int(v) for v in sizes[i, :4])
        atoms.append(Atom((x, y, w, h), labels[y : y + h, x : x + w] == i + 1))
    return atoms, crowded


def _is_tick(atom: Atom, height: float, rules: NDArray[np.uint8]) -> bool:
    """An upright stroke on a rule or below one that is short, or stands where the rule ends: the marks
    between the places of a comb, and at its ends, are no 1s."""
    x, y, wide, tall = atom.box
    if tall > height or wide > _SLIM * tall:
        return False
    met = np.flatnonzero((rules[y : y + tall, x : x + wide] & atom.mask).any(1))
    if not len(met) or tall / 4 <= met[0] <= met[-1] < 3 * tall / 4:
        return False
    beside = rules[y + met[0] : y + met[-1] + 1]
    left, right = beside[:, max(0, x - tall // 4) : x], beside[:, x + wide : x + wide + tall // 4]
    return tall < _TICK * height or not (left.any() and right.any())


def _lines(atoms: list[Atom], stroke: float, rules: NDArray[np.uint8]) -> list[Line]:
    rows = sorted(_rows(atoms, stroke, rules), key=lambda row: float(np.median(row.middles[1])))
    return [_line(row.atoms + row.parts, stroke) for row in rows]


def _rows(atoms: list[Atom], stroke: float, rules: NDArray[np.uint8]) -> list[Row]:
    """Those of the writing that has most of the ink, and of larger writing, as on a printed form."""
    height = _digit_height(atoms, stroke)
    larger = _larger(atoms, height, stroke, rules)
    taken = {id(atom) for row in larger for atom in row.atoms + row.parts}
    least, most = max(_SPECK * height, stroke), _TALLEST * height
    fit = [atom for atom in atoms if max(atom.box[2:]) >= least and atom.box[3] <= most]
    atoms = [atom for atom in fit if id(atom) not in taken]
    rows: list[Row] = []
    for atom in sorted((a for a in atoms if a.box[3] >= _PART * height), key=lambda a: a.box[0]):
        best = min(rows, key=lambda row: row.offset(atom), default=None)
        if best is None or best.offset(atom) > 0.6 * max(height, min(atom.box[3], 1.5 * height)):
            best = Row()
            rows.append(best)
        best.append(atom)
    rows = _whole(rows, height)
    for atom in (a for a in atoms if a.box[3] < _PART * height):
        near = [row for row in rows if row.holds(atom, height)]
        if near:
            min(near, key=lambda row: row.offset(atom)).parts.append(atom)
    return rows + larger


def _larger(atoms: list[Atom], height: float, stroke: float, rules: NDArray[np.uint8]) -> list[Row]:
    """Rows of strokes that are too tall for writing of `height`, and of those nearer to their height than to
    that. What stands around smaller writing is a frame or a picture, and a stroke alone may be anything."""

    def taller(least: float) -> list[Atom]:
        small = [atom for atom in atoms if _PART * height <= atom.box[3] <= least]
        tall = [a for a in atoms if least < a.box[3] <= _LARGER * height and not _between(a, rules)]
        return [atom for atom in tall if not any(atom.surrounds(other) for other in small)]

    tall = taller(_TALLEST * height)
    if len(tall) < 2:
        return []
    size = _digit_height(tall, stroke)
    return [row for row in _rows(taller(float(np.sqrt(height * size))), stroke, rules) if row.together(size)]


def _between(atom: Atom, rules: NDArray[np.uint8]) -> bool:
    """Joined to rules at its head and its foot, as what is left of a frame is."""
    x, y, width, height = atom.box
    met = np.flatnonzero((rules[y : y + height, x : x + width] & atom.mask).any(1))
    return len(met) > 0 and bool(met[0] < height / 4 and met[-1] >= 3 * height / 4)


def _whole(rows: list[Row], height: float) -> list[Row]:
    """Without those that are a few strokes of another, which has them as parts."""
    kept = []
    for row in rows:
        others = [other for other in rows if len(other.atoms) > len(row.atoms) and other.takes(row, height)]
        if others:
            max(others, key=lambda other: len(other.atoms)).parts.extend(row.atoms)
        else:
            kept.append(row)
    return kept


def _digit_height(atoms: list[Atom], stroke: float) -> float:
    heights, ink = np.array([(atom.box[3], atom.mask.sum()) for atom in atoms], np.int64).reshape(-1, 2).T
    return _middle_height(heights, ink, stroke)


def _middle_height(heights: NDArray[np.int64], ink: NDArray[np.int64], stroke: float) -> float:
    """The median height, by ink, of what is not a line or a dot."""
    tall = heights >= 3 * stroke
    if not tall.any():
        return float(heights.max(initial=1))
    order = np.lexsort((ink[tall], heights[tall]))
    heights, sums = heights[tall][order], ink[tall][order].cumsum()
    return float(heights[np.searchsorted(sums, sums[-1] / 2)])


def _line(atoms: list[Atom], stroke: float) -> Line:
    height = _digit_height(atoms, stroke)
    places = [np.add(np.nonzero(atom.mask), [[atom.box[1]], [atom.box[0]]]) for atom in atoms]
    slant = lean(*np.hstack(places))
    cut = [piece for atom in atoms for piece in _cut(atom, height, stroke, slant)]
    return Line(tuple(sorted(cut, key=lambda a: a.middle[0] + slant * a.middle[1])), height)


def _cut(atom: Atom, height: float, stroke: float, slant: float) -> list[Atom]:
    if not _CUT_FROM * height <= atom.box[2] <= _CUT_TO * height or atom.box[3] < _PART * height:
        return [atom]
    parts = part(atom.mask, crossing=_CROSSING * stroke, apart=_BESIDE * height, lean=slant)
    if len(parts) == 1:
        return [atom]
    cuts = [crossed / stroke for _, crossed in parts[:-1]] + [None]
    return [_trimmed(atom.box, mask, cut) for (mask, _), cut in zip(parts, cuts, strict=True)]


def _trimmed(box: Box, mask: NDArray[np.bool_], cut: float | None) -> Atom:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return Atom((box[0] + x, box[1] + y, width, height), mask[y : y + height, x : x + width], cut)
