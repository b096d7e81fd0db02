"""What a Reader is given, checked at its door: it either is what it must be or ends in one ShapeError.

Read-only, big-endian, memory-mapped, in any order in memory: all are read alike, and nothing is modified.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.data.preprocess import preprocess
from tenfold.errors import ShapeError
from tenfold.onnx_check import IMAGE_SHAPE


def network_input(images: NDArray[Any]) -> NDArray[np.float32]:
    """float32 [n, 1, 28, 28] in 0..1 of what `raw_pixels` let pass. Raises ShapeError for other floats."""
    if images.dtype == np.uint8:
        return preprocess(images)
    with np.errstate(over="ignore"):  # of a float64 beyond float32, refused below
        floats = np.ascontiguousarray(images, np.float32)
    if not (floats.min() >= 0 and floats.max() <= 1):  # so written, NaN is refused too
        raise ShapeError("Pixels given as floats must lie in 0 to 1, with ink bright; divide 0..255 by 255.")
    return floats


def raw_pixels(images: object) -> NDArray[Any]:
    """uint8 [n, 28, 28] or floats [n, 1, 28, 28] of an array or a list. Raises ShapeError for all else."""
    if isinstance(images, list | tuple):
        images = _stacked(images)
    if not isinstance(images, np.ndarray):
        raise ShapeError(f"Raw pixels must be one numpy array or a list of them, not {_kind(images)}.")
    pixels = images.dtype == np.uint8 and images.shape[1:] == IMAGE_SHAPE[1:]
    floats = images.dtype.kind == "f" and images.shape[1:] == IMAGE_SHAPE
    if not pixels and not floats:
        raise ShapeError(
            "Raw pixels must be uint8 [n, 28, 28] or float32 [n, 1, 28, 28] in 0 to 1, "
            f"not {images.dtype} {list(images.shape)}."
        )
    return images


def _stacked(images: Sequence[object]) -> NDArray[Any]:
    """One array of a list; plain whole numbers, which have no type of their own, are pixels of 0 to 255."""
    if not images:
        return np.empty((0, *IMAGE_SHAPE[1:]), np.uint8)
    try:
        array = np.asarray(images)
    except (ValueError, OverflowError):  # of unequal shapes, or an unreadable number
        raise ShapeError("Raw pixels given as a list must all be 28 x 28.") from None
    except (RuntimeError, TypeError) as cause:  # a tensor that no array can be made of says why
        raise ShapeError(f"Raw pixels cannot be taken from a {_kind(images[0])}: {cause}") from None
    typeless = array.dtype == np.int64 and not isinstance(images[0], np.ndarray)
    if typeless and array.size and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    return array


def check_not_one(images: object) -> None:
    """A single picture is the common slip: as a sequence it would be rows or letters."""
    if isinstance(images, str | bytes | os.PathLike):
        raise ShapeError("Pictures must be given as a list; for one, put it in brackets: predict([picture]).")


def path_text(path: object) -> str:
    """A path as text. Raises ShapeError for what is none."""
    if not isinstance(path, str | bytes | os.PathLike):
        raise ShapeError(f"A picture's path must be text or a Path, not {_kind(path)}.")
    return os.fsdecode(path)


def check_sequence(images: object) -> None:
    """More than one picture, and all at hand."""
    check_not_one(images)
    if isinstance(images, np.ndarray):
        if images.ndim < 3 or (images.ndim == 3 and images.shape[2] in (3, 4)):
            raise ShapeError(
                f"An array {list(images.shape)} is not a row of pictures; "
                "for one, put it in brackets: predict([picture])."
            )
    elif not isinstance(images, Sequence):
        raise ShapeError(f"Pictures must be given as a list of paths and uint8 arrays, not {_kind(images)}.")


def _kind(value: object) -> str:
    return type(value).__name__
