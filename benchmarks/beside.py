"""Pages of numbers with other things beside them: the digits read right, and how many are read where none is.

    python benchmarks/beside.py --hands FOLDER [--model MODEL] [--pages 8] [--write]

MNIST's validation digits, five rows on a page of 1,200 x 900 pixels, with points, dashes, signs and words
between them, read by `Reader.read`. Words are random letters that look like no digit, in the fonts below
--hands (those of `refusal_sets.py`). The pages are drawn here, apart from what models learn from.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from paper import HEIGHT, INK, PAPER, ROWS, SIZE, WIDTH, Plane, lay, misread
from PIL import Image, ImageDraw, ImageFont
from refusal_sets import LETTERS, fonts
from results import markdown_table, publish

from tenfold import Reader
from tenfold.data import Labelled
from tenfold.data.mnist import load_training, split

ROW = 140  # pixels from a row to the next
SPACE = " "
WORD = "w"
DIGIT = "0"
DATED = "dmy"

# what a row has: 0 is any digit, w a word, d, m and y the day, month and year of a date, the rest are signs
KINDS = {
    "numbers alone": "000000",
    "decimals": "000,00",
    "dates with points": "00.00.0000",
    "dates with dashes": "00-00-0000",
    "numbers with strokes": "00/00/0000",
    "dates with strokes": "dd/mm/yyyy",
    "short dates with strokes": "dd/mm/yy",
    "times of day": "00:00",
    "sums": "00+00=000",
    "in brackets": "(0000)",
    "a word, then a number": "w 0000",
    "a number, then a word": "0000 w",
    "a word between numbers": "000 w 000",
    "words alone": "w w",
}

# strokes of a sign, x and y in its box: 0 to 1 across and down
SIGNS: dict[str, list[list[tuple[float, float]]]] = {
    ",": [[(0.5, 0.8), (0.4, 1.0)]],
    ".": [[(0.5, 0.85), (0.52, 0.85)]],
    "-": [[(0.2, 0.52), (0.8, 0.5)]],
    "/": [[(0.75, 0.0), (0.25, 1.0)]],
    ":": [[(0.5, 0.85), (0.52, 0.85)], [(0.5, 0.5), (0.52, 0.5)]],
    "+": [[(0.15, 0.52), (0.85, 0.5)], [(0.5, 0.25), (0.5, 0.8)]],
    "=": [[(0.15, 0.42), (0.85, 0.4)], [(0.15, 0.62), (0.85, 0.6)]],
    "(": [[(0.8, 0.05), (0.45, 0.3), (0.4, 0.5), (0.45, 0.7), (0.8, 0.95)]],
    ")": [[(0.2, 0.05), (0.55, 0.3), (0.6, 0.5), (0.55, 0.7), (0.2, 0.95)]],
}


def sign(name: str, rng: Generator) -> Plane:
    """Its strokes, a tenth of a digit wide, their points moved a little; ink 1."""
    fine = 8  # parts of a pixel
    plane = np.zeros((fine * SIZE, fine * SIZE * 2 // 3), np.float32)
    for stroke in SIGNS[name]:
        points = (np.array(stroke) + rng.normal(0, 0.02, (len(stroke), 2))) * plane.shape[::-1]
        cv2.polylines(plane, [np.rint(points).astype(np.int32)], False, 1, fine * SIZE // 10, cv2.LINE_AA)
    small = cv2.resize(plane, None, fx=1 / fine, fy=1 / fine, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def word(file: Path, rng: Generator) -> Plane:
    """Three to six of LETTERS, somewhat larger than digits; ink 1."""
    text = "".join(rng.choice(list(LETTERS), int(rng.integers(3, 7))))
    font = ImageFont.truetype(str(file), SIZE)
    left, top, right, bottom = font.getbbox(text)
    canvas = Image.new("L", (round(right - left) + 8, round(bottom - top) + 8))
    ImageDraw.Draw(canvas).text((4 - left, 4 - top), text, 255, font)
    return (np.asarray(canvas) / 255).astype(np.float32)


def date(years: int, rng: Generator) -> Iterator[int]:
    """The digits of a day, a month and a year, of which the last `years`."""
    day, month, year = rng.integers(1, 32), rng.integers(1, 13), rng.integers(1950, 2050)
    return map(int, f"{day:02}{month:02}{str(year)[-years:]}")


def page(kind: str, digits: Labelled, files: list[Path], rng: Generator) -> tuple[NDArray[np.uint8], str]:
    """A page uint8 [900, 1200] and its digits."""
    strokes = np.zeros((HEIGHT, WIDTH), np.float32)
    text = []
    for y in range(ROW - 20, ROW * ROWS, ROW):
        x, row, file = int(rng.integers(60, 200)), "", files[rng.integers(len(files))]
        years = KINDS[kind].count(DATED[-1])
        dated = date(years, rng) if years else iter(())
        for what in KINDS[kind]:
            if what == SPACE:
                x += SIZE // 2
                continue
            if what == DIGIT or what in DATED:
                fits = (
                    np.arange(len(digits)) if what == DIGIT else np.flatnonzero(digits.labels == next(dated))
                )
                chosen = fits[rng.integers(len(fits))]
                side = round(1.4 * SIZE * rng.uniform(0.9, 1.1))
                image = digits.images[chosen].astype(np.float32) / 255
                ink = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)
                row += str(digits.labels[chosen])
            else:
                ink = word(file, rng) if what == WORD else sign(what, rng)
            inked = np.flatnonzero(ink.max(0) > 0.2)
            ink = ink[:, inked[0] : inked[-1] + 1]
            top = y - len(ink) // 2 + int(rng.integers(-3, 4))
            lay(strokes, ink, top, x)
            x += ink.shape[1] + int(rng.integers(6, 18))
        text.append(row)
    bright = PAPER * (1 - INK * strokes) + rng.normal(0, 2, strokes.shape)
    return bright.clip(0, 255).astype(np.uint8), "\n".join(filter(None, text))


def measure(model: str | None, pages: int, files: list[Path]) -> list[dict[str, Any]]:
    reader, digits = Reader(model), split(load_training()).validation
    found = []
    for kind in KINDS:
        edits, count = misread(
            reader, (page(kind, digits, files, np.random.default_rng(seed)) for seed in range(pages))
        )
        found.append({"kind": kind, "row": KINDS[kind], "digits": count, "edits": edits})
        print(*found[-1].values(), sep=" | ", flush=True)
    return found


def table(record: dict[str, Any]) -> str:
    rows = [
        [
            row["kind"],
            f"`{row['row']}`",
            str(row["digits"]),
            str(row["edits"]),
            f"{1 - row['edits'] / row['digits']:.1%}" if row["digits"] else "",
        ]
        for row in record["kinds"]
    ]
    head = ["page", "a row", "digits", "edits", "right"]
    return (
        f"### Numbers with other things beside them: {record['pages']} pages of five rows each\n\n"
        f"Right is 1 - edits / digits; 0 stands for any digit, w for a word, d, m and y for those of a date. "
        f"Model: {record['model']}.\n\n"
        f"{markdown_table(head, rows)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--hands", type=Path, required=True, help="a folder of fonts that imitate handwriting"
    )
    parser.add_argument("--model", help="a shipped model, a model file or a run folder")
    parser.add_argument("--pages", type=int, default=8, help="pages of each kind")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    record = {
        "model": options.model or "the shipped default",
        "pages": options.pages,
        "kinds": measure(options.model, options.pages, fonts(options.hands)),
    }
    if options.write:
        publish("beside", record, table)


if __name__ == "__main__":
    main()
