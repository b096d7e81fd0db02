"""Untrusted bytes -> one plane of pixels; the only file that imports Pillow.

PNG, JPEG, BMP, WebP, GIF (first frame) and TIFF (of one page), told apart by their first bytes; of Pillow's
own 1,067 test files a short list like this one refuses every one made to crash, hang or fill the memory.
Whatever is not a sound picture raises ImageError with one sentence, and a picture of too many pixels does so
from its header, before memory is taken for it.
"""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ImageError, ImageSizeError, ShapeError
from tenfold.files import read_bounded
from tenfold.images.jpeg import check_scans
from tenfold.images.pixels import grey_if_grey
from tenfold.images.png import SIGNATURE, is_plain, png_size, strict_png
from tenfold.images.size import webp_size
from tenfold.images.tiff import check_one_page

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

PIXEL_LIMIT = 50_000_000  # the largest telephone cameras make 48 to 50 megapixels
BYTE_LIMIT = 64 << 20
_PHONES = (b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"avif", b"avis")  # brands of their files
_FORMATS = (  # first bytes, name, class in PIL.<name>ImagePlugin
    (SIGNATURE, "Png", "PngImageFile"),
    (b"\xff\xd8\xff", "Jpeg", "JpegImageFile"),
    (b"BM", "Bmp", "BmpImageFile"),
    (b"RIFF", "WebP", "WebPImageFile"),
    (b"GIF8", "Gif", "GifImageFile"),
    (b"II*\0", "Tiff", "TiffImageFile"),
    (b"MM\0*", "Tiff", "TiffImageFile"),
)
_TURNED_BY_EXIF = ("Png", "Jpeg", "WebP")  # a TIFF comes upright from Pillow
_SMALL = 1_000_000  # pixels of a PNG; whole, a larger one would be held in memory twice
_ORIENTATION = 0x0112  # EXIF tag
# EXIF orientation -> (transpose, flip up-down, flip left-right), in this order
_TURNS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
_STRIP = 1 << 14  # pixels handed over by Pillow at a time; so little memory is used again and again
_OPAQUE = 128  # alpha from which a pixel's colour counts
_CONTENT_SPREAD = 64  # grey levels between light and dark that make the visible part a picture in itself

# Pillow warns of odd metadata; Python's filters are global, so one thread at a time sets them aside. A lock a
# process: at a fork, one that another thread holds would stay locked in the child for ever.
_WARNINGS: dict[int, threading.Lock] = {}


def read_picture(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview,
    *,
    pixel_limit: int = PIXEL_LIMIT,
    byte_limit: int = BYTE_LIMIT,
) -> NDArray[np.uint8]:
    """The upright picture in a file (a path or its bytes): uint8 [h, w] if it is grey, else RGB [h, w, 3].

    Raises ImageError for what is not a sound picture, ImageSizeError, which is one, for more than
    `pixel_limit` pixels or `byte_limit` bytes, ShapeError for what is neither path nor bytes, DiskError where
    the system refuses to read.
    """
    return read_shrunk(source, None, pixel_limit=pixel_limit, byte_limit=byte_limit)[0]


def read_shrunk(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview,
    side: int | None,
    *,
    pixel_limit: int = PIXEL_LIMIT,
    byte_limit: int = BYTE_LIMIT,
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """As `read_picture`, but a JPEG may come at a half, a quarter or an eighth of its size, its longer side
    still at least `side` pixels, in a third of the time; and the whole picture's width and height."""
    if isinstance(source, str | os.PathLike):
        data = read_bounded(source, byte_limit, ImageError, "The picture")
    elif isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    else:
        raise ShapeError(
            f"A picture is read from a path or a file's bytes, not from {type(source).__name__}."
        )
    if len(data) > byte_limit:
        raise ImageSizeError(f"The picture has {len(data):,} bytes; at most {byte_limit:,} are allowed.")
    name, opener = _format(data)
    if name == "Png":
        width, height = png_size(data)
        _check_pixels((width, height), pixel_limit)
        data = strict_png(data)
        if width * height <= _SMALL and is_plain(data):
            return _plain_png(data), (width, height)
    elif name == "Jpeg":
        check_scans(data)
    elif name == "Tiff":
        check_one_page(data)
    elif name == "WebP":
        _check_pixels(webp_size(data), pixel_limit)  # its decoder takes the memory when it opens
    with _one_sentence(name):
        with _WARNINGS.setdefault(os.getpid(), threading.Lock()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = opener(BytesIO(data))
            # asked of a PNG that has none, Pillow would decode it here; what there is, it knows by now
            tagged = name in _TURNED_BY_EXIF and (name != "Png" or "exif" in picture.info)
            orientation = picture.getexif().get(_ORIENTATION) if tagged else None
            _check_pixels(picture.size, pixel_limit)
            if name == "Jpeg":
                _check_blocks(picture.size, len(data))
            if name == "Tiff":  # its metadata are read, and warned of, after its pixels
                picture.load()
        size = picture.size
        if name == "Jpeg" and side is not None and picture.mode in ("L", "RGB"):
            _draft(picture, side)
        with picture:
            picture.load()
            plane = _plane(picture)
    upright = _upright(plane, orientation)
    turned = upright.shape[:2] != plane.shape[:2]
    return upright, size[::-1] if turned else size


def _plain_png(data: bytes) -> NDArray[np.uint8]:
    """By OpenCV, in a quarter of Pillow's time; it would write to stderr of damage, but none comes here."""
    picture = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)
    if picture.ndim == 2:
        return picture
    return grey_if_grey(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))


@contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Decoders raise a dozen types of error; a user needs one."""
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except Exception:
        raise ImageError(f"The {name.upper()} picture is damaged or cut off and cannot be decoded.") from None


def _format(data: bytes) -> tuple[str, Any]:
    for magic, name, opener in _FORMATS:
        if data.startswith(magic) and (name != "WebP" or data[8:12] == b"WEBP"):
            return name, getattr(import_module(f"PIL.{name}ImagePlugin"), opener)
    if not data:
        raise ImageError("The file is empty.")
    if data[4:8] == b"ftyp" and data[8:12] in _PHONES:
        raise ImageError("The file is a HEIC or AVIF picture, as phones make them; save it as JPEG or PNG.")
    if data.startswith(b"%PDF"):
        raise ImageError("The file is a PDF; save its pages as JPEG or PNG.")
    raise ImageError("The file is not a PNG, JPEG, BMP, WebP, GIF or TIFF picture.")


def _check_pixels(size: tuple[int, int], limit: int) -> None:
    width, height = size
    if width * height > limit:
        raise ImageSizeError(
            f"The picture has {width:,} x {height:,} pixels; at most {limit:,} are allowed. Make it smaller."
        )
    if width < 1 or height < 1:
        raise ImageError("The picture has no pixels.")


def _check_blocks(size: tuple[int, int], length: int) -> None:
    """Each block of 8 x 8 pixels takes a bit at least, also in a progressive file. Where blocks are missing
    before the end mark, the decoder makes them up: 700 bytes would be 49 million pixels, after seconds."""
    width, height = size
    if -(-width // 8) * -(-height // 8) > 8 * length:
        raise ImageError("The JPEG picture is damaged: it holds fewer pixels than its header says.")


def _draft(picture: "ImageFile", side: int) -> None:
    """JPEG's own shrinking: the largest of 1, 2, 4, 8 that leaves the longer side at least `side`."""
    scale = max((s for s in (1, 2, 4, 8) if max(picture.size) >= s * side), default=1)
    if scale > 1:
        picture.draft(picture.mode, (picture.width // scale, picture.height // scale))


def _plane(picture: "ImageFile") -> NDArray[np.uint8]:
    mode = picture.mode
    if mode == "L" and not picture.has_transparency_data:
        return np.asarray(picture)
    if mode.startswith(("I", "F")):
        return _to_8_bits(np.asarray(picture))
    if picture.has_transparency_data:
        return grey_if_grey(_compose(np.asarray(picture.convert("RGBA"))))
    if mode == "1":
        return np.asarray(picture.convert("L"))
    return grey_if_grey(_array(picture if mode == "RGB" else picture.convert("RGB")))


def _array(picture: "Image") -> NDArray[np.uint8]:
    """RGB [h, w, 3], strip by strip: whole, Pillow would hold it three times more on the way."""
    pixels = np.empty((picture.height, picture.width, 3), np.uint8)
    rows = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, rows):
        bottom = min(top + rows, picture.height)
        pixels[top:bottom] = np.asarray(picture.crop((0, top, picture.width, bottom)))
    return pixels


def _to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """By the number of bits in use, as a 12-bit scanner fills 0 to 4,095; floats by their range."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float64)
        low, high = values.min(), values.max()
        return np.asarray((values - low) * (255 / max(high - low, 1e-12)), np.uint8)
    positive = np.maximum(values, 0)
    shift = max(int(positive.max()).bit_length() - 8, 0)
    return np.asarray(positive >> shift, np.uint8)


def _compose(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB over a ground that the visible pixels stand out from.

    Where these alone show light and dark, they are a picture with its paper, and the paper goes on; else they
    are bare strokes, on white if dark and on black if light.
    """
    alpha = rgba[..., 3]
    if alpha.min() == 255:
        return rgba[..., :3]
    visible = rgba[alpha >= _OPAQUE][:, :3]
    if not len(visible):
        visible = rgba[alpha > 0][:, :3]
    ground = np.full(3, 255.0)
    if len(visible):
        luminance = visible.mean(axis=1)
        low, high = np.percentile(luminance, (10, 90))
        if high - low > _CONTENT_SPREAD:
            ground = np.median(visible, axis=0)
        elif luminance.mean() > 127:
            ground = np.zeros(3)
    composed = np.empty((*alpha.shape, 3), np.uint8)
    rows = max(1, _STRIP // alpha.shape[1])
    for top in range(0, len(rgba), rows):  # whole, floats would take eight times the picture
        strip = rgba[top : top + rows]
        share = strip[..., 3:].astype(np.float32) / 255
        composed[top : top + rows] = strip[..., :3] * share + ground.astype(np.float32) * (1 - share) + 0.5
    return composed


def _upright(plane: NDArray[np.uint8], orientation: object) -> NDArray[np.uint8]:
    if not isinstance(orientation, int) or orientation not in _TURNS:
        return plane
    transpose, up_down, left_right = _TURNS[orientation]
    if transpose:
        plane = plane.swapaxes(0, 1)
    if up_down:
        plane = plane[::-1]
    if left_right:
        plane = plane[:, ::-1]
    return np.ascontiguousarray(plane)
