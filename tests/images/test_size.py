"""The size that a header tells is the decoder's, or there is an ImageError."""

import struct

import numpy as np
import pytest
from tests.images.corpus import bad_files, bad_pngs, encoded

from tenfold.errors import ImageError
from tenfold.images.decode import read_picture
from tenfold.images.size import picture_size

GREY = np.add.outer(np.arange(300), np.arange(200)).astype(np.uint8)
NOTE = struct.pack(">HH", 0xFFFE, 2)  # of a JPEG, empty
FILES = {
    "png": encoded(GREY, "PNG"),
    "jpeg": encoded(GREY, "JPEG"),
    "jpeg in colour, with notes": encoded(
        np.stack([GREY] * 3, -1),
        "JPEG",
        exif=b"Exif\0\0" + bytes(99),
        icc_profile=bytes(70_000),
        comment=b"x",
    ),
    "webp": encoded(GREY, "WEBP"),
    "webp without loss": encoded(GREY, "WEBP", lossless=True),
    "webp, transparent": encoded(np.stack([GREY] * 4, -1), "WEBP"),
    "bmp": encoded(GREY, "BMP"),
    "bmp in colour": encoded(np.stack([GREY] * 3, -1), "BMP"),
}


def flipped(bmp: bytes) -> bytes:
    return bmp[:22] + struct.pack("<i", -300) + bmp[26:]


@pytest.mark.parametrize("data", [*FILES.values(), flipped(FILES["bmp"])], ids=[*FILES, "bmp from the top"])
def test_the_size_is_the_decoders(data: bytes) -> None:
    assert picture_size(data) == read_picture(data).shape[1::-1] == (200, 300)


@pytest.mark.parametrize(
    "data",
    [
        encoded(GREY, "JPEG", progressive=True),
        encoded(GREY, "JPEG").replace(b"\xff\xdb", NOTE * 64 + b"\xff\xdb", 1),
        encoded(GREY, "GIF"),
        encoded(GREY, "TIFF"),
        FILES["bmp"][:30] + struct.pack("<I", 1) + FILES["bmp"][34:],
        b"hello",
        b"",
    ],
    ids=["progressive", "many notes", "gif", "tiff", "packed bmp", "text", "empty"],
)
def test_what_may_take_longer_than_its_size_tells_has_none(data: bytes) -> None:
    with pytest.raises(ImageError):
        picture_size(data)


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_header_that_is_cut_or_changed_tells_the_decoders_size_or_none(data: bytes) -> None:
    rng = np.random.default_rng(0)
    for at in range(64):
        check(data[:at])
        check(data[:at] + rng.bytes(1) + data[at + 1 :])


def test_nothing_else_comes_of_a_bad_file() -> None:
    for _, bad in (*bad_pngs(GREY), *bad_files(GREY)):
        check(bad)


def check(data: bytes) -> None:
    try:
        size, decoded = picture_size(data), read_picture(data).shape[1::-1]
    except ImageError:
        return
    assert size == decoded
