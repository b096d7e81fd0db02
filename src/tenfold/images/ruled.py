"""Ruled lines, squares and boxes taken off a mask of ink, the strokes that cross them kept."""

import cv2
import numpy as np
from numpy.typing import NDArray

_LONG = 20  # of a stroke's width: a straight run so long is no part of a digit
_CROSSES = 1.6  # of a stroke's width: ink so much higher than a line is not the line alone


def without_rules(mask: NDArray[np.uint8], stroke: float) -> NDArray[np.uint8]:
    """`mask` uint8 [h, w] of 0 and 1, without long straight lines along either axis (to 2 degrees)."""
    upright = _without_horizontal(mask, stroke)
    return np.ascontiguousarray(_without_horizontal(np.ascontiguousarray(upright.T), stroke).T)


def _without_horizontal(mask: NDArray[np.uint8], stroke: float) -> NDArray[np.uint8]:
    length = round(_LONG * stroke)
    if length >= mask.shape[1]:
        return mask
    # thickened, a line that leans stays in one row of pixels for longer
    thick = cv2.dilate(mask, np.ones((3, 1), np.uint8))
    line = cv2.bitwise_and(mask, cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, length), np.uint8)))
    # where the ink is higher than the line, a stroke crosses it
    higher = round(_CROSSES * stroke) | 1
    crossing = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((higher, 1), np.uint8))
    return np.asarray(cv2.subtract(mask, cv2.subtract(line, crossing)), np.uint8)
