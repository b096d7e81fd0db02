"""Every picture file either gives the pixels it was made of or one ImageError; nothing is warned of."""

import os
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.images.corpus import bad_files, bad_pngs, chunk, encoded, header, png

from tenfold.errors import ImageError, ShapeError, TenfoldError
from tenfold.images.decode import read_picture, read_shrunk

GREY = np.random.default_rng(0).integers(0, 256, (28, 24), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (28, 24, 3), dtype=np.uint8)
SMOOTH = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
BAD = [*bad_pngs(GREY), *bad_files(SMOOTH)]


@pytest.mark.parametrize("data", [data for _, data in BAD], ids=[name for name, _ in BAD])
def test_a_bad_file_gets_one_sentence(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImageError) as caught:
        read_picture(data)
    assert capfd.readouterr() == ("", "")  # decoders in C would write there
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 200


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_may_be_of_any_kind(kind: Any) -> None:
    assert np.array_equal(read_picture(kind(png(GREY))), GREY)


@pytest.mark.parametrize("source", [BytesIO(png(GREY)), GREY, 0, None], ids=lambda it: type(it).__name__)
def test_what_is_neither_a_path_nor_bytes_is_refused(source: Any) -> None:
    with pytest.raises(
        ShapeError, match=r"^A picture is read from a path or a file's bytes, not from \w+\.$"
    ):
        read_picture(source)


def test_a_png_cut_anywhere_is_refused() -> None:
    data = png(GREY)
    for length in range(len(data)):
        with pytest.raises(ImageError):
            read_picture(data[:length])


def test_a_png_with_any_byte_changed_is_refused_or_unharmed() -> None:
    data = png(SMOOTH[:20, :20])
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]
        with pytest.raises(ImageError):
            read_picture(damaged)


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "GIF", "TIFF", "WEBP"])
def test_damage_ends_in_a_picture_or_an_image_error(kind: str) -> None:
    data = encoded(np.stack([SMOOTH] * 3, axis=-1), kind)
    rng = np.random.default_rng(2)
    for _ in range(150):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), 3):
            damaged[at] = rng.integers(0, 256)
        try:
            picture = read_picture(bytes(damaged))
        except ImageError:
            continue
        assert picture.dtype == np.uint8


@pytest.mark.parametrize(
    ("kind", "pixels"),
    [
        ("PNG", GREY),
        ("PNG", COLOUR),
        ("BMP", GREY),
        ("BMP", COLOUR),
        ("GIF", GREY),
        ("TIFF", GREY),
        ("TIFF", COLOUR),
        ("WEBP", COLOUR),
    ],
)
def test_lossless_formats_give_their_pixels(kind: str, pixels: NDArray[np.uint8]) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert np.array_equal(read_picture(encoded(pixels, kind, **options)), pixels)


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 9), (33, 31)])
def test_png_of_every_kind_and_size_is_accepted(size: tuple[int, int], interlace: int) -> None:
    """Rows of zeros of the right length; a plain loop over pixels counts them."""
    height, width = size
    for colour, channels, depths in (
        (0, 1, (1, 2, 4, 8, 16)),
        (2, 3, (8, 16)),
        (3, 1, (1, 8)),
        (4, 2, (8, 16)),
        (6, 4, (8,)),
    ):
        for depth in depths:
            raw = _rows(width, height, depth * channels, interlace)
            ihdr = chunk(b"IHDR", header(width, height, depth, colour, 0, 0, interlace))
            palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
            data = png(np.zeros(size, np.uint8), ihdr=ihdr, before=palette, raw=raw)
            assert read_picture(data).shape[:2] == size
            with pytest.raises(ImageError):
                read_picture(png(np.zeros(size, np.uint8), ihdr=ihdr, before=palette, raw=raw[:-1]))


def _rows(width: int, height: int, bits: int, interlace: int) -> bytes:
    if not interlace:
        return bytes(height * (1 + (width * bits + 7) // 8))
    order = "1646264677777777565656567777777736463646777777775656565677777777"
    count = 0
    for number in "1234567":
        rows = [[x for x in range(width) if order[(y % 8) * 8 + x % 8] == number] for y in range(height)]
        count += sum(1 + (len(row) * bits + 7) // 8 for row in rows if row)
    return bytes(count)


def _image(pixels: NDArray[Any], mode: str | None = None) -> Image.Image:
    image = Image.fromarray(pixels)
    return image.convert(mode) if mode else image


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


DIGIT = np.full((40, 40), 255, np.uint8)
DIGIT[8:32, 18:22] = 0  # a dark 1 on white


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("1 bit", _file(_image(DIGIT, "1"), "PNG")),
        ("palette", _file(_image(DIGIT, "P"), "PNG")),
        ("16 bits", encoded(DIGIT.astype(np.uint16) * 257, "PNG")),
        ("12 bits in 16", encoded(DIGIT.astype(np.uint16) * 16, "TIFF")),
        ("float", encoded(DIGIT.astype(np.float32) / 255, "TIFF")),
        ("CMYK", _file(_image(np.stack([DIGIT] * 3, -1), "CMYK"), "TIFF")),
        ("grey and alpha", _file(_image(DIGIT, "LA"), "PNG")),
        ("dark strokes on nothing", encoded(np.stack([0 * DIGIT] * 3 + [255 - DIGIT], -1), "PNG")),
        ("palette, ground transparent", _file(_image(DIGIT, "P"), "PNG", transparency=255)),
    ],
)
def test_every_kind_of_pixel_gives_dark_ink_on_white(name: str, data: bytes) -> None:
    picture = read_picture(data).astype(int)
    assert picture.shape == DIGIT.shape, name
    assert np.abs(picture - DIGIT).max() <= 16


def test_light_strokes_on_nothing_are_put_on_black() -> None:
    rgba = np.stack([np.full_like(DIGIT, 255)] * 3 + [255 - DIGIT], -1)
    assert np.array_equal(read_picture(encoded(rgba, "PNG")), 255 - DIGIT)


def test_paper_goes_on_under_transparent_corners() -> None:
    alpha = np.full_like(DIGIT, 255)
    alpha[:5, :5] = 0
    dark = np.where(DIGIT == 0, 0, 180).astype(np.uint8)
    thick = np.where(np.abs(np.arange(40) - 20) < 8, 0, dark).astype(np.uint8)  # much ink: both levels count
    picture = read_picture(encoded(np.stack([thick] * 3 + [alpha], -1), "PNG"))
    assert (picture[:5, :5] == 180).all()


def test_nothing_visible_is_a_blank() -> None:
    assert np.ptp(read_picture(encoded(np.zeros((9, 9, 4), np.uint8), "PNG"))) == 0


def test_jpeg_in_cmyk_and_shrunk() -> None:
    big = np.kron(DIGIT, np.ones((20, 20), np.uint8))
    cmyk = read_picture(_file(_image(np.stack([big] * 3, -1), "CMYK"), "JPEG"))
    assert cmyk.shape[:2] == (800, 800)
    assert cmyk[400, 400].max() < 20
    assert cmyk[10, 10].min() > 235
    for side, comes in ((100, 100), (101, 200), (801, 800)):
        picture, whole = read_shrunk(encoded(big, "JPEG"), side)
        assert (picture.shape, whole) == ((comes, comes), (800, 800))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_is_read(kind: str) -> None:
    frames = [_image(np.stack([plane] * 3, -1)) for plane in (DIGIT, 255 - DIGIT)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = _file(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.array_equal(read_picture(data), DIGIT)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(kind: str, orientation: int) -> None:
    """Pillow's own transposition is the oracle."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, np.ones((16, 16), np.uint8))
    options = {"lossless": True} if kind == "WEBP" else {}
    data = _file(_image(np.stack([pixels] * 3, -1)), kind, exif=exif.tobytes(), **options)
    with Image.open(BytesIO(data)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("L")).astype(int)
    picture = read_picture(data).astype(int)
    assert picture.shape == upright.shape
    assert np.abs(picture - upright).max() < 12


def test_the_orientation_of_a_png_may_stand_behind_its_pixels() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    assert np.array_equal(read_picture(png(GREY, end=turned + chunk(b"IEND"))), np.rot90(GREY, -1))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [40, 1100])
def test_rows_of_a_png_may_be_filtered_in_any_way(channels: int, side: int) -> None:
    """Each of the five filters, of RGB too, in small and in large pictures; the one that undoes them here
    follows the standard's text, byte by byte, on the first rows."""
    draw = np.random.default_rng(5)
    row = 1 + channels * side
    raw = draw.integers(0, 256, (side, row), dtype=np.uint8)
    raw[:, 0] = np.arange(side) % 5
    ihdr = chunk(b"IHDR", header(side, side, 8, 2 if channels == 3 else 0))
    picture = read_picture(png(raw, ihdr=ihdr, raw=raw.tobytes()))
    plain = np.zeros((11, row - 1 + channels), int)  # a row and a pixel of zeros before the first
    for y, (kind, *values) in enumerate(raw[:10].tolist(), 1):
        for x, value in enumerate(values, channels):
            left, up, corner = plain[y, x - channels], plain[y - 1, x], plain[y - 1, x - channels]
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda near: abs(guess - near))  # of equals the first
            plain[y, x] = (value + (0, left, up, (left + up) // 2, paeth)[kind]) % 256
    expected = plain[1:, channels:].reshape(10, side, channels)
    assert np.array_equal(picture[:10].reshape(10, side, channels), expected)


def test_broken_exif_is_no_matter() -> None:
    data = _file(_image(SMOOTH), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(20))
    assert read_picture(data).shape == SMOOTH.shape


def test_pixel_limit_at_over_and_default() -> None:
    assert read_picture(png(GREY), pixel_limit=GREY.size).shape == GREY.shape
    for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"):
        with pytest.raises(ImageError, match="24 x 28 pixels; at most 671 are allowed"):
            read_picture(encoded(GREY, kind), pixel_limit=GREY.size - 1)


def test_byte_limit_at_and_over(tmp_path: Path) -> None:
    data = png(GREY)
    path = tmp_path / "seven.png"
    path.write_bytes(data)
    for source in (data, path, os.fspath(path)):
        assert np.array_equal(read_picture(source, byte_limit=len(data)), GREY)
        with pytest.raises(ImageError, match="bytes"):
            read_picture(source, byte_limit=len(data) - 1)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.png"):
        with pytest.raises(TenfoldError):
            read_picture(path)


def test_formats_off_the_list_are_refused() -> None:
    for kind in ("PPM", "TGA", "ICO", "PCX", "DDS"):
        with pytest.raises(ImageError, match="not a PNG, JPEG"):
            read_picture(encoded(GREY, kind))


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        (
            b"\0\0\0\x18ftypheic\0\0\0\0",
            "is a HEIC or AVIF picture, as phones make them; save it as JPEG or PNG",
        ),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "is a HEIC or AVIF picture"),
        (b"%PDF-1.7\n", "is a PDF; save its pages as JPEG or PNG"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "not a PNG, JPEG"),
        (b"", "is empty"),
    ],
)
def test_what_phones_and_scanners_make_besides_is_named(first: bytes, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence):
        read_picture(first)


def test_a_tiff_whose_metadata_are_damaged_warns_of_nothing() -> None:
    """Pillow reads them after the pixels; pytest makes an error of each warning."""
    data = bytearray(_file(_image(SMOOTH), "TIFF"))
    offset = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[offset : offset + 2], "little")
    last = offset + 2 + 12 * (count - 1)
    data[last : last + 12] = struct.pack("<HHII", 305, 2, 10**6, 8)  # a text longer than the file
    assert np.array_equal(read_picture(bytes(data)), SMOOTH)


def test_the_emptiest_jpeg_is_read() -> None:
    """A blank has the fewest bits a block: two in a progressive file, eight times two in a plain one."""
    blank = Image.new("L", (1600, 1200), 128)
    data = _file(blank, "JPEG", progressive=True, optimize=True, quality=1)
    assert len(data) < 2.2 * 200 * 150 / 8 + 400
    assert np.array_equal(read_picture(data), np.asarray(blank))


def scans(count: int, between: bytes = b"", **options: Any) -> bytes:
    """A grey progressive JPEG of `count` scans, its last one over and over, `between` before each."""
    data = _file(Image.new("L", (64, 48), 128), "JPEG", progressive=True, **options)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + (between + last) * (count - data.count(b"\xff\xda")) + data[-2:]


def test_scans_of_a_jpeg_at_and_over_their_limit() -> None:
    """Each takes the time of all blocks, in 12 bytes."""
    assert (read_picture(scans(100)) == 128).all()
    for hidden in (b"", b"\xff", b"\xff\x02\x00\x0e", b"\xff\xfe\x00\x02"):  # what a decoder passes over
        with pytest.raises(ImageError, match="more than 100 scans"):
            read_picture(scans(101, hidden))


def test_a_jpeg_of_ever_more_segments_is_refused() -> None:
    data = _file(_image(SMOOTH), "JPEG")
    note = b"\xff\xfe\x00\x02"
    assert read_picture(data[:2] + note * 1_900 + data[2:]).shape == SMOOTH.shape
    for many in (note * 2_000, b"\xff\xd9" * 2_000):
        with pytest.raises(ImageError, match="more than 2,000 segments"):
            read_picture(data[:2] + many + data[2:])
    for stray in (bytes(1_025), b"\xff" * 1_025, b"\xff\x00" * 513, b"\xff\xd0" * 513):
        with pytest.raises(ImageError, match="stray bytes"):
            read_picture(data[:20] + stray + data[20:])


def test_a_film_and_thumbnails_in_a_jpeg_count_for_no_scans() -> None:
    thumbnails = _file(_image(SMOOTH), "JPEG", comment=b"\xff\xda\x00\x02" * 999)
    film = b"\xff\xda\x00\x02" * 999  # as telephones put behind the picture
    assert np.array_equal(read_picture(thumbnails + film), read_picture(_file(_image(SMOOTH), "JPEG")))


TIFFS = [  # little-endian but for the last
    (_image(DIGIT), {}),
    (_image(DIGIT), {"compression": "tiff_lzw"}),
    (_image(DIGIT, "1"), {"compression": "group4"}),
    (Image.frombytes("I;16B", DIGIT.shape, DIGIT.astype(">u2").tobytes()), {}),
]


@pytest.mark.parametrize(("page", "options"), TIFFS, ids=["plain", "lzw", "group 4", "big-endian"])
def test_a_tiff_of_several_pages_is_refused(page: Image.Image, options: dict[str, Any]) -> None:
    assert np.array_equal(read_picture(_file(page, "TIFF", **options)), DIGIT)
    data = _file(page, "TIFF", save_all=True, append_images=[page, page], **options)
    with pytest.raises(ImageError, match=r"^The TIFF has 3 pages; save each as a picture of its own\.$"):
        read_picture(data)


@pytest.mark.parametrize("tag", [{254: 1}, {254: 4}, {255: 2}], ids=["smaller", "mask", "smaller, old"])
def test_what_belongs_to_a_page_of_a_tiff_is_no_page(tag: dict[int, int]) -> None:
    other = _image(DIGIT[::2, ::2])
    other.encoderinfo = {"tiffinfo": tag}  # type: ignore[attr-defined,unused-ignore]
    data = _file(_image(DIGIT), "TIFF", save_all=True, append_images=[other])
    assert np.array_equal(read_picture(data), DIGIT)


def test_the_pages_of_a_tiff_end_in_a_ring_outside_or_at_a_limit() -> None:
    data = _file(_image(DIGIT), "TIFF")
    directory = int.from_bytes(data[4:8], "little")
    end = directory + 2 + 12 * int.from_bytes(data[directory : directory + 2], "little")
    for following in (directory, len(data), 2**32 - 1):
        linked = data[:end] + following.to_bytes(4, "little") + data[end + 4 :]
        assert np.array_equal(read_picture(linked), DIGIT)
    chain = b"".join(struct.pack("<HI", 0, 14 + 6 * page) for page in range(100_000))
    with pytest.raises(ImageError, match="has 1,000 or more pages"):
        read_picture(b"II*\0" + struct.pack("<I", 8) + chain)
