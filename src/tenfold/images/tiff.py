"""The pages of a TIFF file, counted along its chain of directories; no pixel is decoded."""

import struct

from tenfold.errors import ImageError

_DIRECTORIES = 1_000  # counted at most
_KIND, _OLD_KIND = 254, 255  # tags; they are the lowest, so they come first
_NO_PAGE = 0b101  # of the kind: a smaller version of another picture, or a mask
_SMALLER = 2  # of the old kind


def check_one_page(data: bytes) -> None:
    """Raises ImageError for more pages than one, as scanners write. Thumbnails and masks are no pages."""
    pages = sum(_pages(data))
    if pages > 1:
        number = f"{pages}" if pages < _DIRECTORIES else f"{_DIRECTORIES:,} or more"
        raise ImageError(f"The TIFF has {number} pages; save each as a picture of its own.")


def _pages(data: bytes) -> list[bool]:
    """Of each directory, whether it is a page's; as far as they are there and lead to new ones."""
    order = "<" if data.startswith(b"II") else ">"
    found: dict[int, bool] = {}
    try:
        (at,) = struct.unpack_from(order + "I", data, 4)
        while at and at not in found and len(found) < _DIRECTORIES:
            (entries,) = struct.unpack_from(order + "H", data, at)
            (following,) = struct.unpack_from(order + "I", data, at + 2 + 12 * entries)
            found[at] = _is_page(data[at + 2 : at + 2 + 12 * min(entries, 2)], order)
            at = following
    except struct.error:  # cut off: the decoder's to judge
        pass
    return list(found.values())


def _is_page(entries: bytes, order: str) -> bool:
    for tag, kind, _, value in struct.iter_unpack(order + "HHI4s", entries):
        (number,) = struct.unpack_from(order + ("H" if kind == 3 else "I"), value)  # 3: two bytes
        if (tag == _KIND and number & _NO_PAGE) or (tag == _OLD_KIND and number == _SMALLER):
            return False
    return True
