"""The same work on a Ray cluster: parts of a job, folds of a cross-validation, trials of a search.

    with cluster(address):                        an address, RAY_ADDRESS, or a cluster of this machine alone
        job.carry_out(answer_parts)               as scaling.local.answer_parts, on all machines
        crossval("fast", engine=train_as_told)    as `harness.estimates` does it, on all machines

Plain tasks, each one part or one training, and no more of them at a time than keep the cluster busy: that is
the back-pressure. Ray Data is not used, as it would neither go on after the partitions that are done nor
outlive a picture that ends its process. All machines need Tenfold, and the same paths or URIs.
"""

import logging
import os
import signal
import socket
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from tenfold.environment import cores
from tenfold.errors import MissingExtraError, NetworkError, ResourceError, TenfoldError
from tenfold.harness.estimates.trainings import Work
from tenfold.processes import Made, Place
from tenfold.scaling import local
from tenfold.scaling.answering import Attempt, Done, Task, answer
from tenfold.scaling.inputs import Part

OBJECT_STORE = 200 << 20
"""bytes on a machine of one's own: what is shared is a model, or MNIST with its views"""
QUEUED = 2  # parts for each core: one is done while the next one waits at its machine
PATIENCE = 10.0  # seconds for a cluster to answer
RETRIES = 2  # of a training whose process was ended


@contextmanager
def cluster(address: str | None = None) -> Iterator[None]:
    """Connected to the cluster at `address` or RAY_ADDRESS; without either, one of this machine is started
    and ended. A connection that is there already is used and left.

    Raises MissingExtraError without Ray, NetworkError where no cluster answers, ResourceError where none can
    be started.
    """
    if find_spec("ray") is None:
        raise MissingExtraError("A Ray cluster", "ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # what fails is told once, by the command
    import ray

    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        _call(address)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    here: dict[str, Any] = {
        "num_cpus": cores(),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE,
    }
    logging.getLogger("ray").setLevel(logging.ERROR)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**quiet, **({"address": address} if address else {"address": "local", **here}))
    except Exception as cause:  # of half a dozen types, a bare Exception among them
        ray.shutdown()
        reason = (str(cause).splitlines() or [type(cause).__name__])[0].rstrip(".")
        if address:
            raise NetworkError(f"A Ray cluster at '{address}' cannot be reached: {reason}.") from None
        raise ResourceError(f"A Ray cluster cannot be started on this machine: {reason}.") from None
    finally:
        signal.signal(signal.SIGTERM, handler)  # Ray sets its own
    try:
        yield
    finally:
        ray.shutdown()


def _call(address: str) -> None:
    """Raises NetworkError where nobody answers; Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():  # "auto": Ray knows where
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, OverflowError) as cause:
        reason = getattr(cause, "strerror", None) or cause
        raise NetworkError(f"A Ray cluster at '{address}' cannot be reached: {reason}.") from None


def answer_parts(task: Task, parts: Iterable[Part], workers: int | None = None) -> Generator[Done]:
    """As `local.answer_parts`: the parts as they are done, at most `workers` at once (None: all cores)."""
    import ray

    remote = ray.remote(num_cpus=1, max_retries=0)(_answer)
    shared = ray.put(task)
    attempts = map(Attempt, parts)
    again: list[Attempt] = []
    running: dict[Any, Attempt] = {}
    try:
        while True:
            room = workers or QUEUED * _cores()
            while len(running) < room and (attempt := local.next_attempt(again, attempts)) is not None:
                running[remote.remote([shared], attempt)] = attempt
            if not running:
                return
            for ref in ray.wait(list(running))[0]:
                attempt = running.pop(ref)
                try:
                    yield _result(ref)
                except _ended():
                    again.append(local.after_death(attempt))
    finally:
        for ref in running:
            ray.cancel(ref, force=True)


def train_as_told(work: Work[Made], next_place: Callable[[], Place | None], at_once: int) -> Generator[Made]:
    """As `trainings.train_as_told`; at least `at_once` trainings side by side, more where there is room.

    Each has the threads that it would have on this machine, so it gives the same results.
    """
    import ray

    threads = getattr(work, "threads", 1)
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    widest = max(node["Resources"].get("CPU", 1) for node in nodes if node["Alive"])
    remote = ray.remote(num_cpus=min(threads, widest), max_retries=RETRIES)(_train)
    shared = ray.put(work)
    running: set[Any] = set()
    try:
        while True:
            room = max(at_once, _cores() // threads)
            while len(running) < room and (place := next_place()) is not None:
                running.add(remote.remote([shared], place))
            if not running:
                return
            for ref in ray.wait(list(running))[0]:
                running.remove(ref)
                try:
                    yield _result(ref)
                except _ended():
                    raise ResourceError(
                        f"A training's process was ended {RETRIES + 1} times, perhaps for want of memory. "
                        "The trainings that were done are kept: give the command again on larger machines."
                    ) from None
    finally:
        for ref in running:
            ray.cancel(ref, force=True)


def _result(ref: Any) -> Any:
    """What a task returned, or the error that it ended with. Raises what `_ended` lists as it comes."""
    import ray
    from ray.exceptions import RayError

    try:
        found = ray.get(ref)
    except _ended():
        raise
    except RayError as cause:
        reason = str(cause).strip().splitlines()[-1].rstrip(".")
        raise ResourceError(
            f"A machine of the cluster could not do its part: {reason}. All need the same Tenfold and Python."
        ) from None
    if isinstance(found, TenfoldError):
        raise found
    return found


def _cores() -> int:
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU", 1)))


def _ended() -> tuple[type[Exception], ...]:
    """What Ray says of a process or a machine that is gone."""
    from ray import exceptions

    return (
        exceptions.WorkerCrashedError,
        exceptions.OutOfMemoryError,
        exceptions.NodeDiedError,
        exceptions.LocalRayletDiedError,
        exceptions.ObjectLostError,
    )


_shared: dict[str, Any] = {}  # of a worker's process: what its tasks share, unpacked once


def _unpacked(boxed: list[Any]) -> Any:
    """What a reference in a list leads to; outside of a list Ray would unpack it for every task."""
    import ray

    key = boxed[0].hex()
    if key not in _shared:
        _shared.clear()
        _shared[key] = ray.get(boxed[0])
    return _shared[key]


def _answer(boxed: list[Any], attempt: Attempt) -> Done | TenfoldError:
    """After a death the part is read in a process of its own, which may end without ending this one."""
    task: Task = _unpacked(boxed)
    local.set_threads()
    try:
        if attempt.deaths:
            return next(local.answer_parts(task, [attempt.part], 1, careful=True))
        return answer(task, attempt)
    except TenfoldError as error:
        return error


def _train(boxed: list[Any], place: Place) -> Any:
    try:
        return _unpacked(boxed).train(*place)
    except TenfoldError as error:
        return error
