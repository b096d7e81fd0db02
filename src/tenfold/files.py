"""Bounded reads, checksums and the one atomic write: a file is either the old one or the new one, whole."""

import hashlib
import os
import secrets
import stat
from pathlib import Path

from tenfold.errors import DiskError, InputError


def sha256(data: bytes | memoryview) -> str:
    """The SHA-256 of `data`, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_bounded(
    path: str | os.PathLike[str], limit: int, error: type[InputError], what: str = "The file"
) -> bytes:
    """The bytes of a regular file of at most `limit` bytes.

    Raises `error` for what is absent, too large or not a regular file (a folder, a pipe, a device: these are
    never opened for reading), and DiskError where the system refuses to read.
    """
    path = Path(path)
    try:
        # O_NONBLOCK: opening a pipe must not wait for its writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError):
        raise error(f"{what} '{path}' does not exist.") from None
    except IsADirectoryError:
        raise error(f"{what} '{path}' is a folder.") from None
    except OSError as cause:
        raise DiskError(f"'{path}' cannot be read: {cause.strerror}.") from None
    except ValueError:
        raise error(f"{what} name {str(path)!r} is not a path.") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):  # asked before fdopen, which has an error of its own for a folder
        os.close(handle)
        raise error(
            f"{what} '{path}' is {'a folder' if stat.S_ISDIR(status.st_mode) else 'not a regular file'}."
        )
    with os.fdopen(handle, "rb") as file:
        if status.st_size > limit:
            raise error(f"{what} '{path}' has {status.st_size:,} bytes; at most {limit:,} are allowed.")
        try:
            data = file.read(limit + 1)
        except OSError as cause:
            raise DiskError(f"'{path}' cannot be read: {cause.strerror}.") from None
    if len(data) > limit:
        raise error(f"{what} '{path}' grew past the {limit:,} bytes that are allowed.")
    return data


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path` so that a crash at any moment leaves the old file or the new
    one.

    Writes a neighbour, syncs it, renames it over `path` and syncs the folder; an existing file keeps its
    mode. Raises DiskError, with the old file untouched and the neighbour removed, where the system refuses.
    """
    path = Path(path)
    payload = data.encode() if isinstance(data, str) else data
    neighbour = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        handle = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                if path.exists():
                    os.chmod(neighbour, stat.S_IMODE(path.stat().st_mode))
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            os.replace(neighbour, path)
        except BaseException:
            neighbour.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as cause:
        raise DiskError(
            f"'{path}' cannot be written ({len(payload):,} bytes): {cause.strerror or cause}."
        ) from None


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make `path` and its parents; an existing folder is fine. Raises DiskError where the system refuses."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise DiskError(f"The folder '{path}' cannot be made: {cause.strerror}.") from None
    return path


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no handle on a folder to sync
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
