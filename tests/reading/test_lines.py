"""The second opinion: what is said of a piece of a line is the sum over all ways to read one digit there."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.errors import ModelFileError
from tenfold.images.segment import Page, segment
from tenfold.images.strip import strip
from tenfold.kinds import LINE
from tenfold.model import LINES, MODELS, list_models, read_card, read_model, resolve
from tenfold.reading import Reader
from tenfold.reading.evidence import evidence
from tenfold.reading.expected import Expected
from tenfold.reading.lines import BLANK, FLOOR, STEP, LineReader, one_digit
from tenfold.reading.looks import PERHAPS
from tenfold.reading.page import read_page

Images = NDArray[np.uint8]
Compose = Callable[..., Images]


@pytest.fixture(scope="module")
def lines() -> LineReader:
    return LineReader.shipped()


def said(page: Page, *digits: int, sure: float = 12.0) -> Callable[[Images], NDArray[np.float64]]:
    """Chances that put one of `digits` in the middle of each atom of the page's one line."""
    (line,) = page.lines
    seen = strip(line)
    scores = np.zeros((seen.image.shape[1] // STEP, BLANK + 1))
    scores[:, BLANK] = sure
    for atom, digit in zip(line.atoms, digits, strict=True):
        place = int(seen.column(atom.middle[0]) / STEP)
        scores[place, BLANK] = 0
        scores[place, digit] = sure
    chances = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    return lambda _: chances


def test_one_digit_is_the_sum_over_all_ways_to_read_it() -> None:
    """Counted out, for each number of columns and each digit."""
    scores = np.random.default_rng(0).normal(0, 1.5, (7, 2, BLANK + 1))
    columns = scores - np.log(np.exp(scores).sum(2, keepdims=True))
    found = one_digit(columns)
    assert found.shape == (8, 2, 10)
    for count, place, digit in itertools.product(range(8), range(2), range(10)):
        part = columns[:count, place]
        ways = [
            part[:a, BLANK].sum() + part[a:b, digit].sum() + part[b:, BLANK].sum()
            for a, b in itertools.combinations(range(1, count + 1), 2)
        ]
        assert found[count, place, digit] == pytest.approx(np.logaddexp.reduce([-np.inf, *ways]))


def test_a_piece_is_the_digit_that_is_said_there_and_no_other(compose: Compose) -> None:
    page = segment(compose("111"))
    heard = evidence(page, said(page, 3, 8, 1), most=2)
    for place, digit in enumerate((3, 8, 1)):
        scores = heard.digits[place, place + 1]
        assert scores[digit] > -0.1
        assert (np.delete(scores, digit) == FLOOR).all()
        assert heard.nothing[place] == FLOOR
    assert (heard.digits[0, 2] == FLOOR).all()  # two digits are not one
    with_a_dot = evidence(page, said(page, 3, BLANK, 1), most=2)
    assert with_a_dot.nothing[1] > -0.1
    assert with_a_dot.digits[0, 2][3] > -0.1


def test_atoms_are_counted_through_the_page(compose: Compose, lines: LineReader) -> None:
    page = segment(compose("31\n59"))
    heard = evidence(page, lines.chances, most=3)
    first, second = (len(line.atoms) for line in page.lines)
    assert len(heard.nothing) == first + second
    assert (first - 1, first + 1) not in heard.digits  # nothing goes over the end of a line
    assert (first, first + 1) in heard.digits
    assert max(score.max() for score in heard.digits.values()) <= 0
    assert evidence(segment(np.full((50, 50), 255, np.uint8)), lines.chances, most=3).nothing == []


def test_it_decides_where_the_classifier_is_torn(compose: Compose) -> None:
    page = segment(compose("11"))
    torn = np.full(10, 0.02, np.float32)
    torn[[1, 7]] = 0.42

    def probabilities(images: Images) -> NDArray[np.float32]:
        return np.tile(torn, (len(images), 1))

    for text in ("17", "71"):
        assert read_page(page, probabilities, lines=said(page, *map(int, text))).text == text
    known = Expected(pattern="1.")
    assert read_page(page, probabilities, known, said(page, 7, 7)).text == "17"


def test_a_digit_has_the_classifiers_confidence(page_reader: Reader, compose: Compose) -> None:
    page = segment(compose("407"))
    alone = read_page(page, page_reader.probabilities)
    both = read_page(page, page_reader.probabilities, lines=LineReader.shipped().chances)
    assert alone.text == both.text == "407"
    assert alone.digits == both.digits


def test_the_shipped_network_reads_a_line(compose: Compose, lines: LineReader) -> None:
    (line,) = segment(compose("40829137")).lines
    chances = lines.chances(strip(line).image)
    assert chances.dtype == np.float64
    assert chances.shape[1] == BLANK + 1
    np.testing.assert_allclose(np.exp(chances).sum(1), 1, atol=1e-5)
    spelt = [label for label, _ in itertools.groupby(chances.argmax(1).tolist()) if label != BLANK]
    assert "".join(map(str, spelt)) == "40829137"


@pytest.mark.parametrize("width", [1, 2, 7, 4_001])
def test_strips_of_any_width_are_taken(lines: LineReader, width: int) -> None:
    assert len(lines.chances(np.zeros((40, width), np.uint8))) == (width + width % 2) // 2


def test_digits_that_overlap_are_read_better_with_it_than_without(compose: Compose) -> None:
    reader = Reader("reader", threads=1)
    looked = partial(reader.probabilities, perhaps=PERHAPS)  # or it asks that network itself
    rng = np.random.default_rng(3)
    alone = both = 0
    for _ in range(30):
        text = "".join(map(str, rng.integers(0, 10, 5)))
        page = segment(compose(text, gap=-3))
        alone += read_page(page, looked).text == text
        both += reader.read_page(page, Expected()).text == text
    assert both > alone
    assert both >= 20


def test_it_is_shipped_beside_the_models_of_single_digits() -> None:
    assert LINES not in list_models()
    assert read_card(LINES).startswith(f"# `{LINES}`")
    shipped = read_model(MODELS / f"{LINES}.onnx", kind=LINE)
    assert shipped.sha256 in read_card(LINES)
    assert shipped.metadata.kind == LINE


def test_neither_kind_is_taken_for_the_other() -> None:
    with pytest.raises(ModelFileError, match="it reads whole lines and not single digits"):
        Reader(MODELS / f"{LINES}.onnx")
    with pytest.raises(ModelFileError, match="it reads single digits and not whole lines"):
        read_model(resolve("reader"), kind=LINE)


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    data = bytearray((MODELS / f"{LINES}.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "damaged.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="cannot be used"):
        read_model(path, kind=LINE)
