"""Strokes that were read as 1s and are none, told by what stands beside them: brackets, and those of dates.

    without_signs(steps, candidates, page)      what was read, without them
    date_strokes("1210512024", arc_at)          (2, 5): 12/05/2024

By itself a stroke is a 1. Of all numbers of eight digits one in 1,700 has 1s where a date has its strokes,
and a day and a month beside them; of those of ten, one in 42,000. Of these most have upright 1s.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenfold.images.atoms import Atom, gap
from tenfold.images.segment import Line, Page
from tenfold.reading.lattice import Step

if TYPE_CHECKING:
    from tenfold.reading.page import Candidate

_SLIM = 0.35  # of its height: what is wider is more than one stroke
_SCATTER = 0.4  # of its width: the ink of a smooth stroke is so near to a curve; 0.29 is a perfect one
_BENT = 0.1  # of its height: a bracket's middle is at least so far from the line between its ends
_LEAN = 0.1  # of a date's strokes, at least
_ALIKE = 0.2  # how much the leans of both differ, at most
_TALL = 0.7  # of a digit's height, at least
_DATES = (
    re.compile(r"(?P<one>\d\d)1(?P<other>\d\d)1(?P<year>\d{4}|\d\d)"),
    re.compile(r"(?P<year>\d{4})1(?P<one>\d\d)1(?P<other>\d\d)"),
)
_YEARS = range(1900, 2100)


@dataclass(frozen=True)
class Arc:
    """One smooth stroke from top to bottom: `lean` is how far its upper end is to the right of its lower one,
    `bow` how far its middle is to the right of the line between them, both over its height."""

    lean: float
    bow: float


def without_signs(steps: Sequence[Step], candidates: "Sequence[Candidate]", page: Page) -> tuple[Step, ...]:
    """Those of `steps`, the digits of `page` in order, that are no bracket and no stroke of a date."""
    kept: list[Step] = []
    start = 0
    for number, line in enumerate(page.lines):
        paired = {start + place for pair in brackets(line) for place in pair}
        run: list[Step] = []  # digits with no wide gap between them
        for step in (step for step in steps if candidates[step.candidate].line == number):
            its = candidates[step.candidate]
            if len(its.atoms) == 1 and its.first in paired:
                continue
            if run and gap(candidates[run[-1].candidate].atoms[-1], its.atoms[0]) > line.height:
                kept += _without_date_strokes(run, candidates)
                run = []
            run.append(step)
        kept += _without_date_strokes(run, candidates)
        start += len(line.atoms)
    return tuple(kept)


def _without_date_strokes(run: list[Step], candidates: "Sequence[Candidate]") -> list[Step]:
    its = [candidates[step.candidate].atoms for step in run]

    def arc_at(place: int) -> Arc | None:
        return arc(its[place][0]) if len(its[place]) == 1 else None

    strokes = date_strokes("".join(str(step.label) for step in run), arc_at) or ()
    return [step for place, step in enumerate(run) if place not in strokes]


def arc(atom: Atom) -> Arc | None:
    """Of an atom that was not cut off from another and is such a stroke; None for all else."""
    rows, columns = np.nonzero(atom.mask)
    height = atom.box[3]
    width = len(rows) / height
    if atom.cut is not None or atom.mask.any(1).sum() < 3 or width > _SLIM * height:
        return None
    up = 0.5 - (rows + 0.5) / height  # from -0.5 to 0.5
    curve = np.polyfit(up, columns, 2)
    if np.std(columns - np.polyval(curve, up)) > _SCATTER * width:
        return None
    return Arc(float(curve[1]) / height, float(-curve[0]) / 4 / height)


def date_strokes(text: str, arc_at: Callable[[int], Arc | None]) -> tuple[int, int] | None:
    """The places of the strokes in `text`, the digits of a line, where it is a date: the year last or first,
    day and month of two digits, the strokes straight and alike. `arc_at` tells the shape of a digit."""
    for form in _DATES:
        if (found := form.fullmatch(text)) and _is_date(**found.groupdict()) and set(text) != {"1"}:
            places = found.end(1), found.end(2)
            leans = [stroke.lean for place in places if (stroke := arc_at(place)) and abs(stroke.bow) < _BENT]
            if len(leans) == 2 and min(leans) > _LEAN and max(leans) - min(leans) < _ALIKE:
                return places
    return None


def _is_date(year: str, one: str, other: str) -> bool:
    """A day and a month, in whichever order, and a year of two digits or of these times."""
    month, day = sorted((int(one), int(other)))
    return 1 <= month <= 12 and day <= 31 and (len(year) == 2 or int(year) in _YEARS)


def brackets(line: Line) -> list[tuple[int, int]]:
    """Pairs of an opening and the next closing one, with something between them."""
    found: list[tuple[int, int]] = []
    opened: int | None = None
    whole = [True, *(before.cut is None for before in line.atoms[:-1])]
    for place, (atom, apart) in enumerate(zip(line.atoms, whole, strict=True)):
        shape = arc(atom) if apart and atom.box[3] >= _TALL * line.height else None
        if shape is None or abs(shape.bow) < _BENT:
            continue
        if shape.bow < 0:
            opened = place
        elif opened is not None:
            if place > opened + 1:
                found.append((opened, place))
            opened = None
    return found
