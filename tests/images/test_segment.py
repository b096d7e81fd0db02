"""Pages parted into lines and atoms: nothing lost, rules and dirt left out, cuts where strokes meet."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data.mnist import load_test
from tenfold.images.atoms import around
from tenfold.images.cuts import lean, part
from tenfold.images.rules import without_rules
from tenfold.images.segment import Page, segment, segment_file

Images = NDArray[np.uint8]


def page_of(places: list[tuple[int, int]], size: tuple[int, int] = (300, 400)) -> Images:
    """MNIST's first test digits at twice their size, dark on white, their top left corners at x, y."""
    paper = np.full(size, 255, np.uint8)
    for (x, y), image in zip(places, load_test().images, strict=False):
        digit = cv2.resize(image, (56, 56), interpolation=cv2.INTER_CUBIC)
        paper[y : y + 56, x : x + 56] = np.minimum(paper[y : y + 56, x : x + 56], 255 - digit)
    return paper


def boxes(page: Page) -> list[list[tuple[int, int, int, int]]]:
    """The boxes of each line's digits on the picture, atoms that touch each other taken together."""
    found = []
    for line in page.lines:
        mask = np.zeros(page.seen.plane.shape, np.uint8)
        for atom in line.atoms:
            x, y, w, h = atom.box
            mask[y : y + h, x : x + w][atom.mask] = 1
        stats = cv2.connectedComponentsWithStats(mask)[2][1:, :4]
        found.append([page.on_picture(tuple(box)) for box in sorted(stats.tolist())])
    return found


TWO_ROWS = [(20, 40), (120, 45), (220, 50), (320, 52), (20, 160), (120, 165), (220, 170)]


def test_lines_come_from_top_to_bottom_and_digits_from_left_to_right() -> None:
    found = boxes(segment(page_of(TWO_ROWS)))
    assert [len(line) for line in found] == [4, 3]
    for (x, y), box in zip(TWO_ROWS, found[0] + found[1], strict=True):
        assert x <= box[0] <= box[0] + box[2] <= x + 58
        assert y <= box[1] <= box[1] + box[3] <= y + 58


def test_a_large_photograph_is_decoded_smaller_and_has_its_boxes_on_the_whole(tmp_path: Path) -> None:
    paper = np.asarray(cv2.resize(page_of(TWO_ROWS), (4000, 3000), interpolation=cv2.INTER_CUBIC), np.uint8)
    assert cv2.imwrite(str(tmp_path / "page.jpg"), paper)
    large, found = boxes(segment(paper)), boxes(segment_file(tmp_path / "page.jpg"))
    assert [len(line) for line in found] == [4, 3]
    for line, same in zip(found, large, strict=True):
        assert np.abs(np.subtract(line, same)).max() < 16


def squared(paper: Images) -> None:
    paper[:, 10::50] = paper[10::50] = 130


def ruled(paper: Images) -> None:
    paper[80:82] = paper[200:202] = 60


def shadowed(paper: Images) -> None:
    paper[:] = np.where(np.arange(400) > 250, paper // 2, paper)


def specked(paper: Images) -> None:
    paper[np.random.default_rng(0).integers(0, 300, 60), np.random.default_rng(1).integers(0, 400, 60)] = 0


def inverted(paper: Images) -> None:
    paper[:] = 255 - paper


@pytest.mark.parametrize("spoil", [squared, ruled, shadowed, specked, inverted])
def test_paper_is_left_out(spoil: object) -> None:
    assert callable(spoil)
    paper = page_of(TWO_ROWS)
    clean = boxes(segment(paper))
    spoil(paper)
    found = boxes(segment(paper))
    assert [len(line) for line in found] == [len(line) for line in clean]
    assert np.abs(np.concatenate(found) - np.concatenate(clean)).max() <= 4


@pytest.mark.parametrize("tone", [30, 120])
@pytest.mark.parametrize(
    ("margins", "angle"),
    [((60, 60, 60, 60), 0), ((60, 60, 60, 60), 7), ((40, 0, 90, 0), 0), ((12, 12, 12, 12), 0)],
)
def test_a_sheet_on_a_table_is_read_as_it_is_alone(
    tone: int, margins: tuple[int, int, int, int], angle: int
) -> None:
    sheet = page_of(TWO_ROWS, (300, 420))
    clean = boxes(segment(sheet))
    top, bottom, left, right = margins
    picture = cv2.copyMakeBorder(sheet, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(tone,))
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    picture = cv2.warpAffine(picture, turn, (width, height), borderValue=(tone,))
    grain = np.random.default_rng(0).normal(0, 3, picture.shape)
    found = boxes(segment((picture + grain).clip(0, 255).astype(np.uint8)))
    assert [len(line) for line in found] == [len(line) for line in clean]


def wood(size: tuple[int, int]) -> Images:
    grain = cv2.GaussianBlur(np.random.default_rng(0).normal(size=size), (0, 0), 30, sigmaY=2)
    return np.asarray((90 * (1 - 0.2 * (grain / grain.std()).clip(-2, 2))).clip(0, 255), np.uint8)


@pytest.mark.parametrize("margins", [(60, 60, 60, 60), (0, 60, 60, 60)])
def test_wood_around_a_sheet_is_no_writing(margins: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = margins
    picture = wood((300 + top + bottom, 420 + left + right))
    picture[top : top + 300, left : left + 420] = 0.9 * page_of(TWO_ROWS, (300, 420))
    assert [len(line) for line in boxes(segment(picture))] == [4, 3]


def test_of_what_lies_on_a_table_what_is_written_on_is_read() -> None:
    picture = wood((700, 1000))
    picture[60:360, 60:480] = 0.9 * page_of(TWO_ROWS, (300, 420))
    picture[420:640, 100:340] = 0.9 * page_of([(20, 80), (120, 80)], (220, 240))
    picture[500:560, 600:900] = 210
    cv2.circle(picture, (760, 200), 110, 190, -1)
    assert [len(line) for line in boxes(segment(picture))] == [4, 3, 2]


def test_a_shadow_with_writing_in_it_is_no_table() -> None:
    picture = page_of(TWO_ROWS)
    clean = boxes(segment(picture))
    picture[130:] = (0.4 * picture[130:]).astype(np.uint8)
    assert [len(line) for line in boxes(segment(picture))] == [len(line) for line in clean]


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (50, 50), (28, 28), (60, 80, 3)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_has_no_lines(shape: tuple[int, ...], level: int) -> None:
    assert segment(np.full(shape, level, np.uint8)).lines == ()


def test_an_atom_alone_comes_out_as_mnist_has_it() -> None:
    image = load_test().images[0]
    page = segment(page_of([(150, 100)]))
    found = page.digit(page.lines[0].atoms)
    overlap = np.minimum(found, image).sum() / np.maximum(found, image).sum()
    assert overlap > 0.6
    assert around(page.lines[0].atoms)[3] == pytest.approx(page.lines[0].height)


def test_parts_make_up_the_whole() -> None:
    mask = np.zeros((60, 100), np.uint8)
    for x in (25, 70):
        cv2.ellipse(mask, (x, 30), (22, 26), 0, 0, 360, 1, 5)
    parts = part(mask.astype(bool), crossing=18, apart=6)
    assert np.array_equal(np.sum([p for p, _ in parts], axis=0), mask)
    first = [np.flatnonzero(p.any(0)).max() for p, _ in parts]
    assert any(44 <= right <= 51 for right in first), "no cut where the two rings touch"
    assert all(0 <= crossed <= 18 for _, crossed in parts)
    assert len(part(mask.astype(bool), crossing=0, apart=6)) == 1


def test_a_cut_leans_with_the_strokes() -> None:
    mask = np.zeros((80, 120), np.uint8)
    for x in (20, 44):
        cv2.line(mask, (x + 50, 5), (x, 75), 1, 5)  # no upright line parts these two
    mask[39:42, 46:70] = 1
    slant = lean(*np.nonzero(mask))
    assert slant == pytest.approx(50 / 70, abs=0.05)
    parts = [p for p, _ in part(mask.astype(bool), crossing=6, apart=8, lean=slant)]
    assert any(p[75, 20] and p[5, 70] and not p[75, 44] and not p[5, 94] for p in parts)


@pytest.mark.parametrize("upright", [False, True])
def test_rules_go_and_the_strokes_across_them_stay(upright: bool) -> None:
    stroke = np.zeros((120, 300), np.uint8)
    cv2.line(stroke, (150, 20), (140, 100), 1, 5)
    ruled = stroke.copy()
    ruled[59:62] = 1
    if upright:
        stroke, ruled = stroke.T.copy(), ruled.T.copy()
    found = without_rules(ruled, 5.0)
    assert (found != stroke).sum() <= 8


def turned(paper: Images, angle: float) -> Images:
    height, width = paper.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    return np.asarray(cv2.warpAffine(paper, turn, (width, height), borderValue=255), np.uint8)


INSIDE = [(x + 60, y + 60) for x, y in TWO_ROWS]  # of a larger page, so that nothing turns out of it
LARGER = (420, 520)


def squares(paper: Images) -> None:
    for line in (10, 11):
        paper[:, line::70] = paper[line::70] = 110


def boxed(paper: Images) -> None:
    for x, y in INSIDE:
        cv2.rectangle(paper, (x - 8, y - 10), (x + 64, y + 66), 90, 2)


def in_a_row(paper: Images) -> None:
    for x, y in INSIDE:
        top = 88 if y < 160 else 208
        cv2.rectangle(paper, (x - 22, top), (x + 78, top + 90), 90, 2)


@pytest.mark.parametrize("spoil", [squares, ruled, boxed, in_a_row])
@pytest.mark.parametrize("angle", [-8, -5, -2, 0, 2, 5, 8])
def test_lines_and_boxes_of_paper_that_lies_askew_are_left_out(spoil: object, angle: float) -> None:
    assert callable(spoil)
    paper = page_of(INSIDE, LARGER)
    clean = boxes(segment(turned(paper, angle)))
    spoil(paper)
    found = boxes(segment(turned(paper, angle)))
    assert [len(line) for line in found] == [len(line) for line in clean]
    apart = np.abs(np.concatenate(found) - np.concatenate(clean)).max(1)
    assert apart.max() <= 16  # a piece of line may hang on to a digit that it touches
    assert np.median(apart) <= 4


def test_lines_of_paper_seen_from_aside_are_left_out() -> None:
    paper = page_of(TWO_ROWS)
    ruled(paper)
    corners = np.array([[0, 0], [400, 0], [400, 300], [0, 300]], np.float32)
    seen = np.array([[20, 10], [370, 30], [400, 290], [5, 270]], np.float32)
    aside = cv2.getPerspectiveTransform(corners, seen)
    photograph = np.asarray(cv2.warpPerspective(paper, aside, (400, 300), borderValue=255), np.uint8)
    assert [len(line) for line in boxes(segment(photograph))] == [4, 3]


@pytest.mark.parametrize("lean", [0, 6, 15])
def test_a_large_1_is_no_line(lean: int) -> None:
    one = np.zeros((120, 300), np.uint8)
    cv2.line(one, (150 + lean, 10), (150, 100), 1, 4)
    ruled = one.copy()
    ruled[104:107] = 1
    assert np.array_equal(without_rules(ruled, 4.0), one)


@pytest.mark.parametrize(
    "strokes",
    [
        [(30, 60), (60, 25), (100, 40), (110, 80), (25, 190), (130, 190)],
        [(25, 40), (125, 40), (60, 200)],
        [(80, 20), (30, 140), (125, 140), (95, 140), (95, 60), (95, 205)],
    ],
    ids="274",
)
def test_the_foot_or_bar_of_a_large_digit_by_a_fine_pen_is_no_line(strokes: list[tuple[int, int]]) -> None:
    digit = np.zeros((220, 600), np.uint8)
    cv2.polylines(digit, [np.array(strokes, np.int32)], False, 1, 3)
    assert np.array_equal(without_rules(digit, 3.0), digit)
    ruled = digit.copy()
    ruled[212:215] = 1
    assert np.array_equal(without_rules(ruled, 3.0), digit)


def test_a_page_of_noise_is_bounded() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 800)).astype(np.uint8)
    assert 0 < sum(len(line.atoms) for line in segment(noise).lines) < 5_000


def test_rows_that_climb_stay_apart() -> None:
    places = [(20 + 60 * i, 60 + 70 * row - 8 * i) for row in (0, 1) for i in range(4)]
    found = boxes(segment(page_of(places)))
    assert [len(line) for line in found] == [4, 4]


@pytest.mark.parametrize(
    "stroke",
    [((364, 84), (359, 100)), ((92, 34), (84, 52))],
    ids=["a comma below the feet", "a loose stroke that rises above them"],
)
def test_a_small_stroke_beside_digits_makes_no_line(stroke: tuple[tuple[int, int], tuple[int, int]]) -> None:
    paper = page_of([(20, 40), (120, 40), (220, 40), (310, 40)])
    cv2.line(paper, *stroke, 0, 5)
    (line,) = segment(paper).lines
    assert any(abs(atom.middle[0] - (stroke[0][0] + stroke[1][0]) / 2) < 8 for atom in line.atoms)


def test_small_digits_below_large_ones_are_a_line() -> None:
    paper = page_of([(20, 40), (120, 40), (220, 40), (310, 40)])
    small = page_of([(0, 0)], (56, 56))[4:52, 4:52]
    paper[130:154, 100:124] = cv2.resize(small, (24, 24), interpolation=cv2.INTER_AREA)
    assert len(segment(paper).lines) == 2


def sheet(rows: int, columns: int, pitch: int) -> Images:
    """Thin 1s and 0s by turns, and a speck of dirt between any two."""
    paper = np.full((rows * pitch + pitch, columns * pitch + pitch), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            x, y = pitch * column + pitch, pitch * row + pitch
            cv2.ellipse(paper, (x, y), (pitch // 4 * (column % 2), pitch // 3), 0, 0, 360, 0, 2)
            paper[y, x - pitch // 2] = 0
    return paper


def test_a_sheet_full_of_digits_is_whole() -> None:
    page = segment(sheet(30, 40, 24))
    assert [len(line) for line in boxes(page)] == [40] * 30
    assert not page.crowded


def test_a_page_with_more_strokes_than_a_sheet_of_digits_is_crowded() -> None:
    page = segment(sheet(46, 46, 24))
    assert page.crowded
    assert 0 < sum(len(line) for line in boxes(page)) <= 500


def printed(paper: Images) -> None:
    for y in range(20, 170, 18):
        cv2.putText(paper, "please write the digits clearly", (10, y), 0, 0.45, 0, 1, cv2.LINE_AA)


def test_writing_many_times_as_tall_as_the_print_is_a_line() -> None:
    paper = page_of([(20, 200), (90, 204), (160, 208), (240, 210)])
    clean = boxes(segment(paper))
    printed(paper)
    found = boxes(segment(paper))[-1:]
    assert [len(line) for line in found] == [len(line) for line in clean]
    assert np.abs(np.concatenate(found) - np.concatenate(clean)).max() <= 4


def around_print(paper: Images) -> None:
    for x in (60, 130):
        cv2.circle(paper, (x, 230), 26, 0, 2)
        cv2.putText(paper, "no", (x - 10, 234), 0, 0.45, 0, 1, cv2.LINE_AA)


def rounded(paper: Images) -> None:
    for left in (10, 140, 270):
        right, top, bottom, by = left + 120, 210, 260, 12
        for y in (top, bottom):
            cv2.line(paper, (left + by, y), (right - by, y), 0, 2)
        for x in (left, right):
            cv2.line(paper, (x, top + by), (x, bottom - by), 0, 2)
        inner = [(x, y) for x in (left + by, right - by) for y in (top + by, bottom - by)]
        for corner, start in zip(inner, (180, 90, 270, 0), strict=True):
            cv2.ellipse(paper, corner, (by, by), 0, start, start + 90, 0, 2)


@pytest.mark.parametrize("shapes", [rounded, around_print])
def test_frames_taller_than_the_print_are_no_line(shapes: object) -> None:
    assert callable(shapes)
    paper = np.full((300, 400), 255, np.uint8)
    printed(paper)
    lines = len(segment(paper).lines)
    shapes(paper)
    assert len(segment(paper).lines) <= lines + (shapes is around_print)
