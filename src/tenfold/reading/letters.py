"""Lines of letters, as of a printed page: most of their strokes are no digits.

    without_letters(page, probabilities)        `page` without them

By itself an o is a 0 and an l a 1, and of a hundred letters some always look like digits beside one another.
But of digits nearly all do.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from tenfold.images.atoms import Atom, around
from tenfold.images.segment import Line, Page
from tenfold.metrics import Floats

SPACE = 0.4  # of a line's digit height between words, at least
_FEWEST = 12  # strokes of a line that is judged
_TALL = 0.4  # of that height: what is smaller may be a dot
_WIDE = 1.3  # of that height, or of its own: what is wider may be several letters, or digits
_LIKE, _UNLIKE = -0.9, 2.5  # nats for letters where a stroke is like a digit, as 40 % of them are, or is not
_SURE = 15.0  # nats for letters in a line, against digits alone, from which there are any
_CHANGE = 3.0  # nats that it costs to go from letters to digits, or back,
_APART = 1.0  # where there is less paper between them, of a line's digit height

Probabilities = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def digit_chances(rows: NDArray[np.float32]) -> Floats:
    """P(it is a digit, and this one), [n, 10], from the probabilities given that it is one.

    A network that knows non-digits spreads its probability evenly over the ten classes when it sees one: the
    median class shows how much is spread.
    """
    rows = rows.astype(np.float64)
    chances: Floats = np.clip(rows - np.median(rows, 1, keepdims=True), 0, 1)
    return chances


def without_letters(page: Page, probabilities: Probabilities) -> Page:
    """`page` without words of letters, where a line is sure to have some. `probabilities` maps uint8
    [n, 28, 28] to float32 [n, 10]."""
    lines = (_without_letters(line, page, probabilities) for line in page.lines)
    return replace(page, lines=tuple(line for line in lines if line.atoms))


def _without_letters(line: Line, page: Page, probabilities: Probabilities) -> Line:
    strokes = _strokes(line)
    left, _, width, height = np.array([around(atoms) for atoms in strokes]).T / line.height
    judged = np.flatnonzero((height >= _TALL) & (width <= _WIDE * np.maximum(height, 1)))
    if len(judged) < _FEWEST:
        return line
    seen = probabilities(np.stack([page.digit(strokes[place]) for place in judged]))
    nats = np.zeros(len(strokes))
    nats[judged] = np.where(digit_chances(seen).max(1) > 0.5, _LIKE, _UNLIKE)
    space = left[1:] - np.maximum.accumulate(left + width)[:-1]
    word = np.append(0, np.cumsum(space >= SPACE))
    change = np.where(space >= _APART, 0.0, _CHANGE)[space >= SPACE]
    of_letters = _of_letters(np.bincount(word, nats).tolist(), change.tolist())[word]
    kept = [atoms for atoms, its in zip(strokes, of_letters, strict=True) if not its]
    return Line(tuple(chain.from_iterable(kept)), line.height)


def _strokes(line: Line) -> list[tuple[Atom, ...]]:
    """Its atoms, those together that were cut from one another."""
    ends = [place for place, atom in enumerate(line.atoms[:-1], 1) if atom.cut is None]
    return [line.atoms[first:last] for first, last in pairwise([0, *ends, len(line.atoms)])]


def _of_letters(nats: list[float], change: list[float]) -> NDArray[np.bool_]:
    """Which words are letters: `nats` says how much each is like them, `change` what it costs between one and
    the next where only one of them is."""
    digits: tuple[float, tuple[bool, ...]] = (0.0, ())
    letters = digits
    for gain, cost in zip(nats, (0.0, *change), strict=True):
        before = digits, letters
        digits, letters = (max(same, (other[0] - cost, other[1])) for same, other in (before, before[::-1]))
        digits, letters = (digits[0], (*digits[1], False)), (letters[0] + gain, (*letters[1], True))
    gain, found = max(digits, letters)
    return np.array(found if gain >= _SURE else np.zeros(len(nats)), np.bool_)
