"""How far a download is, on standard error: a running percentage in a terminal, one line a file elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.cli.output import live, message

if TYPE_CHECKING:
    from tenfold.data import Store

REFRESH = 0.2  # seconds


@contextmanager
def fetching(
    offline: bool = False, import_from: Path | None = None, *, quiet: bool = False
) -> Iterator["Store"]:
    """Where sets come from. What it fetches is shown unless `quiet`, and leaves the cursor at the start of a
    line."""
    from tenfold.data import Store

    shown = Downloads(live=sys.stderr.isatty())
    try:
        yield Store(import_from=import_from, offline=offline, progress=None if quiet else shown)
    finally:
        shown.end_line()


class Downloads:
    """Called with a file's name, the bytes that have come, and those expected or None."""

    def __init__(self, *, live: bool) -> None:
        self.live = live
        self.file = ""
        self.shown = 0.0
        self.open = False

    def __call__(self, file: str, done: int, total: int | None) -> None:
        if file != self.file:
            self.end_line()
            self.file, self.open = file, self.live
            size = f" ({_megabytes(total)})" if total else ""
            (live if self.live else message)(f"Fetching {file}{size}")
        now = time.monotonic()
        if self.live and (now - self.shown > REFRESH or done == total):
            self.shown = now
            far = f"{done / total:4.0%} of {_megabytes(total)}" if total else _megabytes(done)
            live(f"\rFetching {file}: {far} ")

    def end_line(self) -> None:
        if self.open:
            message("")
            self.open = False


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
