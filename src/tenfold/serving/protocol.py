"""What uvicorn leaves open on the wire: deadlines, the size of a head, the number of connections.

uvicorn with httptools takes a head of 1 MB and waits for ever for the second half of a request; with h11 it
takes a request that gives its length in two ways, Content-Length and chunks. httptools it is, as it refuses
that one, and the rest is here. When the queue of digits is full, a request that would go there is refused at
the end of its head, at a fraction of the cost of one that reaches the application: that keeps an overloaded
service quick. What goes by the other queues is refused by those, where they are full. Probes are
answered there too, in the turn of the loop in which they are read, however much work waits.
"""

import asyncio
import socket
from enum import Enum
from time import monotonic
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tenfold.serving.guard import Guard
from tenfold.serving.metrics import UNROUTED
from tenfold.serving.wire import Corked, Wire

SMALL_BODY = 64 << 10  # what is skipped after a refusal; a larger one costs the connection
PIPELINED = 16  # requests that a client may send ahead of the answers
CHUNK_LINES = 64  # bytes around a chunk that are its due; what is beyond counts as head
VERSIONS = ("1.0", "1.1")
DIGITS = (b"/v1/predict", b"/v2/")  # what is posted there goes by the queue of digits, but for what is large


class _Part(Enum):
    """Of a request, what comes next."""

    HEAD = 0
    BODY = 1
    NEXT = 2


class Connection(HttpToolsProtocol):
    """One connection. Its state is the list of `wire` that it is in; in none while its request is in work."""

    wire: Wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        # asyncio leaves it out for a listener of ours, and each answer's body would wait 40 ms for an ACK
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.corked = Corked(self.transport, self.loop)
        self.transport = self.corked  # type: ignore[assignment]
        wire = self.wire
        self._requests = 0  # begun
        self._part = _Part.NEXT
        self._head_bytes = 0  # of names and values
        self._raw_bytes = 0  # of the part that is being received, as far as pieces hold nothing else
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._deaf = False  # after the last answer
        self._settled = False  # the request was answered at its head
        wire.open += 1
        wire.receiving[self] = monotonic()
        if wire.open > wire.guard.settings.connections:
            wire.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.wire.forget(self)
        self.wire.open -= 1
        super().connection_lost(exc)

    def cut(self, *, slow: bool) -> None:
        """The end of a connection that waits for its client."""
        self.wire.forget(self)
        if slow:
            self.wire.guard.metrics.reject("slow")
        answering = self.cycle is not None and self.cycle.response_started and not self._at_rest()
        if self.transport.get_write_buffer_size() or (slow and answering):
            self.transport.abort()
        elif slow and (self._raw_bytes or self._part is _Part.BODY):
            self._last_words(408)
        else:
            self._close()

    def _close(self) -> None:
        """The deadline for taking an answer holds for what is unsent; asyncio would wait without end."""
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.wire.sending.setdefault(self, monotonic())

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        part, requests = self._part, self._requests
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            self._decline(data[stopped.args[0] :])
            return
        except httptools.HttpParserError:
            self._end(431 if self._head_bytes > self.wire.header_bytes else 400)
            return
        begun = self._requests - requests
        if part is self._part and not begun:
            self._raw_bytes += len(data)
        elif self._part is _Part.BODY:
            self._raw_bytes = 0
        elif self._part is _Part.HEAD and part is _Part.NEXT and begun == 1:
            self._raw_bytes = len(data)
        if self._raw_bytes > self.wire.header_bytes:
            self._end(400 if self._part is _Part.BODY else 431)

    def _decline(self, rest: bytes) -> None:
        """Begin a request anew without its wish for another protocol, at which the parser skips the body.

        Java's and curl's clients wish for HTTP/2 and take an answer in HTTP/1.1.
        """
        version = self.parser.get_http_version().encode()
        line = b"%b %b HTTP/%b" % (self.parser.get_method(), self._target, version)
        fields = [b"%b: %b" % field for field in self._fields if field[0].lower() != b"upgrade"]
        self.data_received(b"\r\n".join([line, *fields, b"", rest]))

    def _end(self, status: int) -> None:
        """Refuse what cannot be parsed, and listen no more; requests before it are still answered."""
        if self._deaf:
            return
        self.wire.guard.metrics.reject("headers" if status == 431 else "malformed")
        self._deaf = True
        if self._at_rest() or (self.cycle.more_body and not self.pipeline):
            self._last_words(status)
        else:
            self.cycle.keep_alive = False
            self.flow.pause_reading()

    def _last_words(self, status: int) -> None:
        """Answer and close for sending; what still comes is dropped for a second, as a client that meets a
        reset loses the answer."""
        self.wire.guard.metrics.observe(UNROUTED, status, 0.0)
        self._deaf = True
        self.wire.forget(self)
        self.wire.leaving[self] = monotonic()
        if not self.transport.is_closing():
            self.transport.write(self.wire.last[status])
            self.transport.write_eof()
        if self.cycle is not None:  # a route that waits for the rest of the body waits no longer
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def on_message_begin(self) -> None:
        self.wire.idle.pop(self, None)
        self.wire.receiving.pop(self, None)  # since it was opened
        self.wire.receiving[self] = monotonic()
        self._requests += 1
        self._part, self._settled = _Part.HEAD, False
        self._head_bytes, self._raw_bytes = 0, 1
        self._target, self._fields = b"", []

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Also of a trailer, which is counted, and is nobody's."""
        self._count(len(name) + len(value) + 4)
        self._fields.append((name, value))

    def _count(self, length: int) -> None:
        self._head_bytes += length
        if self._head_bytes > self.wire.header_bytes:
            raise ValueError  # comes out of the parser as its own error

    def on_headers_complete(self) -> None:
        """uvicorn hears of the request only now, and only if it is not answered here."""
        self._part = _Part.BODY
        version = self.parser.get_http_version()
        if version not in VERSIONS:
            raise ValueError
        if self._wishes():
            return
        stays = version == "1.1" and self.parser.should_keep_alive()
        if self._deaf or (self._at_rest() and self._settle(stays)):
            self._settled = True
            return
        if len(self.pipeline) >= PIPELINED:
            raise ValueError
        super().on_message_begin()
        super().on_url(self._target)
        for name, value in self._fields:
            super().on_header(name, value)
        super().on_headers_complete()

    def _wishes(self) -> bool:
        """Whether the parser stops after this head, for another protocol to follow."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _at_rest(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _settle(self, stays: bool) -> bool:
        """Whether the request needs no more than a look at its head, and has been answered."""
        wire, method = self.wire, self.parser.get_method()
        of_digits = method == b"POST" and self._target.startswith(DIGITS)
        if of_digits and not wire.let_in(self.loop):
            if stays and self._body_bytes() <= SMALL_BODY:
                wire.guard.metrics.shed += 1
                self.corked.write_whole(wire.busy)
            else:
                wire.guard.metrics.reject("queue")
                self._last_words(503)
            return True
        probed = wire.probed(self._target, stays) if method == b"GET" else None
        if probed is None or self._body_bytes():
            return False
        status, answer = probed
        wire.guard.metrics.observe(self._target.decode(), status, 0.0)
        self.corked.write_whole(answer)
        if not stays:
            self._deaf = True
            self._close()
        return True

    def _body_bytes(self) -> int:
        """How much follows; where that is not said, or the client would wait to be asked for it, too much."""
        length = 0
        for name, value in self._fields:
            match name.lower():
                case b"content-length":
                    length = int(value)
                case b"transfer-encoding" | b"expect":
                    return SMALL_BODY + 1
        return length

    def on_chunk_header(self) -> None:
        self._raw_bytes -= CHUNK_LINES

    def on_body(self, body: bytes) -> None:
        self._raw_bytes -= len(body)
        if not self._settled:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._wishes():
            return
        self._part = _Part.NEXT
        self.wire.receiving.pop(self, None)
        if not self._settled:
            super().on_message_complete()
        if self._at_rest() and not self._deaf:
            self.wire.idle[self] = monotonic()

    def on_response_complete(self) -> None:
        """As uvicorn's, with our list in place of a timer for each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._close()
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
        if not self.transport.is_closing():
            self.wire.sending.pop(self, None)


def bind(guard: Guard) -> tuple[Wire, Any]:
    """The shared state, to be swept, and the class that uvicorn makes its connections of."""
    wire = Wire(guard)
    return wire, type("BoundConnection", (Connection,), {"wire": wire})
