"""Rows of writing, which may climb or fall: each stroke, from left to right, joins one that leads to it."""

from dataclasses import dataclass, field

import numpy as np

from tenfold.images.atoms import Atom

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

    def holds(self, atom: Atom, height: float) -> bool:
        """A dot, a dash or a part of a digit: `atom` lies beside one of the row's strokes."""
        x, y = atom.middle
        nearest = min(self.atoms, key=lambda a: abs(a.middle[0] - x))
        aside, apart = abs(nearest.middle[0] - x), abs(nearest.middle[1] - y)
        return aside < 2 * height and apart < 0.8 * max(height, nearest.box[3])
