"""What a digit lies in is left out: frames, rings, the edge of its paper, the table below it."""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data.mnist import load_test
from tenfold.images import find_digit, to_mnist

Pixels = NDArray[np.uint8]
DIGITS = load_test().images[:10]


def on_paper(digit: Pixels, side: int = 140, paper: int = 235) -> Pixels:
    """Dark on bright, 56 pixels of `side`."""
    picture, start = np.full((side, side), paper, np.uint8), (side - 56) // 2
    large = cv2.resize(digit, (56, 56), interpolation=cv2.INTER_CUBIC)
    picture[start : start + 56, start : start + 56] -= (large * 0.7).astype(np.uint8)
    return picture


def alike(found: Pixels, digit: Pixels) -> bool:
    """Nearly the same strokes, a pixel off at most."""
    difference = np.abs(found.astype(int) - digit).sum() / digit.sum(dtype=int)
    return bool(difference < 0.45)


def framed(picture: Pixels, margin: int) -> None:
    last = len(picture) - 1 - margin
    cv2.rectangle(picture, (margin, margin), (last, last), 80, 2)


def askew(picture: Pixels) -> None:
    corners = np.array([[20, 30], [112, 16], [124, 118], [30, 126]], np.int32)
    cv2.polylines(picture, [corners], True, 60, 2)


def gaping(picture: Pixels) -> None:
    cv2.circle(picture, (70, 70), 50, 70, 2)
    picture[116:122, 66:74] = 235


def ringed(picture: Pixels) -> None:
    cv2.circle(picture, (70, 70), 48, 70, 3)


def on_the_left(picture: Pixels) -> None:
    picture[:, :18] = 50


def in_a_corner(picture: Pixels) -> None:
    picture[:, :25] = picture[-20:] = 50


SURROUNDINGS: dict[str, Callable[[Pixels], None]] = {
    **{f"a frame {margin} from the sides": partial(framed, margin=margin) for margin in (2, 8, 14, 25)},
    "a frame askew": askew,
    "a ring": ringed,
    "a ring with a gap": gaping,
    "the edge of the paper": on_the_left,
    "its corner": in_a_corner,
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_what_lies_around_a_digit_is_left_out(name: str) -> None:
    for digit in DIGITS:
        plain, picture = on_paper(digit), on_paper(digit)
        SURROUNDINGS[name](picture)
        assert alike(to_mnist(picture), to_mnist(plain))


@pytest.mark.parametrize("degrees", [0, 9, -25])
@pytest.mark.parametrize("table", [20, 120])
def test_a_sheet_on_a_table_is_looked_at_alone(degrees: int, table: int) -> None:
    turn = cv2.getRotationMatrix2D((70, 70), degrees, 1)
    level = cv2.getRotationMatrix2D((28, 28), degrees, 1)
    for digit in DIGITS:
        moved = turn + np.array([[0, 0, 45], [0, 0, 45]])
        picture = cv2.warpAffine(on_paper(digit), moved, (230, 230), borderValue=table)
        noisy = picture + np.random.default_rng(0).normal(0, 3, picture.shape)
        large = cv2.resize(digit, (56, 56), interpolation=cv2.INTER_CUBIC)
        turned = cv2.warpAffine(large, level, (56, 56))
        wanted = to_mnist(np.pad(255 - turned, 42, constant_values=255))
        assert alike(to_mnist(noisy.clip(0, 255).astype(np.uint8)), wanted)


@pytest.mark.parametrize("bright", [False, True])
def test_a_dark_field_on_a_bright_page_is_looked_at_alone(bright: bool) -> None:
    for digit in DIGITS:
        field = on_paper(digit)
        page = np.pad(255 - field, 20, constant_values=245)
        assert alike(to_mnist(255 - page if bright else page), to_mnist(field))


def test_what_lies_within_a_0_leaves_it_one() -> None:
    ring = np.full((140, 140), 235, np.uint8)
    cv2.ellipse(ring, (70, 70), (34, 50), 0, 0, 360, 60, 6)
    dotted, barred = ring.copy(), ring.copy()
    cv2.circle(dotted, (70, 70), 5, 60, -1)
    cv2.line(barred, (62, 88), (78, 52), 60, 4)
    for picture in (dotted, barred):
        assert find_digit(picture).box == find_digit(ring).box


def test_bright_strokes_on_a_dark_ground_are_no_sheet() -> None:
    for digit in DIGITS:
        picture = on_paper(digit)
        assert alike(to_mnist(255 - picture), to_mnist(picture))
