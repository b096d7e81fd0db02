"""Steps 1 to 3 of the system: stored digits become what a network learns from.

    images, labels = load_training().images, load_training().labels      uint8 [60000, 28, 28], uint8 [60000]
    x = to_float(images)      step 1   float32, 0 to 1        a network learns best from small numbers
    x = add_channel(x)        step 2   [60000, 1, 28, 28]     a convolution expects channels; grey has one
    y = one_hot(labels)       step 3   float32 [60000, 10]    the answer as ten probabilities: 1 at the digit

Training, testing and reading all come through here, so a model meets the numbers it was trained on.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ShapeError

WHITE = 255  # the brightest pixel; MNIST's ink is bright and its paper is 0


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Step 1: pixels 0..255 of any shape become float32 in 0..1.

    Only uint8 is taken: pixels that are floats already may have been divided before. Raises ShapeError.
    """
    if images.dtype != np.uint8:
        raise ShapeError(f"Pixels must be uint8 in 0 to 255; these are {images.dtype}.")
    return np.divide(images, np.float32(WHITE), dtype=np.float32)


def add_channel(images: NDArray[Any]) -> NDArray[Any]:
    """Step 2: [n, height, width] becomes [n, 1, height, width], a view, not a copy. Raises ShapeError."""
    if images.ndim != 3:
        raise ShapeError(f"Images must have the shape [n, height, width]; these have {list(images.shape)}.")
    return images[:, np.newaxis]


def one_hot(labels: NDArray[np.integer[Any]], classes: int = 10) -> NDArray[np.float32]:
    """Step 3: a label 3 becomes the row 0 0 0 1 0 0 0 0 0 0. [n] in 0..classes-1 -> float32 [n, classes].

    Raises ShapeError for labels that are not whole numbers, not in one row, or out of range.
    """
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ShapeError(f"Labels must be integers [n]; these are {labels.dtype} {list(labels.shape)}.")
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ShapeError(
            f"Labels must be 0 to {classes - 1}; these go from {labels.min()} to {labels.max()}."
        )
    encoded = np.zeros((len(labels), classes), np.float32)
    encoded[np.arange(len(labels)), labels] = 1
    return encoded


def preprocess(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Steps 1 and 2: uint8 [n, 28, 28] -> float32 [n, 1, 28, 28] in 0..1, what every network here takes."""
    return add_channel(to_float(images))
