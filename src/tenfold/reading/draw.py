"""A reading painted on its picture: a box and the digit for each, green where it is sure, else orange.

A reading that is unsure as a whole, and of no digit more than of another, is orange throughout.
"""

import struct
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.pixels import picture_pixels
from tenfold.images.png import SIGNATURE, write_png
from tenfold.reading.page import Reading

_SURE, _UNSURE = (20, 150, 40), (235, 120, 0)  # RGB; they differ in lightness too
# says that a file is one of these, so that it may be written over
_MARK = b"tEXtDescription\0A reading by Tenfold"
_MARK_AT = len(SIGNATURE) + 25  # behind the header
_SMALLEST = 480  # a picture whose longer side is shorter is enlarged, so that boxes do not hide the digits


def draw(picture: NDArray[np.uint8], reading: Reading) -> bytes:
    """PNG of `picture`, uint8 [h, w] or RGB [h, w, 3], with `reading` on it; small ones come enlarged.
    Raises ShapeError for another array."""
    picture = picture_pixels(picture)
    canvas = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    zoom = max(1, round(_SMALLEST / max(canvas.shape[:2])))
    canvas = cv2.resize(canvas, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)
    line = max(1, max(canvas.shape[:2]) // 500)
    unsure = reading.unsure and not any(digit.unsure for digit in reading.digits)  # as a whole
    for digit in reading.digits:
        x, y, width, height = (zoom * length for length in digit.box)
        colour = _UNSURE if digit.unsure or unsure else _SURE
        cv2.rectangle(canvas, (x, y), (x + width, y + height), colour, line)
        size = max(0.4, height / 90)
        where = (x, y - 2 * line if y > height // 2 else y + height + round(22 * size))
        cv2.putText(
            canvas, str(digit.label), where, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 2 * line, cv2.LINE_AA
        )
    png = write_png(np.asarray(canvas, np.uint8))
    chunk = struct.pack(">I", len(_MARK) - 4) + _MARK + struct.pack(">I", zlib.crc32(_MARK))
    return png[:_MARK_AT] + chunk + png[_MARK_AT:]


def is_drawing(beginning: bytes) -> bool:
    """Whether a file that begins so (1,000 bytes will do) is one that `draw` made."""
    return beginning.startswith(SIGNATURE) and beginning.find(_MARK) == _MARK_AT + 4
