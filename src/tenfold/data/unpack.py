"""The containers that sets come in besides IDX: members of a zip, as EMNIST's, numpy's arrays, USPS as text.

All are bounded: what unpacks to more than its limit is refused before it is whole in memory.
"""

import bz2
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DataError

MEMBER_LIMIT = 2**27  # bytes; EMNIST's largest member here, the digits' training images, has about 46 million
TEXT_LIMIT = 2**26  # bytes unpacked; USPS has about 20 million
SIDE = 16  # of a USPS digit, which fills its frame
BOX, FRAME = 20, 28  # of an MNIST digit and its image


def read_member(archive: Path | io.BytesIO, member: str, name: str, *, limit: int = MEMBER_LIMIT) -> bytes:
    """The bytes of one member of a zip file, the others untouched; stored or deflated. Raises DataError.

    `name` stands for the archive in the sentence of an error.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            if opened.getinfo(member).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DataError(f"{name} has the member {member} packed in a way that is not read.")
            with opened.open(member) as stream:
                data = stream.read(limit + 1)
    except KeyError:
        raise DataError(f"{name} has no member {member}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        raise DataError(f"{name} is not a sound zip file: {member} does not unpack.") from None
    if len(data) > limit:
        raise DataError(f"{name} has more than the {limit:,} bytes that are allowed in {member}.")
    return data


def read_npy(data: bytes) -> NDArray[Any]:
    """The array in an .npy file's bytes. Raises ValueError for one that is damaged, TypeError for objects.

    numpy reads the header alone: its own reader of arrays makes room for what the header announces.
    """
    stream = io.BytesIO(data)
    try:
        old = np.lib.format.read_magic(stream) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read(stream)
    except Exception:  # whatever numpy's tokenizer of a hostile header comes upon
        raise ValueError("header") from None
    if dtype.hasobject:
        raise TypeError("objects")
    flat = np.frombuffer(data, dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if by_columns else "C")


def read_libsvm(
    data: bytes, *, limit: int = TEXT_LIMIT, name: str = "The file"
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """USPS from bz2 of LIBSVM text: images uint8 [n, 28, 28], placed by `frame`, and labels uint8 [n].

    A line is `label 1:v 2:v ... 256:v` with the label 1 to 10 for the digits 0 to 9, and v from -1 (paper) to
    1 (ink); a pixel that is left out is 0, as the format has it. Raises DataError.
    """
    lines = _unpack(data, limit, name).splitlines()
    grey = np.zeros((len(lines), SIDE * SIDE), np.uint8)
    labels = np.zeros(len(lines), np.uint8)
    for row, line in enumerate(lines):
        try:
            labels[row], grey[row] = _read_line(line)
        except ValueError:
            raise DataError(f"{name} is not USPS: line {row + 1} is not `label 1:v ... 256:v`.") from None
    return frame(grey.reshape(-1, SIDE, SIDE)), labels


def _read_line(line: bytes) -> tuple[int, NDArray[np.uint8]]:
    """The digit and its 256 pixels. Raises ValueError."""
    label, *pairs = line.split()
    numbers = np.array([pair.split(b":") for pair in pairs], np.bytes_).reshape(-1, 2).astype(np.float64)
    columns, values = numbers[:, 0].astype(np.int64) - 1, numbers[:, 1]
    inside = (columns >= 0).all() and (columns < SIDE * SIDE).all() and (np.abs(values) <= 1).all()
    if not inside or not 1 <= int(label) <= 10:
        raise ValueError
    pixels = np.zeros(SIDE * SIDE)
    pixels[columns] = values
    return int(label) - 1, np.rint((pixels + 1) * 127.5).astype(np.uint8)


def frame(digits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Digits uint8 [n, h, w] that fill their frame, placed as MNIST's are: [n, 28, 28], ink bright.

    Each is stretched to the 20x20 box (linear interpolation) and moved so that its centre of mass is the
    middle of the image, as far as the box can move inside it.
    """
    tall, wide = (_stretch(size, BOX) for size in digits.shape[1:])
    boxes = np.rint(tall @ digits.astype(np.float64) @ wide.T / (2 * BOX) ** 2)
    mass = np.maximum(boxes.sum((1, 2)), 1)
    steps = np.arange(BOX)
    middle = (FRAME - 1) / 2
    tops = np.rint(middle - boxes.sum(2) @ steps / mass).clip(0, FRAME - BOX).astype(int)
    lefts = np.rint(middle - boxes.sum(1) @ steps / mass).clip(0, FRAME - BOX).astype(int)
    placed = np.zeros((len(digits), FRAME, FRAME), np.uint8)
    for image, box, top, left in zip(placed, boxes, tops, lefts, strict=True):
        image[top : top + BOX, left : left + BOX] = box
    return placed


def _stretch(old: int, new: int) -> NDArray[np.float64]:
    """Linear interpolation between pixel centres as a matrix [new, old]; each row sums to 2 * new.

    Its entries are whole, so that every product is exact and no machine rounds another way.
    """
    centres = ((2 * np.arange(new) + 1) * old - new).clip(0, 2 * new * (old - 1))
    weights = 2 * new - np.abs(centres[:, None] - 2 * new * np.arange(old))
    return np.asarray(weights.clip(0), np.float64)


def _unpack(data: bytes, limit: int, name: str) -> bytes:
    inflate = bz2.BZ2Decompressor()
    try:
        text = inflate.decompress(data, limit + 1)
    except (OSError, ValueError):
        raise DataError(f"{name} is damaged: it does not unpack as bz2.") from None
    if len(text) > limit:
        raise DataError(f"{name} unpacks to more than the {limit:,} bytes that are allowed.")
    if not inflate.eof or inflate.unused_data:
        raise DataError(f"{name} is cut short, or goes on after its bz2 stream.")
    if not text.strip():
        raise DataError(f"{name} is empty.")
    return text
