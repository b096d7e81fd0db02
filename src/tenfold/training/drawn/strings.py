"""Numbers as a hand writes them, digits that touch and are joined, and what a page is cut into.

    image = cut_digit(data, index, rng, world)      the digit as `images.segment` cuts it out of a number
    image = cut_wrongly(data, rng, world)           a half, one and a half, a joining stroke: no digit

On a page every run of neighbouring parts is shown to the network, most of them wrong. That is where it has
to tell a digit from none most often, so these are cut by the road that pages take (`reading/page.py`).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.images.atoms import Atom, around, joined
from tenfold.images.segment import Page, segment
from tenfold.reading.page import candidates
from tenfold.training.drawn.forms import trace
from tenfold.training.drawn.hands import Hand
from tenfold.training.drawn.paper import photograph, ruled
from tenfold.training.drawn.render import Ring, bend, scaled, write
from tenfold.training.drawn.world import CANVAS, PEN_BOX, Plane, World, box_of, over_logarithm

JOINED = 0.35  # of neighbours: the pen was not lifted
ROUND = 0.35  # of numbers: they end in zeros
ROUNDED = 0.5  # of hands: they draw their zeros as rings
IN_ONE_GO = 0.7  # of rings: joined to the next
ANYWHERE = (0.5, 0.2, 0.3)  # where a joining stroke leaves and arrives: above, in the middle, below
UPPER = (0.85, 0.1, 0.05)
WHOLE = 0.85  # of a digit's ink, that a cut has at least where it counts as that digit
PURE = 0.8  # and so much of the cut is that digit
SPOILT = 0.6  # a cut is none where either share is below this, for every digit
MARK = 0.25  # of a digit's height: a smaller dot or comma does not spoil the digit that it is cut with
BAR = 0.08  # variance across over variance along: what is straighter looks like a 1, and is not taught

_NEAR = np.ones((3, 3), np.uint8)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class _Owner:
    """A digit's ink on the page, and what lies within a pixel of it: light and lens move edges so far."""

    ink: Mask
    near: Mask
    total: int

    @classmethod
    def of(cls, plane: Plane) -> "_Owner":
        ink = plane > 0.3 * max(float(plane.max()), 0.1)
        return cls(ink, np.asarray(cv2.dilate(ink.astype(np.uint8), _NEAR)) > 0, max(1, int(ink.sum())))


@dataclass(frozen=True)
class Cut:
    """Some atoms of a page, and whose ink they are: shares [digits] of each digit, and of the cut. `marked`
    tells that a comma is one of them."""

    page: Page
    atoms: tuple[Atom, ...]
    whole: NDArray[np.float64]
    pure: NDArray[np.float64]
    marked: bool

    @property
    def image(self) -> NDArray[np.uint8]:
        """uint8 [28, 28], as the network sees it."""
        return self.page.digit(self.atoms)


def cut_digit(data: Labelled, index: int, rng: Generator, world: World) -> NDArray[np.uint8] | None:
    """The digit `index` of `data`, cut out of a number, uint8 [28, 28]; None where no cut is it."""
    number = number_of(data, int(rng.integers(2, 5)), rng)
    place = int(rng.integers(len(number)))
    number[place] = index
    found = cuts(data, number, rng, world)
    right = [c for c in found if c.whole[place] >= WHOLE and c.pure[place] >= PURE and not c.marked]
    return max(right, key=lambda cut: float(cut.whole[place] * cut.pure[place])).image if right else None


def cut_wrongly(data: Labelled, rng: Generator, world: World) -> NDArray[np.uint8] | None:
    """What two to four digits of `data` can be cut into that is no digit, uint8 [28, 28]; None where there
    is no such thing."""
    found = cuts(data, number_of(data, int(rng.integers(2, 5)), rng), rng, world)
    wrong = [
        cut
        for cut in found
        if (cut.marked or np.minimum(cut.whole, cut.pure).max() < SPOILT) and not _bar(cut.atoms)
    ]
    return wrong[rng.integers(len(wrong))].image if wrong else None


def number_of(data: Labelled, count: int, rng: Generator, *, rounder: bool = True) -> list[int]:
    """Places in `data` of that many digits; a round number ends in zeros, a `rounder` one from its second
    digit on."""
    number: list[int] = rng.integers(len(data), size=count).tolist()
    zeros = np.flatnonzero(data.labels == 0)
    if count > 1 and len(zeros) and rng.random() < ROUND:
        first = 1 if rounder else int(rng.integers(1, count))
        number[first:] = rng.choice(zeros, count - first).tolist()
    return number


def cuts(data: Labelled, indices: list[int], rng: Generator, world: World) -> list[Cut]:
    """Everything that could be a digit on a picture of the number that the digits `indices` make."""
    ink, digits, marks = written(data, indices, rng, world)
    picture, margin, scale = pictured(ink, rng, world)
    page = segment(picture)
    size = page.seen.plane.shape[::-1]
    owners, others = (
        [_Owner.of(cv2.resize(scaled(_on_paper(plane, margin), scale), size)) for plane in planes]
        for planes in (digits, marks)
    )
    return [_owned(page, candidate.atoms, owners, others) for candidate in candidates(page)]


def pictured(ink: Plane, rng: Generator, world: World) -> tuple[NDArray[np.uint8], list[int], float]:
    """A photograph of `ink` on paper, perhaps with a line at its feet; its margins on the plane, and the
    scale of the plane on the picture."""
    margin = rng.integers(4, 24, 4).tolist()
    scale = over_logarithm(rng, world.height) / PEN_BOX
    paper = _on_paper(ink, margin)
    if rng.random() < world.rule:
        paper = ruled(paper, margin[0] + ink.shape[0], rng)
    return photograph(scaled(paper, scale), rng, world), margin, scale


def written(
    data: Labelled, indices: list[int], rng: Generator, world: World, wider: float = 0.0
) -> tuple[Plane, list[Plane], list[Plane]]:
    """The ink of the number, of its digits and of its commas, float32 [h, w], by one hand: close, touching
    or joined; `wider` by that part of a digit's height."""
    slant, pen = rng.uniform(*world.slant), over_logarithm(rng, world.pen)
    hand = replace(
        world,
        rotation=world.rotation / 3,
        stretch=world.stretch / 2,
        slant=(slant - 0.05, slant + 0.05),
        pen=(pen / 1.1, pen * 1.1),
    )
    apart = rng.uniform(-0.1, 0.18) + wider  # a habit of the hand
    ring = Ring.of_a_hand(rng, float(pen)) if rng.random() < ROUNDED else None
    school = Hand.any(rng, hand) if rng.random() < world.school else None
    chain = ring if ring and world.chain and rng.random() < world.chain else None
    sunk, close = rng.uniform(0, 0.5), rng.uniform(-0.15, 0.1)  # rings are smaller, and often share a wall
    ink = np.zeros((CANVAS, CANVAS * (len(indices) + 1)), np.float32)
    digits: list[Plane] = []
    marks: list[Plane] = []
    path, stop = np.zeros((1, 2)), np.zeros(2)  # of a ring, and where the last one ended
    labels = data.labels[indices].tolist()
    for place, (index, label) in enumerate(zip(indices, labels, strict=True)):
        down, left = rng.normal(0, 0.05) * PEN_BOX, CANVAS // 2
        if ring is not None and label == 0:
            path = ring.path(rng)
            written = ring.along(path, rng, hand)
            down += sunk * max(0.0, PEN_BOX - ring.height)
        elif school is not None:
            written = bend(school.write(label, rng, hand), rng, hand.elastic)
        else:
            written = write(data.images[index], label, rng, hand)
        written = cv2.warpAffine(written, np.array([[1, 0, 0], [0, 1, down]]), (CANVAS, CANVAS))
        both = ring is not None and place > 0 and label == labels[place - 1] == 0
        if digits:
            gap = close + rng.normal(0, 0.03) if both else apart + rng.normal(0, 0.06)
            left = round(_beside(ink, written) + gap * PEN_BOX)
            left = min(max(0, left), ink.shape[1] - CANVAS)
        digit = np.zeros_like(ink)
        digit[:, left : left + CANVAS] = written
        if digits and rng.random() < (IN_ONE_GO if both else JOINED):
            if both and chain:
                joint = _stroke(digit, stop, path[0] + [left, down], chain.pen, rng)
            else:
                joint = _joining(digits[-1], digit, rng, UPPER if both else ANYWHERE)
            ink = np.maximum(ink, joint)
        digits.append(digit)
        stop = path[-1] + [left, down]
        ink = np.maximum(ink, digit)
        if rng.random() < world.mark:
            marks.append(_comma(digit, rng, world))
            ink = np.maximum(ink, marks[-1])
    x, y, width, height = box_of(ink)
    box = np.s_[y : y + max(1, height), x : x + max(1, width)]
    return ink[box], [digit[box] for digit in digits], [mark[box] for mark in marks]


def _comma(digit: Plane, rng: Generator, world: World) -> Plane:
    """A comma or a point beside the foot of `digit`, by the same pen."""
    comma = np.zeros_like(digit)
    x, y, width, height = box_of(digit, 0.5)
    start = np.array([x + width, y + height]) + PEN_BOX * rng.normal((0.06, -0.05), (0.05, 0.05))
    stroke = PEN_BOX * np.exp(rng.uniform(*world.comma)) * np.array([rng.normal(-0.4, 0.25), 1])
    trace(comma, start + np.linspace(0, 1, 4)[:, None] * stroke, pen_of(digit))
    return comma


def pen_of(plane: Plane) -> int:
    """Pixels of a stroke by the same pen: broad strokes and crossings make the digit's own look broader."""
    depth = cv2.distanceTransform((plane > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    return max(2, round(0.8 * float(depth.max())))


def _beside(ink: Plane, digit: Plane) -> int:
    """The column of `digit`'s canvas, put where it just touches `ink` on its left."""
    left, right = ink > 0.3, digit > 0.3
    end = np.where(left.any(1), left.shape[1] - left[:, ::-1].argmax(1), -CANVAS)
    begin = np.where(right.any(1), right.argmax(1), CANVAS)
    return int(max(np.max(np.roll(end, step) - begin) for step in (-6, 0, 6)))  # also a little higher, lower


def _joining(left: Plane, right: Plane, rng: Generator, heights: tuple[float, ...]) -> Plane:
    """A stroke from one digit to the next, by the same pen, with the chances of `heights`: most are bows."""
    start, end = (_end(plane, side, rng, heights) for plane, side in ((left, 1), (right, -1)))
    if start is None or end is None:
        return np.zeros_like(left)
    return _stroke(left, start, end, pen_of(left), rng)


def _stroke(plane: Plane, start: Plane, end: Plane, pen: int, rng: Generator) -> Plane:
    """A bow from `start` to `end`, x and y, as large as `plane`."""
    stroke = np.zeros_like(plane)
    t = np.linspace(0, 1, 12)[:, None]
    bow = 4 * t * (1 - t) * [0, rng.normal(0, 0.12) * PEN_BOX]
    trace(stroke, (1 - t) * start + t * end + bow, pen)
    return stroke


def _end(plane: Plane, side: int, rng: Generator, heights: tuple[float, ...]) -> NDArray[np.float64] | None:
    """A place x, y of the ink, far to that side, high or low."""
    y, x = np.nonzero(plane > 0.5)
    if not len(x):
        return None
    height = rng.choice([0.1, 0.5, 0.9], p=heights) + rng.normal(0, 0.08)
    row = y.min() + float(np.clip(height, 0, 1)) * (y.max() - y.min())
    near = np.abs(y - row) <= 2
    if not near.any():
        near[:] = True
    chosen = int(np.argmax(np.where(near, side * x, -np.inf)))
    return np.array([x[chosen], y[chosen]], np.float64)


def _on_paper(plane: Plane, margin: list[int]) -> Plane:
    top, bottom, left, right = margin
    return np.asarray(cv2.copyMakeBorder(plane, top, bottom, left, right, cv2.BORDER_CONSTANT))


def _owned(page: Page, atoms: tuple[Atom, ...], owners: list[_Owner], marks: list[_Owner]) -> Cut:
    x, y, width, height = around(atoms)
    cut = joined(atoms)
    near = np.asarray(cv2.dilate(cut.astype(np.uint8), _NEAR)) > 0
    box = np.s_[y : y + height, x : x + width]
    whole = [(near & owner.ink[box]).sum() / owner.total for owner in owners]
    pure = [(cut & owner.near[box]).sum() / max(1, cut.sum()) for owner in owners]
    longest = MARK * height
    marked = any(max(a.box[2:]) >= longest and _is(a, mark) for a in atoms for mark in marks)
    return Cut(page, atoms, np.array(whole), np.array(pure), marked)


def _is(atom: Atom, owner: _Owner) -> bool:
    """All of the atom is of `owner`, and most of that."""
    x, y, width, height = atom.box
    box = np.s_[y : y + height, x : x + width]
    return bool(
        (atom.mask & owner.near[box]).sum() >= PURE * atom.mask.sum()
        and owner.ink[box].sum() >= SPOILT * owner.total
    )


def _bar(atoms: tuple[Atom, ...]) -> bool:
    """Straight and rather upright, as a 1."""
    places = np.array(np.nonzero(joined(atoms)), np.float64)
    if places.shape[1] < 3:
        return True
    sizes, axes = np.linalg.eigh(np.cov(places))
    return bool(sizes[0] < BAR * sizes[1] and abs(axes[0, 1]) > 0.5)
