"""Picture files made by code: sound ones in every format, and damaged ones with the cause in their name."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encoded(pixels: NDArray[Any], kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes = b"", crc: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def header(width: int, height: int, depth: int = 8, colour: int = 0, *rest: int) -> bytes:
    compression, filtering, interlace = rest or (0, 0, 0)
    return struct.pack(">IIBBBBB", width, height, depth, colour, compression, filtering, interlace)


def png(
    pixels: NDArray[np.uint8],
    *,
    ihdr: bytes | None = None,
    raw: bytes | None = None,
    idat: bytes | None = None,
    idat_crc: int | None = None,
    before: bytes = b"",
    end: bytes = chunk(b"IEND"),
) -> bytes:
    """A grey PNG of `pixels`, any part of which may be replaced."""
    height, width = pixels.shape
    if raw is None:
        raw = b"".join(b"\0" + row.tobytes() for row in pixels)
    body = zlib.compress(raw) if idat is None else idat
    ihdr = chunk(b"IHDR", header(width, height)) if ihdr is None else ihdr
    return SIGNATURE + ihdr + before + chunk(b"IDAT", body, idat_crc) + end


def bad_pngs(pixels: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
    """Each is wrong in the one way that its name tells."""
    good = png(pixels)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    height, width = pixels.shape
    tail = chunk(b"IEND")

    def headed(*fields: int) -> bytes:
        return png(pixels, ihdr=chunk(b"IHDR", header(*fields)))

    for at in (0, 1, 3, 6):  # xs1, xs2, xs4 and xs7 of PngSuite
        yield f"signature-byte-{at + 1}", good[:at] + bytes([good[at] ^ 0x21]) + good[at + 1 :]
    yield "signature-cr-lf", good.replace(b"\r\n", b"\n", 1)
    yield "signature-cr-added", good.replace(b"\n", b"\r\n")  # xcr, as by a transfer of text
    yield "signature-lf-alone", good.replace(b"\r", b"\n")  # xlf
    yield "signature-only", SIGNATURE
    yield "header-checksum", png(pixels, ihdr=chunk(b"IHDR", header(width, height), crc=1))
    yield "header-short", SIGNATURE + chunk(b"IHDR", header(width, height)[:-1]) + good[33:]
    yield "header-missing", SIGNATURE + good[33:]
    yield "header-twice", png(pixels, before=chunk(b"IHDR", header(width, height)))
    yield "colour-type-1", headed(width, height, 8, 1)
    yield "colour-type-9", headed(width, height, 8, 9)
    yield "depth-0", headed(width, height, 0)
    yield "depth-3", headed(width, height, 3)
    yield "depth-99", headed(width, height, 99)
    yield "compression-1", headed(width, height, 8, 0, 1, 0, 0)
    yield "filter-method-1", headed(width, height, 8, 0, 0, 1, 0)
    yield "interlace-2", headed(width, height, 8, 0, 0, 0, 2)
    yield "width-0", headed(0, height)
    yield "height-0", headed(width, 0)
    yield "width-huge", headed(2**31 - 1, height)
    yield "width-negative", headed(2**32 - 1, 1)
    yield "bomb-65535", headed(65_535, 65_535)
    yield "bomb-15000", headed(15_000, 15_000)
    yield "bomb-8000", headed(8_000, 8_000)
    yield "no-pixels", SIGNATURE + chunk(b"IHDR", header(width, height)) + tail
    yield "no-palette", headed(width, height, 8, 3)
    yield "pixel-checksum", png(pixels, idat_crc=1)
    yield "three-rows", png(pixels, raw=rows[: 3 * (width + 1)])
    yield "one-byte-short", png(pixels, raw=rows[:-1])
    yield "one-row-more", png(pixels, raw=rows + rows[: width + 1])
    yield "inflates-to-64-MB", png(pixels, raw=rows + bytes(64 << 20))
    yield "not-deflate", png(pixels, idat=b"these are not compressed pixels")
    yield "behind-the-pixels", png(pixels, idat=zlib.compress(rows) + b"more")
    yield "a-second-part-behind-the-pixels", png(pixels, end=chunk(b"IDAT", b"more") + tail)
    yield "deflate-cut", png(pixels, idat=zlib.compress(rows)[:-6])
    yield "filter-9", png(pixels, raw=b"".join(b"\x09" + row.tobytes() for row in pixels))
    yield "filter-5-in-the-last-row", png(pixels, raw=_with(rows, len(rows) - width - 1, b"\x05"))
    yield "chunk-length-huge", good[:33] + b"\xff\xff\xff\xff" + good[37:]
    yield "text-checksum", png(pixels, before=chunk(b"tEXt", b"Title\0seven", crc=1))
    yield "no-end", png(pixels, end=b"")
    yield "end-cut", good[:-4]
    yield "end-checksum", png(pixels, end=chunk(b"IEND", crc=1))
    yield "bytes-after-end", good + b"\0"
    yield "a-megabyte-after-end", good + bytes(1 << 20)


def bad_files(pixels: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
    """Other than PNG: foreign, empty or cut off half way."""
    colour = np.stack([pixels] * 3, axis=-1)
    yield "empty", b""
    yield "one-byte", b"\x89"
    yield "text", b"seven"
    yield "html", b"<!DOCTYPE html><html><body>404</body></html>"
    yield "pdf", b"%PDF-1.7\n" + bytes(100)
    yield "svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    yield "gzip", b"\x1f\x8b\x08" + bytes(40)
    yield "ppm", b"P5 2 2 255 abcd"
    yield "zeros", bytes(1000)
    yield "wave", b"RIFF" + bytes(4) + b"WAVE" + bytes(40)
    for kind, options in (
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("BMP", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
    ):
        data = encoded(colour, kind, **options)
        name = "-".join([kind.lower(), *options])
        yield f"{name}-magic-only", data[:12]
        for share in (0.1, 0.5, 0.9):
            yield f"{name}-cut-at-{share}", data[: int(share * len(data))]
    for kind in ("JPEG", "GIF", "BMP", "TIFF", "WEBP"):  # legal sizes, and next to nothing behind them
        yield f"{kind.lower()}-of-9-megapixels", resized(encoded(colour, kind), kind, 3_000)
    yield "bmp-bomb", _with(encoded(colour, "BMP"), 18, struct.pack("<ii", 60_000, 60_000))
    yield "gif-bomb", _with(encoded(pixels, "GIF"), 6, struct.pack("<HH", 65_000, 65_000))
    lossless = encoded(colour, "WEBP", lossless=True)
    yield "webp-bomb", _with(lossless, 21, struct.pack("<I", 16_383 | 16_383 << 14))


def resized(data: bytes, kind: str, side: int) -> bytes:
    """A file whose header says that it is `side` pixels wide and high."""
    match kind:
        case "JPEG":
            return _with(data, data.index(b"\xff\xc0") + 5, struct.pack(">HH", side, side))
        case "GIF":  # of the screen, and of its one frame
            frame = data.index(b",", 13 + 3 * (2 << (data[10] & 7))) + 5
            return _with(
                _with(data, 6, struct.pack("<HH", side, side)), frame, struct.pack("<HH", side, side)
            )
        case "BMP":
            return _with(data, 18, struct.pack("<ii", side, side))
        case "WEBP":
            return _with(data, 26, struct.pack("<HH", side, side))
    at = int.from_bytes(data[4:8], "little") + 2
    while (tag := int.from_bytes(data[at : at + 2], "little")) <= 257:
        if tag in (256, 257):
            data = _with(data, at + 8, struct.pack("<I", side))
        at += 12
    return data


def _with(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at + len(piece) :]
