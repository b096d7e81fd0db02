"""Brackets and the strokes of dates are told from 1s by what stands beside them."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data.mnist import load_test
from tenfold.images.atoms import Atom
from tenfold.images.segment import Line, segment
from tenfold.reading import Reader
from tenfold.reading.signs import Arc, arc, brackets, date_strokes

Images = NDArray[np.uint8]
STRAIGHT = Arc(0.3, 0)
STROKES = {  # x and y from 0 to 1 in a box as high as a digit
    "/": [(0.45, 0), (0.1, 1)],
    "(": [(0.4, 0), (0.2, 0.25), (0.14, 0.5), (0.2, 0.75), (0.4, 1)],
    ")": [(0.1, 0), (0.3, 0.25), (0.36, 0.5), (0.3, 0.75), (0.1, 1)],
}
HEIGHT, MARGIN = 60, 30


def drawn(sign: str, pen: int = 6) -> Images:
    """Ink bright, uint8 [60, w]."""
    plane = np.zeros((8 * (HEIGHT + 2 * pen), 8 * HEIGHT), np.uint8)
    points = np.array(STROKES[sign]) * 8 * HEIGHT + 8 * pen
    cv2.polylines(plane, [points.round().astype(np.int32)], False, 255, 8 * pen, cv2.LINE_AA)
    return _trimmed(np.asarray(cv2.resize(plane, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)))


def _trimmed(ink: Images) -> Images:
    x, y, width, height = cv2.boundingRect((ink > 60).astype(np.uint8))
    return ink[y : y + height, x : x + width]


def written(text: str, gap: int = 12) -> Images:
    """A line dark on white, of MNIST's test digits and drawn signs; a space is wide."""
    test = load_test()
    inks: list[Images] = []
    for character in text:
        if character == " ":
            inks.append(np.zeros((1, 2 * HEIGHT), np.uint8))
        elif character in STROKES:
            inks.append(drawn(character))
        else:
            image = test.images[np.flatnonzero(test.labels == int(character))[3]]
            inks.append(_trimmed(np.asarray(cv2.resize(image, (84, 84), interpolation=cv2.INTER_CUBIC))))
    high = max(map(len, inks))
    columns = [
        np.pad(ink, (((high - len(ink)) // 2, high - len(ink) - (high - len(ink)) // 2), (0, gap)))
        for ink in inks
    ]
    return np.asarray(255 - np.pad(np.hstack(columns), MARGIN), np.uint8)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("12/05/2024", "12052024"),
        ("31/12/98", "311298"),
        ("2024/05/31", "20240531"),
        ("12/05/2024 1430", "120520241430"),
        ("(4072)", "4072"),
        ("52(83)", "5283"),
        ("(12)(30)", "1230"),
        # what looks so and is not
        ("1210512024", "1210512024"),
        ("4512120", "4512120"),
        ("11111111", "11111111"),
        ("45/99/2024", "4519912024"),
    ],
)
def test_signs_are_left_out_where_they_make_sense(reader: Reader, text: str, digits: str) -> None:
    found = reader.read(written(text))
    assert found.text == digits
    assert "".join(str(digit.label) for digit in found.digits) == digits


def test_who_knows_the_text_is_heard(reader: Reader) -> None:
    assert reader.read(written("12/05/2024"), digits=10).text == "1210512024"


@pytest.mark.parametrize(
    ("text", "arcs", "places"),
    [
        ("1210512024", [STRAIGHT] * 10, (2, 5)),
        ("12105124", [STRAIGHT] * 8, (2, 5)),
        ("2024105112", [STRAIGHT] * 10, (4, 7)),
        ("3111212024", [STRAIGHT] * 10, (2, 5)),
        ("1213112024", [STRAIGHT] * 10, (2, 5)),  # the month first
        ("3211212024", [STRAIGHT] * 10, None),
        ("1310131202", [STRAIGHT] * 10, None),
        ("1311312024", [STRAIGHT] * 10, None),  # no month
        ("0010512024", [STRAIGHT] * 10, None),  # no day
        ("1210511024", [STRAIGHT] * 10, None),  # long ago
        ("1210512024", [STRAIGHT] * 5 + [None] * 5, None),
        ("1210512024", [STRAIGHT] * 5 + [Arc(0.55, 0)] * 5, None),  # two hands
        ("1210512024", [Arc(0, 0)] * 10, None),  # upright
        ("1210512024", [Arc(0.3, 0.2)] * 10, None),
        ("11111111", [STRAIGHT] * 8, None),
        ("121051202", [STRAIGHT] * 9, None),
        ("", [], None),
    ],
)
def test_a_date_has_two_like_strokes_between_a_day_a_month_and_a_year(
    text: str, arcs: list[Arc | None], places: tuple[int, int] | None
) -> None:
    assert date_strokes(text, arcs.__getitem__) == places


@pytest.mark.parametrize("pen", [2, 4, 8])
@pytest.mark.parametrize("sign", STROKES)
def test_a_smooth_stroke_has_its_lean_and_its_bow(sign: str, pen: int) -> None:
    ink = drawn(sign, pen)
    found = arc(Atom((5, 7, ink.shape[1], len(ink)), ink > 127))
    assert found is not None
    lean, bow = {"/": (0.35, 0), "(": (0, -0.26), ")": (0, 0.26)}[sign]
    assert found.lean == pytest.approx(lean, abs=0.06)
    assert found.bow == pytest.approx(bow, abs=0.08)


def test_what_has_a_corner_or_a_loop_is_no_smooth_stroke() -> None:
    test = load_test()
    found = dict.fromkeys(range(10), 0)
    for image, label in zip(test.images[:1000], test.labels[:1000], strict=True):
        ink = _trimmed(image) > 127
        found[int(label)] += arc(Atom((0, 0, ink.shape[1], len(ink)), ink)) is not None
    assert found[1] > 100  # of 126
    assert sum(found.values()) - found[1] < 20


def test_what_was_cut_from_its_neighbour_is_none() -> None:
    ink = drawn("/") > 127
    assert arc(Atom((0, 0, ink.shape[1], len(ink)), ink, 0.5)) is None


def line_of(signs: str) -> Line:
    atoms = []
    for place, sign in enumerate(signs):
        ink = drawn(sign) > 127
        atoms.append(Atom((40 * place, 0, ink.shape[1], len(ink)), ink))
    return Line(tuple(atoms), float(HEIGHT))


@pytest.mark.parametrize(
    ("signs", "pairs"),
    [
        ("(/)", [(0, 2)]),
        ("(//)//(/)", [(0, 3), (6, 8)]),
        ("()", []),  # a 0 of two strokes
        (")/(", []),
        ("(/", []),
        ("((/)", [(1, 3)]),
        ("//", []),
    ],
)
def test_brackets_come_in_pairs_around_something(signs: str, pairs: list[tuple[int, int]]) -> None:
    assert brackets(line_of(signs)) == pairs


def test_a_page_without_signs_is_left_alone() -> None:
    assert all(not brackets(line) for line in segment(written("0123456789")).lines)


def test_ink_in_two_rows_has_no_arc() -> None:
    assert arc(Atom((0, 0, 1, 9), np.arange(9)[:, None] % 8 == 0)) is None
