"""Many pictures over all cores: what `Reader.predict_files` gives, by processes of their own.

    for found in predict_many(reader, paths): ...

Decoding a small picture and finding its digit is mostly Python, which threads cannot share. The first ALONE
pictures are read here, while processes start, if there are more: that takes as long.
"""

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread

from tenfold.errors import ResourceError
from tenfold.processes import starting
from tenfold.reading.reader import Failure, Prediction, Reader

ALONE = 512  # pictures
CHUNK = 128  # pictures handed to a process at a time


def predict_many(
    reader: Reader, paths: Iterable[str | os.PathLike[str]], *, alone: int = ALONE, chunk: int = CHUNK
) -> Iterator[Prediction | Failure]:
    """One result for each file, in order, over `reader.threads` processes, `chunk` paths at a time in each.

    Raises ResourceError where a process ends before its work is done.
    """
    remaining = iter(paths)
    if reader.threads == 1:
        yield from reader.predict_files(remaining)
        return
    own = list(islice(remaining, alone))
    chunks = iter(lambda: [os.fsdecode(path) for path in islice(remaining, chunk)], [])
    first = list(islice(chunks, reader.threads))
    with _workers(len(first)) as workers, _begun(workers, reader, first):
        yield from reader.predict_files(own)
        waiting = deque(workers)
        while waiting:
            worker = waiting.popleft()
            results = _take(worker)
            if part := next(chunks, []):
                _give(worker, part)  # before the results are used, so that no core waits
                waiting.append(worker)
            yield from results


@contextmanager
def _workers(count: int) -> Iterator[list[Connection]]:
    """The ends of pipes to `count` processes; one whose pipe is closed, by whatever cause, ends."""
    context = get_context("spawn")  # a fork would take along the locks of other threads
    ends, processes = [], []
    try:
        for _ in range(count):
            here, there = context.Pipe()
            ends.append(here)
            process = context.Process(target=_work, args=(there,), daemon=True)
            with starting():
                process.start()
            processes.append(process)
            there.close()
        yield ends
    finally:
        for end in ends:
            end.close()
        for process in processes:
            process.kill()  # it has nothing worth waiting for
            process.join()


@contextmanager
def _begun(workers: list[Connection], reader: Reader, parts: list[list[str]]) -> Iterator[None]:
    """Each worker is given the model and its first part by a thread: a model fills its pipe, so that whoever
    gives it waits until the process has started."""

    def begin() -> None:
        with suppress(OSError):  # who takes its results hears of it
            for worker, part in zip(workers, parts, strict=True):
                worker.send(reader)
                worker.send(part)

    thread = Thread(target=begin)
    thread.start()
    try:
        yield
    finally:
        thread.join()  # a pipe is not closed while it is written to


def _work(pipe: Connection) -> None:
    # the process that was started first says what is to be said; Windows hands no ignored signal down
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        reader: Reader = pipe.recv()
        while True:
            pipe.send(list(reader.predict_files(pipe.recv())))
    except (EOFError, OSError):
        return


def _give(worker: Connection, part: list[str]) -> None:
    try:
        worker.send(part)
    except OSError:
        raise ResourceError(_ENDED) from None


def _take(worker: Connection) -> list[Prediction | Failure]:
    try:
        results: list[Prediction | Failure] = worker.recv()
    except (EOFError, OSError):
        raise ResourceError(_ENDED) from None
    return results


_ENDED = (
    "A process that read pictures ended before its work was done, perhaps for want of memory; "
    "try --threads 1."
)
