"""Numbers as whole lines, for the network that reads them (`reading/lines.py`).

    lines = draw_lines(training, 30_000, seed=0)       strips, each with two or three numbers on it
    lines.images, lines.labels

A number is written, photographed and found again by the page's own road, and then its strip is what a page
gives the network (`images/strip.py`): what is learnt is what is read. Beside it stand the dashes, letters,
words and signs that people put there and that are to be passed over (`beside.py`).
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.images.segment import segment
from tenfold.images.strip import strip
from tenfold.kinds import STRIP
from tenfold.training.drawn.beside import BETWEEN, BRACKETS, across, cropped, dashes, sign, word
from tenfold.training.drawn.drawing import draw
from tenfold.training.drawn.letters import written as letter
from tenfold.training.drawn.strings import number_of, pen_of, pictured, written
from tenfold.training.drawn.world import PEN_BOX, Plane, World, over_logarithm

HEIGHT, WIDTH = STRIP
LONGEST = 24  # digits of a strip
NOTHING = 10  # a label where a strip has no more digits

DIGIT = 24  # columns that one takes, a little more than most
GAP = (6, 30)  # columns between two numbers
MOST = 7  # digits of a number
SIGNED = 0.2  # of numbers: signs of a date or a sum between their digits
BRACKETED = 0.05  # of numbers
ENDED = 0.3  # of numbers: a dash, or two, before or behind them
LETTERED = 0.07  # of numbers: a letter or two before or behind them
WORDED = 0.08  # of numbers: a word before or behind them
ONLY_LETTERS = 0.06  # of numbers: letters in their place
WORDS = 0.7  # of those: one word
CLOSE = (0.02, 0.35)  # of a digit's height to a sign
SPACE = (0.1, 0.7)  # to a letter, a dash
SPACE_OF_WORDS = (0.3, 1.2)
WIDEST = 0.7  # of a digit's height: hands leave up to so much more paper between digits, most of them little
TRIES = 20  # of drawing a number that fits

AMOUNTS = World(odd=0.3, school=0.3, further=True, chain=0.6, rule=0.2, mark=0.2, comma=(-4.0, -0.5))


@dataclass(frozen=True, eq=False)
class Lines:
    """Strips uint8 [n, HEIGHT, WIDTH], ink bright; labels uint8 [n, LONGEST], NOTHING behind the last."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the pixels and the labels."""
        digest = hashlib.sha256(self.images.tobytes())
        digest.update(self.labels.tobytes())
        return digest.hexdigest()


def draw_lines(data: Labelled, count: int, seed: int, kept: Path | None = None, processes: int = 1) -> Lines:
    """`count` strips of the digits of `data`; the same for the same seed. `kept` is a folder that keeps them,
    and `processes` draw them: see `drawing`."""
    what = f"lines of {data.checksum} {seed} {AMOUNTS}"
    rows = draw(partial(_strip, data, seed), count, kept, what, processes, shape=(HEIGHT + 1, WIDTH))
    return Lines(rows[:, :HEIGHT], rows[:, HEIGHT, :LONGEST])


def _strip(data: Labelled, seed: int, number: int) -> NDArray[np.uint8]:
    """uint8 [HEIGHT + 1, WIDTH]: numbers side by side, and their digits in the row below."""
    rng = np.random.default_rng([seed, HEIGHT, number])
    canvas = np.zeros((HEIGHT + 1, WIDTH), np.uint8)
    canvas[HEIGHT] = NOTHING
    end = digits = 0
    while (room := min((WIDTH - end) // DIGIT, LONGEST - digits)) > 0:
        count = min(room, int(rng.integers(1, MOST + 1)))
        spelt = rng.random() < ONLY_LETTERS
        places = [] if spelt else number_of(data, count, rng, rounder=False)
        image = _line(data, places, rng)
        if end + image.shape[1] > WIDTH:
            break
        canvas[:HEIGHT, end : end + image.shape[1]] = image
        canvas[HEIGHT, digits : digits + len(places)] = data.labels[places]
        digits += len(places)
        end += image.shape[1] + int(rng.integers(*GAP))
    return canvas


def _line(data: Labelled, places: list[int], rng: Generator) -> NDArray[np.uint8]:
    """The strip of one number, uint8 [HEIGHT, w]; of none where no picture of it shows one."""
    for _ in range(TRIES):
        ink = _numeral(data, places, rng) if places else _letters(rng)
        picture, _, _ = pictured(ink, rng, AMOUNTS)
        lines = segment(picture).lines
        if lines:
            image = strip(max(lines, key=lambda line: len(line.atoms))).image
            if image.shape[1] <= WIDTH:
                return image
    return np.zeros((HEIGHT, 1), np.uint8)


def _numeral(data: Labelled, places: list[int], rng: Generator) -> Plane:
    """The ink of a number, or of several with a sign between, and of what stands beside them, by one hand."""
    slant, stroke = rng.uniform(*AMOUNTS.slant), float(over_logarithm(rng, AMOUNTS.pen))
    hand = replace(AMOUNTS, slant=(slant, slant), pen=(stroke, stroke))
    wider = WIDEST * rng.random() ** 3
    first, *others = _parted(places, rng) if rng.random() < SIGNED else [places]
    ink, _, _ = written(data, first, rng, hand, wider)
    pen = pen_of(ink)
    between = BETWEEN[rng.integers(len(BETWEEN))]
    for part in others:
        number, _, _ = written(data, part, rng, hand, wider)
        for plane in (sign(between, rng, pen, slant), number):
            ink = across(ink, plane, _gap(rng, CLOSE), centred=True)
    if rng.random() < BRACKETED:
        before, behind = (sign(name, rng, pen, slant) for name in BRACKETS[rng.integers(len(BRACKETS))])
        ink = across(before, ink, _gap(rng, CLOSE), centred=True)
        ink = across(ink, behind, _gap(rng, CLOSE), centred=True)
    if rng.random() < ENDED:
        ink = _beside(ink, dashes(ink, rng, pen), _gap(rng, SPACE), rng)
    if rng.random() < LETTERED:
        ink = _beside(ink, _letters(rng), _gap(rng, SPACE), rng)
    if rng.random() < WORDED:
        ink = _beside(ink, word(rng, pen, slant), _gap(rng, SPACE_OF_WORDS), rng)
    return ink


def _parted(places: list[int], rng: Generator) -> list[list[int]]:
    """In two or three, where there are as many."""
    cuts = rng.permutation(np.arange(1, len(places)))[: rng.integers(1, 3)]
    return [part.tolist() for part in np.split(np.array(places), np.sort(cuts))]


def _letters(rng: Generator) -> Plane:
    """A word, or one letter or two, each large."""
    if rng.random() < WORDS:
        return word(rng, int(rng.integers(2, 8)))
    ink = cropped(letter(rng))
    for _ in range(int(rng.integers(0, 2))):
        ink = across(ink, cropped(letter(rng)), _gap(rng, SPACE))
    return ink


def _beside(ink: Plane, other: Plane, gap: float, rng: Generator) -> Plane:
    """`other` before or, more often, behind `ink`, as low."""
    return across(ink, other, gap) if rng.random() < 0.75 else across(other, ink, gap)


def _gap(rng: Generator, limits: tuple[float, float]) -> float:
    """Pixels, of limits in digits' heights."""
    return PEN_BOX * float(over_logarithm(rng, limits))
