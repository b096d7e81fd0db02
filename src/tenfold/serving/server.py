"""The application on a port: one process, one event loop, a clean end.

SIGTERM and Ctrl-C say "not ready", wait `drain_delay` for load balancers to notice, close the door, finish
what is in work and end with 0 and 130; a second signal ends it at once.
"""

import asyncio
import errno
import socket
from collections.abc import Callable

import uvicorn

from tenfold.errors import ResourceError, UsageError
from tenfold.serving.app import build_app
from tenfold.serving.guard import Guard
from tenfold.serving.settings import Settings


def serve(settings: Settings, started: Callable[[str], None]) -> None:
    """Serve until a signal comes. `started` is called with the address once the service is ready.

    Raises ModelFileError and UnknownNameError for the model, UsageError for a port that is taken.
    """
    listener = _listen(settings)
    app = build_app(settings)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=round(settings.drain),
    )
    server = _Server(config, lambda: started(address(listener)))
    asyncio.run(server.serve([listener]))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()


def address(listener: socket.socket) -> str:
    """The service's URL; a wildcard is shown as the loopback."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _listen(settings: Settings) -> socket.socket:
    """Raises UsageError."""
    where = f"port {settings.port} of {settings.host}"
    try:
        family, _, _, _, place = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(place[:2], family=family, backlog=2048)
    except socket.gaierror:
        raise UsageError(f"'{settings.host}' is no address of this machine.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"{where} is in use; choose another with --port.".capitalize()) from None
        raise ResourceError(f"{where} cannot be opened: {error.strerror}.".capitalize()) from None


__all__ = ["Guard", "serve"]
