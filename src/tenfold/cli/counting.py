"""How far a row of equal steps is: a running count on standard error, in a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """What a measurement calls as `progress(done, total)`. However it ends, the line is cleared."""
    live = sys.stderr.isatty()

    def show(done: int, total: int) -> None:
        if live:
            print(f"\r{what} {done}/{total} ", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
