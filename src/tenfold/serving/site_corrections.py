"""Digits that were set right on the page, as a labelled set in the user's own folder.

    corrections/labels.csv           file,label
    corrections/3-0f8c2a....png      the label and the checksum of the picture's pixels

`tenfold evaluate --on corrections` and `tenfold train --data corrections` take it as it is. The pictures are
the truth: each is written whole before the list that names it, and the list is written again until it names
all there are. So two services may share a folder, and an interruption loses at most a line, which the next
digit brings back.
"""

import csv
import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DataError
from tenfold.files import children, exists, is_folder, make_folder, read_bounded, sha256, write_atomic
from tenfold.images.png import write_png

COUNT_LIMIT = 20_000  # pictures of a folder
CSV_LIMIT = 1 << 24
_OURS = re.compile(r"([0-9])-[0-9a-f]{32}\.png")
_HEADER = ["file", "label"]


class Corrections:
    """The folder `folder`, which is made with the first digit."""

    def __init__(self, folder: Path, *, count_limit: int = COUNT_LIMIT) -> None:
        self.folder = folder
        self._count_limit = count_limit

    def count(self) -> int:
        """How many pictures of ours it holds. Raises DiskError."""
        return len(self._pictures())

    def save(self, picture: NDArray[np.uint8], label: int) -> int:
        """Add one digit, uint8 [h, w] or RGB [h, w, 3]; the same pixels with another label replace the old.

        Gives the count then. Raises DataError where the folder is full or its list is not one of digits,
        DiskError where the system refuses.
        """
        make_folder(self.folder)
        if self.count() >= self._count_limit:
            raise DataError(
                f"The folder of corrections holds {self._count_limit:,} digits; start another one."
            )
        self._rows()  # a list that cannot be kept is found before anything is written
        checksum = sha256(repr(picture.shape).encode() + picture.tobytes())[:32]
        name = f"{label}-{checksum}.png"
        # pixels alone: what else a picture's file may hold, such as a place, is not kept
        write_atomic(self.folder / name, write_png(picture))
        for other in self._pictures():
            if other != name and other.endswith(f"-{checksum}.png"):
                (self.folder / other).unlink(missing_ok=True)
        return self._list()

    def _list(self) -> int:
        """Write labels.csv until it names the pictures that there are; another service may add some."""
        while True:
            pictures = self._pictures()
            there = set(pictures)
            kept = [row for row in self._rows() if not _OURS.fullmatch(row[0]) or row[0] in there]
            listed = {row[0] for row in kept}
            kept += [[name, name[0]] for name in pictures if name not in listed]
            text = io.StringIO(newline="")
            csv.writer(text, lineterminator="\n").writerows([_HEADER, *kept])
            write_atomic(self.folder / "labels.csv", text.getvalue())
            if self._pictures() == pictures:
                return len(pictures)

    def _rows(self) -> list[list[str]]:
        """The lines of labels.csv, the user's own among them."""
        path = self.folder / "labels.csv"
        if not exists(path):
            return []
        try:
            text = read_bounded(path, CSV_LIMIT, DataError, "The list of labels").decode("utf-8-sig")
            lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
        except (UnicodeDecodeError, csv.Error):
            lines = []
        if not lines or lines[0] != _HEADER or any(len(line) != len(_HEADER) for line in lines):
            raise DataError(
                "The labels.csv in the folder of corrections does not have the columns file,label."
            )
        return lines[1:]

    def _pictures(self) -> list[str]:
        found = children(self.folder) if is_folder(self.folder) else []
        return [child.name for child in found if _OURS.fullmatch(child.name)]
