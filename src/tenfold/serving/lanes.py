"""Queues of work, each with a bound and a deadline, and the threads that empty them.

What finds its queue full is refused at once; what waits past its deadline is refused, a page then and a digit
when its turn comes, as nobody has use for the answer any more. Answers go back to the event loop a batch at a
time: waking it costs as much as a tenth of a prediction.
"""

import asyncio
import os
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tenfold.data.preprocess import preprocess
from tenfold.reading import Prediction, Reader

T = TypeVar("T")
Tensor = NDArray[np.float32]
BATCH = 16  # requests in one call of ONNX Runtime: 3 ms, and beyond it a call is no faster an image


class BusyError(Exception):
    """There is no room, or the wait was too long. `reason` is a label for metrics."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class _Job:
    """`make` gives what is to be done, on the lane's thread; `future` takes the answer."""

    future: "asyncio.Future[Any]"
    deadline: float
    make: Callable[[], Any]
    reader: Reader | None = None
    begun: bool = False
    answer: Any = None
    error: Exception | None = None

    def give_up(self) -> None:
        if not (self.begun or self.future.done()):
            self.future.set_exception(BusyError("deadline"))


class _Lane:
    """A bounded queue and `threads` threads. `submit` and `waiting` belong to the event loop."""

    _niceness = 0

    def __init__(self, name: str, room: int, wait: float, threads: int, batch: int) -> None:
        self.waiting = 0  # jobs accepted and not yet answered
        self.wait = wait  # seconds that a job may, from its `submit`
        self._name, self._room, self._batch = name, room, batch
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._serve, name=name, daemon=True) for _ in range(threads)]
        self._loop: asyncio.AbstractEventLoop

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)

    @property
    def room(self) -> int:
        """How many jobs more it takes."""
        return self._room - self.waiting

    def _submit(self, make: Callable[[], Any], reader: Reader | None = None) -> _Job:
        if not self.room:
            raise BusyError("queue")
        job = _Job(self._loop.create_future(), monotonic() + self.wait, make, reader)
        self.waiting += 1
        self._jobs.put(job)
        return job

    def _serve(self) -> None:
        _step_back(self._niceness)
        while (job := self._jobs.get()) is not None:
            batch = [job]
            while len(batch) < self._batch:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    self._jobs.put(None)
                    break
                batch.append(job)
            self._answer(batch)

    def _answer(self, batch: list[_Job]) -> None:
        now = monotonic()
        due = []
        for job in batch:
            if job.future.done():
                continue
            if now > job.deadline:
                job.error = BusyError("deadline")
            else:
                job.begun = True
                due.append(job)
        try:
            self._work(due)
        except Exception as error:
            for job in due:
                job.error = job.error or error
        self._loop.call_soon_threadsafe(self._deliver, batch)

    def _work(self, jobs: list[_Job]) -> None:
        raise NotImplementedError

    def _deliver(self, batch: Sequence[_Job]) -> None:
        self.waiting -= len(batch)
        for job in batch:
            if job.future.done():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.answer)


class CallLane(_Lane):
    """Calls, one after the other."""

    _niceness = 5

    def __init__(self, name: str, room: int, wait: float) -> None:
        super().__init__(name, room, wait, 1, 1)

    def submit(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """The future of `call()`, with its exceptions. Raises BusyError."""
        job = self._submit(call)
        timer = self._loop.call_later(self.wait, job.give_up)
        job.future.add_done_callback(lambda _: timer.cancel())
        return job.future

    def _work(self, jobs: list[_Job]) -> None:
        for job in jobs:
            job.answer = job.make()


class DigitLane(_Lane):
    """Pictures of one digit and small tensors: all that wait, up to BATCH requests, are one batch."""

    _niceness = 2

    def __init__(self, room: int, wait: float, threads: int) -> None:
        super().__init__("tenfold-digits", room, wait, threads, BATCH)

    def predict(self, reader: Reader, make: Callable[[], NDArray[np.uint8]]) -> "asyncio.Future[Prediction]":
        """The future of what `reader` says of make(), uint8 [28, 28]. Raises BusyError."""
        return self._submit(make, reader).future

    def infer(self, reader: Reader, images: Tensor) -> "asyncio.Future[tuple[Tensor, Tensor]]":
        """The future of probabilities and logits [n, 10] of float32 [n, 1, 28, 28]. Raises BusyError."""
        return self._submit(lambda: images, reader).future

    def _work(self, jobs: list[_Job]) -> None:
        groups: dict[Reader, list[tuple[_Job, Tensor]]] = {}
        for job in jobs:
            assert job.reader is not None
            try:
                groups.setdefault(job.reader, []).append((job, job.make()))
            except Exception as error:
                job.error = error
        for reader, pairs in groups.items():
            _answer_together(reader, pairs)


def _step_back(niceness: int) -> None:
    """On Linux a thread has a priority of its own: the event loop goes first, so that an overloaded service
    still refuses at once, then digits, then all else."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + niceness)


def _answer_together(reader: Reader, pairs: list[tuple[_Job, Any]]) -> None:
    tensors = [preprocess(made[None]) if made.ndim == 2 else made for _, made in pairs]
    probabilities, logits = reader.outputs(np.concatenate(tensors))
    start = 0
    for (job, made), tensor in zip(pairs, tensors, strict=True):
        end = start + len(tensor)
        if made.ndim == 2:
            job.answer = reader.prediction(probabilities[start], blank=not made.any())
        else:
            job.answer = probabilities[start:end], logits[start:end]
        start = end
