"""Bounded reads, checksums and the one atomic write: a file is either the old one or the new one, whole."""

import hashlib
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path

from tenfold.errors import DiskError, InputError

NEIGHBOUR = ".tmp"  # ends the name of a file that is not whole yet
CHUNK = 1 << 24  # bytes at a time: some systems write no more than 2 GB at once


def sha256(data: bytes | memoryview) -> str:
    """The SHA-256 of `data`, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_bounded(
    path: str | os.PathLike[str], limit: int, error: type[InputError], what: str = "The file"
) -> bytes:
    """The bytes of a regular file of at most `limit` bytes.

    Raises `error` for what is absent, too large, not a regular file (a folder, a pipe, a device: these are
    not even opened) or written to meanwhile, and DiskError where the system refuses to read.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise error(f"{what} '{path}' is {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}.")
        # O_NONBLOCK: opening what has just become a pipe must not wait for its writer
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            size = os.fstat(handle).st_size
            if size > limit:
                raise error(f"{what} '{path}' has {size:,} bytes; at most {limit:,} are allowed.")
            data = _read(handle, size + 1)  # not limit + 1: that much memory is set aside
        finally:
            os.close(handle)
    except (FileNotFoundError, NotADirectoryError):
        raise error(f"{what} '{path}' does not exist.") from None
    except OSError as cause:
        raise DiskError(f"'{path}' cannot be read: {cause.strerror}.") from None
    except ValueError:
        raise error(f"{what} name {str(path)!r} is not a path.") from None
    if len(data) != size:
        raise error(f"{what} '{path}' changed while it was read.")
    return data


def _read(handle: int, most: int) -> bytes:
    """In half the time of a file object, which asks the system twice as much."""
    data = os.read(handle, most)
    while len(data) < most and (more := os.read(handle, most - len(data))):
        data += more
    return data


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path`: a crash at any moment leaves the old file or the new one.

    Writes a neighbour, syncs it, renames it over `path` and syncs the folder; an existing file keeps its
    mode, and a link still leads to the file, which is the one that is written. Raises DiskError where the
    system refuses, and leaves no neighbour; `path` is then the old file, or the new one where only the folder
    could not be synced. What a crash leaves is for `sweep`. A pipe or a device, such as /dev/stdout, is
    written into and not replaced.
    """
    payload = data.encode() if isinstance(data, str) else data
    try:
        if is_stream(path):
            with open(path, "wb", buffering=0) as stream:
                _write(stream.fileno(), payload)
            return
        target = Path(os.path.realpath(path))
        neighbour = target.with_name(f".{secrets.token_hex(8)}{NEIGHBOUR}")
        handle = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            try:
                with suppress(FileNotFoundError):  # there is none, or another process deletes it just now
                    mode = stat.S_IMODE(target.stat().st_mode)
                    os.chmod(neighbour, mode)  # before a byte is in it: it may be for the owner alone
                _write(handle, payload)
                os.fsync(handle)
            finally:
                os.close(handle)
            os.replace(neighbour, target)
        except BaseException:
            neighbour.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except (OSError, ValueError) as cause:  # ValueError: no name, or a zero byte in it
        reason = getattr(cause, "strerror", None) or cause
        raise DiskError(f"'{path}' cannot be written ({len(payload):,} bytes): {reason}.") from None


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a pipe or a device, such as /dev/stdout."""
    try:
        mode = os.stat(path).st_mode  # not of its real path: that of /dev/stdout may be no path
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _write(handle: int, payload: bytes) -> None:
    left = memoryview(payload)
    while left:
        left = left[os.write(handle, left[:CHUNK]) :]


def sweep(folder: str | os.PathLike[str], *, older_than: float = 3600.0) -> None:
    """Remove what a crash in `write_atomic` left in `folder`, if it is older than `older_than` seconds: a
    younger one may be another process's that is at work."""
    try:
        strays = [entry for entry in os.scandir(folder) if is_stray(entry.name)]
    except OSError:  # no folder, nothing to remove
        return
    for entry in strays:
        with suppress(OSError):
            if time.time() - entry.stat(follow_symlinks=False).st_mtime >= older_than:
                os.unlink(entry.path)


def is_stray(name: str) -> bool:
    """Whether `name` is of a file that only `write_atomic` makes, and only for a moment."""
    return re.fullmatch(rf"\.[0-9a-f]{{16}}{re.escape(NEIGHBOUR)}", name) is not None


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether anything is at `path`. Raises DiskError where the system does not let look there."""
    return _mode(path) != 0


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a folder, or a link to one. Raises as `exists`."""
    return stat.S_ISDIR(_mode(path))


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a regular file, or a link to one. Raises as `exists`."""
    return stat.S_ISREG(_mode(path))


def children(folder: str | os.PathLike[str]) -> list[Path]:
    """What is in `folder`, by name. Raises DiskError where it cannot be listed."""
    try:
        return sorted(Path(folder).iterdir())
    except OSError as cause:
        raise DiskError(f"'{folder}' cannot be read: {cause.strerror}.") from None


def is_free(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is absent or an empty folder, but for what `write_atomic` is at or left. Raises as
    `exists` and `children`."""
    return not exists(path) or (is_folder(path) and all(is_stray(entry.name) for entry in children(path)))


def _mode(path: str | os.PathLike[str]) -> int:
    """0 where there is nothing."""
    try:
        return os.stat(path).st_mode
    except PermissionError as cause:
        raise DiskError(f"'{path}' cannot be read: {cause.strerror}.") from None
    except (OSError, ValueError):  # ValueError: no path at all, as with a zero byte in it
        return 0


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
