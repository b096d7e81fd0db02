"""Where pictures come from and answers go: paths of this machine, or URIs of pyarrow's file systems.

    place = Place.at("s3://bucket/scans")         or gs://, hdfs://, file://, fsspec+PROTOCOL://, a path
    place.read("a/0.png"), place.write("part-000000.parquet", data)

Names below a place have "/" between them; "" is the place itself.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

from tenfold.errors import DataError, DiskError, ImageError, InputError, MissingExtraError, NetworkError
from tenfold.files import children, exists, is_folder, make_folder, read_bounded, sweep, write_atomic

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_REFUSALS = (errno.EACCES, errno.EPERM, errno.ELOOP)
_WHOLE_AT_CLOSE = ("s3", "gcs", "abfs")  # object stores: a file is there once it is closed, and then whole


class File(NamedTuple):
    """One file of a folder; what tells whether it changed."""

    name: str
    size: int
    changed: int  # nanoseconds


def is_uri(given: str) -> bool:
    """Whether what a user wrote is no path."""
    return _URI.match(given) is not None


def need_pyarrow() -> None:
    """Raises MissingExtraError where the extra `parquet` is not installed."""
    if find_spec("pyarrow") is None:
        raise MissingExtraError("Reading or writing Parquet", "parquet")


@dataclass(frozen=True)
class Place:
    """`given` is what the user wrote; `path` is absolute, or inside of `remote`, a file system of pyarrow."""

    given: str
    path: str
    remote: Any = None

    @classmethod
    def at(cls, given: str, folder: str = "") -> "Place":
        """The place of a path or URI; a path is relative to `folder`. Raises DataError, NetworkError."""
        if not is_uri(given):
            return cls(given, os.path.abspath(os.path.join(folder, given)))
        from pyarrow import lib
        from pyarrow.fs import FileSystem, LocalFileSystem

        try:
            system, path = FileSystem.from_uri(given)
        except (lib.ArrowException, ImportError, ValueError) as cause:
            raise DataError(f"'{given}' is not a place that can be reached: {_first_line(cause)}.") from None
        except OSError as cause:
            raise NetworkError(f"'{given}' cannot be reached: {_first_line(cause)}.") from None
        return cls(given, path) if isinstance(system, LocalFileSystem) else cls(given, path, system)

    @property
    def local(self) -> bool:
        return self.remote is None

    def shown(self, name: str) -> str:
        """How a file is called in answers and messages; bytes that are no UTF-8 are escaped."""
        start = self.given.partition("?")[0] if not self.local else self.given
        whole = f"{start.rstrip('/') or '/'}/{name}" if name else start
        return os.fsencode(whole).decode("utf-8", "backslashreplace")

    def inside(self, name: str) -> str:
        return f"{self.path.rstrip('/')}/{name}" if name else self.path

    def is_folder(self) -> bool:
        """Raises DataError where nothing is there."""
        if self.local:
            if not exists(self.path):
                raise DataError(f"'{self.given}' does not exist.")
            return is_folder(self.path)
        from pyarrow.fs import FileType

        with self.told():
            kind = self.remote.get_file_info(self.path).type
        if kind == FileType.NotFound:
            raise DataError(f"'{self.given}' does not exist.")
        return bool(kind == FileType.Directory)

    def stat(self) -> File:
        """The place itself, a file."""
        with self.told():
            if self.local:
                facts = os.stat(self.path)
                return File("", facts.st_size, facts.st_mtime_ns)
            info = self.remote.get_file_info(self.path)
            return File("", info.size or 0, info.mtime_ns or 0)

    def children(self, name: str) -> tuple[list[File], list[str]]:
        """Files and folders in the folder `name`, each in order, without hidden ones."""
        files: list[File] = []
        folders: list[str] = []
        start = f"{name}/" if name else ""
        with self.told(name):
            for child, is_folder, size, changed in self._scan(self.inside(name)):
                if child.startswith("."):
                    continue
                if is_folder:
                    folders.append(start + child)
                else:
                    files.append(File(start + child, size, changed))
        return sorted(files), sorted(folders)

    def read(
        self, name: str, limit: int, error: type[InputError] = ImageError, what: str = "The picture"
    ) -> bytes:
        """All bytes of a file of at most `limit`. Raises `error`, DiskError or NetworkError."""
        if self.local:
            return read_bounded(self.inside(name), limit, error, what)
        with self.told(name):
            try:
                with self.remote.open_input_file(self.inside(name)) as file:
                    if file.size() > limit:
                        raise error(f"{what} has {file.size():,} bytes; at most {limit:,} are allowed.")
                    return bytes(file.read())
            except FileNotFoundError:
                raise error(f"{what} '{self.shown(name)}' does not exist.") from None

    def open(self, name: str) -> Any:
        """The file for pyarrow to read from, a piece at a time. Use it within `told`."""
        if self.local:
            from pyarrow.fs import LocalFileSystem

            return LocalFileSystem().open_input_file(self.inside(name))
        return self.remote.open_input_file(self.inside(name))

    def exists(self, name: str) -> bool:
        if self.local:
            return exists(self.inside(name))
        from pyarrow.fs import FileType

        with self.told(name):
            return bool(self.remote.get_file_info(self.inside(name)).type == FileType.File)

    def write(self, name: str, data: bytes | str) -> None:
        """Write a file whole or not at all; its folder must be there. Raises DiskError, NetworkError."""
        if self.local:
            write_atomic(self.inside(name), data)
            return
        with self.told(name):
            path = self.inside(name)
            at_once = self.remote.type_name in _WHOLE_AT_CLOSE
            target = path if at_once else self.inside(f".{name}.tmp")
            with self.remote.open_output_stream(target) as stream:
                stream.write(data.encode() if isinstance(data, str) else data)
            if not at_once:
                self.remote.move(target, path)

    def make(self) -> None:
        """The folder of the place, with its parents."""
        if self.local:
            make_folder(self.path)
        else:
            with self.told():
                self.remote.create_dir(self.path)

    def is_free(self) -> bool:
        """Nothing is there, or an empty folder."""
        if self.local:
            return not exists(self.path) or (is_folder(self.path) and not children(self.path))
        from pyarrow.fs import FileSelector

        with self.told():
            return not self.remote.get_file_info(FileSelector(self.path, allow_not_found=True))

    def sweep(self) -> None:
        """Remove what a killed process left of a file it was writing."""
        if self.local:
            sweep(self.path, older_than=0)

    def _scan(self, path: str) -> Iterator[tuple[str, bool, int, int]]:
        if self.local:
            with os.scandir(path) as found:
                yield from (
                    _facts(child) for child in found if not (child.is_symlink() and os.path.isdir(child))
                )
            return
        from pyarrow.fs import FileSelector, FileType

        for info in self.remote.get_file_info(FileSelector(path)):
            yield info.base_name, info.type == FileType.Directory, info.size or 0, info.mtime_ns or 0

    @contextmanager
    def told(self, name: str = "") -> Iterator[None]:
        """A system's refusal of a file as one sentence of ours. Raises DiskError or NetworkError."""
        try:
            yield
        except OSError as cause:
            error = DiskError if self.local else NetworkError
            what = cause.strerror or _first_line(cause)
            raise error(f"'{self.shown(name)}' cannot be used: {what}.") from None


def _facts(child: "os.DirEntry[str]") -> tuple[str, bool, int, int]:
    try:
        facts = child.stat()
    except OSError:  # a link to nothing or to itself, say: its row will say so
        return child.name, False, 0, 0
    return child.name, child.is_dir(), facts.st_size, facts.st_mtime_ns


def is_refusal(error: DiskError) -> bool:
    """Whether not the disk fails, but one file or folder may not be read, or is a link to itself."""
    return getattr(error.__context__, "errno", None) in _REFUSALS


def _first_line(cause: BaseException) -> str:
    return (str(cause).splitlines() or [type(cause).__name__])[0].rstrip(".")
