"""Pages that little is sure of are looked at again, blurred: grain of paper, a pen that skips."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.harness.pages import edit_distance
from tenfold.reading import Reader
from tenfold.training.drawn.forms import draw
from tenfold.training.drawn.hands import DIGITS

Plane = NDArray[np.float64]
Page = Callable[[np.random.Generator], Plane]

TEXT = "2345678\n9026345"


def thin(rng: np.random.Generator) -> Plane:
    """TEXT by a pen of three pixels, 50 pixels tall, its ink 1."""
    page = np.zeros((300, 570))
    for row, line in enumerate(TEXT.split("\n")):
        for column, digit in enumerate(line):
            ink = draw(DIGITS[int(digit)][0], rng, np.diag([4.5, 6]), pen=3, wander=0.1, rounding=1)
            x, y, width, height = cv2.boundingRect(ink.astype(np.uint8))
            top, left = 30 + 120 * row, 50 + 70 * column
            page[top : top + height, left : left + width] = ink[y : y + height, x : x + width]
    return page


def noise(rng: np.random.Generator, size: tuple[int, ...], width: float) -> Plane:
    found = np.asarray(cv2.GaussianBlur(rng.normal(size=size), (0, 0), width))
    return np.asarray(found / found.std())


def grainy(rng: np.random.Generator) -> Plane:
    """Pencil on recycled paper: its grain is as dark as the pencil is here and there."""
    ink = np.asarray(cv2.GaussianBlur(thin(rng), (0, 0), 0.7))
    return 180 - 35 * ink + 12 * noise(rng, ink.shape, 1.5)


def skipping(rng: np.random.Generator) -> Plane:
    """A ballpoint that leaves out a part of each stroke."""
    ink = thin(rng)
    inked = (1.6 * noise(rng, ink.shape, 2) + 1.6).clip(0, 1)
    return np.asarray(cv2.GaussianBlur(255 - 200 * ink * inked, (0, 0), 0.7))


@pytest.mark.parametrize(("page", "most"), [(grainy, 30), (skipping, 30)])
def test_pages_of_which_little_is_sure_are_read_with_fewer_edits(page: Page, most: int) -> None:
    """One look makes 66 and 53 edits of these 84 digits."""
    reader = Reader()
    pages = [page(np.random.default_rng(seed)).clip(0, 255).astype(np.uint8) for seed in range(6)]
    assert sum(edit_distance(reader.read(picture).text, TEXT) for picture in pages) <= most


def test_what_is_expected_is_still_honoured() -> None:
    picture = grainy(np.random.default_rng(0)).clip(0, 255).astype(np.uint8)
    assert len(Reader().read(picture, digits=14).digits) == 14
