"""An open-loop client: requests leave at times drawn beforehand, whatever the service does, so that a stall
is paid by all that should have been answered meanwhile. Latency counts from the planned time.

    client = Client(("127.0.0.1", 8000), [Asked(request_bytes, b'"label":7'), ...])
    answers = client.drive(poisson(1_000, seconds=10, seed=0))
    answers.percentile(99)

Plain sockets and epoll in one thread: 30 us a request, so that one core has room for thousands a second. It
does not sleep where the next arrival is less than a millisecond away: it wants a core of its own.
"""

import gc
import heapq
import select
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from wire_answer import whole_answer

Floats = NDArray[np.float64]
Address = tuple[str, int]
READ = 1 << 16
WARM = 64  # connections that are open before the first request
MOST = 1_024  # connections at once; what finds none free waits here, and its latency runs
EVENTS = 64  # answers read before the clock is looked at again
UNANSWERED = 0  # the status of what was cut, refused at connecting or not answered in time


class Asked(NamedTuple):
    """A request as it goes over the wire, and what its answer's body must hold."""

    wire: bytes
    wanted: bytes = b""


@dataclass(frozen=True)
class Answers:
    """What became of each request, in the order of planned times; seconds from the start."""

    planned: Floats
    sent: Floats  # NaN: never sent
    done: Floats  # NaN: no answer
    status: NDArray[np.int64]
    right: NDArray[np.bool_]  # a 200 that holds what was wanted, a refusal as ours are
    probes: Floats  # seconds that each probe took; infinite: not answered
    seconds: float  # from the first planned time to the last

    def taken(self, *statuses: int) -> Floats:
        """Seconds from the planned time to the answer, of those with these statuses."""
        chosen = np.isin(self.status, statuses)
        return (self.done - self.planned)[chosen]

    def percentile(self, share: float, *statuses: int) -> float:
        """Of the latency of 200s where no status is named; infinite if there are none."""
        taken = self.taken(*(statuses or (200,)))
        return float(np.percentile(taken, share)) if len(taken) else float("inf")

    def count(self, *statuses: int) -> int:
        return int(np.isin(self.status, statuses).sum())

    def between(self, begin: float, end: float) -> "Answers":
        """The requests planned in begin..end."""
        kept = (self.planned >= begin) & (self.planned < end)
        return Answers(
            self.planned[kept],
            self.sent[kept],
            self.done[kept],
            self.status[kept],
            self.right[kept],
            self.probes,
            end - begin,
        )

    @property
    def lateness(self) -> float:
        """99th percentile of what the client itself was late, in seconds."""
        sent = ~np.isnan(self.sent)
        return float(np.percentile((self.sent - self.planned)[sent], 99)) if sent.any() else float("inf")


def poisson(rate: float, seconds: float, seed: int) -> Floats:
    """Arrival times in 0..seconds of a Poisson process of `rate` a second."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.uniform(0, seconds, int(rng.poisson(rate * seconds))))


class Watched(Protocol):
    """A socket that a `Client` looks after."""

    def ready(self) -> None:
        """It can be read, or written where it is being connected."""

    def rest(self) -> None:
        """The drive is over: what is not of use to the next one is closed."""


@dataclass
class _Tally:
    sent: list[float]
    done: list[float]
    status: list[int]
    right: list[bool]
    open: int = 0  # requests that are out
    probes: list[float] = field(default_factory=list)


class Client:
    """One service and the requests to choose from, in turn. Connections are kept between calls of `drive`."""

    def __init__(
        self, address: Address, asked: Sequence[Asked], *, connections: int = WARM, most: int = MOST
    ) -> None:
        self.address, self.asked = address, list(asked)
        self.poll = select.epoll()
        self.watched: dict[int, Watched] = {}
        self.free: list[_Connection] = []
        self.waiting: deque[int] = deque()  # requests without a connection
        self.connections = 0
        self.start = 0.0
        self.tally = _Tally([], [], [], [])
        self._wanted, self._most = connections, most
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def close(self) -> None:
        for connection in list(self.free):
            connection.close()
        self.poll.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def now(self) -> float:
        """Seconds since the first request of this drive could leave."""
        return perf_counter() - self.start

    def at(self, seconds: float, call: Callable[[], None]) -> None:
        """Have `call` done at that time of the next drive."""
        heapq.heappush(self._timers, (seconds, next(self._order), call))

    def drive(self, planned: Floats, *, patience: float = 5.0) -> Answers:
        """Send each at its time, read until all are answered or `patience` seconds after the last one."""
        total = len(planned)
        end = float(planned[-1]) if total else 0.0
        self.tally = _Tally([np.nan] * total, [np.nan] * total, [UNANSWERED] * total, [False] * total)
        self._read(0.0)  # what the service has closed meanwhile
        while self.connections < self._wanted:
            self.free.append(_Connection(self))
        gc.collect()
        gc.disable()
        try:
            self._loop(planned.tolist(), end + patience)
        finally:
            gc.enable()
            self._timers.clear()
            self.waiting.clear()
        for watched in list(self.watched.values()):
            watched.rest()
        tally = self.tally
        return Answers(
            planned,
            np.array(tally.sent),
            np.array(tally.done),
            np.array(tally.status, np.int64),
            np.array(tally.right, np.bool_),
            np.array(tally.probes),
            end - float(planned[0]) if total else 0.0,
        )

    def _loop(self, planned: list[float], give_up: float) -> None:
        self.start = perf_counter()
        next_, total, tally, timers = 0, len(planned), self.tally, self._timers
        while True:
            now = perf_counter() - self.start
            while next_ < total and planned[next_] <= now:
                self._send(next_)
                next_ += 1
            while timers and timers[0][0] <= now:
                heapq.heappop(timers)[2]()
            if next_ == total and not timers and not tally.open:
                return
            if now > give_up:
                return
            due = min(planned[next_] if next_ < total else give_up, timers[0][0] if timers else give_up)
            self._read(_whole_milliseconds(due - now))

    def _read(self, seconds: float) -> None:
        for descriptor, _ in self.poll.poll(seconds, EVENTS):
            watched = self.watched.get(descriptor)
            if watched is not None:
                watched.ready()

    def _send(self, index: int) -> None:
        self.tally.open += 1
        if self.free:
            self.free.pop().send(index)
        elif self.connections < self._most:
            try:
                _Connection(self).send(index)
            except OSError:
                self.settle(index, UNANSWERED, False)
        else:
            self.waiting.append(index)

    def settle(self, index: int, status: int, right: bool) -> None:
        tally = self.tally
        if status != UNANSWERED:
            tally.done[index] = perf_counter() - self.start
        tally.status[index] = status
        tally.right[index] = right
        tally.open -= 1


def _whole_milliseconds(seconds: float) -> float:
    """epoll counts in milliseconds and rounds up: what is less is not slept."""
    return int(min(seconds, 0.1) * 1_000) / 1_000 if seconds > 0.001 else 0.0


class _Connection:
    """One request out at a time, over a connection that is kept."""

    __slots__ = ("client", "descriptor", "index", "received", "socket", "wanted")

    def __init__(self, client: Client) -> None:
        self.client, self.index, self.received, self.wanted = client, -1, b"", b""
        self.socket = socket.create_connection(client.address, timeout=0.5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.descriptor = self.socket.fileno()
        client.connections += 1
        client.watched[self.descriptor] = self
        client.poll.register(self.descriptor, select.EPOLLIN)

    def send(self, index: int) -> None:
        client = self.client
        asked = client.asked[index % len(client.asked)]
        self.index, self.wanted = index, asked.wanted
        client.tally.sent[index] = perf_counter() - client.start
        try:
            self.socket.sendall(asked.wire)
        except OSError:
            self.lose()

    def ready(self) -> None:
        try:
            data = self.socket.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lose()
            return
        self.received += data
        answer = whole_answer(self.received)
        if answer is None:
            return
        client, index = self.client, self.index
        self.received, self.index = b"", -1
        if index < 0:  # an answer to nothing, as 408 on a connection that idled
            self.close()
            return
        right = self.wanted in answer.body if answer.status == 200 else answer.sound_refusal
        client.settle(index, answer.status, right)
        if answer.last:
            self.close()
        elif client.waiting:
            self.send(client.waiting.popleft())
        else:
            client.free.append(self)

    def lose(self) -> None:
        if self.index >= 0:
            self.client.settle(self.index, UNANSWERED, False)
            self.index = -1
        self.close()

    def close(self) -> None:
        client = self.client
        if client.watched.pop(self.descriptor, None) is not None:
            client.connections -= 1
            client.poll.unregister(self.descriptor)
            self.socket.close()
            if self in client.free:
                client.free.remove(self)

    def rest(self) -> None:
        if self.index >= 0:
            self.close()
