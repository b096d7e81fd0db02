"""What a labelled set holds: how many of each class, which images are there twice, and whose labels differ.

contents("digits/")["pairs"]       [{"first": "a.png", "again": "b.png", "labels": [1, 7]}]
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.data import Store, load_set
from tenfold.data.folder import Row
from tenfold.errors import named
from tenfold.files import sha256
from tenfold.harness.pages import rows_of_pages
from tenfold.kinds import DIGITS


def contents(on: str | Path, store: Store | None = None) -> dict[str, Any]:
    """What is in the set `on`, loaded as it is to be evaluated: every picture of it can be read.

    `count` images, `per_class` of each class, or, of texts, each digit among all `digits`; `repeated` images
    with the pixels of an earlier one, each of which makes one of `pairs`, those with different `labels`
    first; and `contradicted`, all images whose pixels are there with another label too. Raises as
    `load_set`, and ImageError, which names it, for a picture that cannot be read.
    """
    if (rows := rows_of_pages(on)) is not None:
        return _texts(str(on), rows)
    data = load_set(on, store=store or Store())
    return {
        "name": data.name,
        "count": len(data),
        "per_class": np.bincount(data.labels, minlength=data.classes).tolist(),
        "checksum": data.checksum,
        **_repeats(data.marks.tolist(), data.labels.tolist(), data.called),
    }


def _texts(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    from tenfold.images import read_picture

    marks = []
    for row in rows:
        with named(f"'{row.file}'"):
            picture = read_picture(row.file)
        marks.append(sha256(repr(picture.shape).encode() + picture.tobytes()))
    texts = [row.digits for row in rows]
    return {
        "name": name,
        "count": len(rows),
        "digits": sum(map(len, texts)),
        "per_class": ["".join(texts).count(digit) for digit in DIGITS],
        **_repeats(marks, texts, [str(row.file) for row in rows]),
    }


def _repeats(marks: Sequence[Any], labels: Sequence[Any], files: Sequence[str]) -> dict[str, Any]:
    """`marks` are alike for equal pixels."""
    firsts: dict[Any, int] = {}
    again = [(first, i) for i, mark in enumerate(marks) if (first := firsts.setdefault(mark, i)) != i]
    torn = {first for first, i in again if labels[first] != labels[i]}
    again.sort(key=lambda pair: labels[pair[0]] == labels[pair[1]])
    return {
        "repeated": len(again),
        "contradicted": len(torn) + sum(first in torn for first, _ in again),
        "pairs": [
            {"first": files[first], "again": files[i], "labels": [labels[first], labels[i]]}
            for first, i in again
        ],
    }
