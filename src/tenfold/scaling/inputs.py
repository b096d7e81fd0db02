"""What a job reads, cut into parts: folders of pictures, Parquet files, IDX files, here or elsewhere.

    for part in plan(listing(["scans/", "s3://bucket/digits.parquet"]), size=10_000): ...

The same inputs give the same parts. They are listed and cut while the job runs, so that their number costs
no memory but for the names in the one folder that is being listed.
"""

import hashlib
import io
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenfold.data.folder import count_unread, is_picture, unread_sentence
from tenfold.data.idx import IDX_LIMIT, IDX_NAMES, MAX_DIMENSIONS, Stream, is_gzipped, read_header, read_idx
from tenfold.errors import DataError, DiskError, IdxError
from tenfold.scaling.places import File, Place, is_refusal

Kind = Literal["pictures", "parquet", "idx", "unreadable"]

COLUMN = "image"  # of a Parquet file: bytes, or Hugging Face's struct of bytes and path
MOST_SLICES = 16  # of one row group: those before a slice are read and passed over
IDX_HEADER = 16  # bytes, of three dimensions


class Listed(NamedTuple):
    """A file; or a folder that may not be listed, with the `error`."""

    place: Place
    file: File
    error: str | None = None


@dataclass(frozen=True)
class Part:
    """The pictures that one file of answers is about: files below a source, or rows of one file.

    `rows` counts within the file; `groups` are the row groups of Parquet that hold them, the first of which
    begins `skip` rows before. An unreadable file is one picture with an `error`.
    """

    index: int
    source: str
    kind: Kind
    names: tuple[str, ...]
    rows: tuple[int, int] = (0, 0)
    groups: tuple[int, int] = (0, 0)
    skip: int = 0
    error: str | None = None

    def __len__(self) -> int:
        return self.rows[1] - self.rows[0] if self.kind in ("parquet", "idx") else len(self.names)


def listing(inputs: Sequence[str], tell: Callable[[str], None] | None = None) -> Iterator[Listed]:
    """All files to be read, in order; of folders, what has a picture's, Parquet's or IDX's suffix.

    `tell` gets a sentence on each folder with pictures of a kind that is not read. Raises DataError for what
    does not exist and for a folder with nothing to read, DiskError, NetworkError.
    """
    for given in inputs:
        place = Place.at(given)
        if not place.is_folder():
            yield Listed(place, place.stat())
            continue
        empty, unread = True, Counter[str]()
        for listed in _walk(place, "", unread):
            empty = False
            yield listed
        if empty:
            nothing = f"The folder '{given}' holds no pictures, no Parquet and no IDX files."
            raise DataError(unread_sentence(given, unread) or nothing)
        if tell is not None and (sentence := unread_sentence(given, unread)):
            tell(sentence)


def digested(files: Iterable[Listed], digest: "hashlib._Hash") -> Iterator[Listed]:
    """`files`, with names, sizes and times of change taken into `digest`."""
    for listed in files:
        place, file, _ = listed
        digest.update(f"{place.shown(file.name)}\0{file.size}\0{file.changed}\n".encode())
        yield listed


def plan(files: Iterable[Listed], size: int) -> Iterator[Part]:
    """The parts, of about `size` pictures each. Raises DataError for a Parquet file without pictures."""
    index = 0
    waiting: list[Listed] = []
    for listed in files:
        kind = _kind(listed)
        if waiting and (kind != "pictures" or listed.place != waiting[0].place or len(waiting) == size):
            yield _pictures(index, waiting)
            index += 1
            waiting = []
        if kind == "pictures":
            waiting.append(listed)
            continue
        for part in _parts(index, listed, kind, size):
            yield part
            index += 1
    if waiting:
        yield _pictures(index, waiting)


def picture_column(schema: Any) -> str | None:
    """The column of a pyarrow schema that holds encoded pictures: `image`, or the only one of bytes."""
    import pyarrow as pa

    def holds_bytes(field: Any) -> bool:
        kind = field.type
        if pa.types.is_struct(kind):
            return any(inner.name == "bytes" and holds_bytes(inner) for inner in kind)
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    names = [field.name for field in schema if holds_bytes(field)]
    if COLUMN in names:
        return COLUMN
    return names[0] if len(names) == 1 else None


def _walk(place: Place, name: str, unread: Counter[str]) -> Iterator[Listed]:
    try:
        files, folders = place.children(name)
    except DiskError as error:
        if not name or not is_refusal(error):
            raise
        yield Listed(place, File(name, 0, 0), str(error))
        return
    unread.update(count_unread(file.name for file in files))
    yield from (Listed(place, file) for file in files if suffix_kind(file.name) is not None)
    for inner in folders:
        yield from _walk(place, inner, unread)


def _kind(listed: Listed) -> Kind:
    """A file that was named itself is a picture, whatever its suffix."""
    if listed.error is not None:
        return "unreadable"
    return suffix_kind(listed.file.name or listed.place.path) or "pictures"


def suffix_kind(name: str) -> Kind | None:
    """What a file that is called so holds, if it is read."""
    lower = name.lower()
    if lower.endswith(".parquet"):
        return "parquet"
    if lower.endswith(IDX_NAMES):
        return "idx"
    return "pictures" if is_picture(name) else None


def _pictures(index: int, files: Sequence[Listed]) -> Part:
    return Part(index, files[0].place.given, "pictures", tuple(listed.file.name for listed in files))


def _parts(index: int, listed: Listed, kind: Kind, size: int) -> Iterator[Part]:
    """Of what is no picture by itself."""
    if listed.error is not None:
        yield _unreadable(index, listed, listed.error)
        return
    try:
        yield from (_parquet if kind == "parquet" else _idx)(index, listed, size)
    except DiskError as error:
        if not is_refusal(error):
            raise
        yield _unreadable(index, listed, str(error))


def _unreadable(index: int, listed: Listed, error: str) -> Part:
    return Part(index, listed.place.given, "unreadable", (listed.file.name,), error=error)


def _parquet(index: int, listed: Listed, size: int) -> Iterator[Part]:
    from pyarrow import lib, parquet

    place, name = listed.place, listed.file.name
    shown = place.shown(name)
    try:
        with place.open(name) as stream:
            file = parquet.ParquetFile(stream)
            column, groups = picture_column(file.schema_arrow), file.metadata
            counts = [groups.row_group(group).num_rows for group in range(groups.num_row_groups)]
            names = file.schema_arrow.names
    except lib.ArrowException:
        yield _unreadable(index, listed, "The Parquet file is damaged: its end cannot be read.")
        return
    except OSError as cause:
        if cause.errno is not None or not place.local:
            with place.told(name):
                raise
        yield _unreadable(index, listed, "The Parquet file is damaged: its end cannot be read.")
        return
    if column is None:
        raise DataError(
            f"'{shown}' has no column '{COLUMN}' of pictures, as bytes or as struct of bytes and path; "
            f"it has: {', '.join(names)}."
        )
    start = 0
    for first, last, skip, count in _slices(counts, size):
        yield Part(index, place.given, "parquet", (name,), (start, start + count), (first, last), skip)
        index, start = index + 1, start + count


def _slices(counts: Sequence[int], size: int) -> Iterator[tuple[int, int, int, int]]:
    """(first group, last group + 1, rows to skip, rows): whole row groups, or pieces of a large one."""
    first, total = 0, 0
    for group, count in enumerate(counts):
        if total and total + count > size:
            yield first, group, 0, total
            first, total = group, 0
        if count > size:
            pieces = min(-(-count // size), MOST_SLICES)
            edges = [count * piece // pieces for piece in range(pieces + 1)]
            yield from ((group, group + 1, low, high - low) for low, high in pairwise(edges))
            first = group + 1
        else:
            total += count
    if total:
        yield first, len(counts), 0, total


def _idx(index: int, listed: Listed, size: int) -> Iterator[Part]:
    place, file, _ = listed
    try:
        count = _idx_count(listed)
    except IdxError as error:
        yield _unreadable(index, listed, str(error))
        return
    for start in range(0, count, size):
        rows = (start, min(start + size, count))
        yield Part(index, place.given, "idx", (file.name,), rows)
        index += 1


def _idx_count(listed: Listed) -> int:
    with listed.place.told(listed.file.name), listed.place.open(listed.file.name) as stream:
        shape = idx_shape(stream)
    if shape is None:
        return len(read_idx_whole(listed.place, listed.file.name))
    if listed.file.size != IDX_HEADER + math.prod(shape):
        raise IdxError("The IDX file does not have the length that its header announces.")
    return shape[0]


def idx_shape(stream: Stream) -> tuple[int, int, int] | None:
    """Pictures, height and width; None of a gzipped file, of which no piece can be had alone. Raises IdxError
    for what is no header of grey pictures."""
    beginning = bytes(stream.read(4 + 4 * MAX_DIMENSIONS))
    if is_gzipped(beginning):
        return None
    dtype, sizes = read_header(io.BytesIO(beginning))
    if dtype != np.uint8 or len(sizes) != 3 or not all(sizes[1:]):
        raise IdxError("The IDX file holds no pictures of unsigned bytes.")
    return sizes[0], sizes[1], sizes[2]


def read_idx_whole(place: Place, name: str) -> NDArray[np.uint8]:
    """uint8 [n, h, w] of a gzipped file. Raises IdxError."""
    data = place.read(name, IDX_LIMIT, IdxError, "The IDX file")
    return read_idx(data, shape=(None, None, None), dtype=np.uint8)
