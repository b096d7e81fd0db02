"""Ink is found on any paper, in any light, dark or bright."""

import cv2
import numpy as np
import pytest

from tenfold.images.ink import ink
from tenfold.images.lines import lines_of_paper

STROKES = np.zeros((120, 100), np.uint8)
cv2.ellipse(STROKES, (50, 60), (24, 38), 0, 0, 360, 1, 5)

LIGHTS = {
    "even": np.full(STROKES.shape, 220.0),
    "gradient across": np.tile(np.linspace(90, 240, 100), (120, 1)),
    "gradient down": np.tile(np.linspace(240, 110, 120)[:, None], (1, 100)),
    "half in shadow": np.where(np.arange(100) < 45, 110.0, 220.0) * np.ones((120, 1)),
    "patch on white": np.pad(np.full((100, 76), 190.0), ((10, 10), (12, 12)), constant_values=255),
}


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("bright", [False, True])
def test_ink_is_what_the_pen_left(light: str, bright: bool) -> None:
    picture = (LIGHTS[light] * (1 - 0.7 * STROKES)).astype(np.uint8)
    found = ink(255 - picture if bright else picture)
    assert found.bright == bright
    wrong = found.mask != STROKES
    assert wrong.mean() < 0.02


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_the_corner_of_a_shadow_is_no_ink(turned: int) -> None:
    rows, columns = np.mgrid[:100, :100]
    light = 235 * (1 - 0.45 / (1 + np.exp((rows + 2 * columns - 60) / 3)))
    strokes = STROKES[10:110]
    picture = np.rot90((light * (1 - 0.7 * strokes)).astype(np.uint8), turned)
    found = ink(picture).mask
    assert not found[np.rot90(cv2.dilate(strokes, np.ones((5, 5), np.uint8)) == 0, turned)].any()
    assert found[np.rot90(strokes == 1, turned)].mean() > 0.95


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_a_stroke_along_a_side_is_ink(turned: int) -> None:
    seven = np.zeros((60, 60), np.uint8)
    seven[:6, 10:50] = 1
    cv2.line(seven, (48, 3), (28, 55), 1, 6)
    picture = np.rot90(220 - 150 * seven, turned)
    assert (ink(picture).mask == np.rot90(seven, turned)).mean() > 0.98


def test_large_pictures_are_worked_on_small() -> None:
    picture = np.kron(255 - 200 * STROKES, np.ones((12, 12), np.uint8))
    found = ink(picture, side=240)
    assert found.plane.shape == (240, 200)
    assert found.scale == pytest.approx(1 / 6)
    assert ink(picture).plane.shape[0] == 512


@pytest.mark.parametrize(
    ("paper", "pen"),
    [((255, 255, 255), (255, 240, 80)), ((70, 150, 70), (200, 70, 70)), ((30, 30, 90), (30, 90, 30))],
)
def test_colour_alone_is_contrast(paper: tuple[int, int, int], pen: tuple[int, int, int]) -> None:
    picture = np.where(STROKES[..., None] == 1, pen, paper).astype(np.uint8)
    found = ink(picture)
    assert found.contrast > 30
    assert np.array_equal(found.mask, STROKES)


@pytest.mark.parametrize("x", range(190, 206, 3))
@pytest.mark.parametrize("shape", [(512, 384), (512, 512)])
def test_a_slim_coloured_stroke_tells_by_its_colour_wherever_it_stands(
    shape: tuple[int, int], x: int
) -> None:
    rng = np.random.default_rng(x)
    picture = np.full((*shape, 3), 235, np.uint8)
    picture[150:360, x : x + 12] = (215, 245, 90)  # yellow-green, as bright as paper
    noisy = (picture + rng.normal(0, 1.5, picture.shape)).clip(0, 255).astype(np.uint8)
    assert ink(noisy).contrast > 60


def test_lines_from_side_to_side_go_and_strokes_across_them_stay() -> None:
    mask = STROKES.copy()
    lines = np.zeros_like(mask)
    cv2.line(lines, (0, 40), (99, 43), 1, 2)
    cv2.line(lines, (0, 117), (99, 117), 1, 2)
    cv2.line(lines, (8, 0), (11, 119), 1, 1)
    mask |= lines
    found = lines_of_paper(mask)
    assert found[STROKES == 1].mean() < 0.03
    beside = cv2.dilate(STROKES, np.ones((9, 9), np.uint8)) == 0
    assert found[(lines == 1) & beside].mean() > 0.75  # where two lines cross, a square stays


@pytest.mark.parametrize("angle", [-14, -7, -2, 3, 11])
@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("fine", [1, 4])
def test_lines_of_paper_that_lies_askew_go_too(angle: int, squared: bool, fine: int) -> None:
    side = 200 * fine
    level = np.zeros((side, side), np.uint8)
    for start in range(fine):
        level[9 * fine + start :: 25 * fine] = 80
        if squared:
            level[:, 9 * fine + start :: 25 * fine] = 80
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1)
    box = np.s_[40 * fine : 160 * fine, 50 * fine : 150 * fine]
    lines = np.asarray(cv2.warpAffine(level, turn, (side, side)))[box]
    strokes = np.kron(STROKES, np.ones((fine, fine), np.uint8)) > 0
    found = lines_of_paper(np.where(strokes, 200, lines * (lines > 15)).astype(np.uint8))
    beside = cv2.dilate(strokes.astype(np.uint8), np.ones((9 * fine, 9 * fine), np.uint8)) == 0
    assert found[strokes].mean() < 0.05
    assert found[(lines > 40) & beside].mean() > 0.85


def test_a_stroke_along_a_fainter_line_stays() -> None:
    plane = np.zeros((120, 100), np.uint8)
    cv2.line(plane, (0, 80), (99, 80), 80, 2)
    cv2.line(plane, (30, 79), (70, 79), 200, 3)
    found = lines_of_paper(plane)
    assert not found[plane == 200].any()
    assert found[plane == 80].mean() > 0.9


def test_a_digit_s_own_bars_are_not_lines() -> None:
    seven = np.zeros((20, 16), np.uint8)
    seven[0:2] = 1  # from side to side of a tight crop, a tenth of its height
    cv2.line(seven, (14, 2), (5, 19), 1, 2)
    assert not lines_of_paper(seven).any()
    one = np.zeros((100, 60), np.uint8)
    one[:, 28:34] = 1
    assert not lines_of_paper(one).any()


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_a_long_stem_that_begins_on_the_paper_is_a_stroke(turned: int) -> None:
    digit = np.zeros((56, 56), np.uint8)  # a 9 whose tail is cut off by the lower edge
    cv2.ellipse(digit, (22, 18), (10, 10), 0, 0, 360, 200, 2)
    cv2.line(digit, (33, 8), (33, 55), 200, 2)
    assert not lines_of_paper(np.rot90(digit, turned)).any()
    cv2.line(digit, (33, 0), (33, 8), 200, 2)  # from side to side
    assert lines_of_paper(np.rot90(digit, turned)).any()


def test_a_picture_of_a_line_alone_keeps_it() -> None:
    picture = np.full((100, 60), 255, np.uint8)
    picture[:, 30] = 0
    assert ink(picture).mask.sum() == 100
