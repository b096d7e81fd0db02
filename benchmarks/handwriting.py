"""Accuracy on single handwritten digits that are not MNIST's, set by set, beside what other tools do.

    python benchmarks/handwriting.py --root FOLDER [--model MODEL] [--half 0|1] [--rapidocr PYTHON]

FOLDER holds a folder a set, with either labels.csv (file,label) or NAME.npz (images, labels). "naive" is the
network `baseline` on pictures resized to 28 x 28 and inverted where bright: no search for the digit.
Tesseract is beside it where it is installed, and RapidOCR's recognition model where PYTHON has it; both may
answer with digits alone. None of these sets is trained on; `--half` takes one half of each, the same every
time, so that what is tuned on the one is judged on the other.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from peers import readers
from results import load as load_record
from results import markdown_table, publish

from tenfold import Reader
from tenfold.data.folder import read_listing
from tenfold.images import read_picture
from tenfold.metrics import wilson

TARGETS = {  # % of each set's digits
    "quiz_boxes": 98.8,
    "own_digits": 99.5,
    "photo_crops": 98.9,
    "cheque_digits": 95.5,
    "usps": 98.3,
    "ardis": 98.5,
    "optdigits32": 98.5,
    "hwd1000": 100.0,
}
SPLIT_SEED = 7

Answers = Callable[[Sequence[NDArray[np.uint8]]], list[int]]


class Digits(NamedTuple):
    pictures: list[NDArray[np.uint8]]
    labels: list[int]


def in_half(count: int, half: int) -> list[int]:
    """Which of `count` are in that half, the same every time."""
    first = np.random.default_rng(SPLIT_SEED).random(count) < 0.5
    return np.flatnonzero(first == (half == 0)).tolist()


def load(folder: Path, half: int | None = None) -> Digits:
    """The pictures of a set, uint8 [h, w] or [h, w, 3], and what they show."""
    if (folder / "labels.csv").exists():
        rows = read_listing(folder / "labels.csv").rows
        digits = Digits([read_picture(row.file) for row in rows], [int(row.digits) for row in rows])
    else:
        arrays = np.load(folder / f"{folder.name}.npz", allow_pickle=False)
        digits = Digits(list(arrays["images"]), arrays["labels"].astype(int).tolist())
    if half is None:
        return digits
    kept = in_half(len(digits.labels), half)
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


Column = dict[str, str]  # by set: accuracy in % with its 95 % interval (Wilson)


def columns(roads: dict[str, Answers], sets: dict[str, Digits]) -> dict[str, Column]:
    return {
        road: {name: accuracy(answers, digits) for name, digits in sets.items()}
        for road, answers in roads.items()
    }


def table(counts: dict[str, int], roads: dict[str, Column]) -> str:
    """A row a set, a column a road."""
    rows = [
        [name, f"{count:,}", f"{TARGETS[name]}", *(road.get(name, "") for road in roads.values())]
        for name, count in counts.items()
    ]
    return markdown_table(["set", "pictures", "target", *roads], rows)


def page(record: dict[str, Any]) -> str:
    facts = (
        f"Wilson 95 % intervals. Model: {record['model']}. Other tools must answer with a digit; they read "
        f"{record['sample']:,} of a set at most."
    )
    title = "### Single handwritten digits that are not MNIST's, accuracy %"
    return "\n\n".join([title, table(record["counts"], record["ours"] | record["others"]), facts])


def sample(digits: Digits, most: int) -> Digits:
    """`most` of the pictures, drawn at random and the same every time."""
    count = len(digits.labels)
    kept = np.sort(np.random.default_rng(SPLIT_SEED).permutation(count)[:most])
    return Digits([digits.pictures[i] for i in kept], [digits.labels[i] for i in kept])


def accuracy(answers: Answers, digits: Digits) -> str:
    count = len(digits.labels)
    right = sum(a == b for a, b in zip(answers(digits.pictures), digits.labels, strict=True))
    low, high = wilson(right, count)
    return f"{100 * right / count:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def rivals(rapidocr: str | None) -> dict[str, Answers]:
    """The other tools that are there, by name; of those that are not, a line says why."""
    found: dict[str, Answers] = {}
    asked = [readers.tesseract] + ([partial(readers.rapidocr, rapidocr)] if rapidocr else [])
    for ask in asked:
        try:
            name, answers = ask()
            found[name] = answers
        except LookupError as absent:
            print(f"Left out: {absent}\n")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the reading of single digits.")
    parser.add_argument("--root", type=Path, required=True, help="the folder of the sets")
    parser.add_argument("--model", help="a shipped model, a model file or a run folder")
    parser.add_argument("--half", type=int, choices=(0, 1), help="only this half of each set")
    parser.add_argument("--rapidocr", metavar="PYTHON", help="the Python of RapidOCR's environment")
    parser.add_argument("--sample", type=int, default=1_000, help="of a set for the other tools, at most")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    found = [name for name in TARGETS if (options.root / name).is_dir()]
    sets = {name: load(options.root / name, options.half) for name in found}
    few = {name: sample(digits, options.sample) for name, digits in sets.items()}
    ours = columns({"Tenfold": tenfold(options.model), "naive": naive()}, sets)
    others = columns(rivals(options.rapidocr), few)
    counts = {name: len(digits.labels) for name, digits in sets.items()}
    print(table(counts, ours | others))
    if options.write:
        before = load_record("handwriting") or {}
        record = {
            "model": options.model or "the shipped default",
            "sample": options.sample,
            "counts": counts,
            "ours": ours,
            # what other tools read does not change with our model
            "others": before.get("others", {}) | others,
        }
        publish("handwriting", record, page)


if __name__ == "__main__":
    main()
