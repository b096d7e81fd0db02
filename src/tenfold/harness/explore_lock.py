"""Locks on files that the system gives back when their process ends, however it ends.

    with Lock(folder / "study.lock"): ...             one process at a time, here or on another machine
    Lock(folder / "worker").acquire(wait=False)       False while another process lives that holds it

Between machines they hold where the file system passes locks on, as NFS does.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from tenfold.errors import DiskError


class Lock:
    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._handle: int | None = None

    def acquire(self, wait: bool = True) -> bool:
        """Whether it is ours now; if waited for, it is. Raises DiskError where files cannot be locked."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                taken = _lock(handle, wait)
            except BaseException:
                os.close(handle)
                raise
        except OSError as cause:
            raise DiskError(
                f"'{self.path}' cannot be locked: {cause.strerror}; choose an --out where it can."
            ) from None
        if taken:
            self._handle = handle
        else:
            os.close(handle)
        return taken

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
