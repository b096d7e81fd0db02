"""One process at a time works in the folder of a run, a cross-validation, a learning curve or an ablation. A
claim ends with its process, however that ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenfold.errors import OutputExistsError
from tenfold.files import make_folder


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Raises OutputExistsError where another process works in `folder`, which is made where there is none;
    DiskError where it cannot be. A file system without locks (and Windows) lets everybody in."""
    if not folder.exists():
        make_folder(folder)
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise OutputExistsError(f"Another process is at work on the run '{folder}'; wait for it.") from None
    except OSError:
        pass
    try:
        yield
    finally:
        os.close(handle)
