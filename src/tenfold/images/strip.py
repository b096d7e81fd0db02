"""One line of a page -> the strip that a network of whole lines reads: its ink alone, level, digits 20 pixels
high on 40 rows, strokes as wide as MNIST's.

    found = strip(line)
    found.image                 uint8 [HEIGHT, w], ink bright
    found.column(x)             where column x of the page's plane lies on it
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.atoms import around, joined
from tenfold.images.normalise import BOX, FINE, fine_strokes
from tenfold.images.segment import Line
from tenfold.kinds import MARGIN, STRIP

HEIGHT = STRIP[0]
_LONG = 4.0  # of a digit's height: what is shorter has no slope
_STEEPEST = 0.15  # rows a column
_LARGEST = 16_384, 800  # pixels while the strokes are worked on


@dataclass(frozen=True)
class Strip:
    """`image` uint8 [HEIGHT, w]; `left` is the first column of its ink on the plane, `zoom` its size over the
    plane's."""

    image: NDArray[np.uint8]
    left: float
    zoom: float

    def column(self, x: float) -> float:
        """Of the strip, of column `x` of the plane."""
        return (x - self.left) * self.zoom + MARGIN


def strip(line: Line) -> Strip:
    """The ink of all of a line's atoms."""
    left, _, width, height = around(line.atoms)
    zoom = min(FINE / line.height, _LARGEST[0] / width, _LARGEST[1] / height)
    strokes = _level(fine_strokes(joined(line.atoms), zoom))
    small = strokes.shape[1] * BOX // FINE, strokes.shape[0] * BOX // FINE
    ink = np.asarray(cv2.resize(strokes, np.maximum(1, small).tolist(), interpolation=cv2.INTER_AREA))
    widened = (strokes.shape[1] - max(1, round(width * zoom))) / 2 / zoom  # on the plane, by a broader pen
    return Strip(_on_rows(np.asarray(ink, np.uint8)), left - widened, zoom * BOX / FINE)


def _level(strokes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sheared so that a long line runs along the rows."""
    y, x = np.nonzero(strokes)
    if np.ptp(x) < _LONG * FINE:
        return strokes
    along = x - x.mean()
    # least squares; not by BLAS, whose threads take longer than these sums
    slope = float(np.clip((along * y).sum() / (along * along).sum(), -_STEEPEST, _STEEPEST))
    height, width = strokes.shape
    room = round(abs(slope) * width)
    matrix = np.array([[1, 0, 0], [-slope, 1, slope * width / 2 + room / 2]])
    return np.asarray(cv2.warpAffine(strokes, matrix, (width, height + room)), np.uint8)


def _on_rows(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Its centre of mass on the middle row; what reaches beyond the rows is cut off."""
    centre = np.average(np.arange(len(ink)), weights=ink.sum(1, dtype=np.float64))
    tall = np.pad(ink, ((HEIGHT, HEIGHT), (MARGIN, MARGIN)))
    top = HEIGHT + round(float(centre)) - HEIGHT // 2
    return tall[top : top + HEIGHT]
