"""What the reader accepts of digits and refuses of everything else, through the road that a user has.

    python benchmarks/refusal_sets.py --root FOLDER --fashion FOLDER --printed FOLDER --hands FOLDER

Every picture goes to `Reader.predict`, and its answer is refused where it is `unsure`. Digits: MNIST's test
images, and own_digits and quiz_boxes in --root, as `handwriting.py` has them. No digits: Fashion-MNIST's test
images (the folder of Debian's dataset-fashion-mnist, or the cache of `tenfold data` if left out), blanks,
noise, scribbles, two digits at once and half ones (of MNIST's validation images), signs, and letters that
look like no digit, in the TrueType and OpenType fonts below --printed and --hands (Debian's fonts-dejavu and
fonts-liberation; -dkg-handwriting, -breip, -femkeklaver, -klee, -kristi, -rufscript and -sjfonts).
`training/drawn/nondigits.py`, which draws what a model learns to refuse, has no font
files, and its pens move otherwise: letters here are warped by waves and a perspective, loops are sums of
oscillations. Sets that are not given lack in the table. --sheets keeps what was wrongly accepted, one picture
a set.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from handwriting import Digits
from handwriting import load as load_digits
from numpy.random import Generator
from numpy.typing import NDArray
from paper import lay
from PIL import Image, ImageDraw, ImageFont
from results import markdown_table, publish

from tenfold import Reader
from tenfold.data import Labelled, Store, load_test
from tenfold.data.idx import read_images
from tenfold.data.mnist import load_training, split
from tenfold.data.sources import load_source
from tenfold.harness.refusal import blanks, noise, scribbles
from tenfold.images import to_mnist
from tenfold.metrics import threshold_accepting, wilson
from tenfold.reading import Prediction

LETTERS = "AEFHKMNPRUWXdefhkmnrtuwx"
COUNT = 1_000  # pictures of a drawn set
SIGNS = "+=&@#%*<~€"  # those that may look like a digit, such as $ and >, are left out
EACH = 50  # pictures of a letter in each group of fonts
SIDE = 96  # pixels of a drawn letter
SURE = 0.95  # share of the digits that are to be accepted without an error
SHOWN = 200  # pictures of a sheet

Picture = NDArray[np.uint8]
Plane = NDArray[Any]


@dataclass(frozen=True)
class Row:
    """`count` of `of` pictures were as wished, or were not where `fewer` is wished."""

    what: str
    count: int
    of: int
    target: str
    fewer: bool = False

    def cells(self) -> list[str]:
        low, high = wilson(self.count, self.of)
        share = f"{100 * self.count / self.of:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        return [self.what, f"{self.of:,}", str(self.count) if self.fewer else share, self.target]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, help="the folder of own_digits and quiz_boxes")
    parser.add_argument("--fashion", type=Path, help="the folder of Fashion-MNIST's files")
    parser.add_argument("--printed", type=Path, help="a folder of printers' fonts")
    parser.add_argument("--hands", type=Path, help="a folder of fonts that imitate handwriting")
    parser.add_argument("--model", help="a shipped model, a model file or a run folder")
    parser.add_argument(
        "--sheets", type=Path, help="keep pictures of what was wrongly accepted in this folder"
    )
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    reader = Reader(options.model)
    rows = digit_rows(reader, options.root)
    for name, (target, pictures) in others(options).items():
        answers = reader.predict(pictures())
        rows.append(Row(f"{name}: refused", sum(a.unsure for a in answers), len(answers), target))
        print(*rows[-1].cells(), sep=" | ", flush=True)
        if options.sheets:
            options.sheets.mkdir(parents=True, exist_ok=True)
            sheet(options.sheets / f"{name.replace(' ', '-')}.png", pictures(), answers)
    found = markdown_table(["", "pictures", "measured", "target"], [row.cells() for row in rows])
    print(found)
    if options.write:
        write(found, options)


def digit_rows(reader: Reader, root: Path | None) -> list[Row]:
    test = load_test()
    sets = {"MNIST's test digits": ("99 %", Digits(list(test.images), test.labels.tolist()))}
    for name, target in (("own_digits", "95 %"), ("quiz_boxes", "95 %")):
        if root is not None and (root / name).is_dir():
            sets[name] = target, load_digits(root / name)
    rows = []
    for name, (target, digits) in sets.items():
        answers = reader.predict(digits.pictures)
        accepted = [not answer.unsure for answer in answers]
        right = [answer.label == label for answer, label in zip(answers, digits.labels, strict=True)]
        rows.append(Row(f"{name}: accepted", sum(accepted), len(answers), target))
        surest = threshold_accepting([answer.confidence for answer in answers], share=SURE)
        for what, chosen in (
            ("the accepted", accepted),
            (
                f"the {100 * SURE:.0f} % of highest confidence",
                [answer.confidence >= surest for answer in answers],
            ),
        ):
            wrong = sum(not ok for ok, seen in zip(right, chosen, strict=True) if seen)
            wished = "" if name.startswith("MNIST") else "0"
            rows.append(Row(f"{name}: errors among {what}", wrong, sum(chosen), wished, fewer=True))
    for row in rows:
        print(*row.cells(), sep=" | ", flush=True)
    return rows


def others(options: argparse.Namespace) -> dict[str, tuple[str, Callable[[], list[Picture]]]]:
    """Sets of no digits by name: the share to be refused, and how to get the pictures."""
    sets: dict[str, tuple[str, Callable[[], list[Picture]]]] = {
        "Fashion-MNIST": ("97 %", lambda: fashion(options.fashion))
    }
    for kind in (blanks, shaded_blanks, noise, grain, salt_and_pepper, blotches, scribbles, hatchings):
        name = kind.__name__.replace("_", " ")
        sets[name] = "99 %", lambda kind=kind: list(kind(COUNT, np.random.default_rng(0)))  # type: ignore[misc]
    for name, folder in (("printed", options.printed), ("handwriting", options.hands)):
        if folder is not None:
            files = fonts(folder)
            sets[f"letters in {len(files)} {name} fonts"] = "90 %", lambda files=files: letters(files)  # type: ignore[misc]
            if name == "printed":
                sets[f"signs in {len(files)} {name} fonts"] = "", lambda files=files: letters(files, SIGNS)  # type: ignore[misc]
    digits = split(load_training()).validation
    for draw in (two_digits, half_digits):
        sets[draw.__name__.replace("_", " ")] = "", lambda draw=draw: several(draw, digits)  # type: ignore[misc]
    return sets


def fashion(folder: Path | None) -> list[Picture]:
    if folder is None:
        return list(load_source("fashion-mnist", "test", Store(offline=True)).images)
    return list(read_images((folder / "t10k-images-idx3-ubyte.gz").read_bytes()))  # packed anew by Debian


# --- pictures that are no digit ----------------------------------------------------------------------------


def shaded_blanks(count: int, rng: Generator) -> Picture:
    """Paper with light from one side, a soft shadow and grain, uint8 [count, 64, 64]."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    papers = []
    for _ in range(count):
        way, edge = rng.uniform(0, 2 * math.pi, 2)
        light = rng.uniform(150, 240) + rng.uniform(0, 40) * (x * math.cos(way) + y * math.sin(way))
        shadow = 1 / (1 + np.exp(-8 * (x * math.cos(edge) + y * math.sin(edge) - rng.uniform(-0.6, 0.6))))
        papers.append(light - rng.uniform(0, 40) * shadow + rng.normal(0, rng.uniform(0, 3), (64, 64)))
    return np.stack(papers).clip(0, 255).astype(np.uint8)


def grain(count: int, rng: Generator) -> Picture:
    """Grey with normal noise, uint8 [count, 64, 64]."""
    strength = rng.uniform(5, 60, (count, 1, 1))
    return (
        (rng.uniform(60, 200, (count, 1, 1)) + strength * rng.normal(size=(count, 64, 64)))
        .clip(0, 255)
        .astype(np.uint8)
    )


def salt_and_pepper(count: int, rng: Generator) -> Picture:
    """White paper with specks, and some of the reverse, uint8 [count, 28, 28]."""
    specks = rng.random((count, 28, 28)) < rng.uniform(0.05, 0.5, (count, 1, 1))
    return np.where(specks ^ (rng.random((count, 1, 1)) < 0.3), 0, 255).astype(np.uint8)


def blotches(count: int, rng: Generator) -> Picture:
    """Noise seen out of focus, uint8 [count, 64, 64]: smooth, with edges nowhere."""
    drawn = []
    for sigma in rng.uniform(1, 8, count):
        soft = np.asarray(cv2.GaussianBlur(rng.normal(size=(64, 64)), (0, 0), sigma))
        drawn.append(128 + 50 * soft / soft.std())
    return np.stack(drawn).clip(0, 255).astype(np.uint8)


def hatchings(count: int, rng: Generator) -> Picture:
    """A dark pen going to and fro across white paper, as one strikes out, uint8 [count, 64, 64]."""
    drawn = np.full((count, 64, 64), 255, np.uint8)
    for picture in drawn:
        turns, angle = int(rng.integers(5, 16)), rng.uniform(0, math.pi)
        along = np.linspace(-24, 24, turns) + rng.normal(0, 1.5, turns)
        across = rng.uniform(10, 24) * (-1.0) ** np.arange(turns) + rng.normal(0, 3, turns)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        points = 16 * (32 + np.column_stack([along, across]) @ turn).clip(3, 61)
        cv2.polylines(
            picture, [np.rint(points).astype(np.int32)], False, 0, int(rng.integers(1, 4)), cv2.LINE_AA, 4
        )
    return drawn


def fonts(folder: Path) -> list[Path]:
    """Without those of capitals alone: a D may be a 0, and a T a 7."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".ttf", ".otf"))
    return [file for file in files if alike(boxed(letter("d", file)), boxed(letter("D", file))) < 0.5]


def boxed(ink: Plane) -> Plane:
    x, y, width, height = cv2.boundingRect((ink > 0.3).astype(np.uint8))
    return np.asarray(cv2.resize(ink[y : y + height, x : x + width], (32, 32)))


def alike(one: Plane, other: Plane) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def several(draw: Callable[[Labelled, Generator], Plane], digits: Labelled) -> list[Picture]:
    rngs = [np.random.default_rng([2, place]) for place in range(COUNT)]
    return [paper(draw(digits, rng), rng) for rng in rngs]


def two_digits(digits: Labelled, rng: Generator) -> Plane:
    """Side by side, apart or touching, float32 [SIDE, SIDE], ink 1."""
    one, other = (ink_of(digits, rng) for _ in range(2))
    high = max(len(one), len(other))
    side_by_side = np.zeros((high, one.shape[1] + other.shape[1] + 10), np.float32)
    at = one.shape[1] + int(rng.integers(-2, 11))
    for ink, left in ((one, 0), (other, at)):
        lay(side_by_side, ink, (high - len(ink)) // 2, left)
    return in_the_middle(side_by_side[:, : at + other.shape[1]])


def half_digits(digits: Labelled, rng: Generator) -> Plane:
    """The left, right, upper or lower half of a digit that is no 1, as `two_digits` gives them."""
    ink = ink_of(digits, rng)
    ink = np.asarray(np.rot90(ink, way := int(rng.integers(4))))
    return in_the_middle(np.asarray(np.rot90(ink[: len(ink) // 2], -way)))


def ink_of(digits: Labelled, rng: Generator) -> Plane:
    """One digit that is no 1, without margins, 0 to 1."""
    image = digits.images[rng.choice(np.flatnonzero(digits.labels != 1))]
    x, y, width, height = cv2.boundingRect((image > 60).astype(np.uint8))
    return np.asarray(image[y : y + height, x : x + width], np.float32) / 255


def in_the_middle(ink: Plane) -> Plane:
    """At two thirds of SIDE, with paper around."""
    zoom = SIDE * 2 / 3 / max(ink.shape)
    size = (max(1, round(zoom * ink.shape[1])), max(1, round(zoom * ink.shape[0])))
    large = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_CUBIC)).clip(0, 1)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    return np.pad(large, ((top, SIDE - size[1] - top), (left, SIDE - size[0] - left)))


def letters(files: list[Path], which: str = LETTERS) -> list[Picture]:
    """EACH pictures of each of `which`, the fonts by turns."""
    drawn = []
    for place in range(EACH * len(which)):
        rng = np.random.default_rng([1, place])
        drawn.append(
            paper(
                warped(
                    letter(which[place % len(which)], files[(place // len(which) + place) % len(files)]),
                    rng,
                ),
                rng,
            )
        )
    return drawn


def letter(text: str, file: Path) -> Plane:
    """`text` in the middle of float32 [SIDE, SIDE], ink 1."""
    canvas = Image.new("L", (SIDE, SIDE))
    font = ImageFont.truetype(str(file), 60)
    ImageDraw.Draw(canvas).text((SIDE / 2, SIDE / 2), text, 255, font, anchor="mm")
    return np.asarray(canvas, np.float32) / 255


def warped(ink: Plane, rng: Generator) -> Plane:
    """As a hand would: leaning, in perspective, along waves, with another pen."""
    corners = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], np.float32)
    lean = rng.uniform(-0.25, 0.35) * SIDE / 2 * np.array([[1, 0], [1, 0], [-1, 0], [-1, 0]])
    moved = corners + lean + rng.normal(0, 0.05 * SIDE, (4, 2))
    ink = np.asarray(
        cv2.warpPerspective(ink, cv2.getPerspectiveTransform(corners, moved.astype(np.float32)), (SIDE, SIDE))
    )
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    waves = [
        rng.normal(0, 1.8) * np.sin(2 * math.pi * (a * rng.uniform(0.5, 1.5) / SIDE + rng.random()))
        for a in (y, x, x, y)
    ]
    dx, dy = ((one + two).astype(np.float32) for one, two in (waves[:2], waves[2:]))
    ink = np.asarray(cv2.remap(ink, x + dx, y + dy, cv2.INTER_LINEAR))
    pen = int(rng.integers(0, 3))
    if pen:
        ink = np.asarray(cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pen + 1,) * 2)))
    return ink


def paper(ink: Plane, rng: Generator) -> Picture:
    """On paper of some brightness, out of focus, with noise, at 28 to 96 pixels a side."""
    side = int(rng.integers(28, SIDE + 1))
    small = np.asarray(cv2.resize(ink, (side, side), interpolation=cv2.INTER_AREA))
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), rng.uniform(0.01, 0.012 * side)))
    grey = (
        rng.uniform(170, 255) - rng.uniform(80, 165) * small + rng.normal(0, rng.uniform(0, 5), small.shape)
    )
    return np.asarray(grey.clip(0, 255), np.uint8)


def sheet(path: Path, pictures: list[Picture], answers: list[Prediction]) -> None:
    """Of what was accepted, at most SHOWN with label and confidence in %, as the network saw them."""
    kept = [(p, a) for p, a in zip(pictures, answers, strict=True) if not a.unsure][:SHOWN]
    cells = []
    for picture, answer in kept:
        cell = cv2.copyMakeBorder(
            255 - cv2.resize(to_mnist(picture), (56, 56)), 0, 14, 2, 2, cv2.BORDER_CONSTANT, value=255
        )
        told = f"{answer.label} {100 * answer.confidence:.0f}"
        cv2.putText(cell, told, (4, 68), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
        cells.append(cell)
    cells += [np.full((70, 60), 255, np.uint8)] * (-len(cells) % 20)
    if cells:
        rows = [np.hstack(cells[start : start + 20]) for start in range(0, len(cells), 20)]
        cv2.imwrite(str(path), np.vstack(rows))


def write(found: str, options: argparse.Namespace) -> None:
    folders = [folder for folder in (options.printed, options.hands) if folder is not None]
    used = [path.name for folder in folders for path in fonts(folder)]
    record = {"model": options.model or "the shipped default", "table": found, "fonts": used}
    publish("refusal_sets", record, page)


def page(record: dict[str, Any]) -> str:
    return (
        f"### What is accepted, and what is refused\n\n{record['table']}\n\n"
        f"Wilson 95 % intervals. Model: {record['model']} at its threshold. Letters: {' '.join(LETTERS)} "
        f"with fonts and distortions that the model was not trained with; scribbles too. Signs: {SIGNS}"
    )


if __name__ == "__main__":
    main()
