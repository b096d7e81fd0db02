"""Pictures at another size."""

import cv2
import numpy as np
from numpy.typing import NDArray


def zoomed(picture: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    """`picture` uint8 [h, w] or [h, w, 3] at `zoom` times its size, each side a pixel at least."""
    size = (max(1, round(picture.shape[1] * zoom)), max(1, round(picture.shape[0] * zoom)))
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def shrunk(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """`picture` with at most `side` pixels a side; itself where it is as small."""
    zoom = side / max(picture.shape[:2])
    return picture if zoom >= 1 else zoomed(picture, zoom)
