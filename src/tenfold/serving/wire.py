"""What all connections share: who owes us bytes since when, and the answers that need no application.

These are whole before any request comes, so that giving one costs little beside the call that sends it.
"""

import asyncio
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from tenfold.serving.answers import BUSY, RefusedError, refuse
from tenfold.serving.guard import LINGER, SECURITY_HEADERS, Guard
from tenfold.serving.inference import live, ready
from tenfold.serving.security import LIVE, READY

if TYPE_CHECKING:
    from tenfold.serving.protocol import Connection

_LAST = {
    400: "This is no HTTP request that can be understood.",
    408: "The request did not arrive in time.",
    431: "The head of the request is too large.",
    503: BUSY,
}
_CLOSE = (b"connection", b"close")
_LIVE, _READY = LIVE.encode(), READY.encode()


def in_bytes(response: Response, *headers: tuple[bytes, bytes]) -> bytes:
    """A whole answer, as `Guard` would send it."""
    status = HTTPStatus(response.status_code)
    lines = [*response.raw_headers, *SECURITY_HEADERS, *headers]
    head = b"".join(b"%b: %b\r\n" % line for line in lines)
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, status.phrase.encode(), head, bytes(response.body))


def both(response: Response) -> tuple[bytes, bytes]:
    """The answer on a connection that is closed after it, and on one that stays."""
    return in_bytes(response, _CLOSE), in_bytes(response)


class Wire:
    """Each list of connections is in the order of its deadlines."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.receiving: dict[Connection, float] = {}
        self.idle: dict[Connection, float] = {}
        self.sending: dict[Connection, float] = {}  # the client does not take its answer
        self.leaving: dict[Connection, float] = {}  # answered for the last time
        self.open = 0
        self._coming = 0  # requests let in during this turn of the loop, which have yet to reach a queue
        self.header_bytes = guard.settings.header_bytes
        guard.metrics.connections.set_function(lambda: self.open)
        self.busy = in_bytes(refuse(RefusedError(503, BUSY)))
        self.last = {code: in_bytes(refuse(RefusedError(code, text)), _CLOSE) for code, text in _LAST.items()}
        self._live, self._ready = both(live()), {state: both(ready(state)) for state in (False, True)}

    def let_in(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether the queue of digits has room for a request, which is then on its way there."""
        if self._coming >= self.guard.engine.digits.room:
            return False
        if not self._coming:
            loop.call_soon(self._arrived)  # before any other head is read, as its task and theirs are
        self._coming += 1
        return True

    def _arrived(self) -> None:
        self._coming = 0

    def probed(self, path: bytes, stays: bool) -> tuple[int, bytes] | None:
        """Status and answer where `path` is a probe's; the log is to tell of each, and so has them routed."""
        if self.guard.settings.log:
            return None
        if path == _LIVE:
            return 200, self._live[stays]
        if path == _READY:
            state = self.guard.engine.ready
            return 200 if state else 503, self._ready[state][stays]
        return None

    def sweep(self) -> None:
        """Cut what is past its deadline; to be called a few times a second."""
        now, settings = monotonic(), self.guard.settings
        for waiting, limit in (
            (self.receiving, settings.receive),
            (self.sending, settings.receive),
            (self.idle, settings.keep_alive),
            (self.leaving, LINGER),
        ):
            due = []
            for connection, since in waiting.items():
                if now - since < limit:
                    break
                due.append(connection)
            for connection in due:
                connection.cut(slow=waiting is self.receiving or waiting is self.sending)

    def forget(self, connection: "Connection") -> None:
        for waiting in (self.receiving, self.sending, self.idle, self.leaving):
            waiting.pop(connection, None)

    def make_room(self) -> None:
        """Cut the connection that has been of no use the longest."""
        self.guard.metrics.reject("connections")
        for waiting in (self.leaving, self.idle, self.sending, self.receiving):
            for connection in waiting:
                connection.cut(slow=False)
                return


class Corked:
    """A transport that joins what is written within one turn of the loop: an answer's head and body are one
    packet and one system call."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def write_whole(self, answer: bytes) -> None:
        """Now, as nothing follows."""
        if self._held:
            self._flush()
        self._transport.write(answer)

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            self._transport.write(b"".join(self._held))
            self._held.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
