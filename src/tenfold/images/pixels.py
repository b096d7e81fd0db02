"""One picture in memory: it is what it must be or ends in one ShapeError; grey where it has no colour; where
its ink lies."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ShapeError


def picture_pixels(image: object) -> NDArray[np.uint8]:
    """One picture, uint8 [height, width] or [height, width, 3]. Raises ShapeError for all else."""
    if not isinstance(image, np.ndarray):
        raise ShapeError(
            f"A picture must be a uint8 array, not {type(image).__name__}; a file is read by its path, or "
            "its bytes by tenfold.images.read_picture."
        )
    colour = image.ndim == 3 and image.shape[2] == 3
    if image.dtype != np.uint8 or not (image.ndim == 2 or colour) or image.size == 0:
        raise ShapeError(
            "A picture must be a uint8 array [height, width] or [height, width, 3] with at least one pixel, "
            f"not {image.dtype} {list(image.shape)}."
        )
    return np.asarray(image)  # not a memory map nor another subclass, which OpenCV may not know


def grey_if_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB [h, w, 3] without colour as grey [h, w], any other as it is."""
    few = rgb[:: len(rgb) // 64 + 1]  # nearly always enough to see colour
    if not (few == few[..., :1]).all():
        return rgb
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return np.ascontiguousarray(red)
    return rgb


def box_of(plane: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """x, y, width, height of what is not 0 in `plane`, uint8 [h, w]; zeros where all is."""
    x, y, width, height = cv2.boundingRect(plane)
    return x, y, width, height


def at_a_side(plane: NDArray[np.uint8]) -> bool:
    """Whether what is not 0 in `plane`, uint8 [h, w], reaches a side of it."""
    x, y, width, height = box_of(plane)
    within = 0 < x < plane.shape[1] - width and 0 < y < plane.shape[0] - height
    return width > 0 and not within
