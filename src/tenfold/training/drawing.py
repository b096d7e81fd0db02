"""Many pictures drawn one after the other, in parts; those that are kept in a folder are drawn only once.

    draw(picture, 165_000, Path("drawn"), "views of ...")       uint8 [165000, 28, 28]

A training that was killed while its pictures were drawn goes on after the last whole part: seconds are lost
and not minutes. 165,000 pictures take about 35 MB on disk. By one thread: a picture is a hundred
short calls, and threads that hand the interpreter to each other at each of them take longer than one alone.
"""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import RunError
from tenfold.files import make_folder, read_bounded, write_atomic

PART = 4096  # pictures: a quarter of a minute
SIDE = 28
DIGEST = 32  # bytes of SHA-256, before the packed pixels

Picture = Callable[[int], NDArray[np.uint8]]


def draw(picture: Picture, count: int, kept: Path | None = None, what: str = "") -> NDArray[np.uint8]:
    """`picture(0)` to `picture(count - 1)`, each uint8 [28, 28]: uint8 [count, 28, 28].

    `what` says in full what is drawn: a part in `kept` counts only for the same. A damaged part is drawn
    anew. Raises DiskError where a part cannot be kept.
    """
    images = np.empty((count, SIDE, SIDE), np.uint8)
    key = hashlib.sha256(f"{count} {what}".encode()).hexdigest()[:16]
    for start in range(0, count, PART):
        part = images[start : start + PART]
        path = None if kept is None else kept / f"{key}-{start:07}"
        if path is not None and _read(path, part):
            continue
        for place in range(len(part)):
            part[place] = picture(start + place)
        if path is not None:
            _write(path, part)
    return images


def _write(path: Path, part: NDArray[np.uint8]) -> None:
    pixels = part.tobytes()
    make_folder(path.parent)
    write_atomic(path, hashlib.sha256(pixels).digest() + zlib.compress(pixels, 1))


def _read(path: Path, part: NDArray[np.uint8]) -> bool:
    """Fill `part` from the file at `path`, if it is there and sound."""
    try:
        data = read_bounded(path, 2 * part.nbytes + DIGEST, RunError)
        pixels = zlib.decompressobj().decompress(data[DIGEST:], part.nbytes + 1)
    except (RunError, zlib.error):
        return False
    if len(pixels) != part.nbytes or hashlib.sha256(pixels).digest() != data[:DIGEST]:
        return False
    part[:] = np.frombuffer(pixels, np.uint8).reshape(part.shape)
    return True
