"""Digits of photographs and amounts of cheques, read by Tenfold, with and without its network of whole lines.

    python benchmarks/pages.py --root FOLDER [--model MODEL] [--half 0|1] [--write]

FOLDER holds `photos/` and `cheque_amounts/`, each with a labels.csv of file,digits. Photographs are measured
by 1 - edits / digits, amounts by the share that is right as a whole; nothing of these sets is trained on.
`--half` takes one half of each, the same every time: costs were tuned on the amounts of half 0. Strings of
MNIST's validation digits that overlap are composed here.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from handwriting import in_half
from numpy.typing import NDArray
from results import markdown_table, publish

from tenfold import Reader
from tenfold.data.folder import Row, read_listing
from tenfold.data.mnist import load_training, split
from tenfold.harness.pages import evaluate_pages
from tenfold.images.segment import Page
from tenfold.metrics import wilson
from tenfold.reading.expected import Expected
from tenfold.reading.looks import PERHAPS
from tenfold.reading.page import Reading, read_page

TARGETS = {"photos": "97 % of digits", "cheque_amounts": "85 % of amounts"}
STRINGS = 300

Picture = NDArray[np.uint8]


class Alone(Reader):
    """The lattice with the classifier of single digits alone."""

    def read_page(self, page: Page, expected: Expected, file: str | None = None) -> Reading:
        probabilities = partial(self.probabilities, perhaps=PERHAPS)
        return read_page(page, probabilities, expected, thresholds=self.metadata.thresholds, file=file)


def half_of(rows: list[Row], half: int | None) -> list[Row]:
    return rows if half is None else [rows[place] for place in in_half(len(rows), half)]


def overlapping(count: int = STRINGS) -> list[tuple[Picture, str]]:
    """Three to seven validation digits each, dark on white, up to three pixels apart or over one another."""
    _, digits = split(load_training())
    rng = np.random.default_rng(5)
    strings = []
    for _ in range(count):
        chosen = rng.integers(0, len(digits), int(rng.integers(3, 8)))
        canvas, x = np.zeros((60, 40 * len(chosen) + 80), np.uint8), 20
        for image in digits.images[chosen]:
            left, _, width, _ = cv2.boundingRect(np.where(image > 60, image, 0).astype(np.uint8))
            y, x = 16 + int(rng.integers(-3, 4)), x + int(rng.integers(-3, 4))
            place = canvas[y : y + 28, x : x + width]
            np.maximum(place, image[:, left : left + width], out=place)
            x += width
        strings.append((255 - canvas, "".join(map(str, digits.labels[chosen]))))
    return strings


def measure(root: Path, model: str | None = None, half: int | None = None) -> dict[str, list[dict[str, Any]]]:
    """For each set found in `root` the summaries of `harness.pages.evaluate_pages`, alone and with both."""
    readers = Alone(model), Reader(model)
    found = [name for name in TARGETS if (root / name / "labels.csv").exists()]
    rows = {name: half_of(read_listing(root / name / "labels.csv").rows, half) for name in found}
    return {name: [evaluate_pages(reader, rows[name], name) for reader in readers] for name in found}


def measure_strings(model: str | None = None) -> list[dict[str, Any]]:
    strings, summaries = overlapping(), []
    for reader in (Alone(model), Reader(model)):
        right = sum(reader.read(picture).text == text for picture, text in strings)
        summaries.append(
            {"count": STRINGS, "exact": right / STRINGS, "interval": list(wilson(right, STRINGS))}
        )
    return summaries


def table(record: dict[str, Any]) -> str:
    head = ["set", "pictures", "digits: alone", "digits: both", "whole: alone", "whole: both", "aim"]
    rows = []
    for name, (alone, both) in record["sets"].items():
        low, high = both["interval"]
        digits = [f"{1 - s['digit_error_rate']:.1%}" if "digits" in s else "" for s in (alone, both)]
        whole = [f"{alone['exact']:.1%}", f"{both['exact']:.1%} ({low:.1%} to {high:.1%})"]
        rows.append([name, f"{both['count']:,}", *digits, *whole, TARGETS.get(name, "")])
    return (
        "### Pages: digits of photographs, amounts of cheques, strings that overlap\n\n"
        'Digits are 1 - edits / digits; whole texts have their Wilson 95 % interval. "Alone" is the network '
        'of single digits and the lattice of cuts, "both" has the network of whole lines beside it, as '
        f"`tenfold read`.\n\n{markdown_table(head, rows)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the reading of pages.")
    parser.add_argument("--root", type=Path, required=True, help="the folder of the sets")
    parser.add_argument("--model", help="a shipped model, a model file or a run folder")
    parser.add_argument("--half", type=int, choices=(0, 1), help="only this half of each set")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    sets: dict[str, Any] = measure(options.root, options.model, options.half)
    sets["overlapping strings"] = measure_strings(options.model)
    record = {"model": options.model or "the shipped default", "sets": sets}
    print(table(record))
    if options.write:
        publish("pages", record, table)


if __name__ == "__main__":
    main()
