"""What a service meets beside its honest clients: probes, and clients that are slow or silent.

probe(client, every=0.1, seconds=60)        before client.drive
slow = Slow(client, b"POST /v1/predict HTTP/1.1\\r\\n")
client.at(0.5, slow.connect)
"""

import select
import socket
from time import perf_counter

import numpy as np
from open_loop import READ, Client
from wire_answer import whole_answer

PROBES = ("/v2/health/live", "/v2/health/ready")


def probe(client: Client, *, every: float, seconds: float) -> None:
    """Liveness and readiness by turns through the next drive, each on a connection of its own."""
    for turn in range(int(seconds / every)):
        client.at(turn * every, _Probe(client, PROBES[turn % len(PROBES)]).connect)


class _Probe:
    """A probe as an orchestrator sends it: on a connection of its own."""

    def __init__(self, client: Client, path: str) -> None:
        self.client, self.path, self.received, self.sent = client, path, b"", False

    def connect(self) -> None:
        client = self.client
        self.began = perf_counter()
        self.place = len(client.tally.probes)
        client.tally.probes.append(np.inf)
        client.tally.open += 1
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(client.address)
        self.descriptor = self.socket.fileno()
        client.watched[self.descriptor] = self
        client.poll.register(self.descriptor, select.EPOLLOUT)

    def ready(self) -> None:
        data = b""
        try:
            if not self.sent:
                self.socket.sendall(f"GET {self.path} HTTP/1.1\r\nHost: probe\r\n\r\n".encode())
                self.sent = True
                self.client.poll.modify(self.descriptor, select.EPOLLIN)
                return
            data = self.socket.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            pass
        self.received += data
        answer = whole_answer(self.received)
        if answer is not None and answer.status in (200, 503):
            self.client.tally.probes[self.place] = perf_counter() - self.began
        if answer is not None or not data:
            self.rest()

    def rest(self) -> None:
        del self.client.watched[self.descriptor]
        self.client.tally.open -= 1
        self.client.poll.unregister(self.descriptor)
        self.socket.close()


class Slow:
    """A client that sends `prefix` and then nothing, or one byte each `trickle` seconds. Tells when the
    service cut it, and with what."""

    def __init__(self, client: Client, prefix: bytes, *, trickle: float | None = None) -> None:
        self.client, self.prefix, self.trickle = client, prefix, trickle
        self.began = self.lasted = float("nan")
        self.answer = b""

    def connect(self) -> None:
        """To be called while the client drives."""
        self.socket = socket.create_connection(self.client.address, timeout=2)
        self.socket.setblocking(False)
        self.began = perf_counter()
        if self.prefix:
            self.socket.sendall(self.prefix)
        self.descriptor = self.socket.fileno()
        self.client.watched[self.descriptor] = self
        self.client.poll.register(self.descriptor, select.EPOLLIN)
        self._next_byte()

    def _next_byte(self) -> None:
        if self.trickle is not None:
            self.client.at(self.client.now + self.trickle, self._send_byte)

    def _send_byte(self) -> None:
        if self.descriptor in self.client.watched and self.client.watched[self.descriptor] is self:
            try:
                self.socket.sendall(b"x")
            except OSError:
                return  # its end is noticed where it is read
            self._next_byte()

    def ready(self) -> None:
        try:
            data = self.socket.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.answer += data
        if not data:
            self.lasted = perf_counter() - self.began
            self.rest()

    def rest(self) -> None:
        if self.client.watched.get(self.descriptor) is self:
            del self.client.watched[self.descriptor]
            self.client.poll.unregister(self.descriptor)
        self.socket.close()
