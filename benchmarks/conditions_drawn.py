"""The conditions of `conditions.py`: a digit on paper as photographs and scans show it.

CONDITIONS[name](digit uint8 [28, 28], generator) -> grey [h, w] or RGB [h, w, 3], 0 to 255
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

INK = 0.7  # of the paper's brightness, that a full stroke takes

Plane = NDArray[np.float32]
Picture = NDArray[np.uint8]
Condition = Callable[[Picture, Generator], NDArray[Any]]

CONDITIONS: dict[str, Condition] = {}


def condition(name: str) -> Callable[[Condition], Condition]:
    def kept(draw: Condition) -> Condition:
        CONDITIONS[name] = draw
        return draw

    return kept


def on_paper(
    digit: Picture,
    side: int = 128,
    size: int = 64,
    paper: float = 235,
    ink: float = INK,
    at: tuple[int, int] = (0, 0),
) -> Plane:
    """The digit uint8 [28, 28] at `size` pixels, `at` x, y off the middle of float32 [side, side]."""
    how = cv2.INTER_CUBIC if size > 28 else cv2.INTER_AREA
    strokes = cv2.resize(digit, (size, size), interpolation=how).astype(np.float32) / 255
    shift = (side - size) / 2 + np.array(at)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    moved = np.asarray(cv2.warpAffine(strokes, matrix, (side, side)), np.float32)
    return np.asarray(paper * (1 - ink * moved), np.float32)


def across(side: int, rng: Generator) -> Plane:
    """-1 to 1 from one side of a picture to the other, in some direction."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    return np.asarray(x * np.cos(angle) + y * np.sin(angle), np.float32)


@condition("plain paper")
def plain(digit: Picture, _: Generator) -> Plane:
    return on_paper(digit)


@condition("light from one side")
def light(digit: Picture, rng: Generator) -> Plane:
    return on_paper(digit) * (0.7 + 0.3 * across(128, rng))


@condition("the edge of a shadow across it")
def shadow(digit: Picture, rng: Generator) -> Plane:
    edge = across(128, rng) + rng.uniform(-0.5, 0.5)
    return np.asarray(on_paper(digit) * (1 - 0.45 / (1 + np.exp(-20 * edge))), np.float32)


@condition("squared paper")
def squared(digit: Picture, rng: Generator) -> Plane:
    return on_squares(digit, rng, (14, 24), 0.8)


@condition("squared paper, dark lines")
def dark_squares(digit: Picture, rng: Generator) -> Plane:
    return on_squares(digit, rng, (18, 30), 0.5)


def on_squares(digit: Picture, rng: Generator, steps: tuple[int, int], brightness: float) -> Plane:
    """Lines so bright as a part of the paper, a step of so many pixels apart."""
    picture, step = on_paper(digit), int(rng.integers(*steps))
    start = int(rng.integers(0, step))
    picture[start::step] *= brightness
    picture[:, start::step] *= brightness
    return picture


@condition("squared paper, up to 12 degrees askew")
def askew_squares(digit: Picture, rng: Generator) -> Plane:
    lines = np.ones((240, 240), np.float32)
    lines[::20] = lines[:, ::20] = 0.7
    turn = cv2.getRotationMatrix2D((120, 120), rng.uniform(-12, 12), 1)
    return (
        on_paper(digit) * np.asarray(cv2.warpAffine(lines, turn, (240, 240), borderValue=1))[56:184, 56:184]
    )


@condition("the photograph of squared paper up to 12 degrees askew")
def turned_squares(digit: Picture, rng: Generator) -> Plane:
    return turned(digit, rng, squares=True)


@condition("the photograph of ruled paper up to 12 degrees askew")
def turned_rules(digit: Picture, rng: Generator) -> Plane:
    return turned(digit, rng, squares=False)


def turned(digit: Picture, rng: Generator, *, squares: bool) -> Plane:
    """Lines, fainter than the ink, and digit, turned together."""
    picture, step, dark = on_paper(digit, 200), int(rng.integers(16, 40)), rng.uniform(0.5, 0.8)
    picture[int(rng.integers(0, step)) :: step] *= dark
    if squares:
        picture[:, int(rng.integers(0, step)) :: step] *= dark
    turn = cv2.getRotationMatrix2D((100, 100), rng.uniform(-12, 12), 1)
    paper = np.asarray(cv2.warpAffine(picture, turn, (200, 200), flags=cv2.INTER_CUBIC), np.float32)
    return paper[36:164, 36:164]


@condition("blue rules")
def rules(digit: Picture, rng: Generator) -> NDArray[Any]:
    picture = np.repeat(on_paper(digit)[..., None], 3, 2)
    picture[int(rng.integers(0, 30)) :: 32] *= np.array([0.6, 0.7, 1])
    return picture


@condition("pencil, a seventh of full ink, and grain")
def pencil(digit: Picture, rng: Generator) -> Plane:
    return on_paper(digit, ink=0.15) + rng.normal(0, 3, (128, 128)).astype(np.float32)


@condition("red on green")
def coloured(digit: Picture, _: Generator) -> NDArray[Any]:
    strokes = (1 - on_paper(digit, paper=1, ink=1))[..., None]
    return np.asarray(strokes * np.array([200, 60, 50]) + (1 - strokes) * np.array([90, 170, 110]))


@condition("a broad pen")
def broad(digit: Picture, _: Generator) -> Plane:
    return np.asarray(cv2.erode(on_paper(digit, 160, 112), np.ones((9, 9), np.uint8)), np.float32)


@condition("a tenth of the picture, anywhere")
def small(digit: Picture, rng: Generator) -> Plane:
    x, y = rng.integers(-150, 150, 2).tolist()
    return on_paper(digit, 400, 40, at=(x, y))


@condition("10 pixels a side")
def tiny(digit: Picture, _: Generator) -> Plane:
    return on_paper(digit, 10, 10)


@condition("cut off by a side")
def cut_off(digit: Picture, rng: Generator) -> Plane:
    x, y = [(7, 0), (-7, 0), (0, 7), (0, -7)][int(rng.integers(4))]
    return on_paper(digit, 64, 64, at=(x, y))


@condition("specks")
def specks(digit: Picture, rng: Generator) -> Plane:
    return np.where(rng.random((128, 128)) < 0.01, np.float32(60), on_paper(digit))


@condition("a printer's dots")
def dots(digit: Picture, rng: Generator) -> NDArray[Any]:
    grid = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 + 1 / 32
    tones = on_paper(digit, 160, 104, paper=1) * (0.85 + 0.1 * across(160, rng))
    return np.where(tones > np.tile(grid, (40, 40)), 255, 0)


@condition("thin pencil on recycled paper")
def recycled(digit: Picture, rng: Generator) -> Plane:
    thin = cv2.erode(cv2.resize(digit, (160, 160), interpolation=cv2.INTER_CUBIC), np.ones((9, 9), np.uint8))
    grain = cv2.GaussianBlur(rng.normal(0, 1, (240, 240)).astype(np.float32), (0, 0), 0.7)
    return np.asarray(185 - 0.3 * np.pad(thin, 40) + 16 * grain, np.float32)


@condition("JPEG of quality 12")
def jpeg(digit: Picture, _: Generator) -> NDArray[Any]:
    picture = on_paper(digit, 64, 44).astype(np.uint8)
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 12])[1], 0))


@condition("out of focus")
def blurred(digit: Picture, _: Generator) -> Plane:
    return np.asarray(cv2.GaussianBlur(on_paper(digit, 96, 56), (0, 0), 3), np.float32)


@condition("chalk on a board")
def chalk(digit: Picture, rng: Generator) -> Plane:
    return 60 + (235 - on_paper(digit)) * 0.7 + rng.normal(0, 8, (128, 128)).astype(np.float32)


@condition("a grey patch on white")
def patch(digit: Picture, rng: Generator) -> Plane:
    picture = np.full((160, 160), 255, np.float32)
    x, y = rng.integers(0, 60, 2)
    picture[y : y + 96, x : x + 96] = on_paper(digit, 96, 56, paper=190)
    return picture


@condition("underlined")
def underlined(digit: Picture, rng: Generator) -> Plane:
    picture = on_paper(digit)
    cv2.line(picture, (30, 104), (98, 104 + int(rng.integers(-4, 5))), (70,), 2)
    return picture


@condition("in a frame, its corners anywhere")
def framed(digit: Picture, rng: Generator) -> Plane:
    picture, corners = on_paper(digit, 140, 56), np.array([[22, 22], [118, 22], [118, 118], [22, 118]])
    cv2.polylines(picture, [(corners + rng.integers(-20, 7, (4, 2))).astype(np.int32)], True, (80,), 2)
    return picture


@condition("in a frame of dashes")
def dashed(digit: Picture, rng: Generator) -> Plane:
    picture, frame, dash = on_paper(digit, 140, 56), np.zeros((140, 140), np.uint8), int(rng.integers(5, 12))
    cv2.rectangle(frame, (12, 12), (127, 127), 1, 2)
    y, x = np.mgrid[:140, :140]
    picture[(frame > 0) & ((x + y) % dash < 0.6 * dash)] = 80
    return picture


@condition("on a dark field of a bright page")
def field(digit: Picture, rng: Generator) -> Plane:
    sides = rng.integers(16, 60, (2, 2)).tolist()
    return np.pad(255 - on_paper(digit), sides, constant_values=245)


@condition("in a ring")
def ringed(digit: Picture, rng: Generator) -> Plane:
    picture = on_paper(digit, 128, 56)
    cv2.circle(picture, (64, 64), int(rng.integers(46, 56)), (80,), 2)
    return picture


@condition("beside the edge of the paper")
def edge(digit: Picture, rng: Generator) -> Plane:
    picture = on_paper(digit, 160, 72)
    picture[:, : int(rng.integers(8, 22))] = 40
    return picture


@condition("on a sheet on a dark table, askew")
def table(digit: Picture, rng: Generator) -> Plane:
    turn = cv2.getRotationMatrix2D((70, 70), rng.uniform(-10, 10), 1)
    turn[:, 2] += 40
    picture = cv2.warpAffine(on_paper(digit, 140, 70), turn, (220, 220), borderValue=50)
    return np.asarray(picture, np.float32) + rng.normal(0, 3, (220, 220)).astype(np.float32)


@condition("across the ring that a cup left")
def coffee(digit: Picture, rng: Generator) -> Plane:
    picture = on_paper(digit, 160, 72)
    x, y = rng.integers(0, 160, 2).tolist()
    cv2.circle(picture, (x, y), 60, (190,), 8)
    return picture
