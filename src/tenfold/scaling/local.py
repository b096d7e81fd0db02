"""The parts of a job over the cores of this machine: one process a core, each with one part at a time.

    for done in answer_parts(task, parts, workers=2): ...

A process that ends, killed or crashed, is replaced and its part tried again; a picture that ends two of them
becomes a row with an error. Parts are drawn from `parts` only as processes come free, so memory stays flat.
"""

import multiprocessing
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Any

from tenfold.environment import cores
from tenfold.errors import ResourceError, TenfoldError
from tenfold.processes import belong_to_parent, starting
from tenfold.scaling.answering import Attempt, Done, Task, answer
from tenfold.scaling.inputs import Part

MOST_DEATHS = 20  # of processes in one part


@dataclass
class Worker:
    """A process, what it was given, and the picture that it announced last."""

    process: Any
    pipe: Connection
    attempt: Attempt
    at: int | None = None


def answer_parts(
    task: Task, parts: Iterable[Part], workers: int | None = None, *, careful: bool = False
) -> Generator[Done]:
    """The parts as they are done. However this ends, no process is left behind.

    `workers` are processes (None: as many as there are cores). `careful` reads picture by picture from the
    start, as is done after a death. Raises ResourceError where processes are ended again and again in one
    part, and what `answer` raises.
    """
    workers = workers or cores()
    attempts = (Attempt(part, deaths=int(careful)) for part in parts)
    again: list[Attempt] = []
    free: list[Worker] = []
    busy: dict[Any, Worker] = {}
    try:
        while True:
            while len(busy) < workers and (attempt := next_attempt(again, attempts)) is not None:
                worker = _give(task, free, attempt)
                busy[worker.pipe] = worker
            if not busy:
                return
            for pipe in connection.wait(list(busy)):
                worker = busy[pipe]
                try:
                    message = worker.pipe.recv()
                except (EOFError, OSError):  # it ended
                    _end(busy.pop(pipe))
                    again.append(after_death(worker.attempt, worker.at))
                    continue
                if isinstance(message, int):
                    worker.at = message
                    continue
                free.append(busy.pop(pipe))
                if isinstance(message, TenfoldError):
                    raise message
                yield message
    finally:
        for worker in (*free, *busy.values()):
            _end(worker)


def next_attempt(again: list[Attempt], attempts: Iterator[Attempt]) -> Attempt | None:
    return again.pop() if again else next(attempts, None)


def _give(task: Task, free: list[Worker], attempt: Attempt) -> Worker:
    """A worker that is at `attempt`: a free one, or a new one."""
    while free:
        worker = free.pop()
        try:
            worker.pipe.send(attempt)
        except OSError:  # killed while it had nothing to do
            _end(worker)
            continue
        worker.attempt, worker.at = attempt, None
        return worker
    context = multiprocessing.get_context("spawn")  # threads of ONNX Runtime and pyarrow survive no fork
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    with starting():
        process.start()
    theirs.close()
    worker = Worker(process, ours, attempt)
    try:  # not as arguments, which would wait for ever for a process that ends before it takes them
        ours.send(task)
        ours.send(attempt)
    except OSError:  # it has ended, as the end of its pipe will tell
        pass
    except BaseException:
        _end(worker)
        raise
    return worker


def _end(worker: Worker) -> None:
    worker.process.terminate()
    worker.process.join()
    worker.pipe.close()


def after_death(attempt: Attempt, at: int | None = None) -> Attempt:
    """The next attempt, where a process ended at picture `at`. Raises ResourceError after MOST_DEATHS."""
    attempt = attempt.after_death(at)
    if attempt.deaths > MOST_DEATHS:
        raise ResourceError(
            "Processes are ended again and again, perhaps for want of memory. What is done is kept: give the "
            "command again, with fewer --threads."
        )
    return attempt


def set_threads() -> None:
    """One core a process: threads of libraries would only take it from each other."""
    import cv2
    import pyarrow

    cv2.setNumThreads(1)
    pyarrow.set_cpu_count(1)


def _work(pipe: Connection) -> None:
    """What a process does: the task and attempts in, announcements and ends out, until the pipe closes."""
    belong_to_parent()
    with suppress(EOFError):
        task: Task = pipe.recv()  # before all that takes time: it is waited for
        set_threads()
        while True:
            attempt: Attempt = pipe.recv()
            try:
                pipe.send(answer(task, attempt, pipe.send if attempt.deaths else None))
            except MemoryError:
                os._exit(1)
            except TenfoldError as error:
                pipe.send(error)
            except Exception as error:
                pipe.send(TenfoldError(f"Part {attempt.part.index} failed by a fault of ours: {error!r}"))
