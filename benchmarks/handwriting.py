"""Accuracy on single handwritten digits that are not MNIST's, set by set, beside what most tools do.

    python benchmarks/handwriting.py --root FOLDER [--model MODEL] [--half 0|1] [--rapidocr] [--tesseract]

FOLDER holds a folder a set, with either labels.csv (file,label) or NAME.npz (images, labels). "naive" is the
network `baseline` on pictures resized to 28 x 28 and inverted where bright: no search for the digit. None of
these sets is trained on; `--half` takes one half of each, the same every time, so that what is tuned on the
one is judged on the other.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from peers import readers
from results import circumstances, markdown_table, save, write_table
from results import load as load_record

from tenfold import Reader
from tenfold.data.folder import read_rows
from tenfold.images import read_picture
from tenfold.metrics import wilson

SETS = (
    "quiz_boxes",
    "own_digits",
    "photo_crops",
    "cheque_digits",
    "usps",
    "ardis",
    "optdigits32",
    "hwd1000",
)
SPLIT_SEED = 7

Answers = Callable[[Sequence[NDArray[np.uint8]]], list[int]]


class Digits(NamedTuple):
    pictures: list[NDArray[np.uint8]]
    labels: list[int]


def load(folder: Path, half: int | None = None) -> Digits:
    """The pictures of a set, uint8 [h, w] or [h, w, 3], and what they show."""
    if (folder / "labels.csv").exists():
        rows = read_rows(folder / "labels.csv")
        digits = Digits([read_picture(row.file) for row in rows], [int(row.digits) for row in rows])
    else:
        arrays = np.load(folder / f"{folder.name}.npz", allow_pickle=False)
        digits = Digits(list(arrays["images"]), arrays["labels"].astype(int).tolist())
    if half is None:
        return digits
    kept = np.flatnonzero((np.random.default_rng(SPLIT_SEED).random(len(digits.labels)) < 0.5) == (half == 0))
    return Digits([digits.pictures[i] for i in kept], [digits.labels[i] for i in kept])


def tenfold(model: str | None) -> Answers:
    reader = Reader(model)
    return lambda pictures: [prediction.label for prediction in reader.predict(pictures)]


def naive() -> Answers:
    reader = Reader("baseline")

    def resized(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        grey = (
            picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        )
        small = np.asarray(cv2.resize(grey, (28, 28), interpolation=cv2.INTER_AREA), np.uint8)
        return 255 - small if small.mean() > 127 else small

    def answers(pictures: Sequence[NDArray[np.uint8]]) -> list[int]:
        labels: list[int] = reader.probabilities(np.stack([resized(p) for p in pictures])).argmax(1).tolist()
        return labels

    return answers


def table(root: Path, roads: dict[str, Answers], half: int | None = None) -> str:
    """A row a set found in `root`, a column a road: accuracy in % with its 95 % interval (Wilson)."""
    rows = []
    for name in SETS:
        if not (root / name).is_dir():
            continue
        digits = load(root / name, half)
        count = len(digits.labels)
        row = [name, f"{count:,}"]
        for answers in roads.values():
            right = sum(a == b for a, b in zip(answers(digits.pictures), digits.labels, strict=True))
            low, high = wilson(right, count)
            row.append(f"{100 * right / count:.1f} ({100 * low:.1f} to {100 * high:.1f})")
        rows.append(row)
    return markdown_table(["set", "pictures", *roads], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the reading of single digits.")
    parser.add_argument("--root", type=Path, required=True, help="the folder of the sets")
    parser.add_argument("--model", help="a shipped model, a model file or a run folder")
    parser.add_argument("--half", type=int, choices=(0, 1), help="only this half of each set")
    parser.add_argument("--rapidocr", action="store_true", help="RapidOCR beside it, forced to digits")
    parser.add_argument("--tesseract", action="store_true", help="Tesseract beside it, forced to digits")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    roads = {"Tenfold": tenfold(options.model), "naive": naive()}
    for name in ("rapidocr", "tesseract"):
        if getattr(options, name):
            try:
                roads[name] = getattr(readers, name)()
            except LookupError as absent:
                print(f"{name} is left out: {absent}\n")
    found = table(options.root, roads, options.half)
    print(found)
    if options.write:
        save("handwriting", {"model": options.model or "the shipped default", "table": found})
        record = load_record("handwriting")
        assert record is not None
        facts = f"Wilson 95 % intervals. Model: {record['model']}. {circumstances(record)}"
        command = "`python benchmarks/handwriting.py --root FOLDER --write`"
        title = "### Single handwritten digits that are not MNIST's, accuracy %"
        write_table("handwriting", "\n\n".join([title, found, f"{facts} {command}"]))


if __name__ == "__main__":
    main()
