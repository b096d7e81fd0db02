"""Training digits as the world shows them: on paper, in some light, beside a neighbour, then led back to
28x28.

    picture = render(training, 7, rng)      one of the digit 7 of the set, uint8 [h, w]
    image = to_mnist(picture)               as the network will read it

A digit is bent and written anew with another pen, other people's crossbars on 7 and flags on 1 among them,
put on paper with its shadow, ruling, neighbours and noise, and then takes the same road as any picture
(`images.to_mnist`): what is learnt is what is read. About 1.5 ms a picture and core.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.training.drawn.forms import trace
from tenfold.training.drawn.hands import Hand
from tenfold.training.drawn.paper import photograph, ruled
from tenfold.training.drawn.world import CANVAS, PEN_BOX, STROKE, Plane, World, box_of, over_logarithm

ODDER = 1.6  # times the turn, the stretch and the bend of most digits: see World.odd
OPEN = 2.0  # pixels of paper on the canvas, from the middle of a 0 to its ink, at least


def render(data: Labelled, index: int, rng: Generator, world: World = World()) -> NDArray[np.uint8]:
    """A picture uint8 [h, w] with the digit `index` of `data` on it, dark on bright or bright on dark."""
    label = int(data.labels[index])
    if label == 0 and rng.random() < world.ring:
        ink = Ring.of_a_hand(rng, over_logarithm(rng, world.pen)).draw(rng, world)
    elif rng.random() < world.school:
        ink = bend(Hand.any(rng, world).write(label, rng, world), rng, world.elastic)
    else:
        ink = write(data.images[index], label, rng, world)
    box = box_of(ink)
    if rng.random() < world.ligature:
        ink = _with_ligature(ink, label, rng)
    ink = _crop(ink, box, rng)
    if rng.random() < world.rule:
        feet = np.flatnonzero(ink.max(1) > 0.5)
        ink = ruled(ink, int(feet[-1]) if len(feet) else len(ink), rng)
    if rng.random() < world.neighbour:
        ink = _with_neighbour(ink, data, rng, world)
    scale = over_logarithm(rng, world.height) / PEN_BOX
    return photograph(scaled(ink, scale), rng, world)


def scaled(ink: Plane, scale: float) -> Plane:
    """`ink` at another size, of at least 8 pixels."""
    size = (max(8, round(ink.shape[1] * scale)), max(8, round(ink.shape[0] * scale)))
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))


def write(image: NDArray[np.uint8], label: int, rng: Generator, world: World) -> Plane:
    """The digit written by another hand: ink float32 [CANVAS, CANVAS] in 0..1."""
    scale = PEN_BOX / 20
    digit = image.astype(np.float32) / 255
    much = ODDER if rng.random() < world.odd else 1.0
    angle, slant = np.radians(rng.uniform(-1, 1) * much * world.rotation), -rng.uniform(*world.slant)
    wide = np.exp(rng.uniform(-1, 1) * much * world.stretch / 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = turn @ np.array([[wide, slant], [0, 1 / wide]]) * scale
    offset = np.full(2, CANVAS / 2) - shape @ np.full(2, 14.0)
    matrix = np.column_stack([shape, offset]).astype(np.float32)
    strokes = _extra_strokes(digit, label, rng, world)
    canvas = cv2.warpAffine(strokes, matrix, (CANVAS, CANVAS), flags=cv2.INTER_CUBIC)
    canvas = bend(canvas, rng, much * world.elastic)
    return _pen(canvas, label, rng, world.pen)


def _extra_strokes(digit: Plane, label: int, rng: Generator, world: World) -> Plane:
    """Some people cross their 7, begin a 1 with an upstroke or write it as a loop, close the bow of their 2,
    or strike through their 0; MNIST's hardly do."""
    extra, looped = rng.random(2) < ({7: world.crossbar, 1: world.flag}.get(label, 0.0), world.loop)
    rows = np.flatnonzero(digit.max(1) > 0.5)
    if len(rows) < 10 or not (extra or (looped and label in (0, 1, 2))):
        return digit
    digit = digit.copy()
    top, height = float(rows[0]), float(rows[-1] - rows[0])
    if label == 7:
        y = top + height * rng.uniform(0.4, 0.7)
        x, half, rise = _middle(digit, y), rng.uniform(3, 7), rng.uniform(-1.5, 1.5)
        _line(digit, (x - half, y - rise), (x + half, y + rise))
        if rng.random() < 0.5:
            x = float(np.flatnonzero(digit[rows[0] : rows[0] + 5].max(0) > 0.5)[0]) + 1
            _line(digit, (x, top + 1), (x - rng.uniform(-0.5, 1), top + rng.uniform(3, 7)))
    elif label == 0:
        lean = rng.choice([0.0, rng.uniform(0.5, 1.2)])  # a bar, or a stroke from below on the left
        x, y, half = _middle(digit, top + height / 2), top + height / 2, rng.uniform(3, 9)
        _line(digit, (x - half, y + lean * half), (x + half, y - lean * half))
    elif label == 2:
        start = np.flatnonzero(digit[rows[0] : rows[0] + max(3, len(rows) // 3)].max(0) > 0.5)[0]
        y = top + height * rng.uniform(0.4, 0.65)
        _line(digit, (float(start) + 1, top + height * rng.uniform(0.1, 0.25)), (_middle(digit, y), y))
    elif looped:
        end, wide = top + height * rng.uniform(0.6, 1), rng.uniform(1.5, 4)
        turn, foot = (_middle(digit, top) + wide / 2, top + 1), (_middle(digit, end), end)
        bend_at = ((foot[0] + turn[0]) / 2 + wide, (foot[1] + turn[1]) / 2)
        _line(digit, foot, bend_at)
        _line(digit, bend_at, turn)
    else:
        x, length, drop = _middle(digit, top), rng.uniform(3, 12), rng.uniform(0.4, 2.2)
        length = min(length, height / drop)
        _line(digit, (x, top + 1), (x - length, top + 1 + length * drop))
    return digit


def _middle(digit: Plane, row: float) -> float:
    """The column in the middle of the ink of that row."""
    return float(np.average(np.arange(28), weights=digit[round(row)] + 1e-6))


def _line(digit: Plane, start: tuple[float, float], end: tuple[float, float]) -> None:
    fraction = 4  # bits: OpenCV takes coordinates in sixteenths
    a, b = (tuple(round(v * 2**fraction) for v in point) for point in (start, end))
    stroke = np.zeros_like(digit)
    cv2.line(stroke, a, b, 1.0, 2, cv2.LINE_8, fraction)
    np.maximum(digit, cv2.GaussianBlur(stroke, (3, 3), 0.6), out=digit)


def bend(canvas: Plane, rng: Generator, sigma: float) -> Plane:
    """Moved by a smooth random field of `sigma` pixels."""
    height, width = canvas.shape
    coarse = rng.normal(0, sigma, (2, 5, 5)).astype(np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    dx, dy = (cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) for field in coarse)
    return cv2.remap(canvas, x + dx, y + dy, cv2.INTER_LINEAR)


def _pen(canvas: Plane, label: int, rng: Generator, widths: tuple[float, float]) -> Plane:
    """The strokes with another width: the distance to the strokes' edge, cut at another level. A 0 stays
    open, as a blot is none."""
    inside = (canvas > 0.5).astype(np.uint8)
    if not inside.any():
        return canvas.clip(0, 1)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    half = 2 * float(depth[depth > 0].mean())  # half a stroke's width is twice the mean depth of its pixels
    change: float = half * (over_logarithm(rng, widths) - 1)
    if label == 0:
        change = min(change, _room(1 - inside, away) - OPEN)
    soft = rng.uniform(0.7, 2.0)
    ink: Plane = ((depth - away + max(change, 1.0 - half)) / soft + 0.5).clip(0, 1)
    return ink


def _room(paper: NDArray[np.uint8], away: Plane) -> float:
    """How far from ink the middle of the largest hole is; infinite where there is no hole."""
    _, parts = cv2.connectedComponents(paper, connectivity=4)
    holes = (parts > 0) & (parts != parts[0, 0])
    return float(away[holes].max()) if holes.any() else np.inf


@dataclass(frozen=True)
class Ring:
    """A 0 as some draw it, in pixels and radians: round and round the same way, at another speed than what
    they write."""

    width: float
    height: float
    lean: float
    stroke: float
    begin: float
    wound: float
    """change of the radius on the way around: such a ring ends within itself, or stays open"""

    @classmethod
    def of_a_hand(cls, rng: Generator, pen: float) -> "Ring":
        """By a pen as broad as `World.pen` says; low ones are wide."""
        height = PEN_BOX * rng.uniform(0.4, 1.0)
        width = height * np.exp(rng.uniform(-0.6, 0.6) + 0.6 * (1 - height / PEN_BOX))
        stroke = min(pen * STROKE, 0.3 * min(width, height))
        begin = rng.normal(-np.pi / 2, 0.6)
        return cls(width, height, rng.uniform(-0.1, 0.6), stroke, begin, rng.normal(0, 0.12))

    def path(self, rng: Generator) -> Plane:
        """Where the pen goes on the canvas, x and y [40, 2], never twice the same."""
        t = np.linspace(0, 1, 40)
        angle = self.begin + rng.normal(0, 0.15) - t * (2 * np.pi + rng.normal(0.25, 0.3))
        radius = 1 + self.wound * (1 - 2 * t) + rng.normal(0, 0.03) * np.cos(2 * angle)
        across, down = radius * np.cos(angle) * self.width / 2, radius * np.sin(angle) * self.height / 2
        size = np.exp(rng.normal(0, 0.08, 2))
        return np.column_stack(
            [CANVAS / 2 + size[0] * across - self.lean * down, CANVAS / 2 + size[1] * down]
        )

    def draw(self, rng: Generator, world: World) -> Plane:
        """Ink float32 [CANVAS, CANVAS] in 0..1."""
        return self.along(self.path(rng), rng, world)

    def along(self, path: Plane, rng: Generator, world: World) -> Plane:
        """The ink that such a path leaves, bent."""
        ink = np.zeros((CANVAS, CANVAS), np.float32)
        trace(ink, path, self.pen)
        return bend(ink, rng, world.elastic)

    @property
    def pen(self) -> int:
        return max(1, round(self.stroke))


def _with_ligature(ink: Plane, label: int, rng: Generator) -> Plane:
    """A stroke from where the digit is widest, on one side or on both, with the digit's own pen; from a 0
    also along its side, as an "a" ends."""
    columns = np.flatnonzero(ink.max(0) > 0.5)
    pen = max(2, round(float(ink.sum()) / max(1.0, _length(ink))))
    sides = rng.permutation(2)[: rng.integers(1, 3)]
    stroke = np.zeros_like(ink)
    for side in sides if len(columns) else ():
        start, way = (columns[-1], 1) if side else (columns[0], -1)
        x = int(start) - way * pen // 2
        rows = np.flatnonzero(ink[:, x] > 0.3)
        y = int(rng.choice(rows)) if len(rows) else CANVAS // 2
        far, rise = PEN_BOX * rng.uniform(0.1, 0.5), 0.0
        if label == 0 and rng.random() < 0.4:  # down on the right, up on the left
            rise = (np.flatnonzero(ink.max(1) > 0.5)[-1 if side else 0] - y) * rng.uniform(0.7, 1.1)
        reach = np.linspace(0, 1, 12)
        away = far * reach ** (2 if rise else 1)  # first along the side
        down = rise * (1 - (1 - reach) ** 2)
        down += rng.normal(0, 0.35 if not rise else 0.1) * away + rng.normal(0, 0.012) * away**2
        trace(stroke, np.column_stack([x + way * away, y + down]), pen)
    return np.maximum(ink, stroke)


def _length(ink: Plane) -> float:
    """Of the strokes, in pixels: half their outline's."""
    outlines, _ = cv2.findContours((ink > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return sum(cv2.arcLength(outline, True) for outline in outlines) / 2


def _crop(ink: Plane, box: Sequence[int], rng: Generator) -> Plane:
    """The digit in its `box` with margins of its own, some so tight that they cut it."""
    x, y, width, height = box
    if not width:
        return ink
    left, right, top, bottom = (round(m) for m in PEN_BOX * rng.uniform(-0.02, 0.5, 4) * rng.random())
    wide = cv2.copyMakeBorder(ink, CANVAS, CANVAS, CANVAS, CANVAS, cv2.BORDER_CONSTANT)
    x, y = x + CANVAS, y + CANVAS
    return wide[y - top : y + height + bottom, x - left : x + width + right]


def _with_neighbour(ink: Plane, data: Labelled, rng: Generator, world: World) -> Plane:
    """A piece of the digit before or after, seldom of both, at the edge of the cutting."""
    for side in rng.permutation(2)[: rng.integers(1, 3) if rng.random() < 0.3 else 1]:
        index = int(rng.integers(len(data)))
        other = write(data.images[index], int(data.labels[index]), rng, world)
        x, y, w, h = box_of(other)
        if not w:
            continue
        seen = max(1, round(w * rng.uniform(0.05, 0.35)))  # columns of it that the cutting shows
        piece = other[y : y + h, x : x + seen] if side else other[y : y + h, x + w - seen : x + w]
        gap = round(rng.uniform(0, 0.12) * PEN_BOX)
        room = cv2.copyMakeBorder(
            ink, 0, 0, 0 if side else seen + gap, seen + gap if side else 0, cv2.BORDER_CONSTANT
        )
        top = round((room.shape[0] - h) / 2 + rng.normal(0, 0.1) * PEN_BOX)
        low, high = max(0, top), min(room.shape[0], top + h)
        if high > low:
            place = room[low:high, -seen:] if side else room[low:high, :seen]
            np.maximum(place, piece[low - top : high - top], out=place)
        ink = room
    return ink
