"""Many pictures drawn one after the other, in parts; those that are kept in a folder are drawn only once.

    draw(picture, 165_000, Path("drawn"), "views of ...")       uint8 [165000, 28, 28]

A training that was killed while its pictures were drawn goes on after the last whole part: seconds are lost
and not minutes. 165,000 pictures take about 35 MB on disk. By processes and not by threads: a picture is a
hundred short calls, and threads that hand the interpreter to each other at each take longer than one alone.
"""

import hashlib
import zlib
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import RunError
from tenfold.files import make_folder, read_bounded, write_atomic
from tenfold.processes import in_processes

DRAWING = 6  # counted up when anything is drawn otherwise, so that nothing that was kept before is taken
PART = 4096  # pictures: a quarter of a minute
SIDE = 28
DIGEST = 32  # bytes of SHA-256, before the packed pixels

Picture = Callable[[int], NDArray[np.uint8]]


def draw(
    picture: Picture,
    count: int,
    kept: Path | None = None,
    what: str = "",
    processes: int = 1,
    *,
    shape: tuple[int, int] = (SIDE, SIDE),
) -> NDArray[np.uint8]:
    """`picture(0)` to `picture(count - 1)`, each uint8 of `shape`: uint8 [count, *shape].

    `what` says from what it is drawn, in full: a part in `kept` counts only for the same and the same
    DRAWING. A damaged part is drawn anew. `processes` side by side draw parts; `picture` is pickled for
    them. Should one be ended from outside, what is left is drawn here. Raises DiskError where a part cannot
    be kept.
    """
    images = np.empty((count, *shape), np.uint8)
    key = hashlib.sha256(f"{DRAWING} {count} {what}".encode()).hexdigest()[:16]
    paths = {start: kept and kept / f"{key}-{start:07}" for start in range(0, count, PART)}
    lacking = [start for start, path in paths.items() if not _read(path, images[start : start + PART])]

    def fill(at_once: int) -> None:
        waiting = iter([(start, min(start + PART, count)) for start in lacking])
        with closing(in_processes(partial(_part, picture), lambda: next(waiting, None), at_once)) as parts:
            for start, part in parts:
                images[start : start + PART] = part
                _write(paths[start], part)
                lacking.remove(start)

    try:
        fill(max(1, min(processes, len(lacking))))
    except BrokenProcessPool:
        fill(1)
    return images


def _part(picture: Picture, start: int, stop: int) -> tuple[int, NDArray[np.uint8]]:
    return start, np.stack([picture(number) for number in range(start, stop)])


def _write(path: Path | None, part: NDArray[np.uint8]) -> None:
    if path is None:
        return
    pixels = part.tobytes()
    make_folder(path.parent)
    write_atomic(path, hashlib.sha256(pixels).digest() + zlib.compress(pixels, 1))


def _read(path: Path | None, part: NDArray[np.uint8]) -> bool:
    """Fill `part` from the file at `path`, if it is there and sound."""
    if path is None:
        return False
    try:
        data = read_bounded(path, 2 * part.nbytes + DIGEST, RunError)
        pixels = zlib.decompressobj().decompress(data[DIGEST:], part.nbytes + 1)
    except (RunError, zlib.error):
        return False
    if len(pixels) != part.nbytes or hashlib.sha256(pixels).digest() != data[:DIGEST]:
        return False
    part[:] = np.frombuffer(pixels, np.uint8).reshape(part.shape)
    return True
