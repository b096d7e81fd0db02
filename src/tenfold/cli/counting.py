"""How far a row of equal steps is: a running count on standard error, in a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tenfold.cli.output import CLEAR, live


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """What a measurement calls as `progress(done, total)`. However it ends, the line is cleared."""
    in_terminal = sys.stderr.isatty()

    def show(done: int, total: int) -> None:
        if in_terminal:
            live(f"\r{what} {done}/{total} ")

    try:
        yield show
    finally:
        if in_terminal:
            live(CLEAR)
