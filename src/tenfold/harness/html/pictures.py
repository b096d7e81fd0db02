"""Pictures of arrays: contact sheets, numbers as grey or as two colours, and what stands in a page.

    plt.imshow(sheet(images[:20], columns=5), cmap="gray_r")
    plt.imshow(two_colours(found.covered))

All are uint8, so a notebook shows them as they are.
"""

import base64
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ShapeError
from tenfold.images.png import write_png

FOR, AGAINST = np.array([26, 86, 168]), np.array([179, 55, 15])  # RGB: page.css's --accent and --wrong


def sheet(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """`images` uint8 [n, h, w] side by side, row after row: uint8 [rows h, columns w], 0 at its end."""
    if images.ndim != 3 or not len(images) or columns < 1:
        raise ShapeError(f"A sheet needs images [n, h, w] and columns, not {list(images.shape)}.")
    count, height, width = images.shape
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width), np.uint8)
    cells[:count] = images
    return cells.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def grey(planes: NDArray[Any]) -> NDArray[np.uint8]:
    """Each plane of [..., h, w] over its own range as uint8, its largest value 255, and 0 what is below 0."""
    kept = np.clip(planes, 0, None)
    reach = kept.max((-2, -1), keepdims=True)
    share: NDArray[np.float64] = kept / np.where(reach > 0, reach, 1)
    return np.rint(255 * share).astype(np.uint8)


def two_colours(plane: NDArray[Any], backdrop: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Positive blue and negative red on white, uint8 RGB [h, w, 3], darkest where it is largest.

    `backdrop` uint8 [h, w], ink bright, shows through in grey.
    """
    share = plane / max(float(np.abs(plane).max()), 1e-12)
    paper = np.full((*plane.shape, 3), 255.0)
    if backdrop is not None:
        paper -= 0.25 * backdrop[..., None]
    strength = np.abs(share)[..., None]
    colour = np.where(share[..., None] > 0, FOR, AGAINST)
    rgb: NDArray[np.uint8] = np.rint(paper * (1 - strength) + colour * strength).astype(np.uint8)
    return rgb


def picture(image: NDArray[np.uint8], alt: str) -> str:
    """An `img` of uint8 [h, w], ink bright, shown dark on light, as a PNG inside the page."""
    return _img(255 - image, alt)


def coloured(rgb: NDArray[np.uint8], alt: str) -> str:
    """An `img` of uint8 RGB [h, w, 3], as a PNG inside the page."""
    return _img(rgb, alt, 'class="coloured" ')


def _img(shown: NDArray[np.uint8], alt: str, css: str = "") -> str:
    png = base64.b64encode(write_png(shown, small=True)).decode()
    height, width = shown.shape[:2]
    size = f'width="{width}" height="{height}"'
    return f'<img src="data:image/png;base64,{png}" {css}{size} alt="{escape(alt)}">'
