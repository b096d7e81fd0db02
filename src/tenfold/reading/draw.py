"""A reading painted on its picture: a box and the digit for each, green where it is sure, else orange."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.pixels import picture_pixels
from tenfold.images.png import write_png
from tenfold.reading.page import Reading

_SURE, _UNSURE = (20, 150, 40), (235, 120, 0)  # RGB; they differ in lightness too
_SMALLEST = 480  # a picture whose longer side is shorter is enlarged, so that boxes do not hide the digits


def draw(picture: NDArray[np.uint8], reading: Reading) -> bytes:
    """PNG of `picture`, uint8 [h, w] or RGB [h, w, 3], with `reading` on it; small ones come enlarged.
    Raises ShapeError for another array."""
    picture = picture_pixels(picture)
    canvas = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    zoom = max(1, round(_SMALLEST / max(canvas.shape[:2])))
    canvas = cv2.resize(canvas, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)
    line = max(1, max(canvas.shape[:2]) // 500)
    for digit in reading.digits:
        x, y, width, height = (zoom * length for length in digit.box)
        colour = _UNSURE if digit.unsure else _SURE
        cv2.rectangle(canvas, (x, y), (x + width, y + height), colour, line)
        size = max(0.4, height / 90)
        where = (x, y - 2 * line if y > height // 2 else y + height + round(22 * size))
        cv2.putText(
            canvas, str(digit.label), where, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 2 * line, cv2.LINE_AA
        )
    return write_png(np.asarray(canvas, np.uint8))
