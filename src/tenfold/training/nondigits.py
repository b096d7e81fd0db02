"""What is no digit: letters, signs, scribbles, shapes, two digits at once. A network learns to be unsure of
them.

    others = nondigits(training, count=30_000, seed=0)      images as the road gives them, all labelled NONE

Their target is one tenth for each digit (`loop.Examples`), so that the confidence of a reading falls for
whatever is none of the ten. Everything is drawn here, or put together of training digits; no other set is
used.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.images import to_mnist
from tenfold.training.drawing import draw
from tenfold.training.render import CANVAS, Plane, World, bend, photograph, write

NONE = 10  # the label of what is no digit
SIDE = 64  # pixels of the drawing, which then is bent and photographed

# Letters that are no digit in any hand: without O o D Q C I l i j J S s Z z B b G g q y T and the like
LETTERS = "AEFHKMNPRUWXYdefhkmnrtuvwx"
SIGNS = "#@&%?+=*<>~^"
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def nondigits(
    data: Labelled, count: int, seed: int, world: World = World(), kept: Path | None = None
) -> Labelled:
    """`count` pictures of no digit, uint8 [count, 28, 28], labelled NONE of 11 classes; the same for one
    seed. `kept` is a folder that keeps them: see `drawing`."""

    def picture(index: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng([seed, NONE, index])
        kind = KINDS[int(rng.choice(len(KINDS), p=SHARES))]
        return to_mnist(photograph(_cut_out(bend(kind(data, rng, world), rng, 1.6), rng), rng, world))

    images = draw(picture, count, kept, f"nondigits beside {data.checksum} {seed} {world}")
    return Labelled("nondigits", images, np.full(count, NONE, np.uint8), NONE + 1)


def letter(_: Labelled, rng: Generator, __: World) -> Plane:
    """One letter, seldom a sign, in a pen font, slanted and turned."""
    signs = SIGNS if rng.random() < 0.25 else LETTERS
    text = signs[rng.integers(len(signs))]
    font, pen = FONTS[rng.integers(len(FONTS))], int(rng.integers(2, 8))
    scale = rng.uniform(1.4, 2.4)
    (width, height), _below = cv2.getTextSize(text, font, scale, pen)
    drawn = np.zeros((CANVAS, CANVAS), np.uint8)
    origin = ((CANVAS - width) // 2, (CANVAS + height) // 2)
    cv2.putText(drawn, text, origin, font, scale, 255, pen, cv2.LINE_AA)
    canvas = drawn.astype(np.float32) / 255
    angle, slant = rng.uniform(-15, 15), rng.uniform(-0.3, 0.3)
    matrix = cv2.getRotationMatrix2D((CANVAS / 2, CANVAS / 2), angle, 1)
    matrix[0, 1] += slant
    matrix[0, 2] -= slant * CANVAS / 2
    return cv2.warpAffine(canvas, matrix, (CANVAS, CANVAS))


def scribble(_: Labelled, rng: Generator, __: World) -> Plane:
    """A pen that wanders: two to five strokes of several random points, smoothed."""
    canvas = np.zeros((CANVAS, CANVAS), np.float32)
    pen = int(rng.integers(2, 7))
    for _stroke in range(rng.integers(2, 6)):
        corners = rng.uniform(16, CANVAS - 16, (int(rng.integers(3, 8)), 2))
        t = np.linspace(0, len(corners) - 1, 60)
        places = np.arange(len(corners))
        line = [np.interp(t, places, corners[:, axis]) for axis in (0, 1)]
        points: NDArray[Any] = np.column_stack(line)
        points = np.asarray(cv2.blur(points, (1, 9), borderType=cv2.BORDER_REPLICATE))
        cv2.polylines(canvas, [points.round().astype(np.int32)], False, 1.0, pen, cv2.LINE_AA)
    return canvas


def shape(_: Labelled, rng: Generator, __: World) -> Plane:
    """A filled outline, plain or with a pattern: things, not writing."""
    canvas = np.zeros((CANVAS, CANVAS), np.float32)
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 12))))
    radii = rng.uniform(14, 40, len(angles)) * [[rng.uniform(0.6, 1)], [1]]
    points = CANVAS / 2 + radii * [np.cos(angles), np.sin(angles)]
    cv2.fillPoly(canvas, [points.T.round().astype(np.int32)], 1.0, cv2.LINE_AA)
    if rng.random() < 0.6:
        size = int(rng.integers(3, 12))
        pattern = rng.uniform(0, 1, (size, size)).astype(np.float32)
        canvas *= cv2.resize(pattern, (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR)
    return canvas


def noise(_: Labelled, rng: Generator, __: World) -> Plane:
    """Clouds and grain."""
    size = int(rng.integers(4, 40))
    clouds = rng.uniform(0, 1, (size, size)).astype(np.float32)
    return cv2.resize(clouds, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def two_digits(data: Labelled, rng: Generator, world: World) -> Plane:
    """Two digits side by side, touching or nearly, as one; or the end of one with the beginning of the
    next, as a number cut in the wrong places shows."""
    pair, cut = [], rng.random() < 0.4
    for side, index in enumerate(rng.integers(len(data), size=2)):
        ink = write(data.images[index], int(data.labels[index]), rng, world)
        x, y, width, height = cv2.boundingRect((ink > 0.3).astype(np.uint8))
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
    noise,
    two_digits,
)
SHARES = (0.45, 0.15, 0.12, 0.05, 0.23)


def _cut_out(ink: Plane, rng: Generator) -> Plane:
    """The drawing with small margins, at a random size."""
    x, y, width, height = cv2.boundingRect((ink > 0.3).astype(np.uint8))
    piece: NDArray[Any] = ink[y : y + height, x : x + width] if width else ink
    top, bottom, left, right = rng.integers(1, 16, 4).tolist()
    piece = cv2.copyMakeBorder(piece, top, bottom, left, right, cv2.BORDER_CONSTANT)
    zoom = rng.uniform(0.3, 1.3)
    size = (max(8, round(piece.shape[1] * zoom)), max(8, round(piece.shape[0] * zoom)))
    return cv2.resize(piece, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
