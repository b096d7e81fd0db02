"""One JSON line a request on standard error, if wanted: no pixels, no address, no file name.

A fault of ours is always told, with its traceback, to whoever runs the service, never to the client.
"""

import contextlib
import json
import re
import secrets
import sys
import time
import traceback

from starlette.types import Scope

_ID = re.compile(rb"[A-Za-z0-9-]{1,64}")


class Log:
    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def request(self, scope: Scope, route: str, code: int, seconds: float) -> None:
        """`id` is the client's X-Request-Id where it is a plain word."""
        if not self._wanted:
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        line = {
            "time": round(time.time(), 3),
            "id": given.decode() if _ID.fullmatch(given) else secrets.token_hex(8),
            "method": scope["method"],
            "route": route,
            "code": code,
            "ms": round(1000 * seconds, 2),
        }
        _write(json.dumps(line))

    def fault(self, error: Exception) -> None:
        _write("".join(traceback.format_exception(error)).rstrip())


def _write(text: str) -> None:
    """A full or closed log must not stop the service."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)
