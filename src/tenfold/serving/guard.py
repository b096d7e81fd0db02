"""Every request passes here: who may ask, how much may be sent, how many at once, and what an answer carries.

Pure ASGI. The order: host and origin, token, room; then the body, counted as it comes; then the route. A body
that comes slowly holds no place among those in work. Probes and metrics need no room.
"""

from collections.abc import MutableMapping
from time import perf_counter
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from tenfold.serving.answers import BUSY, RefusedError, refusal, refuse
from tenfold.serving.engine import Engine
from tenfold.serving.logs import Log
from tenfold.serving.metrics import Metrics
from tenfold.serving.security import Door
from tenfold.serving.settings import Settings

UNMATCHED = "(none)"  # the route label of what no route matched
EXEMPT = ("/v2/health/live", "/v2/health/ready", "/metrics")  # need no room
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        b"connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
]
STATUS_SENTENCES = {404: "There is nothing at this address.", 405: "This address does not take this method."}


class LeftError(Exception):
    """The client went away before its request was whole."""


class Guard:
    """The ASGI application around `router`; see `build_app`."""

    def __init__(self, router: Router, engine: Engine, metrics: Metrics, settings: Settings) -> None:
        self.router, self.engine, self.metrics, self.settings = router, engine, metrics, settings
        self.door = Door(settings)
        self.log = Log(settings.log)
        self._working = 0
        self._buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.router(scope, receive, send)
            return
        scope["app"] = self  # so that the router raises its 404 and 405
        started = perf_counter()
        answer = _Answer(send)
        try:
            await self._pass(scope, receive, answer)
        except LeftError:
            return
        except Exception as error:
            await self._refuse(error, scope, receive, answer)
        seconds = perf_counter() - started
        route = scope["route"].path if "route" in scope else UNMATCHED
        self.metrics.observe(route, answer.status, seconds)
        self.log.request(scope, route, answer.status, seconds)

    async def _pass(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        headers = dict(scope["headers"])
        path = scope["path"]
        self.door.check(path, scope, headers)
        limit = self.settings.tensor_bytes if path.startswith("/v2/") else self.settings.image_bytes
        body = await self._body(headers, receive, limit)
        try:
            await self._work(scope, path, body, answer)
        finally:
            self._buffered -= len(body)

    async def _work(self, scope: Scope, path: str, body: bytes, answer: "_Answer") -> None:
        if path in EXEMPT:
            await self.router(scope, _once(body), answer)
            return
        if self._working >= self.settings.concurrency:
            raise RefusedError(503, BUSY, "concurrency")
        self._working += 1
        try:
            await self.router(scope, _once(body), answer)
        finally:
            self._working -= 1

    async def _body(self, headers: MutableMapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
        """The whole body, counted into what is buffered. Raises RefusedError, LeftError."""
        declared = headers.get(b"content-length")
        if declared is None and b"transfer-encoding" not in headers:
            return b""
        too_large = RefusedError(413, f"The body may have at most {limit:,} bytes.", "body")
        if declared is not None and int(declared) > limit:
            raise too_large
        body = bytearray()
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise LeftError
                chunk = message.get("body", b"")
                self._buffered += len(chunk)
                body += chunk
                if len(body) > limit:
                    raise too_large
                if self._buffered > self.settings.buffered_bytes:
                    raise RefusedError(503, BUSY, "buffer")
                if not message.get("more_body", False):
                    return bytes(body)
        except BaseException:
            self._buffered -= len(body)
            raise

    async def _refuse(self, error: Exception, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if isinstance(error, HTTPException):
            refused: RefusedError | None = RefusedError(
                error.status_code, STATUS_SENTENCES.get(error.status_code, "This cannot be answered.")
            )
        else:
            refused = refusal(error)
        if refused is None:
            self.log.fault(error)
            refused = RefusedError(500, "The service made a mistake; it is recorded on the server.")
        if refused.reason is not None:
            self.metrics.reject(refused.reason)
        if answer.status:  # part of an answer is out: the connection is all that can be cut
            raise error
        response = refuse(refused)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        await response(scope, receive, answer)


class _Answer:
    """`send` with our headers on every answer; remembers the status."""

    __slots__ = ("_send", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = message["headers"]
            names = {name for name, _ in own}
            own.extend(header for header in SECURITY_HEADERS if header[0] not in names)
        await self._send(message)


def _once(body: bytes) -> Receive:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
