"""Locks that the system gives back when their process ends, however it ends.

    with claimed(folder): ...                         one process at a time works in `folder`
    with Lock(folder / "study.lock"): ...             one after the other, here or on another machine
    Lock(folder / "worker").acquire(wait=False)       False while another process lives that holds it

Between machines they hold where the file system passes locks on, as NFS does.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tenfold.errors import DiskError, OutputExistsError
from tenfold.files import exists, make_folder


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """For the folder of a run, a cross-validation, a learning curve or an ablation, made where there is none.

    Raises OutputExistsError where another process works in it; DiskError where it cannot be made. A file
    system without locks (and Windows, which locks no folders) lets everybody in.
    """
    if not exists(folder):
        make_folder(folder)
    try:
        handle = _locked(folder, os.O_RDONLY, wait=False)
    except OSError:
        yield
        return
    if handle is None:
        raise OutputExistsError(f"Another process is at work in '{folder}'; wait for it.")
    try:
        yield
    finally:
        os.close(handle)


class Lock:
    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._handle: int | None = None

    def acquire(self, wait: bool = True) -> bool:
        """Whether it is ours now; if waited for, it is. Raises DiskError where files cannot be locked."""
        try:
            self._handle = _locked(self.path, os.O_RDWR | os.O_CREAT, wait)
        except OSError as cause:
            raise DiskError(
                f"'{self.path}' cannot be locked: {cause.strerror}; choose an --out where it can."
            ) from None
        return self._handle is not None

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _locked(path: Path, flags: int, wait: bool) -> int | None:
    """What holds the lock until it is closed; None where another does. Raises OSError where nothing can."""
    handle = os.open(path, flags, 0o666)
    try:
        if _lock(handle, wait):
            return handle
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _lock(handle: int, wait: bool) -> bool:
    if os.name == "nt":
        import msvcrt
        import time

        while True:
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
                return True
            except OSError:
                if not wait:
                    return False
                time.sleep(0.05)
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
