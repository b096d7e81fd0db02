"""One process at a time works in the folder of a run, a cross-validation, a learning curve or an ablation. A
claim ends with its process, however that ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenfold.errors import OutputExistsError


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Raises OutputExistsError where another process works in `folder`. A file system without locks (and
    Windows) lets everybody in."""
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
