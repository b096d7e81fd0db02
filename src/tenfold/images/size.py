"""The size of a picture from its header alone, in microseconds: no pixel is decoded and Pillow is not asked.

Only of what is decoded in a time that its size bounds. Not so are progressive JPEGs, whose scans may be many
(one of 64 KB took 2 s), packed BMPs, and GIF and TIFF, in which the like may lie.
"""

import struct
from contextlib import suppress

from tenfold.errors import ImageError
from tenfold.images.png import SIGNATURE, png_size

_SEGMENTS = 64  # of a JPEG before its scan; cameras write a dozen
_SCAN = 0xFFDA
_BASELINE = (0xFFC0, 0xFFC1)
_BEFORE_SCAN = {*_BASELINE, 0xFFC4, 0xFFDB, 0xFFDD, *range(0xFFE0, 0xFFF0), 0xFFFE}  # and tables and notes
_UNPACKED = (0, 3)  # of a BMP


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, baseline JPEG, WebP or plain BMP as it is stored, before EXIF turns it.

    Raises ImageError for others, and for a header that is damaged or cut off.
    """
    if data.startswith(SIGNATURE):
        return png_size(data)
    size = None
    with suppress(struct.error):  # cut off
        if data.startswith(b"\xff\xd8"):
            size = _jpeg_size(data)
        elif data.startswith(b"BM"):
            size = _bmp_size(data)
        elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            size = webp_size(data)
    if size is None:
        raise ImageError("The header of the picture does not tell its size.")
    return size


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at, size = 2, None
    for _ in range(_SEGMENTS):
        mark, length = struct.unpack_from(">HH", data, at)
        if mark not in _BEFORE_SCAN or length < 2:
            return size if mark == _SCAN else None
        if mark in _BASELINE:
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = width, height
        at += 2 + length
    return None


def _bmp_size(data: bytes) -> tuple[int, int] | None:
    length, width, height, packing = struct.unpack_from("<3I4xI", data, 14)
    if length < 40 or packing not in _UNPACKED:  # a shorter header has other fields
        return None
    return width, min(height, 2**32 - height)  # rows from top to bottom have a negative height


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height in the header of a WebP; something small where that is damaged or cut off."""

    def number(at: int, length: int) -> int:
        return int.from_bytes(data[at : at + length], "little")

    match data[12:16]:
        case b"VP8X":
            return number(24, 3) + 1, number(27, 3) + 1
        case b"VP8L":
            return (number(21, 4) & 0x3FFF) + 1, (number(21, 4) >> 14 & 0x3FFF) + 1
        case _:
            return number(26, 2) & 0x3FFF, number(28, 2) & 0x3FFF
