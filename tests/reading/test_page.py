"""Pages composed of MNIST's test digits are read, and what the user knows is honoured."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tenfold.errors import ImageError, ShapeError, UsageError
from tenfold.images.segment import segment
from tenfold.reading import Reader
from tenfold.reading.expected import Expected, luhn
from tenfold.reading.page import Reading, candidates, read_page

Images = NDArray[np.uint8]
Compose = Callable[..., Images]


@pytest.mark.parametrize("text", ["7", "0123456789", "31415\n92653\n58979", "11\n000\n4"])
def test_digits_are_read_in_order(page_reader: Reader, compose: Compose, text: str) -> None:
    found = page_reader.read(compose(text))
    assert found.text == text
    assert "".join(str(digit.label) for digit in found.digits) == text.replace("\n", "")
    assert found.file is None


@pytest.mark.parametrize("gap", [0, -1])
def test_touching_digits_are_parted(page_reader: Reader, compose: Compose, gap: int) -> None:
    assert page_reader.read(compose("0123456789", gap=gap)).text == "0123456789"


def dotted(page: Images) -> Images:
    cv2.circle(page, (page.shape[1] - 20, 85), 4, 0, -1)
    return page


def dashed(page: Images) -> Images:
    wide = np.hstack([page, np.full((len(page), 80), 255, np.uint8)])
    cv2.line(wide, (wide.shape[1] - 80, 60), (wide.shape[1] - 40, 58), 0, 5)
    return wide


def ruled(page: Images) -> Images:
    page[86:89] = 90
    return page


def turned(page: Images) -> Images:
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 5, 1)
    return np.asarray(cv2.warpAffine(page, turn, (width, height), borderValue=255), np.uint8)


def inverted(page: Images) -> Images:
    return 255 - page


def coloured(page: Images) -> Images:
    return np.stack([page, page, np.full_like(page, 255)], 2)  # blue ink


def in_a_comb(page: Images) -> Images:
    wide = np.pad(page, ((0, 0), (0, 250)), constant_values=255)  # of which five places are free
    wide[88:91] = 90
    for x in range(page.shape[1], wide.shape[1], 50):
        wide[66:88, x : x + 3] = 90
    return wide


def with_glare(page: Images) -> Images:
    wide = np.pad(page, ((60, 60), (0, 0)), constant_values=255)  # a lamp on a whiteboard
    y, x = np.mgrid[-1 : 1 : len(wide) * 1j, -1 : 1 : wide.shape[1] * 1j]
    lit = 0.6 * wide + 90 * np.exp(-4 * x**2 - 4 * y**2)
    return np.asarray(lit.clip(0, 255), np.uint8)


@pytest.mark.parametrize("change", [dotted, dashed, ruled, turned, inverted, coloured, in_a_comb, with_glare])
def test_what_is_no_digit_is_left_out(
    page_reader: Reader, compose: Compose, change: Callable[[Images], Images]
) -> None:
    assert page_reader.read(change(compose("40829137"))).text == "40829137"


@pytest.mark.parametrize("word", ["HUNK", "MARKE", "the rest"])
def test_words_are_left_out(compose: Compose, word: str) -> None:
    digits = compose("3140\n2718")
    wide = np.hstack([np.full((len(digits), 40 * len(word)), 255, np.uint8), digits])
    cv2.putText(wide, word, (10, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 0, 4, cv2.LINE_AA)
    assert Reader().read(wide).text == "3140\n2718"


@pytest.mark.parametrize(
    ("line", "size", "apart"),
    [("please write all in some box", 0.7, 24), ("fill in each of the boxes below for us", 0.6, 22)],
)
def test_lines_of_print_beside_digits_are_left_out(
    compose: Compose, line: str, size: float, apart: int
) -> None:
    wide = np.pad(compose("3140\n2718"), ((60, 60), (430, 0)), constant_values=255)
    for y in range(26, len(wide), apart):
        cv2.putText(wide, line, (10, y), cv2.FONT_HERSHEY_SIMPLEX, size, 0, 1, cv2.LINE_AA)
    assert Reader().read(wide).text == "3140\n2718"


def test_a_page_of_which_not_all_was_looked_at_is_unsure(page_reader: Reader, compose: Compose) -> None:
    page = segment(compose("31"))
    reader = page_reader.probabilities
    assert read_page(page, reader).reason is None
    crowded = read_page(replace(page, crowded=True), reader)
    assert (crowded.text, crowded.unsure, crowded.reason) == ("31", True, "too much on the page")


@pytest.mark.parametrize("shape", [(1, 1), (200, 300), (40, 60, 3)])
def test_a_page_with_nothing(page_reader: Reader, shape: tuple[int, ...]) -> None:
    assert page_reader.read(np.full(shape, 255, np.uint8)) == Reading(None, "", (), False, None)


def test_boxes_are_in_pixels_of_the_upright_picture(
    page_reader: Reader, compose: Compose, tmp_path: Path
) -> None:
    page = compose("31")
    Image.fromarray(page).save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise by a quarter
    Image.fromarray(np.rot90(page)).save(tmp_path / "turned.png", exif=exif)
    upright, turned = (page_reader.read(tmp_path / name) for name in ("upright.png", "turned.png"))
    assert upright.text == turned.text == "31"
    assert upright.digits == turned.digits
    assert upright.file == str(tmp_path / "upright.png")
    for digit in upright.digits:
        x, y, width, height = digit.box
        ink = page[y : y + height, x : x + width] < 128
        assert ink.any(0).all() or digit.label == 3
        assert 36 <= height <= 44


@pytest.mark.parametrize("zoom", [1, 2, 5])
def test_boxes_grow_with_the_picture(page_reader: Reader, compose: Compose, zoom: int) -> None:
    boxes = np.array([digit.box for digit in page_reader.read(compose("270", zoom=zoom)).digits])
    expected = np.array([digit.box for digit in page_reader.read(compose("270", zoom=3)).digits])
    assert np.abs(boxes / zoom - expected / 3).max() < 2


def test_the_number_of_digits(page_reader: Reader, compose: Compose) -> None:
    page = compose("208")
    for count in (1, 2, 3, 4):
        assert len(page_reader.read(page, digits=count).digits) == count
    assert page_reader.read(page, digits=0).text == ""


def test_only_allowed_digits(page_reader: Reader, compose: Compose) -> None:
    assert page_reader.read(compose("7041"), allowed="0147").text == "7041"
    assert set(page_reader.read(compose("7041"), allowed="09").text) <= set("09")


@pytest.mark.parametrize("pattern", ["9[0-4]{3}", r"(?=\d*8$)\d+", "[79]0+[56]1|90.1", r"\d+(?<!1)"])
def test_a_pattern(page_reader: Reader, compose: Compose, pattern: str) -> None:
    found = page_reader.read(compose("7041"), pattern=pattern)
    assert re.fullmatch(pattern, found.text)


def test_a_checksum(page_reader: Reader, compose: Compose) -> None:
    assert page_reader.read(compose("79927398713"), checksum="luhn").text == "79927398713"
    assert luhn(page_reader.read(compose("79927398714"), checksum="luhn").text)
    even = page_reader.read(compose("71"), checksum=lambda text: text != "" and int(text) % 2 == 0)
    assert int(even.text) % 2 == 0


@pytest.mark.parametrize("wish", [{"pattern": "x"}, {"digits": 9}, {"checksum": lambda _: False}])
def test_where_nothing_fits_the_reading_is_unsure(
    page_reader: Reader, compose: Compose, wish: dict[str, object]
) -> None:
    found = page_reader.read(compose("7"), **wish)  # type: ignore[arg-type]
    assert (found.text, found.unsure, found.reason) == ("7", True, "nothing fits what is expected")


@pytest.mark.parametrize(
    "wish", [{"digits": 3}, {"allowed": "04"}, {"pattern": r"\d{2}"}, {"checksum": luhn}]
)
def test_what_fits_only_without_clear_digits_is_unsure(
    page_reader: Reader, compose: Compose, wish: dict[str, object]
) -> None:
    page = compose("7041")
    found = page_reader.read(page, **wish)  # type: ignore[arg-type]
    assert found.text != "7041"
    assert (found.unsure, found.reason) == (True, "what is expected fits badly")
    for right in ({"digits": 4}, {"allowed": "0147"}, {"pattern": r"7\d+"}):
        assert page_reader.read(page, **right) == page_reader.read(page)


def test_digits_are_unsure_below_the_threshold(
    nearest: Callable[[Images], NDArray[np.float32]], compose: Compose
) -> None:
    page = segment(compose("58"))
    (sure, _), (unsure, reason) = (
        (found.unsure, found.reason)
        for found in (read_page(page, nearest, thresholds={"confidence": least}) for least in (0.0, 1.0))
    )
    assert not sure
    assert (unsure, reason) == (True, "low confidence")
    assert read_page(page, nearest, thresholds={"likeness": 1.0}).unsure
    digits = read_page(page, nearest).digits
    assert all(
        digit.alternatives == tuple(sorted(digit.alternatives, key=lambda a: -a[1])) for digit in digits
    )
    assert all(label != digit.label for digit in digits for label, _ in digit.alternatives)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"digits": -1}, "0 to 10,000"),
        ({"allowed": ""}, "like '0123'"),
        ({"allowed": "12a"}, "like '0123'"),
        ({"pattern": "["}, "not a regular expression"),
        ({"pattern": "a{99999999999}"}, "not a regular expression"),
        ({"pattern": "(" * 3000 + "7" + ")" * 3000}, "not a regular expression"),
        ({"checksum": "verhoeff"}, "There are: luhn"),
        ({"digits": 7.5}, "cannot have 7.5 as its digits"),
        ({"digits": "8"}, "cannot have '8' as its digits"),
        ({"allowed": 7}, "cannot have 7 as its allowed"),
        ({"pattern": re.compile("7")}, "cannot have re.compile('7') as its pattern"),
        ({"checksum": 5}, "cannot have 5 as its checksum"),
    ],
)
def test_slips_in_what_is_expected(wish: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        Expected(**wish)  # type: ignore[arg-type]


def test_bad_pictures(page_reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(ShapeError):
        page_reader.read(np.zeros((3, 3), np.float32))
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(ImageError):
        page_reader.read(tmp_path / "no.png")


@pytest.mark.parametrize(
    ("text", "holds"), [("79927398713", True), ("79927398710", False), ("0", True), ("", False), ("18", True)]
)
def test_luhn(text: str, holds: bool) -> None:
    assert luhn(text) is holds


@pytest.mark.parametrize("pen", [3, 5])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_rings_with_a_wall_in_common_are_as_many_zeros(count: int, pen: int) -> None:
    """As many people write the zeros of an amount."""
    page = np.full((140, 160 + 52 * count), 255, np.uint8)
    for place in range(count):
        cv2.ellipse(page, (70 + 52 * place, 70), (26, 31), 0, 0, 360, 0, pen, cv2.LINE_AA)
    found = Reader("reader", threads=1).read(page)
    assert found.text == "0" * count
    lefts = [digit.box[0] for digit in found.digits]
    assert lefts == sorted(lefts)


def test_paper_between_strokes_speaks_against_one_digit() -> None:
    """The more of it, the more: a 1 and an 8 side by side are not an 8."""
    priors = []
    for gap in (2, 6, 10):
        page = np.full((120, 140), 255, np.uint8)
        page[30:90, 50:56] = page[30:90, 56 + gap : 62 + gap] = 0
        (both,) = (c for c in candidates(segment(page)) if len(c.atoms) == 2)
        priors.append(both.prior)
    assert 0 > priors[0] > priors[1] > priors[2]
