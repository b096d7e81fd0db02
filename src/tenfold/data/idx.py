"""The IDX format of MNIST, strict both ways and pure: bytes in, an array out, and back.

    read_idx(data)                               any array, from plain or gzipped bytes
    read_images(data), read_labels(data)         an array as MNIST's files must hold it
    write_idx(array)                             the bytes; read_idx gives the array back, bit for bit

A file is a header (two zero bytes, a code for the type, the number of dimensions, each size as a big-endian
32-bit number) and the items. The header tells the exact length, so a gzipped file is unpacked up to that
length plus one byte and no further: a bomb costs nothing. Every unsound file raises IdxError with a sentence
of its own.
"""

import hashlib
import io
import struct
import zlib
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import IdxError

TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(np.int16),
    0x0C: np.dtype(np.int32),
    0x0D: np.dtype(np.float32),
    0x0E: np.dtype(np.float64),
}
CODES = {dtype: code for code, dtype in TYPES.items()}
MAX_DIMENSIONS = 8
IDX_NAMES = ("idx3-ubyte", "idx3-ubyte.gz", ".idx", ".idx.gz")  # how a file of images is called at its end
IDX_LIMIT = 2**28  # bytes unpacked; the largest set known by name, EMNIST's digits, has 188 million

Shape = tuple[int | None, ...]


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_idx(
    data: bytes,
    *,
    shape: Shape | None = None,
    dtype: type[np.generic] | None = None,
    limit: int = IDX_LIMIT,
    name: str = "The IDX file",
) -> NDArray[Any]:
    """The array in `data`, plain or gzipped, read-only and in the machine's byte order.

    `shape` demands sizes (None leaves one open), `dtype` a type; more than `limit` bytes of items are refused
    before they are unpacked. `name` opens the sentence of each error. Raises IdxError.
    """
    stream: Stream = _Gunzip(data, name) if is_gzipped(data) else io.BytesIO(data)
    found, sizes = read_header(stream, name)
    _check_shape(name, sizes, shape)
    if dtype is not None and found != dtype:
        raise IdxError(f"{name} holds {found} items where {np.dtype(dtype)} is expected.")
    length = _length(found, sizes)
    if max(length, *sizes) > limit:
        raise IdxError(f"{name} announces {list(sizes)} {found} items; at most {limit:,} bytes are allowed.")
    body = stream.read(length + 1)
    if len(body) < length:
        raise IdxError(
            f"{name} is cut short: {len(body):,} of the {length:,} bytes that its header announces."
        )
    if len(body) > length:
        raise IdxError(f"{name} goes on after the {length:,} bytes that its header announces.")
    array = np.frombuffer(body, found.newbyteorder(">")).reshape(sizes).astype(found, copy=False)
    array.flags.writeable = False
    return array


def read_images(
    data: bytes, count: int | None = None, *, limit: int = IDX_LIMIT, name: str = "The image file"
) -> NDArray[np.uint8]:
    """uint8 [n, 28, 28] from an IDX file that must hold `count` images (None: any). Raises IdxError."""
    return read_idx(data, shape=(count, 28, 28), dtype=np.uint8, limit=limit, name=name)


def read_labels(
    data: bytes,
    count: int | None = None,
    *,
    classes: int = 10,
    limit: int = IDX_LIMIT,
    name: str = "The label file",
) -> NDArray[np.uint8]:
    """uint8 [n] in 0..classes-1 from an IDX file that must hold `count` labels. Raises IdxError."""
    labels = read_idx(data, shape=(count,), dtype=np.uint8, limit=limit, name=name)
    if labels.size and labels.max() >= classes:
        place = int(np.argmax(labels >= classes))
        raise IdxError(
            f"{name} has the label {labels[place]} at place {place}; labels are 0 to {classes - 1}."
        )
    return labels


def write_idx(array: NDArray[Any]) -> bytes:
    """The IDX bytes of `array`, not compressed. Raises IdxError for what the format cannot hold."""
    return header(array) + array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes()


def checksum(array: NDArray[np.uint8]) -> str:
    """The SHA-256 of `write_idx(array)`, so of the uncompressed file, without making a copy of it."""
    digest = hashlib.sha256(header(array))
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def header(array: NDArray[Any]) -> bytes:
    """The bytes that come before the items of `array`. Raises IdxError as `write_idx` does."""
    code = CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        raise IdxError(f"An IDX file cannot hold {array.dtype}; it can hold {', '.join(map(str, CODES))}.")
    if not 1 <= array.ndim <= MAX_DIMENSIONS or max(array.shape) >= 2**31:
        raise IdxError(
            f"An array of shape {list(array.shape)} cannot be written; 1 to {MAX_DIMENSIONS} dimensions can."
        )
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)


def is_gzipped(data: bytes) -> bool:
    return data[:2] == b"\x1f\x8b"


def read_header(stream: Stream, name: str = "The IDX file") -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type and the sizes that an unpacked IDX file announces; `stream` is then at its items. Raises
    IdxError."""
    magic = stream.read(4)
    if not magic:
        raise IdxError(f"{name} is empty.")
    if magic[:2] != b"\0\0"[: len(magic)]:
        if (magic + stream.read(60)).lstrip()[:1] == b"<":
            raise IdxError(f"{name} is a web page, perhaps the error page of a server; download it again.")
        raise IdxError(f"{name} is not in the IDX format: it does not start with two zero bytes.")
    if len(magic) < 4:
        raise IdxError(f"{name} ends inside its header.")
    code, dimensions = magic[2:]
    if code not in TYPES:
        raise IdxError(f"{name} has the unknown type code 0x{code:02X}.")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise IdxError(f"{name} has {dimensions} dimensions; 1 to {MAX_DIMENSIONS} can be read.")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise IdxError(f"{name} ends inside its header.")
    return TYPES[code], tuple(np.frombuffer(sizes, ">u4").tolist())


def _check_shape(name: str, sizes: tuple[int, ...], wanted: Shape | None) -> None:
    if wanted is None:
        return
    if (len(sizes), len(wanted)) == (1, 3):
        raise IdxError(f"{name} holds labels, not images; are the two files swapped?")
    if (len(sizes), len(wanted)) == (3, 1):
        raise IdxError(f"{name} holds images, not labels; are the two files swapped?")
    if len(sizes) != len(wanted) or any(w is not None and s != w for s, w in zip(sizes, wanted, strict=True)):
        expected = ", ".join("n" if size is None else str(size) for size in wanted)
        raise IdxError(f"{name} has the shape {list(sizes)} where [{expected}] is expected.")


def _length(dtype: np.dtype[Any], sizes: tuple[int, ...]) -> int:
    length = dtype.itemsize
    for size in sizes:  # exact integers: numpy's product would wrap
        length *= size
    return length


class _Gunzip:
    """Unpacks one gzip member a bounded piece at a time; the gzip module would join a second one silently."""

    def __init__(self, data: bytes, name: str) -> None:
        self.inflate = zlib.decompressobj(wbits=31)  # 31: a gzip wrapper, its CRC and length checked
        self.rest = data
        self.name = name

    def read(self, size: int) -> bytes:
        """Up to `size` (at least 1) bytes; fewer only at the sound end of the file. Raises IdxError."""
        try:
            piece = self.inflate.decompress(self.rest, size)
        except zlib.error:
            raise IdxError(f"{self.name} is damaged: it does not unpack as gzip.") from None
        self.rest = self.inflate.unconsumed_tail
        if self.inflate.eof and is_gzipped(self.inflate.unused_data):
            raise IdxError(f"{self.name} has a second gzip member after the first.")
        if self.inflate.eof and self.inflate.unused_data:
            raise IdxError(f"{self.name} has {len(self.inflate.unused_data):,} bytes after its gzip member.")
        if len(piece) < size and not self.inflate.eof:
            raise IdxError(f"{self.name} is cut short: its gzip stream does not end.")
        return piece
