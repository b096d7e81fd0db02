"""Arrays in an .npz file: written packed, read without trusting a byte of it.

    write_atomic(path, pack_arrays({"labels": labels}))
    unpack_arrays(read_bounded(path, LIMIT, RunError), path)["labels"]

Files of a run may come from anybody: what is read is bounded before and after unpacking, nothing is
unpickled, and whatever is damaged is a RunError that names the file.
"""

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.errors import RunError

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LIMIT = 64 * 2**20  # bytes, packed and unpacked


def pack_arrays(arrays: Mapping[str, ArrayLike]) -> bytes:
    """The bytes of an .npz file of `arrays`, which are of numbers."""
    packed = io.BytesIO()
    np.savez_compressed(packed, **dict(arrays))  # type: ignore[arg-type] # numpy 2.3 has another keyword there
    return packed.getvalue()


def unpack_arrays(data: bytes, path: Path, *, limit: int = LIMIT) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file's bytes, of at most `limit` bytes unpacked. RunError names `path`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(member.compress_type not in COMPRESSIONS for member in archive.infolist()):
                raise zipfile.BadZipFile
            if sum(member.file_size for member in archive.infolist()) > limit:
                raise RunError(f"'{path}' unpacks to more than {limit:,} bytes.")
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return {name[:-4]: _array(archive.read(name)) for name in names}
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError, OSError):
        raise RunError(f"'{path}' is damaged: it is not an archive of arrays.") from None


def _array(data: bytes) -> NDArray[Any]:
    """An array of numbers from the bytes of an .npy file of version 1; ValueError for all else.

    numpy reads the header alone: its own reader of arrays allocates what the header claims, whatever follows.
    """
    file = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError
        shape, by_columns, kind = np.lib.format.read_array_header_1_0(file)
    except Exception:  # whatever numpy's tokenizer of a hostile header comes upon
        raise ValueError from None
    if by_columns or kind.kind not in "iuf" or math.prod(shape) * kind.itemsize != len(data) - file.tell():
        raise ValueError
    return np.frombuffer(data[file.tell() :], kind).reshape(shape)
