"""PNG taken at its word: every checksum, the end mark, the exact number of rows and how each is filtered,
before a decoder sees it.

Pillow 13 reads a PNG with a wrong IDAT checksum, without IEND or with 3 of its 28 rows, and fills the rest
with black: a silently wrong digit. `strict_png` refuses these, and hands on only the chunks that make pixels.
What is written is pixels alone, by OpenCV: `write_png`.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ImageError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = {
    b"IHDR",
    b"PLTE",
    b"tRNS",
    b"eXIf",
    b"IDAT",
    b"IEND",
}  # pixels and the orientation; no text, no profile
_LAST = {b"IDAT", b"IEND"}  # an orientation may stand between them
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_INFLATE_STEP = 1 << 18  # bytes inflated at a time, to be looked through and dropped
_FILTERS = 5  # kinds, numbered from 0, one named by the first byte of each row


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height in the header. Raises ImageError where the header is damaged."""
    if len(data) < 33 or data[8:16] != b"\0\0\0\rIHDR" or zlib.crc32(data[12:29]) != _u32(data, 29):
        raise ImageError("The PNG file's header is damaged; save the picture again.")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data[16:29])
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise ImageError("The PNG file's header gives a width or height that is not allowed.")
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise ImageError("The PNG file's header names a kind of pixel that does not exist.")
    return width, height


def strict_png(data: bytes) -> bytes:
    """The same picture with only the chunks that make pixels, these last.

    Raises ImageError for a wrong checksum, a chunk that is cut off or out of place, pixel data that are
    damaged, too short or too long, a missing end, and bytes after it.
    """
    width, height = png_size(data)
    depth, colour, _, _, interlace = data[24:29]
    chunks = list(_chunks(data))
    kinds = [kind for kind, _, _ in chunks]
    pixels = [data[start + 8 : end - 4] for kind, start, end in chunks if kind == b"IDAT"]
    if kinds.count(b"IHDR") != 1 or not pixels or (colour == 3 and b"PLTE" not in kinds):
        raise ImageError("The PNG file lacks a part that it must have, or has it twice.")
    _check_rows(pixels, _passes(width, height, depth * _CHANNELS[colour], interlace))
    kept = sorted((kind in _LAST, start, end) for kind, start, end in chunks if kind in _KEPT)
    return SIGNATURE + b"".join(data[start:end] for _, start, end in kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of each chunk, its checksum right, the last one IEND and nothing after it."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + _u32(data, at)
        if end > len(data):
            break
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != _u32(data, end - 4):
            raise ImageError("The PNG file is damaged: a checksum is wrong.")
        kind = data[at + 4 : at + 8]
        yield kind, at, end
        if kind == b"IEND":
            if end != len(data):
                raise ImageError(f"The PNG file has {len(data) - end:,} bytes after its end; save it again.")
            return
        at = end
    raise ImageError("The PNG file is cut off; copy or download it again.")


def is_plain(data: bytes) -> bool:
    """Whether what `strict_png` gave is 8-bit grey or RGB rows from top to bottom, and nothing that tells
    how they are to be seen."""
    depth, colour, _, _, interlace = data[24:29]
    return depth == 8 and colour in (0, 2) and not interlace and data[37:41] == b"IDAT"


def _passes(width: int, height: int, bits: int, interlace: int) -> list[tuple[int, int]]:
    """(rows, bytes of each, with its filter byte) of each pass over the picture that has any."""
    sizes = [(width, height)]
    if interlace:
        sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in _ADAM7]
    return [(h, 1 + (w * bits + 7) // 8) for w, h in sizes if w > 0 and h > 0]


def _check_rows(pixels: list[bytes], passes: list[tuple[int, int]]) -> None:
    inflater = zlib.decompressobj()
    length, expected, row = 0, sum(rows * size for rows, size in passes), passes[0][1]
    try:
        for piece in pixels:
            while piece:
                inflated = inflater.decompress(piece, _INFLATE_STEP)
                firsts = inflated[-length % row :: row] if len(passes) == 1 else b""  # else the decoder sees
                if max(firsts, default=0) >= _FILTERS:
                    raise ImageError("The PNG file is damaged: a row names a filter that does not exist.")
                length += len(inflated)
                if length > expected:
                    raise ImageError("The PNG file is damaged: it holds more pixels than its header says.")
                piece = inflater.unconsumed_tail
    except zlib.error:
        raise ImageError("The PNG file is damaged: its pixels cannot be unpacked.") from None
    if length != expected or not inflater.eof:
        raise ImageError("The PNG file is damaged: it holds fewer rows than its header says.")
    if inflater.unused_data:
        raise ImageError("The PNG file is damaged: something stands behind its pixels.")


def write_png(picture: NDArray[np.uint8], *, small: bool = False) -> bytes:
    """The file of a picture, uint8 [h, w] or RGB [h, w, 3]; a `small` one is a fifth smaller and takes twice
    as long."""
    import cv2

    how = (cv2.IMWRITE_PNG_COMPRESSION, 9) if small else ()
    return bytes(cv2.imencode(".png", picture if picture.ndim == 2 else picture[..., ::-1], how)[1])


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
