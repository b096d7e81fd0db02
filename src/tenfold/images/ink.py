"""Any picture -> the strength of its ink: how far each pixel departs from the paper around it.

Paper is what is left when every stroke is closed over: a morphological closing with a window wider than a
stroke keeps shadows, uneven light and patches pasted on another ground, as those are wider still.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WORK_SIDE = 512  # pictures are shrunk to this many pixels a side: a digit on a tenth of it still has 50
_PAPER_SIDE = 64  # paper changes slowly: it is estimated on a plane of this size
_STROKE_SHARE = 0.45  # the widest stroke, as a share of the picture's shorter side


@dataclass(frozen=True)
class Ink:
    """`plane` uint8 [h, w] is 0 on paper and rises with the ink, in grey levels of the picture; `bright` tells
    light ink on dark paper; `scale` is the plane's size over the picture's."""

    plane: NDArray[np.uint8]
    bright: bool
    scale: float


def ink(picture: NDArray[np.uint8], *, side: int = WORK_SIDE) -> Ink:
    """The ink of `picture`, uint8 [h, w] or RGB [h, w, 3], on a plane of at most `side` pixels a side."""
    scale = min(1.0, side / max(picture.shape[:2]))
    if scale < 1:
        height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    grey = picture if picture.ndim == 2 else _most_telling_grey(picture)
    bright = _is_bright(grey)
    dark_ink = 255 - grey if bright else grey
    return Ink(cv2.subtract(_paper(dark_ink), dark_ink), bright, scale)


def _most_telling_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The projection of colours in which they differ most: yellow ink on white, or red on green, has no
    contrast in plain luminance."""
    pixels = rgb.reshape(-1, 3)
    sample = pixels[:: max(1, len(pixels) // 4096)].astype(np.float32)
    axis = np.linalg.eigh(np.cov(sample.T))[1][:, -1]
    axis *= np.sign(axis.sum() or 1.0) / np.abs(axis).sum()
    offset = -255 * float(axis[axis < 0].sum())
    plane: NDArray[np.uint8] = cv2.transform(rgb, np.append(axis, offset)[None].astype(np.float32))
    return plane


def _is_bright(grey: NDArray[np.uint8]) -> bool:
    """Paper is the greater part of the border and of the whole; ink is the smaller."""
    _, light = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    return bool(border.mean() + light.mean() < 1)


def _paper(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The level of paper bright around dark ink, uint8 of the same shape."""
    height, width = grey.shape
    shrink = min(1.0, _PAPER_SIDE / max(height, width))
    small = grey
    if shrink < 1:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    window = max(3, round(_STROKE_SHARE * min(small.shape)) | 1)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8))
    closed = cv2.blur(closed, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(closed, (width, height), interpolation=cv2.INTER_LINEAR) if shrink < 1 else closed
