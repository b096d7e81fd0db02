"""Rows of writing, which may climb or fall: each stroke, from left to right, joins one that leads to it."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tenfold.images.atoms import Atom, gap

_FEW = 2  # strokes at most of a row that is none, beside digits
_SMALL = 0.7  # of a digit's height, which they all are below
_LEVEL = 0.15  # of a stroke's height that lies level with the row
_LAST = 6  # strokes that tell where a row is going
_STEEPEST = 0.25  # of its slope, 14 degrees


@dataclass
class Row:
    """`atoms` as tall as digits, from left to right, and smaller `parts` beside them."""

    atoms: list[Atom] = field(default_factory=list)
    parts: list[Atom] = field(default_factory=list)
    _start: tuple[float, float] = (0.0, 0.0)
    _slope: float = 0.0

    @property
    def middles(self) -> tuple[list[float], list[float]]:
        xs, ys = zip(*(atom.middle for atom in self.atoms), strict=True)
        return list(xs), list(ys)

    def append(self, atom: Atom) -> None:
        self.atoms.append(atom)
        x, y = np.array([a.middle for a in self.atoms[-_LAST:]]).T
        self._start = float(x.mean()), float(y.mean())
        if len(x) >= 4:
            slope = np.cov(x, y, bias=True)[0, 1] / max(float(x.var()), 1.0)
            self._slope = float(np.clip(slope, -_STEEPEST, _STEEPEST))

    def offset(self, atom: Atom) -> float:
        """Pixels from the middle of `atom` to where the row's middle runs, straight on from its last."""
        x, y = atom.middle
        return abs(y - self._start[1] - self._slope * (x - self._start[0]))

    def together(self, height: float) -> bool:
        """Some strokes have less paper between them than a digit's height."""
        return any(gap(left, right) < height for left, right in pairwise(self.atoms))

    def takes(self, other: "Row", height: float) -> bool:
        """`other` is no row but a few small strokes of this one: a comma, a tail, the loose top of a 6."""
        return len(other.atoms) <= _FEW and all(self._beside(atom, height) for atom in other.atoms)

    def _beside(self, atom: Atom, height: float) -> bool:
        """Small, and level with strokes no farther than a digit's height."""
        x, y, width, tall = atom.box
        near = [a for a in self.atoms if a.box[0] - height < x + width and x < a.box[0] + a.box[2] + height]
        if not near or tall >= _SMALL * height:
            return False
        top, bottom = min(a.box[1] for a in near), max(a.box[1] + a.box[3] for a in near)
        return min(y + tall, bottom) - max(y, top) > _LEVEL * tall

    def holds(self, atom: Atom, height: float) -> bool:
        """A dot, a dash or a part of a digit: `atom` lies beside one of the row's strokes."""
        x, y = atom.middle
        nearest = min(self.atoms, key=lambda a: abs(a.middle[0] - x))
        aside, apart = abs(nearest.middle[0] - x), abs(nearest.middle[1] - y)
        return aside < 2 * height and apart < 0.8 * max(height, nearest.box[3])
