"""How well a model reads pictures of several digits: whole texts right, and digits by edit distance."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.data.folder import Row, read_listing
from tenfold.errors import DataError, named, refuse_empty
from tenfold.files import is_file, is_folder
from tenfold.metrics import wilson
from tenfold.reading.reader import Reader


def rows_of_pages(on: str | Path) -> list[Row] | None:
    """The lines of the labels.csv at or in `on` if it has the column `digits`; None for other sets.

    Raises DataError for a labels.csv that is not sound, UsageError for an empty name.
    """
    refuse_empty("The name of a SET", on)
    listed = Path(on) / "labels.csv" if is_folder(on) else Path(on)
    if listed.suffix.lower() != ".csv" or not is_file(listed):
        return None
    found = read_listing(listed)
    return found.rows if found.texts else None


def evaluate_pages(reader: Reader, rows: Iterable[Row], on: str) -> dict[str, Any]:
    """The summary of the pictures of a labels.csv with the column `digits`, line breaks left out.

    `exact` is the share of pictures read without a fault, `interval` its [low, high] (Wilson 95 %), `wrong`
    and `count` the pictures; `digit_error_rate` is the sum of all edits over that of all `digits`. Raises
    DataError where there are no pictures, ImageError, with its name, for one that cannot be read.
    """
    count = wrong = edits = digits = 0
    for row in rows:
        with named(f"'{row.file}'"):
            text = reader.read(row.file).text
        found = edit_distance(text.replace("\n", ""), row.digits)
        count, digits = count + 1, digits + len(row.digits)
        wrong, edits = wrong + bool(found), edits + found
    if not count:
        raise DataError(f"The set '{on}' has no pictures.")
    return {
        "on": on,
        "exact": 1 - wrong / count,
        "interval": list(wilson(count - wrong, count)),
        "wrong": wrong,
        "count": count,
        "digit_error_rate": edits / digits,
        "digits": digits,
    }


def edit_distance(found: str, expected: str) -> int:
    """The fewest digits inserted, left out and replaced that turn `found` into `expected` (Levenshtein)."""
    places = np.arange(len(expected) + 1)
    row = places
    for number, digit in enumerate(found, 1):
        replaced = row[:-1] + np.array([digit != other for other in expected], np.intp)
        best = np.minimum(row + 1, np.concatenate([[number], replaced]))
        row = np.minimum.accumulate(best - places) + places  # an insertion may follow on any best
    return int(row[-1])
