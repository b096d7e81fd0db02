"""The digits of a page -> lines of text, with what the user knows of them.

    read_page(segment(picture), probabilities, Expected(digits=4)) -> Reading

Strokes come over-segmented from `images/segment.py`. Every run of neighbouring atoms that has a digit's size
is shown to the classifier; `lattice.py` finds the path through them whose digits are the most probable, and
passes over dots, dashes, specks and words. `evidence.py` says what a network that reads whole lines makes of
each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice, pairwise, zip_longest
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tenfold.images.atoms import Atom, Box, around, gap
from tenfold.images.segment import Page, soften
from tenfold.onnx_check import CLASSES
from tenfold.reading.evidence import Chances, Evidence, evidence
from tenfold.reading.expected import Expected
from tenfold.reading.lattice import Edge, Path, Step, readings
from tenfold.reading.letters import SPACE, Probabilities, digit_chances, without_letters
from tenfold.reading.lines import FLOOR
from tenfold.reading.signs import without_signs
from tenfold.thresholds import CONFIDENCE, LOW, unsure

SEARCHED = 2_000  # readings that are held against a checksum or an odd pattern before the search gives up
_ATOMS = 7  # at most these make one digit
_WIDEST, _SHORTEST, _TALLEST = 1.7, 0.35, 2.2  # of a line's digit height
_GAP = 0.25  # of a digit's height between strokes of the same digit, at most
_APART = 5.0  # nats that each digit's height of such paper costs
_SHARED = 0.5  # nats that it costs where two digits have a stroke in common
_HEIGHT_SPREAD = 0.45  # of the logarithm of a digit's height over the line's
_WIDTH_SPREAD = 0.35  # of the logarithm of its width over the height, where it is wider than high
_FLOOR = 1e-4  # the least probability of any digit: no classifier is surer than that
_PASSED_OVER = 5.0  # nats that it costs to pass over an atom as tall as a digit
_WORD, _LETTER = 6.0, 0.5  # nats that it costs to pass over a word, and each of its atoms as tall as a digit
_CUT, _CROSSED = 0.25, 0.25  # nats that a cut costs, and each stroke's width of ink that it crosses
_MISFIT = 3.0  # nats between the best reading and the best that fits: repairing a digit costs less
# Of the log-probability of a network of whole lines: of a digit, of none, and where ink is cut.
_HEARD, _NONE, _HEARD_CUT = 1.0, 0.25, 1.5
_FEW = 60  # atoms: a page of fewer, such as a number alone, is not looked at again,
_MOSTLY = 0.6  # nor one of whose digits so many more are sure than are not
_NOTHING_FITS, _FITS_BADLY = "nothing fits what is expected", "what is expected fits badly"


@dataclass(frozen=True)
class Digit:
    """One digit as read. `box` is x, y, width, height in pixels of the upright picture; `alternatives` are
    the next labels with their probabilities."""

    label: int
    confidence: float
    unsure: bool
    box: Box
    alternatives: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Reading:
    """What a page says: `text` has a line break between lines. `reason` says why it is `unsure` as a whole,
    and is None where it is not: "low confidence", "too much on the page", or that what is expected does not
    fit or fits badly."""

    file: str | None
    text: str
    digits: tuple[Digit, ...]
    unsure: bool
    reason: str | None


@dataclass(frozen=True)
class Candidate:
    """Some atoms of line `line` that may be one digit; `prior` is the log-probability of their size."""

    line: int
    first: int  # place of its first atom among all atoms of the page
    last: int
    atoms: tuple[Atom, ...]
    prior: float
    shares: bool
    """its first atom may be the last of the digit before, as rings that touch have one wall"""


def read_page(
    page: Page,
    probabilities: Probabilities,
    expected: Expected | None = None,
    lines: Chances | None = None,
    *,
    thresholds: Mapping[str, float] = MappingProxyType({}),
    file: str | None = None,
) -> Reading:
    """The best reading of `page`. `probabilities` maps uint8 [n, 28, 28] to float32 [n, 10]; `lines` is the
    second opinion, if any, of a network that reads whole lines.

    `thresholds` say which digits are unsure: see `thresholds.unsure`. Where nothing fits what is expected,
    the best reading without it is given, unsure; unsure is also what fits only where clear digits are left
    out or taken for others. A page of which little is sure is looked at again, softened, and what leaves more
    sure is the reading.
    """

    def look(page: Page) -> Reading:
        return _look(page, probabilities, expected or Expected(), lines, thresholds, file)

    found = look(page)
    if page.atoms < _FEW or _clear(found) >= _MOSTLY * len(found.digits):
        return found
    softened = soften(page)
    if softened.atoms > page.atoms:
        return found
    softer = look(softened)
    return max(found, softer, key=_fit_and_clear) if softer.digits else found


def _clear(found: Reading) -> int:
    """How many more digits are sure than are not."""
    return sum(-1 if digit.unsure else 1 for digit in found.digits)


def _fit_and_clear(found: Reading) -> tuple[bool, int]:
    return found.reason not in (_NOTHING_FITS, _FITS_BADLY), _clear(found)


def _look(
    page: Page,
    probabilities: Probabilities,
    expected: Expected,
    lines: Chances | None,
    thresholds: Mapping[str, float],
    file: str | None,
) -> Reading:
    page = without_letters(page, probabilities)
    found = candidates(page)
    images = [page.digit(candidate.atoms) for candidate in found]
    rows = probabilities(np.stack(images)) if images else np.zeros((0, CLASSES), np.float32)
    chances = digit_chances(rows)
    edges = _edges(page, found, chances)
    if lines is not None:
        edges = _with_evidence(edges, page, evidence(page, lines, _ATOMS))
    score, steps = next(readings(page.atoms, edges))
    reason = None
    if expected == Expected():  # who knows the text knows what is in it
        steps = without_signs(steps, found, page)
    elif (fitting := _best(page.atoms, edges, expected)) is None:
        reason = _NOTHING_FITS
    else:
        badly = score - fitting[0] > _MISFIT
        if badly and _text(fitting[1], found) != _text(without_signs(steps, found, page), found):
            reason = _FITS_BADLY
        steps = fitting[1]
    doubtful, least = unsure(rows, thresholds), thresholds.get(CONFIDENCE, 0.0)

    def digit(step: Step) -> Digit:
        its = chances[step.candidate]
        doubt = bool(doubtful[step.candidate] or its[step.label] < least)
        return _digit(page, found[step.candidate], step.label, its, doubt)

    digits = tuple(digit(step) for step in steps)
    text = _text(steps, found)
    if reason is None and page.crowded:
        reason = "too much on the page"
    if reason is None and any(digit.unsure for digit in digits):
        reason = LOW
    return Reading(file, text, digits, reason is not None, reason)


def candidates(page: Page) -> list[Candidate]:
    """Every run of neighbouring atoms that a digit could be."""
    found, start = [], 0
    for number, line in enumerate(page.lines):
        for first in range(len(line.atoms)):
            for last in range(first + 1, min(first + _ATOMS, len(line.atoms)) + 1):
                atoms = line.atoms[first:last]
                prior = _size_prior(atoms, line.height)
                if prior is not None:
                    prior -= _cut_cost(atoms[-1])
                    shares = first > 0 and _has_common_wall(line.atoms[first - 1], atoms, line.height)
                    found.append(Candidate(number, start + first, start + last, atoms, prior, shares))
        start += len(line.atoms)
    return found


def _size_prior(atoms: tuple[Atom, ...], line_height: float) -> float | None:
    """The log-probability of a digit's size up to a constant; None for what cannot be one."""
    _, _, width, height = around(atoms)
    if width > _WIDEST * line_height or not _SHORTEST <= height / line_height <= _TALLEST:
        return None
    gaps = [max(0, gap(left, right)) / line_height for left, right in pairwise(atoms)]
    if max(gaps, default=0) > _GAP:
        return None
    tall = float(np.log(height / line_height)) / _HEIGHT_SPREAD
    wide = max(0.0, float(np.log(width / line_height)) / _WIDTH_SPREAD)
    return -(tall**2 + wide**2) / 2 - _APART * sum(gaps)


def _has_common_wall(before: Atom, atoms: tuple[Atom, ...], line_height: float) -> bool:
    """The first atom is a stroke, joined on both sides, of a digit that goes on beyond it."""
    first = atoms[0]
    joined_on_both_sides = before.cut is not None and first.cut is not None
    return joined_on_both_sides and len(atoms) > 2 and first.box[3] >= _SHORTEST * line_height


def _cut_cost(last: Atom) -> float:
    """Digits touch seldom: nats for parting `last` from what follows it."""
    return 0.0 if last.cut is None else _CUT + _CROSSED * last.cut


def _edges(page: Page, candidates: list[Candidate], chances: NDArray[np.float64]) -> list[Edge]:
    scores = np.log(np.maximum(chances, _FLOOR))
    # a digit of many atoms stands against as many digits, so it weighs more than one of a single atom
    edges = []
    for number, (c, row) in enumerate(zip(candidates, scores, strict=True)):
        labels = row * (c.last - c.first) ** 0.5 + c.prior
        edges.append(Edge(c.first, c.last, tuple(labels.tolist()), number))
        if c.shares:
            edges.append(Edge(c.first + 1, c.last, tuple((labels - _SHARED).tolist()), number))
    place = 0
    for line in page.lines:
        start, word = place, 0.0
        for atom, after in zip_longest(line.atoms, line.atoms[1:]):
            size = min(1.0, atom.box[3] / line.height) ** 2
            edges.append(Edge(place, place + 1, (-_PASSED_OVER * size - _cut_cost(atom),)))
            place, word = place + 1, word + size
            if after is None or gap(atom, after) >= SPACE * line.height:
                edges.append(Edge(start, place, (-_WORD - _LETTER * word,)))
                start, word = place, 0.0
    return edges


def _with_evidence(edges: list[Edge], page: Page, heard: Evidence) -> list[Edge]:
    """What the network of whole lines says, added to what each edge costs. It counts more where a piece is
    cut off from its neighbour, as the classifier sees that one maimed, and less for passing ink over."""
    cut = [False, *(atom.cut is not None for line in page.lines for atom in line.atoms)]
    found = []
    for edge in edges:
        passed_over = edge.candidate is None
        weight = _NONE if passed_over else _HEARD
        if cut[edge.first] or cut[edge.last]:
            weight = _HEARD_CUT
        atoms = edge.first, edge.last
        score = sum(heard.nothing[slice(*atoms)]) if passed_over else heard.digits.get(atoms, FLOOR)
        scores = np.array(edge.scores) + weight * score
        found.append(replace(edge, scores=tuple(scores.tolist())))
    return found


def _best(atoms: int, edges: list[Edge], expected: Expected) -> Path | None:
    for score, steps in islice(readings(atoms, edges, expected.language()), SEARCHED):
        if expected.fits("".join(str(step.label) for step in steps)):
            return score, steps
    return None


def _digit(page: Page, candidate: Candidate, label: int, chances: NDArray[np.float64], doubt: bool) -> Digit:
    order = [int(other) for other in np.argsort(-chances, kind="stable") if other != label]
    alternatives = tuple((other, float(chances[other])) for other in order[:2] if chances[other] >= 0.01)
    return Digit(label, float(chances[label]), doubt, page.on_picture(around(candidate.atoms)), alternatives)


def _text(steps: tuple[Step, ...], candidates: list[Candidate]) -> str:
    lines: dict[int, str] = {}
    for step in steps:
        line = candidates[step.candidate].line
        lines[line] = lines.get(line, "") + str(step.label)
    return "\n".join(lines[line] for line in sorted(lines))
