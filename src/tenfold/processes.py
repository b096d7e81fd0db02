"""Work that is handed to processes of its own, piece by piece; they end with the one that began them.

    for found in in_processes(job.train, next_place, at_once=2): ...    where results decide what is next
    with starting(): process.start()                                    Ctrl-C is for the one that began it

Processes are spawned: threads, and the locks that they hold, do not survive a fork.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import connection
from types import ModuleType
from typing import Any, TypeVar

Made = TypeVar("Made")
Place = tuple[Any, ...]


def in_processes(
    make: Callable[..., Made], next_place: Callable[[], Place | None], at_once: int
) -> Generator[Made]:
    """`make(*place)` of the places that `next_place` names, as they finish; of one at once, in this process.

    It is asked whenever a piece can begin, after what was yielded before has been dealt with. None says that
    there is nothing to begin now; once nothing is on its way either, this ends. `make` is sent to each
    process once. Raises BrokenProcessPool where a process was ended from outside.
    """
    if at_once == 1:
        while (place := next_place()) is not None:
            yield make(*place)
        return
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(at_once, context, initializer=_begin, initargs=(make,))
    running: set[Future[Any]] = set()
    try:
        while True:
            while len(running) < at_once and (place := next_place()) is not None:
                with starting():
                    running.add(pool.submit(_work, *place))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()


_make: Callable[..., Any] | None = None  # of this process, where it is one of a pool's


def _begin(make: Callable[..., Any]) -> None:
    global _make
    _make = make
    belong_to_parent()


def _work(*place: Any) -> Any:
    assert _make is not None
    return _make(*place)


@contextmanager
def starting() -> Iterator[None]:
    """For what starts processes. They ignore Ctrl-C from their first moment, not only once they have imported
    all (Python lets no other thread than the main one set this). And they do not run the user's script again,
    as they would, and hang, where it has no `if __name__ == "__main__"`; they need nothing of it."""
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if in_main:
            signal.signal(signal.SIGINT, signal.SIG_DFL if handler is None else handler)


def belong_to_parent() -> None:
    """For a process that another one began: Ctrl-C is the parent's to hear, and it ends when that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Windows hands no ignored signal down
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's process waits for work for ever, even where its parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
