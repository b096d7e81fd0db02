"""Who may ask: no foreign page through the user's browser, and nobody without the token, if one is set.

A site that makes its own name point to 127.0.0.1 (DNS rebinding) sends that name as Host; a foreign page that
posts a form sends its Origin. An address in digits cannot be rebound, so it is always a good Host.
"""

import hmac
import ipaddress
import re
from collections.abc import Mapping, Sequence

from starlette.types import Scope

from tenfold.errors import UsageError
from tenfold.serving.answers import RefusedError
from tenfold.serving.settings import Settings

LIVE, READY = PROBES = ("/v2/health/live", "/v2/health/ready")
_OPEN_METHODS = ("GET", "HEAD")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
_SINGLE = frozenset(
    {
        b"host",
        b"origin",
        b"authorization",
        b"content-type",
        b"content-length",
        b"inference-header-content-length",
    }
)
_REMEMBERED = 256  # hosts that were found good


class Door:
    """Checks a request's head. Raises RefusedError with 400, 401 or 403.

    Raises UsageError for an allowed host that is no name, and so would never be asked for.
    """

    def __init__(self, settings: Settings) -> None:
        for name in settings.allowed_hosts:
            match = _HOST.fullmatch(name)
            if match is None or match[2]:
                raise UsageError(
                    f"'{name}' is no host name; give it as digits.example.org, without scheme, port or path."
                )
        self._allowed = {name.lower().rstrip(".") for name in settings.allowed_hosts}
        self._names = {"localhost", *self._allowed}
        if settings.host:
            self._names.add(settings.host.lower())
        self._token = settings.token.encode() if settings.token else None
        self._good: set[bytes] = set()

    def check(self, path: str, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        if path in PROBES:
            return
        host = headers.get(b"host", b"")
        if host not in self._good:
            self._check_host(host)
        origin = headers.get(b"origin")
        if origin is not None:
            self._check_origin(origin, host)
        if self._token is not None and self._guarded(path, scope["method"]):
            self._check_token(headers.get(b"authorization", b""))

    def check_single(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """What is decided by must be there once."""
        names = [name for name, _ in headers if name in _SINGLE]
        if len(set(names)) != len(names):
            raise RefusedError(400, "A header is there twice that may be there once.")

    def _check_host(self, host: bytes) -> None:
        match = _HOST.fullmatch(host.decode("latin-1"))
        if match is None or int(match[2] or 0) > 65_535:
            raise RefusedError(400, "The Host header is missing or no host.")
        if not self._is_ours(match[1]):
            raise RefusedError(403, "This host name is not served here; --allow-host adds it.")
        if len(self._good) < _REMEMBERED:
            self._good.add(host)

    def _is_ours(self, name: str) -> bool:
        if name.lower().rstrip(".") in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def _check_origin(self, origin: bytes, host: bytes) -> None:
        """A browser names the page that asks: it must be ours. An allowed name may have any port, that of a
        proxy; on another port of this machine lives another."""
        scheme, _, asking = origin.decode("latin-1").partition("://")
        match = _HOST.fullmatch(asking)
        same = asking.lower() == host.decode("latin-1").lower()
        named = match is not None and match[1].lower() in self._allowed
        if scheme not in ("http", "https") or not (same or named):
            raise RefusedError(403, "Pages of other sites may not ask here.")

    def _guarded(self, path: str, method: str) -> bool:
        """The page itself shows nothing; what answers, measures or is posted to needs the token."""
        return (
            method not in _OPEN_METHODS
            or path.startswith(("/v1", "/v2"))
            or path in ("/metrics", "/page/models")
        )

    def _check_token(self, given: bytes) -> None:
        scheme, _, token = given.partition(b" ")
        assert self._token is not None
        if scheme.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._token):
            raise RefusedError(401, "A token is needed: Authorization: Bearer TOKEN.")
