"""The one road from any picture of one digit to the 28 x 28 that MNIST's makers would have made.

read_picture(file) -> grey or RGB plane      decode.py: untrusted bytes, a short list of formats
to_mnist(plane)    -> uint8 [28, 28]         ink.py finds the ink, normalise.py places the digit
read_digit(file)   -> uint8 [28, 28]         both
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tenfold.images.decode import read_picture as read_picture
    from tenfold.images.normalise import find_digit as find_digit
    from tenfold.images.normalise import to_mnist as to_mnist

# name -> module: imported at first use, as Pillow and OpenCV take 0.1 s
_HOMES = {
    "find_digit": "tenfold.images.normalise",
    "read_picture": "tenfold.images.decode",
    "to_mnist": "tenfold.images.normalise",
}
__all__ = ["find_digit", "read_digit", "read_picture", "to_mnist"]


def _on_one_thread() -> None:
    """For a forked child: OpenCV's other threads stay behind, and it may wait for a lock that one holds."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_on_one_thread)


def read_digit(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview, *, pixel_limit: int | None = None
) -> NDArray[np.uint8]:
    """The digit on a picture, a path or a file's bytes, as uint8 [28, 28] with ink bright; zeros if blank.

    Raises as `read_picture`, whose limit of pixels it has.
    """
    from tenfold.images.decode import PIXEL_LIMIT, read_shrunk
    from tenfold.images.ink import WORK_SIDE
    from tenfold.images.normalise import to_mnist

    return to_mnist(read_shrunk(source, WORK_SIDE, pixel_limit=pixel_limit or PIXEL_LIMIT)[0])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tenfold.images' has no attribute '{name}'")
    globals()[name] = found = getattr(import_module(_HOMES[name]), name)  # found at once from now on
    return found
