"""Sheets and colours: every pixel where it belongs."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from tenfold.errors import ShapeError
from tenfold.harness.html.pictures import AGAINST, FOR, coloured, grey, picture, sheet, two_colours


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


def test_signs_are_colours_and_nothing_is_paper() -> None:
    found = two_colours(np.array([[2.0, 0.0, -2.0]]))
    assert found[0, 0].tolist() == FOR.tolist()
    assert found[0, 1].tolist() == [255, 255, 255]
    assert found[0, 2].tolist() == AGAINST.tolist()
    assert two_colours(np.zeros((1, 1)), np.array([[255]], np.uint8))[0, 0, 0] < 200


def test_a_picture_is_a_png_of_the_image_dark_on_light() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    mode, pixels = embedded(picture(image, 'a "7"'))
    assert mode == "L"
    assert np.array_equal(255 - pixels, image)


def test_a_coloured_picture_is_a_png_of_its_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 28, 3), np.uint8)
    mode, pixels = embedded(coloured(image, 'a "7"'))
    assert mode == "RGB"
    assert np.array_equal(pixels, image)


def embedded(tag: str) -> tuple[str, np.ndarray]:
    """The mode and the pixels of the picture in an `img`."""
    assert 'alt="a &quot;7&quot;"' in tag
    with Image.open(io.BytesIO(base64.b64decode(re.findall(r"base64,([^\"]*)", tag)[0]))) as opened:
        pixels = np.asarray(opened)
        assert f'width="{pixels.shape[1]}" height="{pixels.shape[0]}"' in tag
        return opened.mode, pixels
