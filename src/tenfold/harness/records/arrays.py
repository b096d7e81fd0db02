"""Arrays in an .npz file: written packed, read without trusting a byte of it.

    write_atomic(path, pack_arrays({"labels": labels}))
    unpack_arrays(read_bounded(path, LIMIT, RunError), path)["labels"]

Files of a run may come from anybody: what is read is bounded before and after unpacking, nothing is
unpickled, and whatever is damaged is a RunError that names the file.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.data.unpack import read_npy
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
    except (zipfile.BadZipFile, zlib.error, ValueError, TypeError, EOFError, RuntimeError, OSError):
        raise RunError(f"'{path}' is damaged: it is not an archive of arrays.") from None


def _array(data: bytes) -> NDArray[Any]:
    """An array of numbers; ValueError or TypeError for all else."""
    array = read_npy(data)
    if array.dtype.kind not in "iuf":
        raise ValueError
    return array
