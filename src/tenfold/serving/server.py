"""The application on a port: one process, one event loop, a clean end.

SIGTERM and Ctrl-C say "not ready", wait `drain_delay` for load balancers to notice, close the door, finish
what is in work and end with 0 and 130; a second signal ends it at once.
"""

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from time import monotonic
from types import FrameType

import uvicorn

from tenfold.errors import ResourceError, UsageError
from tenfold.serving.app import build_app
from tenfold.serving.protocol import bind
from tenfold.serving.settings import Settings

BACKLOG = 2_048
TURNS = 8  # of the loop: twice what it takes from a connection that waits to its request
SWITCH_INTERVAL = 0.0005  # seconds a thread may keep the interpreter from another: ten times less than usual


Started = Callable[[str, str | None], None]


def serve(settings: Settings, started: Started) -> None:
    """Serve until a signal comes. `started` is called once the service is ready, with its address on this
    machine and that in the network, if it listens there.

    Raises ModelFileError and UnknownNameError for the model, UsageError for a port that is taken,
    KeyboardInterrupt after a clean end by Ctrl-C.
    """
    server = Server(settings, started)
    _allow_files(settings.connections)
    sys.setswitchinterval(SWITCH_INTERVAL)
    server.run()
    if server.signal == signal.SIGINT:
        raise KeyboardInterrupt


class Server(uvicorn.Server):
    """Bound to its port when made, with the model loaded; raises as `serve`."""

    def __init__(self, settings: Settings, started: Started) -> None:
        guard = build_app(settings)
        guard.engine.catalogue.load(guard.engine.catalogue.default)  # here, where its error is one sentence
        self.listener = _listen(settings)  # after all that may fail, so that no port is left open
        self.guard, self._tell = guard, started
        self._wire, protocol = bind(guard)
        super().__init__(
            uvicorn.Config(
                guard,
                http=protocol,
                ws="none",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=settings.drain,  # type: ignore[arg-type]  # asyncio takes fractions
            )
        )
        self.signal: int | None = None
        self._leave_at = float("inf")

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        gc.collect()
        gc.freeze()  # what is there by now stays, and need not be looked at again while requests wait
        asyncio.run(self.serve(sockets or [self.listener]))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell(address(self.listener), network_address(self.listener))

    async def on_tick(self, counter: int) -> bool:
        self._wire.sweep()
        self.should_exit = self.should_exit or monotonic() >= self._leave_at
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """What has reached the machine by now is taken: asyncio accepts all that wait in one turn of its
        loop, makes their transports in the next, listens to them in the third and reads in the fourth.
        """
        await asyncio.sleep(0.05)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """uvicorn would raise the signal again at the end, and the exit code would tell of a crash."""
        if self.signal is not None:
            os._exit(128 + sig)
        self.signal = sig
        self.guard.engine.ready = False
        self._leave_at = monotonic() + self.guard.settings.drain_delay


def address(listener: socket.socket) -> str:
    """The service's URL; a wildcard is shown as the loopback."""
    host, port = listener.getsockname()[:2]
    return _url({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)


def network_address(listener: socket.socket) -> str | None:
    """The URL for other machines where the wildcard is listened on, None where there is no network.

    It is that of the interface by which an address kept for documentation would be reached; a UDP socket
    that is connected sends nothing.
    """
    host, port = listener.getsockname()[:2]
    elsewhere = {"0.0.0.0": "198.51.100.1", "::": "2001:db8::1"}.get(host)
    if elsewhere is None:
        return None
    try:
        with socket.socket(listener.family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, port))
            return _url(probe.getsockname()[0], port)
    except OSError:
        return None


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _listen(settings: Settings) -> socket.socket:
    """Raises UsageError, ResourceError."""
    where = f"Port {settings.port} of {settings.host}"
    try:
        family, _, _, _, place = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(place[:2], family=family, backlog=BACKLOG)
    except (socket.gaierror, UnicodeError):
        raise UsageError(f"'{settings.host}' is no address of this machine.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"{where} is in use; choose another with --port, or 0 for any.") from None
        raise ResourceError(f"{where} cannot be opened: {error.strerror}.") from None


def _allow_files(connections: int) -> None:
    """A connection is an open file, and many systems allow 1,024 unless asked for more."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 256
    if soft != resource.RLIM_INFINITY and soft < wanted:
        ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, ceiling), hard))
