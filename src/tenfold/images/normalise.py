"""One digit anywhere on a picture -> the 28 x 28 that MNIST's makers would have made of it.

They took black-and-white digits, fitted each into a 20 x 20 box keeping its proportions, and placed its centre
of mass at the centre of 28 x 28. So do we: the digit is cut out at four times that size, made black and white
there, brought to a stroke width that MNIST has, and only then shrunk. An MNIST image passes unchanged.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.ink import Ink, ink

SIDE = 28
BOX = 20
_FINE = 80  # the longer side of a digit while its strokes are worked on: four times BOX
_FAINTEST = 8  # grey levels between paper and ink below which a picture is blank
_STROKE = (6.0, 16.0)  # widths of strokes at _FINE that are left alone; MNIST's middle 98 %


@dataclass(frozen=True)
class Found:
    """Where the digit is and what it looks like.

    `box` is x, y, width, height in pixels of the picture; `contrast` the grey levels between paper and ink;
    `components` the number of separate strokes kept. All are zero for a blank.
    """

    image: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    bright: bool
    contrast: int
    touches_edge: bool
    components: int

    @property
    def blank(self) -> bool:
        return self.components == 0


def to_mnist(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The digit on `picture`, uint8 [h, w] or RGB [h, w, 3] of any size and either polarity, as uint8 [28, 28]
    with ink bright; zeros where there is none. An image made like MNIST's is returned as it is."""
    return find_digit(picture).image


def find_digit(picture: NDArray[np.uint8]) -> Found:
    """As `to_mnist`, with what was found on the way."""
    if _is_mnist(picture):
        x, y, width, height = cv2.boundingRect(picture)
        return Found(picture.copy(), (x, y, width, height), True, int(picture.max()), False, 1)
    found = ink(picture)
    contrast, threshold = _levels(found.plane)
    if contrast < _FAINTEST:
        return Found(np.zeros((SIDE, SIDE), np.uint8), (0, 0, 0, 0), found.bright, 0, False, 0)
    mask, count = _digit_mask((found.plane > threshold).astype(np.uint8))
    x, y, width, height = cv2.boundingRect(mask)
    image = _place(_strokes(found, mask, threshold))
    box = tuple(round(length / found.scale) for length in (x, y, width, height))
    full_height, full_width = mask.shape
    touches = x == 0 or y == 0 or x + width == full_width or y + height == full_height
    return Found(image, box, found.bright, contrast, touches, count)  # type: ignore[arg-type]


def _is_mnist(picture: NDArray[np.uint8]) -> bool:
    """True for all 70,000: the longer side of the ink is 20 (19 in 16 images), and its centre of mass rounds
    to pixel 14 both ways."""
    if picture.shape != (SIDE, SIDE):
        return False
    _, _, width, height = cv2.boundingRect(picture)
    if max(width, height) not in (BOX - 1, BOX):
        return False
    x, y = _centre_of_mass(picture)
    return abs(x - SIDE // 2) < 0.53 and abs(y - SIDE // 2) < 0.53  # one image is 0.52 off


def _centre_of_mass(image: NDArray[np.uint8]) -> tuple[float, float]:
    moments = cv2.moments(image)
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]


def _levels(plane: NDArray[np.uint8]) -> tuple[int, int]:
    """Contrast of the ink, and the level that parts ink from paper."""
    threshold, _ = cv2.threshold(plane, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    strong = plane[plane > threshold]
    if not len(strong):
        return 0, 0
    return int(np.median(strong)), int(threshold)


def _digit_mask(mask: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The components that make the digit: the heaviest near the centre, and what lies beside it."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    height, width = mask.shape
    x, y, w, h, area = (stats[1:, i] for i in range(5))
    offset = np.hypot((centres[1:, 0] + 0.5) / width - 0.5, (centres[1:, 1] + 0.5) / height - 0.5)
    main = int(np.argmax(area * np.exp(-4 * offset**2)))
    reach = 0.15 * max(w[main], h[main])
    left, top, right, bottom = (
        x[main] - reach,
        y[main] - reach,
        x[main] + w[main] + reach,
        y[main] + h[main] + reach,
    )
    inside_w = np.minimum(x + w, right) - np.maximum(x, left)
    inside_h = np.minimum(y + h, bottom) - np.maximum(y, top)
    inside = np.clip(inside_w, 0, None) * np.clip(inside_h, 0, None) / (w * h)
    at_edge = (x == 0) | (y == 0) | (x + w == width) | (y + h == height)
    kept = (inside > np.where(at_edge, 0.8, 0.3)) & (area > 0.03 * area[main])
    kept[main] = True
    table = np.concatenate([[0], kept]).astype(np.uint8)
    return table[labels], int(kept.sum())


def _strokes(found: Ink, mask: NDArray[np.uint8], threshold: int) -> NDArray[np.uint8]:
    """The digit alone, 0 or 255, its longer side _FINE, its strokes as wide as MNIST's."""
    near = cv2.dilate(mask, np.ones((3, 3), np.uint8))  # with the half-dark pixels around the strokes
    x, y, width, height = cv2.boundingRect(near)
    crop = (found.plane * near)[y : y + height, x : x + width]
    crop = cv2.copyMakeBorder(crop, 2, 2, 2, 2, cv2.BORDER_CONSTANT)
    zoom = _FINE / max(width, height)
    size = (max(1, round(crop.shape[1] * zoom)), max(1, round(crop.shape[0] * zoom)))
    fine = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
    _, binary = cv2.threshold(fine, threshold, 255, cv2.THRESH_BINARY)
    if not binary.any():
        binary = np.where(fine >= fine.max(), 255, 0).astype(np.uint8)
    return _with_stroke_width(binary)


def _with_stroke_width(binary: NDArray[np.uint8]) -> NDArray[np.uint8]:
    distance = cv2.distanceTransform(
        cv2.copyMakeBorder(binary, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3
    )
    width = 4 * float(
        distance[distance > 0].mean()
    )  # a strip's pixels are a quarter of its width from its edge
    low, high = _STROKE
    radius = round((min(max(width, low), high) - width) / 2)
    if not radius:
        return binary
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
    if radius > 0:
        return cv2.dilate(cv2.copyMakeBorder(binary, *(radius,) * 4, cv2.BORDER_CONSTANT), disc)
    thinner = cv2.erode(binary, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return thinner if thinner.any() else binary


def _place(strokes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrunk into the 20 x 20 box, centre of mass to pixel 14, 14."""
    x, y, width, height = cv2.boundingRect(strokes)
    zoom = BOX / max(width, height)
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    digit = cv2.resize(strokes[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
    centre_x, centre_y = _centre_of_mass(digit)
    wide = cv2.copyMakeBorder(digit, SIDE, SIDE, SIDE, SIDE, cv2.BORDER_CONSTANT)
    left = round(centre_x) + SIDE - SIDE // 2
    top = round(centre_y) + SIDE - SIDE // 2
    return wide[top : top + SIDE, left : left + SIDE].copy()
