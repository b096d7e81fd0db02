"""One file from the first mirror that sends it sound, bounded in size and time, checked before use.

    data = download(RemoteFile("a.gz", "sha256:..."), ["https://one/", "https://two/"], "fashion-mnist")

Only http and https are spoken, redirects included. A mirror is left for the next one when it does not answer,
falls silent, sends a web page, too much, too little or other bytes than the checksum says; those that may
recover are tried again after a pause. One NetworkError tells of all of them.
"""

import hashlib
import http.client
import io
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from tenfold.errors import NetworkError

CHUNK = 2**16
Progress = Callable[[str, int, int | None], None]  # file, bytes so far, bytes expected if the mirror says so


@dataclass(frozen=True)
class RemoteFile:
    """A published file; `checksum` is "sha256:..." or, where nothing better is published, "md5:...".

    MD5 finds every accident of a transfer but stops no attacker; nothing that is fetched is ever run.
    """

    name: str
    checksum: str
    limit: int = 2**26  # bytes

    def matches(self, content: bytes | memoryview | io.BufferedReader) -> bool:
        """Whether the bytes of `content`, or of an open file from where it stands, have the checksum."""
        kind, _, expected = self.checksum.partition(":")
        make = hashlib.sha256 if kind == "sha256" else _md5
        if isinstance(content, io.BufferedReader):
            return hashlib.file_digest(content, make).hexdigest() == expected
        return make(content).hexdigest() == expected


@dataclass(frozen=True)
class Patience:
    """How long to try, in seconds: `silence` to connect and between bytes, `deadline` for one file in all.

    Each mirror is asked up to `attempts` times; before the second round passes `pause`, then twice that, and
    so on.
    """

    silence: float = 10.0
    deadline: float = 1800.0
    attempts: int = 3
    pause: float = 1.0


def download(
    file: RemoteFile,
    mirrors: Sequence[str],
    set_name: str,
    patience: Patience = Patience(),
    progress: Progress | None = None,
) -> bytes:
    """The bytes of `file`, found at `mirror + file.name`. Raises NetworkError if none sends them."""
    ends = time.monotonic() + patience.deadline
    hopeful, reasons = list(mirrors), dict[str, str]()
    for attempt in range(patience.attempts):
        for mirror in list(hopeful):
            try:
                return _ask(mirror + file.name, file, patience.silence, ends, progress)
            except _MirrorError as cause:
                reasons["{0.scheme}://{0.netloc}".format(urlsplit(mirror))] = str(cause)
                if not cause.may_recover:
                    hopeful.remove(mirror)
        pause = patience.pause * 2**attempt
        if not hopeful or attempt + 1 == patience.attempts or time.monotonic() + pause >= ends:
            break
        time.sleep(pause)
    told = "; ".join(f"{where} {reason}" for where, reason in reasons.items())
    raise NetworkError(
        f"The data set '{set_name}' cannot be downloaded: {told}. "
        f"Try again later, or get {file.name} elsewhere and import it: "
        f"tenfold data fetch {set_name} --import-from FILE_OR_FOLDER."
    )


class _MirrorError(Exception):
    """Why one mirror did not serve, as the end of a sentence that begins with its address."""

    def __init__(self, reason: str, *, may_recover: bool) -> None:
        super().__init__(reason)
        self.may_recover = may_recover


class _OnlyHttp(urllib.request.HTTPRedirectHandler):
    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message
    ) -> IO[bytes] | None:
        # urllib itself refuses file: as an HTTP error 302, which tells nobody why, and would follow ftp:
        if _scheme(headers.get("location") or headers.get("uri") or "") not in ("", "http", "https"):
            fp.close()
            raise _MirrorError("redirects to something that is not http or https", may_recover=False)
        return super().http_error_302(req, fp, code, msg, headers)  # type: ignore[arg-type]

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _scheme(target: str) -> str:
    try:
        return urlsplit(target).scheme
    except ValueError:
        return "unreadable"


def _opener() -> urllib.request.OpenerDirector:
    """Speaks http and https only; urllib's default would also open file:, ftp: and data:."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _OnlyHttp(),
    ):
        opener.add_handler(handler)
    return opener


def _ask(url: str, file: RemoteFile, silence: float, ends: float, progress: Progress | None) -> bytes:
    """One request to one mirror. Raises _MirrorError."""
    left = ends - time.monotonic()
    if left <= 0:
        raise _MirrorError("was not asked in time", may_recover=False)
    request = urllib.request.Request(url, headers={"User-Agent": "tenfold", "Accept-Encoding": "identity"})
    try:
        with _opener().open(request, timeout=min(silence, left)) as answer:
            received = _receive(answer, file, ends, progress)
    except HTTPError as cause:
        cause.close()
        raise _MirrorError(
            f"answered {cause.code}", may_recover=cause.code >= 500 or cause.code == 429
        ) from None
    except (URLError, OSError, http.client.HTTPException, ValueError) as cause:
        reason = cause.reason if isinstance(cause, URLError) else cause
        if isinstance(reason, TimeoutError):
            raise _MirrorError(f"was silent for {silence:g} s", may_recover=True) from None
        raise _MirrorError("cannot be reached", may_recover=True) from None
    if not file.matches(received.getbuffer()):
        raise _MirrorError("sent other bytes than the checksum says", may_recover=False)
    return received.getvalue()


def _receive(
    answer: http.client.HTTPResponse, file: RemoteFile, ends: float, progress: Progress | None
) -> io.BytesIO:
    if answer.headers.get_content_type() == "text/html":
        raise _MirrorError("sent a web page instead of the file", may_recover=False)
    told = answer.headers.get("Content-Length", "")
    expected = int(told) if told.isascii() and told.isdigit() else None
    if expected is not None and expected > file.limit:
        raise _MirrorError(
            f"announced {expected:,} bytes, over the limit of {file.limit:,}", may_recover=False
        )
    received = io.BytesIO()  # its getvalue() does not copy, which counts for EMNIST's 562 million bytes
    while chunk := answer.read1(CHUNK):  # read() would wait for a whole chunk from a dripping server
        received.write(chunk)
        if received.tell() > file.limit:
            raise _MirrorError(f"sent more than the limit of {file.limit:,} bytes", may_recover=False)
        if time.monotonic() > ends:
            raise _MirrorError("was too slow", may_recover=False)
        if progress is not None:
            progress(file.name, received.tell(), expected)
    if expected is not None and received.tell() < expected:
        raise _MirrorError(f"stopped after {received.tell():,} of {expected:,} bytes", may_recover=True)
    return received


def _md5(data: bytes | memoryview = b"") -> "hashlib._Hash":
    return hashlib.md5(data, usedforsecurity=False)
