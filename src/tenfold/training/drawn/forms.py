"""Strokes through a few points, which each hand puts elsewhere: how letters and digits are drawn.

    ink = draw("084088,~1575", rng, np.diag([7, 7]), pen=5, wander=0.3)       float32 [CANVAS, CANVAS] in 0..1

Points are two digits, x and y of 0 to 8 to the right and down; commas part the strokes, and ~ begins one that
is curved.
"""

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tenfold.training.drawn.world import CANVAS, Plane

GRID = 8


def draw(
    form: str,
    rng: Generator,
    shape: NDArray[Any],
    *,
    pen: int,
    wander: float,
    rounding: int = 0,
    serif: float = 0.0,
) -> Plane:
    """The strokes of `form` in the middle of the canvas, by a pen of `pen` pixels.

    The matrix `shape` [2, 2] leads steps of the grid to pixels; `wander` is the standard deviation of points
    in steps, `rounding` how often corners are cut, `serif` half the length of one, in pixels, if any.
    """
    canvas = np.zeros((CANVAS, CANVAS), np.float32)
    for stroke in form.split(","):
        curved = stroke.startswith("~")
        points = _points(stroke.removeprefix("~"))
        points = points + rng.normal(0, wander, points.shape) - GRID / 2
        points = points @ shape.T + CANVAS / 2
        lines = [curve(points) if curved else _rounded(points, rounding)]
        if serif and not curved:
            half = serif * np.array([1, 0])
            lines += [np.stack([end - half, end + half]) for end in (points[0], points[-1])]
        fine = [np.rint(16 * line).astype(np.int32) for line in lines]  # OpenCV takes sixteenths
        cv2.polylines(canvas, fine, False, 1.0, pen, cv2.LINE_AA, 4)
    return canvas


def trace(canvas: Plane, points: Plane, pen: int) -> None:
    """Draw a line through `points` [n, 2], x and y, `pen` pixels broad."""
    cv2.polylines(canvas, [points.round().astype(np.int32)], False, 1.0, pen, cv2.LINE_AA)


def _points(digits: str) -> NDArray[Any]:
    """float64 [n, 2] of the grid."""
    return np.array([int(digit) for digit in digits], np.float64).reshape(-1, 2)


def curve(points: NDArray[Any]) -> NDArray[Any]:
    """Through all points [n, 2], smoothly (Catmull and Rom): [8 (n - 1) + 1, 2]."""
    before, after = 2 * points[:1] - points[1:2], 2 * points[-1:] - points[-2:-1]
    p = np.concatenate([before, points, after])
    t = np.linspace(0, 1, 8, endpoint=False)[None, :, None]
    a, b, c, d = (p[place : len(p) - 3 + place, None] for place in range(4))
    steps = b + t * ((c - a) / 2 + t * ((2 * a - 5 * b + 4 * c - d) / 2 + t * (3 * (b - c) + d - a) / 2))
    return np.concatenate([steps.reshape(-1, 2), points[-1:]])


def _rounded(points: NDArray[Any], times: int) -> NDArray[Any]:
    """With its corners cut, again and again (Chaikin)."""
    for _ in range(times):
        near, far = 0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]
        inner = np.stack([near, far], 1).reshape(-1, 2)
        points = np.concatenate([points[:1], inner, points[-1:]])
    return points
