"""Numbers as whole lines, for the network that reads them (`reading/lines.py`).

    lines = draw_lines(training, 30_000, seed=0)       strips, each with two or three numbers on it
    lines.images, lines.labels

A number is written, photographed and found again by the page's own road, and then its strip is what a page
gives the network (`images/strip.py`): what is learnt is what is read. Beside it stand the dashes, letters and
points that people put there and that are to be passed over.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.images.segment import segment
from tenfold.images.strip import strip
from tenfold.kinds import STRIP
from tenfold.training.drawing import draw
from tenfold.training.forms import trace
from tenfold.training.letters import written as letter
from tenfold.training.strings import number_of, pen_of, pictured, written
from tenfold.training.world import PEN_BOX, Plane, World, over_logarithm

HEIGHT, WIDTH = STRIP
LONGEST = 24  # digits of a strip
NOTHING = 10  # a label where a strip has no more digits

DIGIT = 24  # columns that one takes, a little more than most
GAP = (6, 30)  # columns between two numbers
MOST = 7  # digits of a number
ENDED = 0.35  # of numbers: a dash, or two, before or behind them
LETTERED = 0.1  # of numbers: a letter before or behind them
ONLY_LETTERS = 0.03  # of numbers: letters in their place
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
        ink = _with_letters(letter(rng), rng) if not places else _numeral(data, places, rng)
        picture, _, _ = pictured(ink, rng, AMOUNTS)
        lines = segment(picture).lines
        if lines:
            image = strip(max(lines, key=lambda line: len(line.atoms))).image
            if image.shape[1] <= WIDTH:
                return image
    return np.zeros((HEIGHT, 1), np.uint8)


def _numeral(data: Labelled, places: list[int], rng: Generator) -> Plane:
    ink, _, _ = written(data, places, rng, AMOUNTS, wider=WIDEST * rng.random() ** 3)
    if rng.random() < ENDED:
        ink = _beside(ink, _dashes(ink, rng), rng)
    return _with_letters(ink, rng) if rng.random() < LETTERED else ink


def _dashes(ink: Plane, rng: Generator) -> Plane:
    """A dash, straight or waved, or two, one above the other, by the pen of `ink` and as high."""
    height = max(len(ink), PEN_BOX // 2)
    length, wave = PEN_BOX * over_logarithm(rng, (0.15, 1.2)), rng.choice([0.0, rng.normal(0, 0.12)])
    plane = np.zeros((height, round(length) + PEN_BOX // 2), np.float32)
    two = rng.random() < 0.4
    y = height * rng.uniform(0.3, 0.7 if two else 0.9)
    for drop in (0.0, height * rng.uniform(0.12, 0.3))[: 1 + two]:
        t = np.linspace(0, 1, 12)
        rise = rng.normal(0, 0.12) * t + wave * np.sin(2 * np.pi * t) + rng.normal(0, 0.05) * t * (1 - t)
        x = PEN_BOX / 4 + rng.normal(0, 2) + length * t
        trace(plane, np.column_stack([x, y + drop - length * rise]), pen_of(ink))
    return plane


def _with_letters(ink: Plane, rng: Generator) -> Plane:
    for _ in range(int(rng.integers(1, 3))):
        ink = _beside(ink, letter(rng), rng)
    return ink


def _beside(ink: Plane, other: Plane, rng: Generator) -> Plane:
    """`other` before or, more often, behind `ink`, as low."""
    columns, rows = np.flatnonzero(other.max(0) > 0.3), np.flatnonzero(other.max(1) > 0.3)
    if not len(columns):
        return ink
    lower = rows[-1] + 1 if len(other) != len(ink) else len(other)
    other = other[max(0, lower - len(ink)) : lower, columns[0] : columns[-1] + 1]
    other = cv2.copyMakeBorder(other, len(ink) - len(other), 0, 0, 0, cv2.BORDER_CONSTANT)
    paper = np.zeros((len(ink), round(PEN_BOX * over_logarithm(rng, (0.1, 0.7)))), np.float32)
    return np.hstack([ink, paper, other] if rng.random() < 0.75 else [other, paper, ink])
