"""Any rendering of a digit leads to nearly the same 28 x 28, and an image of MNIST to itself."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.images.corpus import encoded

from tenfold.data.mnist import load_mnist
from tenfold.errors import ShapeError
from tenfold.images import find_digit, read_digit, to_mnist

Pixels = NDArray[Any]
MNIST = load_mnist()
DIGITS = MNIST.train.images[:40]


def _unlike(image: Pixels, other: Pixels) -> float:
    """The share of ink that is elsewhere, after the shift by one pixel that rounding may bring."""
    shifts = [np.roll(image, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    differences = [np.abs(shifted.astype(int) - other).sum() for shifted in shifts]
    return float(min(differences) / (image.astype(int) + other).sum())


def _large(digit: Pixels, side: int) -> Pixels:
    """`digit` as a pen would have drawn it on `side` pixels, ink bright."""
    soft = cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return np.asarray(np.clip((soft - 127) * max(1.0, side / 56) + 127, 0, 255), np.uint8)


def test_mnist_passes_unchanged_either_way_round_and_in_colour() -> None:
    for image in MNIST.train.images[:2000]:
        assert np.array_equal(to_mnist(image), image)
        assert np.array_equal(to_mnist(255 - image), image)
    assert np.array_equal(to_mnist(np.stack([image] * 3, -1)), image)


@pytest.mark.slow
def test_all_of_mnist_passes_unchanged() -> None:
    for image in np.concatenate([MNIST.train.images, MNIST.test.images]):
        assert np.array_equal(to_mnist(image), image)


UNFIT = [np.zeros((28, 28)), np.zeros((0, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), [[0]], "7.png"]


@pytest.mark.parametrize("picture", UNFIT, ids=lambda it: f"{type(it).__name__}-{getattr(it, 'shape', '')}")
def test_what_is_no_picture_is_refused(picture: Any) -> None:
    for call in (to_mnist, find_digit):
        with pytest.raises(ShapeError, match=r"^A picture must be a uint8 array[^\n]*\.$"):
            call(picture)


def test_what_was_made_is_not_made_again() -> None:
    for digit in DIGITS:
        once = to_mnist(255 - _large(digit, 90))
        assert np.array_equal(to_mnist(once), once)


def test_the_result_is_placed_as_mnist_is() -> None:
    for digit in DIGITS:
        image = to_mnist(np.pad(255 - _large(digit, 120), ((3, 60), (80, 5)), constant_values=255))
        _, _, width, height = cv2.boundingRect(image)
        assert max(width, height) in (19, 20)
        weight = image.sum()
        assert abs((image.sum(0) * np.arange(28)).sum() / weight - 14) <= 0.5
        assert abs((image.sum(1) * np.arange(28)).sum() / weight - 14) <= 0.5
        assert image.max() == 255


RENDERINGS: dict[str, Callable[[Pixels], bytes]] = {
    "dark on light": lambda ink: encoded(255 - ink, "PNG"),
    "light on dark": lambda ink: encoded(ink, "PNG"),
    "faint": lambda ink: encoded((230 - ink * 0.15).astype(np.uint8), "PNG"),
    "rgb": lambda ink: encoded(np.stack([255 - ink] * 3, -1), "PNG"),
    "rgba": lambda ink: encoded(np.stack([255 - ink] * 3 + [0 * ink + 255], -1), "PNG"),
    "black on nothing": lambda ink: encoded(np.stack([0 * ink] * 3 + [ink], -1), "PNG"),
    "white on nothing": lambda ink: encoded(np.stack([0 * ink + 255] * 3 + [ink], -1), "PNG"),
    "16 bits": lambda ink: encoded((255 - ink).astype(np.uint16) * 257, "PNG"),
    "red on green": lambda ink: encoded(np.stack([ink, 255 - ink, 0 * ink + 80], -1), "PNG"),
    "yellow on white": lambda ink: encoded(np.stack([0 * ink + 255, 255 - ink // 20, 255 - ink], -1), "PNG"),
    "jpeg": lambda ink: encoded(255 - ink, "JPEG", quality=70),
    "webp": lambda ink: encoded(np.stack([255 - ink] * 3, -1), "WEBP"),
    "shadow": lambda ink: encoded(
        ((230 - 0.8 * ink) * np.linspace(0.45, 1, len(ink))[:, None]).astype(np.uint8), "PNG"
    ),
    "padded": lambda ink: encoded(np.pad(255 - ink, ((9, 70), (40, 5)), constant_values=255), "PNG"),
}


@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize("side", [28, 60, 250, 1000])
def test_every_rendering_of_a_digit_leads_to_nearly_the_same(rendering: str, side: int) -> None:
    for digit in DIGITS[:: 2 if side < 1000 else 10]:
        image = read_digit(RENDERINGS[rendering](_large(digit, side)))
        plain = to_mnist(255 - _large(digit, 120))
        unlike = min(_unlike(image, plain), _unlike(image, digit))  # at 28 pixels it may pass unchanged
        assert unlike < 0.22


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    digit=st.integers(0, len(DIGITS) - 1),
    side=st.integers(40, 300),
    margins=st.tuples(*[st.integers(0, 200)] * 4),
    paper=st.integers(0, 255),
    pen=st.integers(0, 255),
)
def test_place_size_and_levels_do_not_matter(
    digit: int, side: int, margins: tuple[int, int, int, int], paper: int, pen: int
) -> None:
    if abs(paper - pen) < 25:
        return
    top, bottom, left, right = margins
    ink = np.pad(_large(DIGITS[digit], side), ((top, bottom), (left, right))).astype(np.float32) / 255
    picture = (paper + (pen - paper) * ink + 0.5).astype(np.uint8)
    assert _unlike(to_mnist(picture), to_mnist(255 - _large(DIGITS[digit], 120))) < 0.22


def _written(pen: int = 6) -> Pixels:
    """A 4 of two strokes that do not touch, dark on white, 200 x 160."""
    picture = np.full((200, 160), 255, np.uint8)
    cv2.polylines(picture, [np.array([[60, 40], [40, 110], [100, 110]])], False, 0, pen)
    cv2.line(picture, (115, 40), (115, 160), 0, pen)
    return picture


def test_found_tells_what_was_seen() -> None:
    found = find_digit(_written())
    assert not found.blank
    assert not found.bright
    assert not found.touches_edge
    assert found.components == 2
    assert found.contrast > 250
    assert np.allclose(found.box, (37, 37, 82, 127), atol=3)
    assert find_digit(255 - _written()).bright
    assert find_digit(_written()[45:]).touches_edge


def test_the_box_is_in_pixels_of_the_picture() -> None:
    large = _written().repeat(10, axis=0).repeat(10, axis=1)
    assert np.allclose(find_digit(large).box, (370, 370, 820, 1270), atol=30)


@pytest.mark.parametrize("pen", [1, 2, 4, 8, 12, 20])
def test_strokes_come_out_as_wide_as_mnist_s(pen: int) -> None:
    image = to_mnist(_written(pen))
    length = (75 + 60 + 120) * 20 / (120 + pen)  # of the strokes, once the longest is 20 pixels
    assert 1.1 < image.sum() / 255 / length < 3.6


def test_what_is_not_the_digit_is_left_out() -> None:
    plain = to_mnist(_written())
    dirty = {"specks": _written(), "dot": _written(), "neighbours": _written(), "lines": _written()}
    dirty["specks"][::37, ::29] = 60
    cv2.circle(dirty["dot"], (135, 165), 5, 0, -1)
    cv2.circle(dirty["neighbours"], (-5, 100), 25, 0, 6)
    cv2.ellipse(dirty["neighbours"], (170, 100), (25, 60), 0, 0, 360, 0, 6)
    for at in range(20, 200, 55):
        cv2.line(dirty["lines"], (0, at), (159, at + 4), 90, 2)
        cv2.line(dirty["lines"], (at - 6, 0), (at, 199), 90, 2)
    for name, picture in dirty.items():
        assert _unlike(to_mnist(picture), plain) < 0.25, name


def test_what_has_less_than_half_of_the_ink_is_not_read_alone() -> None:
    picture = np.full((64, 64), 230, np.uint8)
    cv2.line(picture, (32, 16), (30, 48), 40, 5)
    assert find_digit(picture).components == 1
    picture[8:, :4] = picture[8:, 60:] = 40  # two wide strips at the edges: a coat's shadow, say
    found = find_digit(picture)
    assert found.components == 3
    assert np.ptp(np.flatnonzero(found.image.any(0))) > 14  # from side to side


def test_a_second_digit_is_shown_as_well() -> None:
    """Off the edge and not much smaller; what else stands beside a digit is left out."""
    beside = {
        "a digit": (170, 70, 165, 150),
        "an underline": (40, 222, 160, 217),
        "a comma": (175, 165, 170, 185),
    }
    for name, line in beside.items():
        picture = np.pad(_written(), ((0, 60), (0, 80)), constant_values=255)
        cv2.line(picture, line[:2], line[2:], 0, 6)
        found = find_digit(picture)
        assert found.components == 2 + (name == "a digit"), name


def _dots(digit: Pixels) -> Pixels:
    tones = 225 - 0.65 * digit  # as a printer makes them of a grid of thresholds
    grid = 16 * np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) + 8
    return np.where(tones > np.tile(grid, (len(digit) // 4, len(digit) // 4)), 255, 0).astype(np.uint8)


def _grainy(digit: Pixels) -> Pixels:
    noise = np.random.default_rng(0).normal(0, 16, digit.shape)
    return np.asarray(np.clip(190 - 0.22 * digit + noise, 0, 255), np.uint8)


@pytest.mark.parametrize("rendering", [_dots, _grainy])
def test_dots_and_grain_are_looked_at_from_afar(rendering: Callable[[Pixels], Pixels]) -> None:
    for digit in DIGITS[:10]:
        large = np.pad(_large(digit, 160), 48)
        found = find_digit(rendering(large))
        assert _unlike(found.image, to_mnist(large)) < 0.3
        x, y, width, height = find_digit(large).box
        assert np.abs(np.subtract(found.box, (x, y, width, height))).max() < 16


def _shadows() -> Pixels:
    """Light from one side, and a shadow with a soft edge from the other: 16 grey levels off the paper."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    light = 200 + 30 * (x * np.cos(1) + y * np.sin(1))
    edge = 1 / (1 + np.exp(-8 * (x * np.cos(5) + y * np.sin(5) - 0.4)))
    return np.asarray(light - 40 * edge, np.uint8)


NOTHING: dict[str, Pixels] = {
    "one pixel": np.full((1, 1), 7, np.uint8),
    "a row": np.full((1, 2000), 200, np.uint8),
    "a column": np.full((2000, 1), 200, np.uint8),
    "black": np.zeros((28, 28), np.uint8),
    "white": np.full((300, 200), 255, np.uint8),
    "white in colour": np.full((30, 20, 3), 255, np.uint8),
    "a gradient": np.tile(np.linspace(90, 240, 200).astype(np.uint8), (150, 1)),
    "soft shadows": _shadows(),
    "paper": np.random.default_rng(0).normal(200, 5, (400, 300)).astype(np.uint8),
    "noise": np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8),
    "noise, large": np.random.default_rng(2).integers(0, 256, (900, 700), dtype=np.uint8),
    "noise in colour": np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8),
    "snow": (np.random.default_rng(4).random((100, 100)) < 0.05).astype(np.uint8) * 255,
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_gives_zeros(name: str) -> None:
    found = find_digit(NOTHING[name])
    assert found.blank
    assert found.image.shape == (28, 28)
    assert not found.image.any()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    colour=st.booleans(),
    density=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    seed=st.integers(0, 2**31),
)
def test_any_picture_gives_28_by_28(height: int, width: int, colour: bool, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (height, width, 3) if colour else (height, width)
    picture = np.where(rng.random(shape) < density, rng.integers(0, 256, shape), 255).astype(np.uint8)
    before = picture.copy()
    image = to_mnist(picture)
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert np.array_equal(picture, before)
