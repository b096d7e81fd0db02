"""What a network that reads whole lines says of each piece of a page.

    heard = evidence(page, LineReader.shipped().chances, most=7)
    heard.digits[3, 5]              float64 [10]: that atoms 3 and 4 of the page are one 0, one 1, ...
    heard.nothing[3]                that atom 3 is no digit

The columns of a page's pieces make one path through the network's, so the lattice can add their
log-probabilities up as it adds the classifier's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tenfold.images.segment import Line, Page
from tenfold.images.strip import Strip, strip
from tenfold.reading.lines import BLANK, FLOOR, STEP, one_digit

EARLY = 1  # of the network's columns: so much before a digit's middle it says which
NEAR = 2  # of them, either way
_AWAY = 0.05  # nats that a column costs
_WIDEST = 64  # of the network's columns, six digits' heights: more is no digit

Floats = NDArray[np.float64]
Chances = Callable[[NDArray[np.uint8]], Floats]


@dataclass(frozen=True)
class Evidence:
    """Log-probabilities, FLOOR at least: by first atom and last + 1, of each digit; by atom, of none. Atoms
    are counted through the page. What is too wide for a digit is left out."""

    digits: dict[tuple[int, int], Floats]
    nothing: list[float]


def evidence(page: Page, chances: Chances, most: int) -> Evidence:
    """Of every run of up to `most` neighbouring atoms of a line. `chances` maps a strip uint8 [40, w] to
    log-probabilities [w // STEP, 11]."""
    found = Evidence({}, [])
    for line in page.lines:
        seen = strip(line)
        columns = chances(seen.image)
        ends = _ends(line, seen, columns[:, BLANK])
        start = len(found.nothing)
        for (first, last), scores in _runs(columns, ends, most).items():
            found.digits[start + first, start + last] = np.maximum(scores, FLOOR)
        blank = np.append(0, columns[:, BLANK].cumsum())
        found.nothing.extend(max(FLOOR, float(blank[b] - blank[a])) for a, b in pairwise(ends))
    return found


def _ends(line: Line, seen: Strip, blank: Floats) -> list[int]:
    """The network's columns at which each atom begins, and that behind the last: near the middle of the paper
    or ink that neighbours share, where the network is the surest that there is no digit."""
    ends, columns = [0], len(blank)
    for atom, after in pairwise(line.atoms):
        middle = (atom.box[0] + atom.box[2] + after.box[0]) / 2
        end = min(max(ends[-1], round(seen.column(middle) / STEP - EARLY)), columns)
        near = np.arange(max(ends[-1], end - NEAR), min(columns, end + NEAR + 1))
        ends.append(int(near[np.argmax(blank[near] - _AWAY * np.abs(near - end))]) if len(near) else end)
    return [*ends, columns]


def _runs(columns: Floats, ends: list[int], most: int) -> dict[tuple[int, int], Floats]:
    """By first atom and last + 1: that the columns between are one digit."""
    atoms = range(len(ends) - 1)
    wide = min(_WIDEST, max(ends[min(first + most, len(atoms))] - ends[first] for first in atoms))
    beyond = np.vstack([columns, np.zeros((wide, BLANK + 1))])
    sums = one_digit(beyond[np.arange(wide)[:, None] + ends[:-1]])
    return {
        (first, last): sums[ends[last] - ends[first], first]
        for first in atoms
        for last in range(first + 1, min(first + most, len(atoms)) + 1)
        if ends[last] - ends[first] <= wide
    }
