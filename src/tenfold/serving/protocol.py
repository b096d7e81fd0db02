"""What uvicorn leaves open on the wire: deadlines, the size of a head, the number of connections.

uvicorn with httptools takes a head of 1 MB and waits for ever for the second half of a request; with h11 it
takes a request that gives its length in two ways, Content-Length and chunks. httptools it is, as it refuses
that one, and the rest is here. When the queue is full, a request is refused at the end of its head, at a
fraction of the cost of one that reaches the application: that keeps an overloaded service quick.
"""

import asyncio
import socket
from time import monotonic
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tenfold.serving.answers import BUSY, RETRY_AFTER
from tenfold.serving.guard import LINGER, UNROUTED, Guard

SMALL_BODY = 64 << 10  # what is skipped after a refusal; a larger one costs the connection
PIPELINED = 16  # requests that a client may send ahead of the answers


def raw_answer(status: bytes, sentence: str, *headers: bytes) -> bytes:
    """A whole HTTP answer with {"error": sentence}."""
    body = b'{"error":"%b"}' % sentence.encode("ascii")
    lines = (b"content-type: application/json", b"content-length: %d" % len(body), *headers)
    return b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, b"\r\n".join(lines), body)


_CLOSE = b"connection: close"
_BUSY = raw_answer(b"503 Service Unavailable", BUSY, b"retry-after: " + RETRY_AFTER.encode())
_BUSY_CLOSE = raw_answer(b"503 Service Unavailable", BUSY, b"retry-after: " + RETRY_AFTER.encode(), _CLOSE)
_MALFORMED = raw_answer(b"400 Bad Request", "This is no HTTP request that can be understood.", _CLOSE)
_HEAD = raw_answer(b"431 Request Header Fields Too Large", "The head of the request is too large.", _CLOSE)
_SLOW = raw_answer(b"408 Request Timeout", "The request did not arrive in time.", _CLOSE)


class Wire:
    """What all connections share: who owes us bytes since when, each list in the order of its deadlines."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.receiving: dict[Connection, float] = {}
        self.idle: dict[Connection, float] = {}
        self.sending: dict[Connection, float] = {}  # the client does not take its answer
        self.leaving: dict[Connection, float] = {}  # answered for the last time
        self.open = 0

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
        for waiting in (self.leaving, self.idle, self.receiving):
            for connection in waiting:
                connection.cut(slow=False)
                return

    def protocol(self) -> type["Connection"]:
        """The class for uvicorn's `http`."""
        return type("BoundConnection", (Connection,), {"wire": self})


class _Corked:
    """A transport that joins what is written within one turn of the loop: an answer's head and body are one
    packet and one system call."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

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


class Connection(HttpToolsProtocol):
    """One connection. Its state is the list of `wire` that it is in; in none while its request is in work."""

    wire: Wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        # asyncio leaves it out for a listener of ours, and each answer's body would wait 40 ms for an ACK
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = _Corked(self.transport, self.loop)  # type: ignore[assignment]
        wire = self.wire
        self._in_head = True
        self._head_bytes = 0
        self._deaf = False  # after the last answer
        self._skipping = False  # the body of a request that was refused at its head
        wire.open += 1
        wire.guard.metrics.connections.set(wire.open)
        wire.receiving[self] = monotonic()
        if wire.open > wire.guard.settings.connections:
            wire.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        wire = self.wire
        wire.forget(self)
        wire.open -= 1
        wire.guard.metrics.connections.set(wire.open)
        super().connection_lost(exc)

    def cut(self, *, slow: bool) -> None:
        """The end of a connection that waits for its client."""
        self.wire.forget(self)
        if not slow:
            self.transport.close()
            return
        self.wire.guard.metrics.reject("slow")
        if self.flow.write_paused or (self.cycle and self.cycle.response_started and not self._at_rest()):
            self.transport.abort()
            return
        if self._head_bytes or not self._in_head:
            self._last_words(408, _SLOW)
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        in_head = self._in_head
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # answered as the plain request that it also is
        except httptools.HttpParserError:
            self._end(_HEAD if self._head_is_large() else _MALFORMED)
            return
        if in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_is_large():
                self._end(_HEAD)

    def _head_is_large(self) -> bool:
        return self._head_bytes > self.wire.guard.settings.header_bytes

    def _end(self, answer: bytes) -> None:
        """Refuse what cannot be parsed, and listen no more; requests before it are still answered."""
        self.wire.guard.metrics.reject("headers" if answer is _HEAD else "malformed")
        self._deaf = True
        if self._at_rest() or (self.cycle.more_body and not self.pipeline):
            self._last_words(431 if answer is _HEAD else 400, answer)
        else:
            self.cycle.keep_alive = False
            self.flow.pause_reading()

    def _last_words(self, code: int, answer: bytes) -> None:
        """Answer and close for sending; what still comes is dropped for a second, as a client that meets a
        reset loses the answer."""
        self.wire.guard.metrics.observe(UNROUTED, code, 0.0)
        self._deaf = True
        self.wire.forget(self)
        self.wire.leaving[self] = monotonic()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.write_eof()
        if self.cycle is not None:  # a route that waits for the rest of the body waits no longer
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.wire.idle.pop(self, None)
        self.wire.receiving.setdefault(self, monotonic())
        self._in_head, self._head_bytes, self._skipping = True, 0, False

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def _count(self, length: int) -> None:
        self._head_bytes += length
        if self._head_is_large():
            raise ValueError  # comes out of the parser as its own error

    def on_headers_complete(self) -> None:
        self._in_head = False
        guard = self.wire.guard
        if guard.engine.digits.full and self.parser.get_method() == b"POST" and self._at_rest():
            self._shed()
            return
        if len(self.pipeline) >= PIPELINED:
            raise ValueError
        super().on_headers_complete()

    def _at_rest(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _shed(self) -> None:
        self._skipping = True
        self.wire.guard.metrics.reject("queue")
        lengths = [value for name, value in self.headers if name == b"content-length"]
        if self.parser.should_keep_alive() and lengths and int(lengths[0]) <= SMALL_BODY:
            self.wire.guard.metrics.observe(UNROUTED, 503, 0.0)
            self.transport.write(_BUSY)
        else:
            self._last_words(503, _BUSY_CLOSE)

    def on_body(self, body: bytes) -> None:
        if not self._skipping:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.wire.receiving.pop(self, None)
        if not self._skipping:
            super().on_message_complete()
        if self._at_rest() and not self._deaf:
            self.wire.idle[self] = monotonic()

    def on_response_complete(self) -> None:
        """As uvicorn's, with our list in place of a timer for each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self not in self.wire.receiving:
            self.wire.idle[self] = monotonic()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.wire.sending.setdefault(self, monotonic())

    def resume_writing(self) -> None:
        super().resume_writing()
        self.wire.sending.pop(self, None)


def bind(guard: Guard) -> tuple[Wire, Any]:
    """The shared state, to be swept, and the class that uvicorn makes its connections of."""
    wire = Wire(guard)
    return wire, wire.protocol()
