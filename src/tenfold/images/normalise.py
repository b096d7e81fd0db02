"""One digit anywhere on a picture -> the 28 x 28 that MNIST's makers would have made of it.

They took digits in black and white, fitted each into a 20 x 20 box keeping its proportions, and placed its
centre of mass at the centre of 28 x 28. So do we: the digit is cut out at four times that size, made black
and white there, brought to a stroke width that MNIST has, and only then shrunk. An MNIST image passes
unchanged.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.ink import Ink, ink
from tenfold.images.pixels import at_a_side, box_of, grey_if_grey, picture_pixels
from tenfold.images.resize import shrunk, zoomed
from tenfold.images.surroundings import surroundings

SIDE = 28
BOX = 20
FINE = 80  # the longer side of a digit while its strokes are worked on: four times BOX
_FAINTEST = 17  # grey levels from paper to ink below which a picture is blank: of pencil 27, a shadow 16
_CRUMBS = 60  # pieces: where ink falls into more, they are a paper's grain, a printer's dots, or no digit
_STROKE = (7.0, 13.0)  # widths at FINE that are left alone: MNIST's lie at 7 to 20, half of them at 10 to 13
_NEAR = 11  # pixels at FINE, about a stroke: ink is judged by the darkest ink so near
_EDGE = 0.4  # of that darkest ink, where a stroke ends; pencil varies along a stroke
_LOWEST_EDGE = 0.9  # of the picture's threshold

# Which components belong to the digit. Shares are of the size of the main one, where not said otherwise.
_PULL = 4.0  # how much less a component weighs for its distance from the centre of the picture
_REACH = 0.25  # a detached stroke, such as the bar of a 5, is no farther away
_SPECK = 0.2  # what is smaller is a dot, a comma or dirt
_BESIDE = (
    0.9  # a piece at the picture's edge is a neighbour's unless so much of its width lies above or below
)
_ABOVE = 0.5  # and one at the upper or lower edge unless so much of its width does
_MOST = 0.5  # of the ink is the digit's; where it is less, as of a coat's shadow, all is shown
_SECOND = 0.25  # of the digit's ink: where as much lies apart, off the edge, there is more than one digit,
_UPRIGHT = 0.5  # unless it is less than so high beside it, as an underline is

Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Found:
    """What `to_mnist` made, and what it saw.

    `ink` is what it was made of; `box` of the digit is x, y, width, height in pixels of the picture;
    `contrast` is in grey levels between paper and ink; `components` is the number of separate strokes, 0 on a
    blank.
    """

    image: Plane
    ink: Ink
    box: tuple[int, int, int, int]
    contrast: int
    touches_edge: bool
    components: int

    @property
    def blank(self) -> bool:
        return self.components == 0

    @property
    def bright(self) -> bool:
        """Light ink on dark paper."""
        return self.ink.bright


def to_mnist(picture: Plane) -> Plane:
    """The digit on `picture`, uint8 [h, w] or RGB [h, w, 3] of any size and either polarity, as uint8
    [28, 28] with ink bright; zeros where there is none. An image made like MNIST's is returned as it is.
    Raises ShapeError for another array."""
    return find_digit(picture).image


def find_digit(picture: Plane) -> Found:
    """As `to_mnist`, with what was found on the way."""
    picture = picture_pixels(picture)
    if picture.ndim == 3:
        picture = grey_if_grey(picture)
    if picture.shape == (SIDE, SIDE):
        for image, bright in ((picture, True), (~picture, False)):
            if _is_mnist(image):
                full = int(image.max())
                return Found(image.copy(), Ink(image, 0, full, bright, 1.0), box_of(image), full, False, 1)
    found = ink(picture)
    blank = found.contrast < _FAINTEST
    mask, components = (found.mask, 0) if blank else _digit_mask(found.mask)
    if (not found.contrast or components > _CRUMBS) and min(mask.shape) >= 2 * SIDE:
        return _from_afar(picture, max(mask.shape) // 2)
    if blank:
        return Found(np.zeros((SIDE, SIDE), np.uint8), found, (0, 0, 0, 0), 0, False, 0)
    image = place(_strokes(found, mask))
    x, y, width, height = (round(length / found.scale) for length in box_of(mask))
    return Found(image, found, (x, y, width, height), found.contrast, at_a_side(mask), components)


def _from_afar(picture: Plane, side: int) -> Found:
    """Of the picture at that size: grain and dots run together there, and strokes stay."""
    found = find_digit(shrunk(picture, side))
    zoom = max(picture.shape[:2]) / side
    x, y, width, height = (round(length * zoom) for length in found.box)
    return replace(found, box=(x, y, width, height))


def _is_mnist(image: Plane) -> bool:
    """True for all 70,000: the longer side of the ink is 20 (19 in 16 images), and its centre of mass rounds
    to pixel 14 both ways (one image is 0.52 off)."""
    _, _, width, height = box_of(image)
    if max(width, height) not in (BOX - 1, BOX):
        return False
    x, y = _centre_of_mass(image)
    return abs(x - SIDE // 2) < 0.53 and abs(y - SIDE // 2) < 0.53


def _centre_of_mass(image: Plane) -> tuple[float, float]:
    moments = cv2.moments(image)
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]


def _padded(image: Plane, margin: int) -> Plane:
    border = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    return np.asarray(border, np.uint8)


def _digit_mask(mask: Plane) -> tuple[Plane, int]:
    """The components that make the digit, and their number: the heaviest near the centre, and what belongs to
    it. All, where these have little of the ink or another digit may stand beside: what a digit is not alone
    in is for the network to refuse."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count == 2:
        return mask, 1
    height, width = mask.shape
    x, y, w, h, area = stats[1:].T.astype(np.float64)
    area[surroundings(labels, stats)] = 0
    offset = ((centres[1:] + 0.5) / (width, height) - 0.5) ** 2
    main = int(np.argmax(area * np.exp(-_PULL * offset.sum(axis=1))))
    # lengths that each has in common with the main one, across and down; below 0, the gap between them
    across = np.minimum(x + w, x[main] + w[main]) - np.maximum(x, x[main])
    down = np.minimum(y + h, y[main] + h[main]) - np.maximum(y, y[main])
    at_side, at_end = (x == 0) | (x + w == width), (y == 0) | (y + h == height)
    neighbour = at_side & (across < _BESIDE * w)
    neighbour |= at_end & (down < _BESIDE * h) & (across < _ABOVE * w)
    size = max(w[main], h[main])
    strokes = (np.maximum(w, h) >= _SPECK * size) & (area > 0)
    kept = strokes & ~neighbour & (np.minimum(across, down) > -_REACH * size)
    kept[main] = True
    apart = strokes & ~kept & ~at_side & ~at_end & (h > _UPRIGHT * h[main])
    digit = area[kept].sum()
    if digit < _MOST * area.sum() or area[apart].sum() > _SECOND * digit:
        kept = area > 0
    return np.append(False, kept).astype(np.uint8)[labels], int(kept.sum())


def _strokes(found: Ink, mask: Plane) -> Plane:
    """The digit alone, 0 or 255, its longer side FINE, its strokes as wide as MNIST's."""
    near = np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)  # with strokes' half-dark rims
    x, y, width, height = box_of(near)
    box = np.s_[y : y + height, x : x + width]
    crop = _padded(found.plane[box] * near[box], 2)
    fine = zoomed(crop, FINE / max(width, height))
    darkest = cv2.blur(cv2.dilate(fine, np.ones((_NEAR, _NEAR), np.uint8)), (_NEAR, _NEAR))
    edge = np.maximum(np.arange(256) * _EDGE, min(_LOWEST_EDGE * found.threshold, fine.max() - 1))
    edges = cv2.LUT(darkest, edge.astype(np.uint8))  # rounded down, as what is compared is whole, too
    return with_stroke_width(np.asarray(cv2.compare(fine, edges, cv2.CMP_GT), np.uint8))


def fine_strokes(mask: NDArray[np.bool_], zoom: float, margin: int = 0) -> Plane:
    """The ink of `mask` with `margin` pixels of paper around it, at another size, 0 or 255, its strokes as
    wide as MNIST's."""
    fine = zoomed(np.pad(np.where(mask, 255, 0).astype(np.uint8), margin), zoom)
    edge = min(127, int(fine.max()) // 2)  # shrunk, a line of one pixel is never full
    return with_stroke_width(np.where(fine > edge, 255, 0).astype(np.uint8))


def with_stroke_width(binary: Plane) -> Plane:
    """`binary`, 0 or 255, with its strokes widened or thinned as far as _STROKE asks."""
    distance = cv2.distanceTransform(_padded(binary, 1), cv2.DIST_L2, 3)
    width = 4 * float(distance[distance > 0].mean())  # pixels of a strip lie a quarter of its width inside
    narrow, wide = _STROKE
    radius = round((min(max(width, narrow), wide) - width) / 2)
    if radius == 0:
        return binary
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
    if radius > 0:
        return np.asarray(cv2.dilate(_padded(binary, radius), disc), np.uint8)
    thinned = cv2.erode(binary, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(thinned if thinned.any() else binary, np.uint8)


def place(strokes: Plane) -> Plane:
    """Shrunk into the 20 x 20 box, its centre of mass at pixel 14, 14."""
    x, y, width, height = box_of(strokes)
    zoom = BOX / max(width, height)
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    digit = cv2.resize(strokes[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
    centre_x, centre_y = _centre_of_mass(np.asarray(digit, np.uint8))
    wide = _padded(np.asarray(digit, np.uint8), SIDE)
    left, top = round(centre_x) + SIDE - SIDE // 2, round(centre_y) + SIDE - SIDE // 2
    return np.array(wide[top : top + SIDE, left : left + SIDE], np.uint8)
