"""The pictures of a part, a few at a time: bytes to decode, arrays, or the reason why there is none.

    for chunk in chunks(part, folder): ...        lists of at most CHUNK

A file elsewhere may take 50 ms to come, so FETCHED_AT_ONCE of them are on their way at a time.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DiskError, IdxError, InputError, NetworkError
from tenfold.images.decode import BYTE_LIMIT
from tenfold.reading.reader import Failure
from tenfold.scaling.inputs import IDX_HEADER, Part, idx_shape, picture_column, read_idx_whole
from tenfold.scaling.places import Place, is_refusal

CHUNK = 64  # pictures in memory at a time; each may be a photograph of some megabytes
FETCHED_AT_ONCE = 16
_DAMAGED = "The Parquet file is damaged here: this row cannot be read."


class Item(NamedTuple):
    """One picture: the file that it is or is in, its row there from 0 (None: the file is the picture)."""

    file: str
    row: int | None
    content: bytes | NDArray[np.uint8] | Failure


def chunks(part: Part, folder: str) -> Iterator[list[Item]]:
    """Exactly one item for each picture of `part`, in order; relative paths start at `folder`.

    Raises NetworkError for what cannot be reached, DiskError for a disk that fails: neither is the fault of a
    picture, and a later attempt may succeed.
    """
    place = Place.at(part.source, folder)
    if part.kind == "pictures":
        yield from _files(part, place)
    elif part.kind == "parquet":
        yield from _parquet(part, place)
    elif part.kind == "idx":
        yield from _idx(part, place)
    else:
        file = place.shown(part.names[0])
        yield [Item(file, None, Failure(file, part.error or ""))]


def _files(part: Part, place: Place) -> Iterator[list[Item]]:
    def fetch(name: str) -> Item:
        file = place.shown(name)
        try:
            return Item(file, None, place.read(name, BYTE_LIMIT))
        except InputError as error:
            return Item(file, None, Failure(file, str(error)))
        except DiskError as error:
            if not is_refusal(error):
                raise
            return Item(file, None, Failure(file, str(error)))

    names = iter(part.names)
    with ThreadPoolExecutor(1 if place.local else FETCHED_AT_ONCE) as pool:
        while some := list(islice(names, CHUNK)):
            yield list(map(fetch, some) if place.local else pool.map(fetch, some))


def _parquet(part: Part, place: Place) -> Iterator[list[Item]]:
    file = place.shown(part.names[0])
    start, stop = part.rows
    row = start - part.skip
    for cells in _cells(part, place):
        yield [
            Item(file, at, cell if isinstance(cell, bytes) else Failure(file, cell))
            for at, cell in enumerate(cells, row)
            if start <= at < stop
        ]
        row += len(cells)
        if row >= stop:
            return
    for low in range(max(row, start), stop, CHUNK):  # the file cannot be opened any more
        yield [Item(file, at, Failure(file, _DAMAGED)) for at in range(low, min(low + CHUNK, stop))]


def _cells(part: Part, place: Place) -> Iterator[list[bytes | str]]:
    """What is in the picture column, row group by row group: bytes, or why there are none. Damage within a
    group costs the rest of it, and no other."""
    from pyarrow import parquet

    skip = part.skip
    with _damage_ends_it(part, place), place.open(part.names[0]) as stream:
        # buffered, so that a large row group is never in memory whole
        file = parquet.ParquetFile(stream, buffer_size=1 << 20, pre_buffer=False)
        column = picture_column(file.schema_arrow)
        for group in range(*part.groups):
            left = file.metadata.row_group(group).num_rows
            with _damage_ends_it(part, place):
                for batch in file.iter_batches(
                    CHUNK, row_groups=[group], columns=[column], use_threads=False
                ):
                    left -= len(batch)
                    passed_over = skip >= len(batch)
                    skip -= len(batch)
                    cells = [""] * len(batch) if passed_over else batch.column(0).to_pylist()
                    yield cells if passed_over else [_bytes(cell) for cell in cells]
            while left > 0:
                yield [_DAMAGED] * min(left, CHUNK)
                left -= CHUNK


@contextmanager
def _damage_ends_it(part: Part, place: Place) -> Iterator[None]:
    """Raises DiskError and NetworkError for what is no damage; pyarrow tells them apart by no type."""
    from pyarrow import lib

    shown = place.shown(part.names[0])
    try:
        yield
    except lib.ArrowException:
        return
    except OSError as cause:
        if not place.local:
            raise NetworkError(f"'{shown}' cannot be read: {cause}.") from None
        if cause.errno is not None:  # the system's own errors have a number
            raise DiskError(f"'{shown}' cannot be read: {cause.strerror}.") from None


def _bytes(cell: Any) -> bytes | str:
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    return data if isinstance(data, bytes) else "The row holds no picture."


def _idx(part: Part, place: Place) -> Iterator[list[Item]]:
    file = place.shown(part.names[0])
    start, stop = part.rows
    images = _idx_images(part, place)
    for low in range(start, stop, CHUNK):
        rows = range(low, min(low + CHUNK, stop))
        yield [Item(file, row, images[row - start]) for row in rows]


def _idx_images(part: Part, place: Place) -> NDArray[np.uint8]:
    """uint8 [n, h, w]: 8 MB for 10,000 pictures of MNIST's size. Raises IdxError, DiskError, NetworkError."""
    name, (start, stop) = part.names[0], part.rows
    with place.told(name), place.open(name) as stream:
        shape = idx_shape(stream)
        if shape is None:
            return read_idx_whole(place, name)[start:stop]
        _, height, width = shape
        stream.seek(IDX_HEADER + start * height * width)
        data = stream.read((stop - start) * height * width)
    if len(data) != (stop - start) * height * width:
        raise IdxError(f"'{place.shown(name)}' changed while it was read.")
    return np.frombuffer(data, np.uint8).reshape(-1, height, width)
