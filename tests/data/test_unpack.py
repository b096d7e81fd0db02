import bz2
import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tenfold.data.unpack import frame, read_libsvm, read_member
from tenfold.errors import DataError


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed


# --- zip ---------------------------------------------------------------------------------------------------


def test_one_member_is_read_and_bounded() -> None:
    archive = zipped({"a": b"x" * 1000, "b": b"other"})
    assert read_member(archive, "a", "It", limit=1000) == b"x" * 1000
    with pytest.raises(DataError, match="It has more than the 999 bytes that are allowed in a"):
        read_member(archive, "a", "It", limit=999)


UNSOUND_ZIPS = {
    "absent member": (zipped({"b": b""}), "has no member a"),
    "no zip": (io.BytesIO(b"<html>"), "is not a sound zip file"),
    "empty": (io.BytesIO(), "is not a sound zip file"),
    "cut": (io.BytesIO(zipped({"a": b"digits"}).getvalue()[:-10]), "is not a sound zip file"),
    "damaged": (
        io.BytesIO(zipped({"a": b"digits"}, 0).getvalue().replace(b"digits", b"DIGITS")),
        "not a sound",
    ),
    "unusual packing": (zipped({"a": b"digits"}, zipfile.ZIP_LZMA), "packed in a way that is not read"),
}


@pytest.mark.parametrize(("archive", "sentence"), UNSOUND_ZIPS.values(), ids=UNSOUND_ZIPS)
def test_an_unsound_zip_is_refused(archive: io.BytesIO, sentence: str) -> None:
    with pytest.raises(DataError, match=f"It .*{sentence}"):
        read_member(archive, "a", "It")


def test_a_zip_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a sound zip file"):
        read_member(tmp_path / "gzip.zip", "a", "It")


# --- USPS --------------------------------------------------------------------------------------------------


def line(label: int, pixels: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    return " ".join([str(label), *(f"{place}:{value:g}" for place, value in enumerate(pixels, 1))])


def test_usps_is_read_and_placed() -> None:
    stroke = np.full((16, 16), -1.0)
    stroke[:, 7:9] = 1
    data = bz2.compress("\n".join([line(10, stroke.ravel()), line(1, np.full(256, 1.0))]).encode())
    images, labels = read_libsvm(data)
    assert labels.tolist() == [9, 0]
    assert (images.shape, images.dtype.name) == ((2, 28, 28), "uint8")
    assert np.array_equal(images[0], images[0][:, ::-1])  # the stroke stands in the middle
    assert (images[0, 4:24, 13:15] == 255).all()
    assert images[0, :4].max() == images[0, 24:].max() == images[0, :, :11].max() == 0
    assert images[1].sum() == 255 * 400  # a full frame fills the box of 20x20


def test_a_pixel_that_is_left_out_is_half_bright() -> None:
    images, _ = read_libsvm(bz2.compress(b"3 1:-1 256:-1\n"))
    assert images[0, 14, 14] == 128


BAD_LINES = [
    b"",
    b"x 1:0",
    b"0 1:0",
    b"11 1:0",
    b"1 0:0",
    b"1 257:0",
    b"1 1:1.5",
    b"1 1:nan",
    b"1 1",
    b"1 1:0:0",
]


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_line_that_is_not_usps_is_named(bad: bytes) -> None:
    with pytest.raises(DataError, match="The file is not USPS: line 2 is not"):
        read_libsvm(bz2.compress(b"1 1:0\n" + bad + b"\n1 1:0\n"))


GOOD = bz2.compress(b"1 1:0\n")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is cut short"),
        (GOOD[:-3], "is cut short"),
        (GOOD + b"more", "goes on after its bz2 stream"),
        (b"<html>", "is damaged"),
        (bz2.compress(b""), "is empty"),
        (bz2.compress(bytes(101)), "unpacks to more than the 100 bytes"),
    ],
)
def test_an_unsound_bz2_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read_libsvm(data, limit=100)


def test_framing_is_opencv_s_linear_interpolation_moved_to_the_centre_of_mass() -> None:
    digits = np.random.default_rng(0).integers(0, 256, (20, 16, 16), np.uint8)
    digits[:, :8] //= 8  # heavy below, so that the box must move up
    for digit, placed in zip(digits, frame(digits), strict=True):
        box = cv2.resize(digit.astype(np.float64), (20, 20), interpolation=cv2.INTER_LINEAR)
        rows, columns = np.nonzero(placed)
        top, left = rows.min(), columns.min()
        assert np.abs(placed[top : top + 20, left : left + 20] - box).max() <= 0.5 + 1e-9
        moments = cv2.moments(placed)
        assert abs(moments["m10"] / moments["m00"] - 13.5) <= 0.51
        assert abs(moments["m01"] / moments["m00"] - 13.5) <= 0.51


def test_a_blank_frame_stays_blank() -> None:
    assert not frame(np.zeros((1, 16, 16), np.uint8)).any()
