"""What is no digit: letters, signs, scribbles, shapes, two digits at once. A network learns to be unsure of
them.

    others = nondigits(training, count=30_000, seed=0)      images as the road gives them, all labelled NONE

Their target is one tenth for each digit (`loop.Examples`), so that the confidence of a reading falls for
whatever is none of the ten. Everything is drawn here, or put together of training digits; no other set is
used.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled, frozen
from tenfold.images import to_mnist
from tenfold.training.drawn.drawing import draw
from tenfold.training.drawn.forms import curve
from tenfold.training.drawn.letters import LETTERS, written
from tenfold.training.drawn.paper import photograph
from tenfold.training.drawn.render import bend, scaled, write
from tenfold.training.drawn.strings import cut_wrongly
from tenfold.training.drawn.world import CANVAS, Plane, World, box_of, over_logarithm

NONE = 10  # the label of what is no digit
SIDE = 64  # pixels of the drawing, which then is bent and photographed
WORLD = World()

SIGNS = "#@&%?+=*<>~^"
MISCUT = 0.3  # of all: pieces of numbers, see `strings`; the others are of KINDS
PRINTED = 0.35  # of the letters; the others are written
FONTS = (  # six pens in OpenCV 4, one printed face of several weights in OpenCV 5
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def _nondigit(data: Labelled, seed: int, index: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng([seed, NONE, index])
    if rng.random() < MISCUT and (cut := cut_wrongly(data, rng, WORLD)) is not None:
        return cut
    kind = KINDS[int(rng.choice(len(KINDS), p=SHARES))]
    return to_mnist(photograph(_cut_out(bend(kind(data, rng, WORLD), rng, 1.6), rng), rng, WORLD))


def nondigits(
    data: Labelled, count: int, seed: int, kept: Path | None = None, processes: int = 1
) -> Labelled:
    """`count` pictures of no digit, uint8 [count, 28, 28], labelled NONE of 11 classes; the same for one
    seed. `kept` is a folder that keeps them, and `processes` draw them: see `drawing`."""
    what = f"nondigits beside {data.checksum} {seed} {WORLD}"
    images = draw(partial(_nondigit, data, seed), count, kept, what, processes)
    return Labelled("nondigits", frozen(images), np.full(count, NONE, np.uint8), NONE + 1)


def letter(_: Labelled, rng: Generator, __: World) -> Plane:
    """One letter as hands write it, or a printed one, or a sign, slanted and turned."""
    canvas = _printed(rng) if rng.random() < PRINTED else written(rng)
    angle, slant = rng.uniform(-15, 15), rng.uniform(-0.6, 0.3)  # most hands lean to the right
    matrix = cv2.getRotationMatrix2D((CANVAS / 2, CANVAS / 2), angle, 1)
    matrix[0, 1] += slant
    matrix[0, 2] -= slant * CANVAS / 2
    return cv2.warpAffine(canvas, matrix, (CANVAS, CANVAS))


def _printed(rng: Generator) -> Plane:
    signs = SIGNS if rng.random() < 0.4 else LETTERS
    text = signs[rng.integers(len(signs))]
    font, pen = FONTS[rng.integers(len(FONTS))], int(rng.integers(2, 8))
    scale = rng.uniform(1.4, 2.4)
    (width, height), _below = cv2.getTextSize(text, font, scale, pen)
    drawn = np.zeros((CANVAS, CANVAS), np.uint8)
    origin = ((CANVAS - width) // 2, (CANVAS + height) // 2)
    cv2.putText(drawn, text, origin, font, scale, 255, pen, cv2.LINE_AA)
    return drawn.astype(np.float32) / 255


def scribble(_: Labelled, rng: Generator, __: World) -> Plane:
    """A pen that wanders: a few strokes of random points, or one long stroke in loops or to and fro.

    Six points at least: a loop through fewer is an 8, a 9 or a 0 too often.
    """
    canvas = np.zeros((CANVAS, CANVAS), np.float32)
    pen, way = int(rng.integers(2, 7)), rng.random()
    if way < 0.4:
        lines = [curve(rng.uniform(16, CANVAS - 16, (int(rng.integers(6, 13)), 2)))]
    elif way < 0.65:
        lines = [_to_and_fro(rng)]
    else:
        lines = [_wandering(rng) for _stroke in range(rng.integers(2, 6))]
    cv2.polylines(canvas, [line.round().astype(np.int32) for line in lines], False, 1.0, pen, cv2.LINE_AA)
    return canvas


def _wandering(rng: Generator) -> NDArray[Any]:
    corners = rng.uniform(16, CANVAS - 16, (int(rng.integers(3, 8)), 2))
    t, places = np.linspace(0, len(corners) - 1, 60), np.arange(len(corners))
    points = np.column_stack([np.interp(t, places, corners[:, axis]) for axis in (0, 1)])
    return np.asarray(cv2.blur(points, (1, 9), borderType=cv2.BORDER_REPLICATE))


def _to_and_fro(rng: Generator) -> NDArray[Any]:
    """Bows, or a pointed line, between two rows of points, as a word is struck out."""
    turns = int(rng.integers(5, 18))
    rows = np.where(np.arange(turns) % 2, rng.uniform(0.15, 0.4), rng.uniform(0.6, 0.85))
    points = np.column_stack([np.linspace(0.15, 0.85, turns), rows]) + rng.normal(0, 0.04, (turns, 2))
    if rng.random() < 0.5:
        points = points[:, ::-1]
    return np.asarray(CANVAS * (points if rng.random() < 0.5 else curve(points)))


def shape(_: Labelled, rng: Generator, __: World) -> Plane:
    """A filled outline, plain or with a pattern: things, not writing."""
    canvas = np.zeros((CANVAS, CANVAS), np.float32)
    if rng.random() < 0.4:  # round, as a blot or a stone
        angles, radii = np.linspace(0, 2 * np.pi, 40), rng.uniform(14, 40, (2, 1))
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 12))))
        radii = rng.uniform(14, 40, len(angles)) * [[rng.uniform(0.6, 1)], [1]]
    points = CANVAS / 2 + radii * [np.cos(angles), np.sin(angles)]
    cv2.fillPoly(canvas, [points.T.round().astype(np.int32)], 1.0, cv2.LINE_AA)
    if rng.random() < 0.6:
        size = int(rng.integers(3, 12))
        pattern = rng.uniform(0, 1, (size, size)).astype(np.float32)
        canvas *= cv2.resize(pattern, (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR)
    return canvas


def garment(_: Labelled, rng: Generator, __: World) -> Plane:
    """A silhouette as clothes, shoes and bags have it, darker and lighter within, now and then its outline.

    Never a plain bar, which is a 1 by a broad pen, nor the outline of what is high, which is a 0.
    """
    y, x = np.mgrid[-1 : 1 : CANVAS * 1j, -1 : 1 : CANVAS * 1j].astype(np.float32)
    upright = rng.random() < 0.5
    canvas = (_upright if upright else _lying)(x, y, rng).astype(np.float32)
    if not upright and rng.random() < 0.4:
        pen = np.ones((int(rng.integers(3, 8)),) * 2, np.uint8)
        canvas = np.asarray(cv2.morphologyEx(canvas, cv2.MORPH_GRADIENT, pen))
    folds, stripes = (np.cos(line * rng.uniform(2, 30) + rng.uniform(0, 7)) for line in (x, y))
    depth = 0.95 if rng.random() < 0.4 else 0.45  # of bright cloth little but the shadows at its edges is ink
    light = (1 - rng.uniform(0, depth, 2) @ [0.5 + 0.5 * folds.ravel(), 0.5 + 0.5 * stripes.ravel()]).clip(
        0.05
    )
    return np.asarray(canvas * light.reshape(canvas.shape), np.float32)


def _upright(x: Plane, y: Plane, rng: Generator) -> Plane:
    """The same on both sides: shirts, dresses, coats; with a gap, trousers."""
    knots = np.linspace(-0.6, 0.6, int(rng.integers(2, 6))) + rng.uniform(-0.1, 0.1)
    widths = rng.uniform(0.3, 0.85) * rng.uniform(0.5, 1, len(knots) + 1)
    widths[rng.integers(1, len(widths))] *= rng.uniform(0.3, 0.6)
    half = widths[np.searchsorted(knots, y[:, 0])]  # a step is a sleeve's end
    if rng.random() < 0.6:
        half = np.interp(y[:, 0], knots, widths[1:])
    away = np.abs(x)
    neck, leg = rng.uniform(-0.3, 0.3), rng.uniform(-0.5, 0.6)
    outside = away < (neck - 0.9 - y) * rng.uniform(0.3, 1.5)
    if rng.random() < 0.3:
        outside |= away < (y - leg) * rng.uniform(0.05, 0.3)
    inside: Plane = (np.abs(y) < 0.85) & (away < half[:, None]) & ~outside
    return inside


def _lying(x: Plane, y: Plane, rng: Generator) -> Plane:
    """Longer than high, flat below, higher at one end: shoes; with a hole, sandals and bags."""
    knots = np.linspace(-0.9, 0.9, int(rng.integers(4, 8)))
    tops = rng.uniform(0.7, 1.7) * rng.uniform(0.35, 1, len(knots))
    tops *= np.linspace(rng.uniform(0.3, 1), 1, len(knots))
    sole = rng.uniform(0.2, 0.7)
    over = sole - np.interp(x[0], knots, tops)[None]
    heel = rng.uniform(0, 0.2) * (x > rng.uniform(0, 0.9))
    inside: Plane = (np.abs(x) < 0.9) & (y > over) & (y < sole + heel)
    for _hole in range(rng.integers(0, 3)):
        at_x, at_y = rng.uniform(-0.7, 0.7), sole - rng.uniform(0, 0.5)
        inside &= ((x - at_x) / rng.uniform(0.1, 0.5)) ** 2 + ((y - at_y) / rng.uniform(0.05, 0.3)) ** 2 > 1
    return inside[:, ::-1] if rng.random() < 0.5 else inside


def noise(_: Labelled, rng: Generator, __: World) -> Plane:
    """Clouds and grain, or the blots that rise above some level of them."""
    size = round(over_logarithm(rng, (3, 30)))
    clouds = rng.uniform(0, 1, (size, size)).astype(np.float32)
    canvas = cv2.resize(clouds, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    if rng.random() < 0.4:
        return canvas
    level = np.quantile(canvas[::4, ::4], rng.uniform(0.5, 0.9))
    return np.asarray(((canvas - level) * rng.uniform(5, 30) + 0.5).clip(0, 1))


def two_digits(data: Labelled, rng: Generator, world: World) -> Plane:
    """Two digits side by side, touching or nearly, as one; or the end of one with the beginning of the
    next, as a number cut in the wrong places shows."""
    pair, cut = [], rng.random() < 0.4
    for side, index in enumerate(rng.integers(len(data), size=2)):
        ink = write(data.images[index], int(data.labels[index]), rng, world)
        x, y, width, height = box_of(ink)
        seen = max(1, round(width * rng.uniform(0.35, 0.7))) if cut else width
        left = x if side else x + width - seen
        pair.append(ink[y : y + height, left : left + seen] if width else ink)
    height = max(len(ink) for ink in pair)
    gap = round(rng.uniform(-4, 6))
    canvas = np.zeros((height, max(1, sum(ink.shape[1] for ink in pair) + gap)), np.float32)
    first, second = pair
    canvas[: len(first), : first.shape[1]] = first
    at = canvas[: len(second), -second.shape[1] :]
    np.maximum(at, second[:, -at.shape[1] :], out=at)
    return cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


KINDS: tuple[Callable[[Labelled, Generator, World], Plane], ...] = (
    letter,
    scribble,
    shape,
    garment,
    noise,
    two_digits,
)
SHARES = (0.31, 0.25, 0.07, 0.17, 0.13, 0.07)


def _cut_out(ink: Plane, rng: Generator) -> Plane:
    """The drawing with small margins, at a random size."""
    x, y, width, height = box_of(ink)
    piece: NDArray[Any] = ink[y : y + height, x : x + width] if width else ink
    top, bottom, left, right = rng.integers(1, 16, 4).tolist()
    piece = cv2.copyMakeBorder(piece, top, bottom, left, right, cv2.BORDER_CONSTANT)
    return scaled(piece, rng.uniform(0.3, 1.3))
