"""Atoms: the strokes of a page, and the parts they are cut into, that digits are joined from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Atom:
    """Ink that is never parted. `box` is x, y, width, height on the plane; `mask` bool of that size; `cut` is
    the ink that the cut on its right side crosses, in widths of a stroke, and None where there is no cut."""

    box: Box
    mask: NDArray[np.bool_]
    cut: float | None = None

    @property
    def middle(self) -> tuple[float, float]:
        x, y, width, height = self.box
        return x + width / 2, y + height / 2

    def surrounds(self, other: "Atom") -> bool:
        """The middle of `other` lies in the box."""
        x, y, width, height = self.box
        across, down = other.middle
        return x < across < x + width and y < down < y + height


def gap(left: Atom, right: Atom) -> int:
    """The paper between the boxes of two atoms; below 0, what they have in common across."""
    return right.box[0] - left.box[0] - left.box[2]


def around(atoms: Sequence[Atom]) -> Box:
    """The box of several atoms."""
    left, top = min(a.box[0] for a in atoms), min(a.box[1] for a in atoms)
    right = max(a.box[0] + a.box[2] for a in atoms)
    bottom = max(a.box[1] + a.box[3] for a in atoms)
    return left, top, right - left, bottom - top


def joined(atoms: Sequence[Atom]) -> NDArray[np.bool_]:
    """The ink of several atoms in their common box, bool [h, w]."""
    x, y, width, height = around(atoms)
    mask = np.zeros((height, width), np.bool_)
    for atom in atoms:
        left, top = atom.box[0] - x, atom.box[1] - y
        mask[top : top + atom.box[3], left : left + atom.box[2]] |= atom.mask
    return mask
