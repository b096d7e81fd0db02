"""Pages of several rows of digits on paper of several kinds, turned by several angles: the digits read right.

    python benchmarks/paper.py [--model MODEL] [--pages 6] [--write]

MNIST's validation digits, some 30 on a page of 1,200 x 900 pixels, on plain, ruled and squared paper, in
forms, boxes and tables, turned as a whole, and on sheets that lie on something dark, read by `Reader.read`;
right are 1 - edits / digits of all pages' text, with its line breaks. The pages are drawn here, apart from
what models learn from.
"""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from results import markdown_table, publish

from tenfold import Reader
from tenfold.data import Labelled
from tenfold.data.mnist import load_training, split
from tenfold.harness.pages import edit_distance

WIDTH, HEIGHT = 1200, 900
ANGLES = (0.0, 2.0, 5.0, 10.0)
ROWS, ROW = 5, 120  # rows of digits, and pixels from one to the next
SIZE, CELL = 56, 70  # of a digit, and from one to the next in boxes
PAPER, INK = 235, 0.7  # brightness, and the share of it that ink takes
THIN = 2  # pixels

Plane = NDArray[np.float32]
Place = tuple[int, list[int]]  # a row's middle, and those of its digits
Lines = Callable[[Plane, list[Place]], None]


def box(plane: Plane, left: int, top: int, right: int, bottom: int) -> None:
    cv2.rectangle(plane, (left, top), (right, bottom), 1, THIN)


def plain(_: Plane, __: list[Place]) -> None:
    pass


def ruled(plane: Plane, rows: list[Place]) -> None:
    for y, _ in rows:
        cv2.line(plane, (40, y + 38), (WIDTH - 40, y + 38), 1, THIN)


def form(plane: Plane, rows: list[Place]) -> None:
    for y, digits in rows:
        cv2.line(plane, (digits[0] - 40, y + 38), (digits[-1] + 60, y + 38), 1, THIN)


def frames(plane: Plane, rows: list[Place]) -> None:
    for y, digits in rows:
        box(plane, digits[0] - 50, y - 50, digits[-1] + 50, y + 50)


def boxes(plane: Plane, rows: list[Place]) -> None:
    for y, digits in rows:
        for x in digits:
            box(plane, x - CELL // 2, y - 45, x + CELL // 2, y + 45)


def cells(plane: Plane, rows: list[Place]) -> None:
    for y, digits in rows:
        for x in digits:
            box(plane, x - 30, y - 42, x + 30, y + 42)


def comb(plane: Plane, rows: list[Place]) -> None:
    for y, digits in rows:
        left, right = digits[0] - CELL // 2, digits[-1] + 3 * CELL
        cv2.line(plane, (left, y + 45), (right, y + 45), 1, THIN)
        for x in range(left, right + 1, CELL):
            cv2.line(plane, (x, y + 45), (x, y + 22), 1, THIN)


def table(plane: Plane, rows: list[Place]) -> None:
    for y, _ in rows:
        for left, right in ((60, 100), (100, WIDTH - 300), (WIDTH - 300, WIDTH - 60)):
            box(plane, left, y - ROW // 2, right, y + ROW // 2)


def squared(plane: Plane, _: list[Place]) -> None:
    for x in range(40, WIDTH, 40):
        cv2.line(plane, (x, 0), (x, HEIGHT), 1, THIN)
    for y in range(40, HEIGHT, 40):
        cv2.line(plane, (0, y), (WIDTH, y), 1, THIN)


KINDS: dict[str, Lines] = {
    "plain": plain,
    "ruled": ruled,
    "a rule below each number": form,
    "a frame around each number": frames,
    "boxes in a row": boxes,
    "a box for each digit": cells,
    "combs, of which not all places are filled": comb,
    "a table": table,
    "squared": squared,
    "squared, seen from aside": squared,
    "plain, on a table": plain,
    "ruled, on a table": ruled,
    "plain, on a table of wood": plain,
    "plain, dark in the corners": plain,
    "the grain of recycled paper, a thin pencil": plain,
    "plain, a thin pen that skips": plain,
}


def lay(plane: Plane, ink: Plane, top: int, left: int) -> None:
    """`ink` upon what `plane` has there already."""
    under = plane[top : top + ink.shape[0], left : left + ink.shape[1]]
    under[:] = np.maximum(under, ink)


def thin(digit: NDArray[Any]) -> NDArray[np.uint8]:
    """The middle of its strokes (Zhang and Suen, 1984), drawn three pixels broad."""
    ink, before = np.pad(digit > 127, 1), -1
    while before != (now := int(ink.sum())):
        before = now
        for odd in (0, 1):
            # the eight neighbours, clockwise from the upper one
            steps = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
            around = np.stack([np.roll(ink, (-y, -x), (0, 1)) for y, x in steps])
            count = around.sum(0)
            begun = (~around & np.roll(around, -1, 0)).sum(0)
            above, right, below, left = around[::2]
            open_ends = ~(above & right & below) & ~(right & below & left)
            if odd:
                open_ends = ~(above & right & left) & ~(above & below & left)
            ink &= ~((count >= 2) & (count <= 6) & (begun == 1) & open_ends)
    lines = cv2.dilate(255 * ink[1:-1].astype(np.uint8)[:, 1:-1], np.ones((3, 3), np.uint8))
    return np.asarray(cv2.GaussianBlur(lines, (0, 0), 0.8), np.uint8)


def grain(rng: Generator, size: tuple[int, ...], width: float, height: float) -> Plane:
    """Of standard deviation 1, blots of so many pixels."""
    found = cv2.GaussianBlur(rng.normal(size=size).astype(np.float32), (0, 0), width, sigmaY=height)
    return np.asarray(found / found.std(), np.float32)


def page(name: str, angle: float, digits: Labelled, rng: Generator) -> tuple[NDArray[np.uint8], str]:
    """A page uint8 [900, 1200] and what stands on it."""
    strokes, lines = np.zeros((2, HEIGHT, WIDTH), np.float32)
    rows: list[Place] = []
    text = []
    for y in range(ROW, ROW * (ROWS + 1), ROW):
        x, middles, row = int(rng.integers(130, 210)), [], ""
        for chosen in rng.integers(0, len(digits), int(rng.integers(4, 11))):
            side = round(1.4 * SIZE * rng.uniform(0.9, 1.1))
            digit = cv2.resize(digits.images[chosen], (side, side), interpolation=cv2.INTER_CUBIC)
            if "a thin" in name:
                digit = thin(digit)
            top, left = y - side // 2 + int(rng.integers(-5, 6)), x - side // 2
            lay(strokes, digit.astype(np.float32) / 255, top, left)
            middles.append(x)
            row += str(digits.labels[chosen])
            x += CELL if KINDS[name] in (boxes, cells, comb) else int(SIZE * rng.uniform(0.8, 1.2))
        rows.append((y, middles))
        text.append(row)
    KINDS[name](lines, rows)
    if name.endswith("that skips"):
        strokes *= (1.6 * grain(rng, strokes.shape, 2, 2) + 1.6).clip(0, 1)
    ink = np.maximum(strokes * INK, lines * rng.uniform(0.25, 0.65))
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), angle * rng.choice([-1, 1]), 1)
    if name.endswith("seen from aside"):
        corners = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
        moved = corners + rng.uniform(-60, 60, (4, 2)).astype(np.float32)
        turn = cv2.getPerspectiveTransform(corners, moved) @ turn
    ink = np.asarray(cv2.warpPerspective(ink, turn, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC), np.float32)
    bright = PAPER * (1 - ink) + rng.normal(0, 2, ink.shape)
    if name.endswith("in the corners"):
        y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        bright *= 1 - 0.35 * (x**2 + y**2)
    if name.endswith("a thin pencil"):
        bright = 190 - 52 * ink + 10 * grain(rng, ink.shape, 1.5, 1.5)
    if "on a table" in name:
        margin = int(rng.integers(40, 300))
        bright = np.pad(bright, margin, constant_values=rng.uniform(30, 130))
        if name.endswith("of wood"):
            wood = bright[0, 0] * (1 - 0.2 * grain(rng, bright.shape, 60, 3))
            wood[margin:-margin, margin:-margin] = bright[margin:-margin, margin:-margin]
            bright = wood
        bright += rng.normal(0, 4, bright.shape)
    return bright.clip(0, 255).astype(np.uint8), "\n".join(text)


def misread(reader: Reader, pages: Iterable[tuple[NDArray[np.uint8], str]]) -> tuple[int, int]:
    """The edits that make what is read of `pages` what stands on them, and the digits that stand there."""
    edits = count = 0
    for picture, text in pages:
        edits += edit_distance(reader.read(picture).text, text)
        count += len(text.replace("\n", ""))
    return edits, count


def measure(model: str | None, pages: int) -> list[dict[str, Any]]:
    reader, digits = Reader(model), split(load_training()).validation
    found = []
    for name in KINDS:
        shares = []
        for angle in ANGLES:
            drawn = (page(name, angle, digits, np.random.default_rng(seed)) for seed in range(pages))
            edits, count = misread(reader, drawn)
            shares.append(1 - edits / count)
        print(name, *(f"{share:.1%}" for share in shares), flush=True)
        found.append({"paper": name, "right": shares})
    return found


def table_of(record: dict[str, Any]) -> str:
    head = ["paper", *(f"{angle:g} degrees" for angle in ANGLES)]
    rows = [[row["paper"], *(f"{share:.1%}" for share in row["right"])] for row in record["papers"]]
    return (
        f"### Pages on paper of several kinds, turned: digits right, {record['pages']} pages each\n\n"
        f"1 - edits / digits. Model: {record['model']}.\n\n{markdown_table(head, rows)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a shipped model, a model file or a run folder")
    parser.add_argument("--pages", type=int, default=6, help="pages of each kind at each angle")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    record = {
        "model": options.model or "the shipped default",
        "pages": options.pages,
        "papers": measure(options.model, options.pages),
    }
    if options.write:
        publish("paper", record, table_of)


if __name__ == "__main__":
    main()
