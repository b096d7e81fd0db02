"""Sheets and colours: every pixel where it belongs."""

import numpy as np
import pytest

from tenfold.errors import ShapeError
from tenfold.harness.html.pictures import AGAINST, FOR, grey, sheet, two_colours


def test_a_sheet_goes_row_by_row_and_ends_in_blanks() -> None:
    images = np.arange(1, 6, dtype=np.uint8)[:, None, None] * np.ones((5, 2, 3), np.uint8)
    found = sheet(images, 2)
    assert found.shape == (6, 6)
    assert found[::2, ::3].tolist() == [[1, 2], [3, 4], [5, 0]]
    assert np.array_equal(found[:2, :3], images[0])


@pytest.mark.parametrize(("shape", "columns"), [((0, 2, 2), 1), ((2, 2), 1), ((1, 2, 2), 0)])
def test_no_sheet_without_images_or_columns(shape: tuple[int, ...], columns: int) -> None:
    with pytest.raises(ShapeError):
        sheet(np.zeros(shape, np.uint8), columns)


def test_each_plane_is_stretched_to_its_own_range() -> None:
    planes = np.array([[[0.0, 1.0, 2.0]], [[-4.0, 0.0, 2.0]], [[0.0, 0.0, 0.0]]])
    assert grey(planes).tolist() == [[[0, 128, 255]], [[0, 0, 255]], [[0, 0, 0]]]
    assert grey(planes, signed=True).tolist() == [[[128, 192, 255]], [[1, 128, 192]], [[128, 128, 128]]]


def test_signs_are_colours_and_nothing_is_paper() -> None:
    found = two_colours(np.array([[2.0, 0.0, -2.0]]))
    assert found[0, 0].tolist() == FOR.tolist()
    assert found[0, 1].tolist() == [255, 255, 255]
    assert found[0, 2].tolist() == AGAINST.tolist()
    assert two_colours(np.zeros((1, 1)), np.array([[255]], np.uint8))[0, 0, 0] < 200
