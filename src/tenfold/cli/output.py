"""What the commands print: results on standard output, progress and messages on standard error."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tenfold.errors import DiskError, ResourceError

CLEAR = "\r\033[K"  # the line of a terminal


def result(text: str) -> None:
    """Lines on standard output, at once. If nobody reads on, as after `head`, the program ends quietly.

    Raises DiskError where standard output is closed, as print would lose them without a word.
    """
    if sys.stdout is None:
        raise DiskError("The result cannot be written: standard output is closed.")
    try:
        print(text, flush=True)
    except BrokenPipeError:
        discard(sys.stdout)
        sys.exit(141)  # as if by SIGPIPE


def discard(stream: IO[str]) -> None:
    """What `stream` did not take, which Python writes again at its end, and complains, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def emit(document: Any) -> None:
    """One JSON document on one line."""
    result(json.dumps(document, allow_nan=False))


def message(text: str) -> None:
    """A line on standard error. Where it cannot be written, as on a full disk, the work goes on without."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def live(text: str) -> None:
    """As `message`, of what the next overwrites: the line is not ended."""
    with suppress(OSError):
        print(text, end="", file=sys.stderr, flush=True)


def failure(file: str, sentence: str) -> None:
    """What is wrong with one file of many, which is named where `sentence` does not do it."""
    message(f"tenfold: {sentence}" if f"'{file}'" in sentence else f"tenfold: {file}: {sentence}")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Aligned columns; those whose heading is in `right` align there. A last column is never padded."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = []
    for row in (headings, *rows):
        cells = zip(headings, row, widths, strict=True)
        lines.append(
            "  ".join(f"{cell:{'>' if name in right else '<'}{width}}" for name, cell, width in cells)
        )
    return "\n".join(line.rstrip() for line in lines)


def percent(fraction: float, digits: int = 2) -> str:
    return f"{100 * fraction:.{digits}f} %"


def accuracy(result: dict[str, Any]) -> str:
    """'99.20 % (80 errors in 10,000; 95 % interval 99.01 to 99.36)'"""
    low, high = result["interval"]
    errors = "1 error" if result["errors"] == 1 else f"{result['errors']:,} errors"
    interval = f"95 % interval {100 * low:.2f} to {100 * high:.2f}"
    return f"{percent(result['accuracy'])} ({errors} in {result['count']:,}; {interval})"


def command(*words: str | Path) -> str:
    """A command of ours, ready to paste: with this program as it was called."""
    return quoted(*_program(), *words)


def quoted(*words: str | Path) -> str:
    """`words` as one line for the shell."""
    if os.name == "nt":
        return " ".join(f'"{word}"' if " " in str(word) else str(word) for word in words)
    return shlex.join(map(str, words))


def _program() -> list[str]:
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return [sys.executable, "-m", "tenfold"]
    found = shutil.which(called.name)  # a shell hands over the whole path of what it found by its name
    return [called.name if found == sys.argv[0] else sys.argv[0]]


@contextmanager
def told_how_to_go_on(begun: Sequence[object], what: str) -> Iterator[None]:
    """Whatever breaks off a work that has `begun` leaves the word that `what` was done is kept."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, ResourceError, OSError, MemoryError):
        if begun:
            message(f"\nThe {what} that were done are kept; the same command goes on.")
        raise
