"""A user's own labelled digits: a folder per class, a `labels.csv`, an `.npz` or IDX; always ten classes.

    digits/0/anything.png ... digits/9/anything.jpg         a folder per class
    digits/labels.csv with the columns file,label           or file,digits, which are texts that may have
                                                            several; further columns are ignored
    digits.npz with `images` uint8 [n, h, w], `labels` [n]  ink bright or dark, any size
    mine-images-idx3-ubyte.gz                               an IDX file, beside mine-labels-idx1-ubyte.gz

Every image takes the road of `images/` to 28x28, as in reading, so a set is measured as it will be read; an
MNIST image passes that road unchanged. Everything unfit raises DataError with a sentence that says what to
mend; a picture that cannot be read raises ImageError, which names it.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenfold.data.idx import IDX_LIMIT, read_idx, read_labels
from tenfold.data.labelled import Labelled
from tenfold.data.unpack import read_member, read_npy
from tenfold.errors import DataError, named
from tenfold.files import children, exists, is_file, is_folder, read_bounded
from tenfold.images import read_digit
from tenfold.kinds import DIGITS

SUFFIXES = (".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
UNREAD = (".avif", ".heic", ".heif", ".jp2", ".jxl", ".pdf")  # pictures, too, but of no kind that is read
ANSWERS = {  # the columns of what a picture shows, and what may stand there
    "label": "labels are 0 to 9, and texts of several digits stand under `file,digits`",
    "digits": "they are 0 to 9",
}
OTHERS = {";": "semicolons", "\t": "tabs"}  # what columns are parted by, which must be commas
COUNT_LIMIT = 1_000_000  # images
CSV_LIMIT = 2**26  # bytes
NPZ_LIMIT = 2**30  # bytes of each array, unpacked

FLOATS = "; of those from 0 to 1, save (255 * images).round().astype('uint8')."


class Row(NamedTuple):
    """One line of labels.csv: a picture and the digits it shows, one or several."""

    file: Path
    digits: str


class Listing(NamedTuple):
    """A labels.csv. Its header says what it lists: `texts` of any length under `digits`, of one digit each
    too, or single digits under `label`."""

    rows: list[Row]
    texts: bool


def load_folder(path: str | Path, *, limit: int = COUNT_LIMIT) -> Labelled:
    """The pictures of a folder with a labels.csv or with a folder per class, or of a csv file itself; more
    than `limit` are refused."""
    path = Path(path)
    listed = path / "labels.csv" if is_folder(path) else path
    if not is_folder(path) or exists(listed):
        rows = [_single(row) for row in read_listing(listed).rows]
    else:
        rows = _rows_of_classes(path)
    if len(rows) > limit:
        raise DataError(f"'{path}' has {len(rows):,} pictures; at most {limit:,} are allowed.")
    images = []
    for row in rows:
        with named(f"'{row.file}'"):
            images.append(read_digit(row.file))
    return Labelled(
        listed.resolve().parent.name,
        np.stack(images),
        np.array([int(row.digits) for row in rows], np.uint8),
        files=tuple(str(row.file) for row in rows),
    )


def load_npz(path: str | Path, *, limit: int = NPZ_LIMIT) -> Labelled:
    """The digits of an .npz file. Each array has at most `limit` bytes; pickled ones are refused."""
    path = Path(path)
    images, labels = _read_npz(path, ("images", "labels"), limit)
    if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape:
        raise DataError(
            f"The images in '{path}' must be uint8 [n, height, width], not {images.dtype} "
            f"{list(images.shape)}{FLOATS if images.dtype.kind == 'f' else '.'}"
        )
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"The labels in '{path}' must be integers [n], not {labels.dtype} {list(labels.shape)}."
        )
    if len(images) != len(labels):
        raise DataError(f"'{path}' has {len(images):,} images but {len(labels):,} labels.")
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if len(wrong):
        raise DataError(f"'{path}' has the label {labels[wrong[0]]} at place {wrong[0]}; labels are 0 to 9.")
    files = tuple(f"{path}[{i}]" for i in range(len(labels)))
    return Labelled(path.stem, take_road(images), labels.astype(np.uint8), files=files)


def load_idx(path: str | Path) -> Labelled:
    """The digits of an IDX file of images, whose labels are in one beside it that is called like it.

    Each has at most IDX_LIMIT bytes, unpacked. Raises DataError where either is not there, IdxError for an
    unsound file.
    """
    path = Path(path)
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    if beside == path or not is_file(beside):
        called = f"'{beside}'" if beside != path else "such as 'mine-labels-idx1-ubyte'"
        raise DataError(
            f"The labels of '{path}' are not beside it: {called}, as 'mine-images-idx3-ubyte' would have it."
        )
    images, labels = (read_bounded(each, IDX_LIMIT, DataError, "The IDX file") for each in (path, beside))
    found = read_idx(images, shape=(None, None, None), dtype=np.uint8, name=f"'{path}'")
    if 0 in found.shape:
        raise DataError(f"'{path}' has no images.")
    return Labelled(
        path.name.partition("images")[0].rstrip("-_.") or path.resolve().parent.name,
        take_road(found),
        read_labels(labels, len(found), name=f"'{beside}'"),
        files=tuple(f"{path}[{i}]" for i in range(len(found))),
    )


def take_road(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey uint8 [n, h, w], either polarity -> uint8 [n, 28, 28] as MNIST's."""
    from tenfold.images import to_mnist  # OpenCV: not for those who bring MNIST's own

    return np.stack([to_mnist(image) for image in images])


def is_picture(name: str) -> bool:
    """Whether a file that is called so is a picture."""
    return name.lower().endswith(SUFFIXES)


def count_unread(names: Iterable[str]) -> Counter[str]:
    """How many of the files called so are pictures of a kind that is not read, by suffix."""
    shown = (name.lower() for name in names if not name.startswith("."))
    return Counter(suffix for name in shown for suffix in UNREAD if name.endswith(suffix))


def find_unread(path: str | Path) -> Counter[str]:
    """`count_unread` of a folder with a folder per class; of any other set nothing."""
    path = Path(path)
    if not is_folder(path) or exists(path / "labels.csv"):
        return Counter()
    return count_unread(
        file.name for child in _children(path) if is_folder(child) for file in _children(child)
    )


def unread_sentence(folder: str | Path, counts: Counter[str]) -> str | None:
    """What a user is told of the pictures in `folder` that are left out; None where there are none."""
    if not (total := counts.total()):
        return None
    files, them = ("1 file", "it") if total == 1 else (f"{total:,} files", "them")
    are, kinds = "is" if total == 1 else "are", " ".join(sorted(counts))
    return f"{files} of '{folder}' {are} of no kind that is read ({kinds}): save {them} as JPEG or PNG."


def read_listing(path: str | Path, *, limit: int = CSV_LIMIT) -> Listing:
    """A labels.csv of at most `limit` bytes; files are relative to it. Raises DataError."""
    path = Path(path)
    try:
        text = read_bounded(path, limit, DataError, "The list of labels").decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise DataError(f"'{path}' is not a csv file in UTF-8.") from None
    header = [cell.strip().lower() for cell in lines[0]] if lines else []
    answer = next((name for name in ANSWERS if name in header), None)
    if "file" not in header or answer is None:
        begun = "" if not lines else "".join(lines[0])
        parted = next((f", with commas, not {name}" for mark, name in OTHERS.items() if mark in begun), "")
        raise DataError(f"'{path}' must begin with the line `file,label` or `file,digits`{parted}.")
    places = header.index("file"), header.index(answer)
    rows = [_row(path, number, cells, places, answer) for number, cells in enumerate(lines[1:], 2) if cells]
    if not rows:
        raise DataError(f"'{path}' lists no pictures.")
    return Listing(rows, answer == "digits")


def _row(path: Path, number: int, cells: list[str], places: tuple[int, int], answer: str) -> Row:
    if len(cells) <= max(places):
        raise DataError(f"Line {number} of '{path}' has too few columns.")
    file, digits = cells[places[0]], cells[places[1]].strip()
    if not digits or not set(digits) <= set(DIGITS) or (answer == "label" and len(digits) > 1):
        raise DataError(f"Line {number} of '{path}' has the {answer} '{digits}'; {ANSWERS[answer]}.")
    for name in (file, file.strip()):  # some names begin with a space
        if name and is_file(path.parent / name):
            return Row(path.parent / name, digits)
    raise DataError(f"Line {number} of '{path}' names the file '{file}', which does not exist.")


def _single(row: Row) -> Row:
    if len(row.digits) != 1:
        raise DataError(
            f"'{row.file}' shows {len(row.digits)} digits; a labelled set has one digit a picture. "
            "How well texts of several are read is measured by `tenfold evaluate --on`."
        )
    return row


def _rows_of_classes(folder: Path) -> list[Row]:
    classes = [child for child in _children(folder) if is_folder(child)]
    for child in classes:
        if child.name not in DIGITS:
            raise DataError(f"'{folder}' has the folder '{child.name}'; folders of classes are named 0 to 9.")
    if not classes:
        raise DataError(f"'{folder}' has neither a labels.csv nor folders named 0 to 9.")
    return [Row(file, child.name) for child in classes for file in _pictures(child)]


def _pictures(folder: Path) -> list[Path]:
    files = [child for child in _children(folder) if is_picture(child.name) and is_file(child)]
    if not files:
        nothing = f"The folder '{folder}' has no pictures; remove it if there are none of that class."
        raise DataError(
            unread_sentence(folder, count_unread(child.name for child in _children(folder))) or nothing
        )
    return files


def _children(folder: Path) -> Iterable[Path]:
    """What is in `folder`, by name, without what systems hide there (.DS_Store, __MACOSX)."""
    return [child for child in children(folder) if not child.name.startswith((".", "__"))]


def _read_npz(path: Path, names: tuple[str, ...], limit: int) -> list[NDArray[Any]]:
    data = io.BytesIO(read_bounded(path, limit, DataError, "The data set"))
    contents = [read_member(data, f"{name}.npy", f"'{path}'", limit=limit) for name in names]
    return [_read_npy(content, name, path) for content, name in zip(contents, names, strict=True)]


def _read_npy(content: bytes, name: str, path: Path) -> NDArray[Any]:
    try:
        return read_npy(content)
    except TypeError:
        raise DataError(
            f"'{path}' has Python objects in '{name}', not numbers; are its rows ragged?"
        ) from None
    except ValueError:
        raise DataError(f"'{path}' is damaged: its array '{name}' cannot be read.") from None
