"""Ink on paper, as a camera or a scanner sees it.

picture = photograph(ruled(ink, feet, rng), rng, world)       uint8 [h, w]
"""

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tenfold.training.drawn.forms import trace
from tenfold.training.drawn.world import PEN_BOX, Plane, World


def photograph(ink: Plane, rng: Generator, world: World) -> NDArray[np.uint8]:
    """`ink` float32 [h, w] in 0..1 on paper, in uneven light, through a lens, stored with noise: uint8 [h,
    w]."""
    height, width = ink.shape
    paper, contrast = rng.uniform(130, 255), rng.uniform(90, 220)
    if rng.random() < world.faint:
        contrast = rng.uniform(25, 90)
    if rng.random() < world.ruling:
        ink = np.maximum(ink, _ruling(height, width, rng))
    light = cv2.resize(rng.uniform(1 - rng.uniform(0, 0.4), 1, (2, 2)).astype(np.float32), (width, height))
    picture: Plane = (paper - min(contrast, paper - 5) * ink) * light
    blur = rng.uniform(0, 0.02) * height
    if blur > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    picture += rng.normal(0, rng.uniform(0, 0.04) * min(contrast, 100), picture.shape)
    grey: NDArray[Any] = picture.clip(0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, stored = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])
        grey = np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE))
    return 255 - grey if rng.random() < 0.3 else grey


def ruled(ink: Plane, feet: int, rng: Generator) -> Plane:
    """With a printed line from side to side, near row `feet`, nearly straight, as dark as ink or half so."""
    line = np.zeros_like(ink)
    left, right = feet + PEN_BOX * (rng.normal(0, 0.06) + rng.normal(0, 0.015, 2))
    ends = np.array([[0, left], [ink.shape[1], right]])
    trace(line, ends, int(rng.integers(1, 4)))
    return np.maximum(ink, rng.uniform(0.4, 1.0) * line)


def _ruling(height: int, width: int, rng: Generator) -> Plane:
    """A line or two of squared or ruled paper, fainter than the ink."""
    lines = np.zeros((height, width), np.float32)
    strength, pitch = rng.uniform(0.15, 0.45), max(6, round(height * rng.uniform(0.4, 0.9)))
    lines[rng.integers(pitch) :: pitch] = strength
    if rng.random() < 0.5:
        lines[:, rng.integers(pitch) :: pitch] = strength
    return lines
