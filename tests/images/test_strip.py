"""A line of a page becomes a strip: its ink alone, level, of one size, whatever the page was like."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.images.atoms import Atom
from tenfold.images.segment import Line, segment
from tenfold.images.strip import HEIGHT, strip
from tenfold.kinds import MARGIN

Images = NDArray[np.uint8]


def line(*, size: float = 1, turn: float = 0, text: str = "24 857") -> Line:
    page = np.full((300, 700), 255, np.uint8)
    cv2.putText(page, text, (60, 180), cv2.FONT_HERSHEY_SIMPLEX, 3, 0, 6)
    about = cv2.getRotationMatrix2D((350, 150), turn, 1)
    page = np.asarray(cv2.warpAffine(page, about, (700, 300), borderValue=255), np.uint8)
    page = np.asarray(cv2.resize(page, None, fx=size, fy=size, interpolation=cv2.INTER_AREA), np.uint8)
    (found,) = segment(page).lines
    return found


def rows(image: Images) -> NDArray[np.intp]:
    return np.flatnonzero(image.max(1) > 127)


def test_its_ink_is_on_forty_rows_with_paper_at_both_ends() -> None:
    image = strip(line()).image
    assert image.dtype == np.uint8
    assert len(image) == HEIGHT
    assert not image[:, :MARGIN].any()
    assert not image[:, -MARGIN:].any()
    assert image.max() == 255


def test_digits_are_twenty_pixels_high_on_the_middle_rows() -> None:
    ink = rows(strip(line()).image)
    assert 19 <= len(ink) <= 23
    assert abs(ink.mean() - HEIGHT / 2) <= 2


@pytest.mark.parametrize("size", [0.5, 2.0])
def test_it_is_alike_at_any_size(size: float) -> None:
    small, other = strip(line()).image, strip(line(size=size)).image
    assert abs(small.shape[1] - other.shape[1]) <= 3
    wide = min(small.shape[1], other.shape[1])
    assert np.corrcoef(small[:, :wide].ravel(), other[:, :wide].ravel())[0, 1] > 0.85


@pytest.mark.parametrize("turn", [-4, 4])
def test_a_line_that_climbs_or_falls_is_made_level(turn: float) -> None:
    assert len(rows(strip(line(turn=turn)).image)) <= len(rows(strip(line()).image)) + 3


def test_columns_lead_from_the_page_to_the_strip() -> None:
    """Where the page has paper between two atoms, the strip has none of its ink."""
    written = line()
    found = strip(written)
    ends = [(a.box[0] + a.box[2], b.box[0]) for a, b in zip(written.atoms, written.atoms[1:], strict=False)]
    apart = [(left + right) / 2 for left, right in ends if right - left > 0.3 * written.height]
    assert apart
    for middle in apart:
        assert not found.image[:, round(found.column(middle))].any()
    assert found.column(written.atoms[0].box[0]) == pytest.approx(MARGIN, abs=2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1)])
def test_the_least_ink_has_a_strip(shape: tuple[int, int]) -> None:
    height, width = shape
    thin = Line((Atom((5, 5, width, height), np.ones(shape, np.bool_)),), float(height))
    image = strip(thin).image
    assert len(image) == HEIGHT
    assert image.any()
