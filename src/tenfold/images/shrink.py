"""Pictures made small, for what needs no detail."""

import cv2
import numpy as np
from numpy.typing import NDArray


def shrunk(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """`picture` uint8 [h, w] or [h, w, 3] with at most `side` pixels a side; itself where it is as small."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
