"""Every request passes here: who may ask, how much may be sent, how many at once, and what an answer carries.

Pure ASGI. The order: host and origin, token, room; then the body, counted as it comes; then the route. A body
that comes slowly holds no place among those in work. Probes and metrics need no room.
"""

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from time import perf_counter
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from tenfold.serving.answers import BUSY, RefusedError, refusal, refuse
from tenfold.serving.engine import Engine
from tenfold.serving.logs import Log
from tenfold.serving.metrics import UNROUTED, Metrics
from tenfold.serving.security import PROBES, Door
from tenfold.serving.settings import Settings

LINGER = 1.0  # seconds
EXEMPT = (*PROBES, "/metrics")  # need no room
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
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
        metrics.working.set_function(lambda: self._working)
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
        except asyncio.CancelledError:  # the time to finish what is in work is over
            await self._refuse(RefusedError(503, BUSY), scope, receive, answer)
        except Exception as error:
            await self._refuse(error, scope, receive, answer)
        seconds = perf_counter() - started
        route = scope["route"].path if "route" in scope else UNROUTED
        self.metrics.observe(route, answer.status, seconds)
        self.log.request(scope, route, answer.status, seconds)

    async def _pass(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]):
            self.door.check_single(scope["headers"])
        path = scope["path"]
        answer.unread = b"content-length" in headers or b"transfer-encoding" in headers
        self.door.check(path, scope, headers)
        if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise RefusedError(415, "Send the body as it is, without a Content-Encoding.")
        if b"transfer-encoding" in headers and _codings(scope) != b"chunked":
            raise RefusedError(501, "The only Transfer-Encoding that is understood here is chunked.")
        limit = self.settings.tensor_bytes if path.startswith("/v2/") else self.settings.image_bytes
        body = await self._body(headers, receive, limit) if answer.unread else b""
        answer.unread = False
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
        if answer.unread:
            await _answer_and_linger(response, receive, answer)
        else:
            await response(scope, receive, answer)


class _Answer:
    """`send` with our headers on every answer; remembers the status."""

    __slots__ = ("_send", "status", "unread")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.unread = False  # part of the body may still be on its way

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = message["headers"]
            names = {name for name, _ in own}
            own.extend(header for header in SECURITY_HEADERS if header[0] not in names)
        await self._send(message)


async def _answer_and_linger(response: Response, receive: Receive, answer: _Answer) -> None:
    """Answer, take what the client still sends for a second, and close.

    A connection that is closed with bytes unread is reset, and the client would lose the answer.
    """
    headers = [*response.raw_headers, (b"connection", b"close")]
    await answer({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await answer({"type": "http.response.body", "body": response.body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
    await answer({"type": "http.response.body", "body": b"", "more_body": False})


def _codings(scope: Scope) -> bytes:
    codings = (value for name, value in scope["headers"] if name == b"transfer-encoding")
    return b",".join(codings).strip().lower()


def _once(body: bytes) -> Receive:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
