"""What may arrive on a connection instead of a request: each case with the answers that it must get.

Every case closes its connection or is closed by the service. `statuses` are those of the answers in order; an
empty tuple is a connection that is closed without one.
"""

import gzip
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.serving.malformed_json import SOUND

Row = tuple[Any, ...]  # name, the bytes or the packets that they come in, each status
JSON = "Content-Type: application/json"


class Case(NamedTuple):
    name: str
    pieces: tuple[bytes, ...]
    statuses: tuple[int, ...]


def request(
    first: str, *headers: str, body: bytes = b"", host: str | None = "Host: 127.0.0.1", close: bool = True
) -> bytes:
    """`first` is the request line; Content-Length is up to `headers`."""
    lines = [
        first,
        *([host] if host is not None else []),
        *(["Connection: close"] if close else []),
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def get(path: str, *headers: str, host: str | None = "Host: 127.0.0.1") -> bytes:
    return request(f"GET {path} HTTP/1.1", *headers, host=host)


def post(*headers: str, body: bytes = SOUND, length: bool = True, path: str = "/v1/predict") -> bytes:
    given = [f"Content-Length: {len(body)}"] if length else []
    return request(f"POST {path} HTTP/1.1", JSON, *given, *headers, body=body)


def chunked(*chunks: bytes, coding: str = "chunked") -> bytes:
    """A POST whose body are these bytes as they are."""
    return post(f"Transfer-Encoding: {coding}", body=b"".join(chunks), length=False)


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


END = b"0\r\n\r\n"


def cases() -> Iterator[Case]:
    for group in (_first_lines, _hosts, _lengths, _chunks, _headers, _sizes, _methods, _paths, _extras):
        for name, data, *statuses in group():
            yield Case(name, data if isinstance(data, tuple) else (data,), tuple(statuses))


def _first_lines() -> Iterator[Row]:
    yield "random bytes", bytes(range(128, 256)) * 4, 400
    yield "NULs", bytes(64), 400
    yield "TLS hello", bytes.fromhex("16030100c8010000c40303") + bytes(range(200)), 400
    yield "SSH", b"SSH-2.0-OpenSSH_9.6\r\n", 400
    yield "HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400
    yield "HTTP/9.9", request("GET /v2 HTTP/9.9"), 400
    yield "no version", request("GET /v2"), 400
    yield "HTTP/0.9", request("GET /v2 HTTP/0.9"), 400
    yield "no path", request("GET HTTP/1.1"), 400
    yield "two spaces", request("GET  /v2 HTTP/1.1"), 200
    yield "HTTP/1.0", request("GET /v2 HTTP/1.0", close=False), 200
    yield "HTTP/1.0, no host", request("GET /v2 HTTP/1.0", host=None), 400
    yield "line ends before it", b"\r\n\r\n" + get("/v2"), 200
    yield "bare line feeds", get("/v2").replace(b"\r\n", b"\n"), 400
    yield "bare carriage returns", get("/v2").replace(b"\r\n", b"\r"), 400


def _hosts() -> Iterator[Row]:
    yield "no host", get("/v2", host=None), 400
    yield "two hosts", get("/v2", "Host: 127.0.0.1"), 400
    yield "two hosts, the first foreign", get("/v2", "Host: 127.0.0.1", host="Host: evil.example"), 400
    for name, host, status in (
        ("empty", "", 400),
        ("foreign", "evil.example", 403),
        ("foreign with ours before it", "127.0.0.1.evil.example", 403),
        ("user", "evil@127.0.0.1", 400),
        ("path", "127.0.0.1/v2", 400),
        ("port 99999", "127.0.0.1:99999", 400),
        ("port not a number", "127.0.0.1:http", 400),
        ("comma", "127.0.0.1, evil.example", 400),
        ("space", "127.0.0.1 evil", 400),
        ("not ASCII", "127.0.0.1\xe9", 400),
        ("IPv6", "[::1]:80", 200),
        ("half an IPv6", "[::1", 400),
        ("2,000 long", "a" * 2_000, 400),
    ):
        yield f"host {name}", get("/v2", host=f"Host: {host}"), status
    yield "absolute address", get("http://127.0.0.1/v2"), 200
    yield "forwarded host", get("/v2", "X-Forwarded-Host: evil.example", "X-Forwarded-For: 1.2.3.4"), 200
    yield "foreign origin", post("Origin: http://evil.example"), 403
    yield "null origin", post("Origin: null"), 403
    yield "file's origin", post("Origin: file://"), 403
    yield "origin not a URL", post("Origin: ://"), 403


def _lengths() -> Iterator[Row]:
    for text in ("-1", "+5", "5 5", "5,5", "0x5", "1e2", "5.0", "", "five", str(2**64), "9" * 400):
        yield f"length '{text[:24]}'", post(f"Content-Length: {text}", length=False), 400
    yield "length twice", post("Content-Length: 3"), 400
    yield "the same length twice", post(f"Content-Length: {len(SOUND)}"), 400
    yield "length and chunks", post("Transfer-Encoding: chunked", body=chunk(SOUND) + END), 400
    yield "a terabyte announced", post("Content-Length: 1000000000000", length=False), 413
    yield "a byte over the limit announced", post(f"Content-Length: {(1 << 20) + 1}", length=False), 413
    yield "no length", post(body=b"", length=False), 400
    yield "a body beside GET", request("GET /v2 HTTP/1.1", "Content-Length: 5", body=b"hello"), 200


def _chunks() -> Iterator[Row]:
    yield "chunks", chunked(*(chunk(SOUND[i : i + 1]) for i in range(len(SOUND))), END), 200
    yield "chunk size in two packets", (chunked(b"0000000"), b"1\r\n{\r\n", chunk(SOUND[1:]) + END), 200
    yield "chunk size zz", chunked(b"zz\r\n" + SOUND + b"\r\n", END), 400
    yield "chunk size -1", chunked(b"-1\r\n" + SOUND + b"\r\n", END), 400
    yield "chunk size empty", chunked(b"\r\n" + SOUND + b"\r\n", END), 400
    yield "chunk size 0x10", chunked(b"0x10\r\n" + SOUND, END), 400
    yield "chunk size 2^64", chunked(b"10000000000000000\r\n" + SOUND, END), 400
    yield "chunk longer than its size", chunked(b"3\r\n" + SOUND + b"\r\n", END), 400
    yield "chunk without line end", chunked(b"%x\r\n" % len(SOUND) + SOUND, b"xx", END), 400
    yield "chunk extension", chunked(chunk(SOUND, b';name="value"'), END), 200
    yield "chunk extension of 1 KB", chunked(chunk(SOUND, b";" + b"a" * 1_024), END), 200
    yield "chunk extension of 1 MB", chunked(chunk(SOUND, b";" + b"a" * (1 << 20)), END), 400
    yield "1 MB of extensions", chunked(*[chunk(b" ", b";" + b"a" * 200)] * 5_000, chunk(SOUND), END), 400
    yield "trailer", chunked(chunk(SOUND), b"0\r\nX-Sum: 7\r\n\r\n"), 200
    yield "trailers of 1 MB", chunked(chunk(SOUND), b"0\r\n", b"X: 7\r\n" * 200_000, b"\r\n"), 431
    yield "2 MB in chunks", chunked(*[chunk(bytes(1 << 16))] * 32, END), 413
    yield "coding twice", chunked(chunk(SOUND), END, coding="chunked, chunked"), 400
    yield "coding gzip, chunked", chunked(chunk(SOUND), END, coding="gzip, chunked"), 501
    yield (
        "coding gzip, then chunked",
        post("Transfer-Encoding: gzip", "Transfer-Encoding: chunked", body=chunk(SOUND) + END, length=False),
        501,
    )
    yield "coding Chunked", chunked(chunk(SOUND), END, coding="Chunked"), 200
    yield "coding identity", chunked(SOUND, coding="identity"), 400
    yield "coding xchunked", chunked(chunk(SOUND), END, coding="xchunked"), 400
    yield "chunks in HTTP/1.0", chunked(chunk(SOUND), END).replace(b"HTTP/1.1", b"HTTP/1.0", 1), 200


def _headers() -> Iterator[Row]:
    for name, header in (
        ("without colon", "X-Nothing"),
        ("space before colon", "X-Odd : 7"),
        ("no name", ": 7"),
        ("name with a space", "X Odd: 7"),
        ("name with NUL", "X\0Odd: 7"),
        ("name not ASCII", "X-\xe9: 7"),
        ("value with NUL", "X-Odd: \0"),
        ("value with a bare line feed", "X-Odd: 7\nHost: evil.example\n"),
        ("value with a bare carriage return", "X-Odd: 7\rHost: evil.example"),
        ("folded", "X-Odd: 7\r\n 8"),
    ):
        yield f"header {name}", get("/v2", header), 400
    yield "header folded first", get("/v2", host=" Host: 127.0.0.1"), 400
    yield "header value not ASCII", get("/v2", "X-Odd: \xe9"), 200
    yield "header empty", get("/v2", "X-Odd:"), 200


def _sizes() -> Iterator[Row]:
    base = len(get("/v2", "X: "))
    yield "a head of 15 KB", get("/v2", "X: " + "a" * (15 * 1_024 - base)), 200
    yield "a head of 17 KB", get("/v2", "X: " + "a" * (17 * 1_024 - base)), 431
    yield "a header of 1 MB", get("/v2", "X: " + "a" * (1 << 20)), 431
    yield "a header's name of 1 MB", get("/v2", "a" * (1 << 20) + ": 7"), 431
    yield "10,000 headers", get("/v2", *(f"X-{i}: 7" for i in range(10_000))), 431
    yield "2,000 empty headers", get("/v2", *["a:"] * 4_000), 431
    yield "an address of 1 MB", get("/" + "a" * (1 << 20)), 431
    yield "a query of 15 KB", get("/v1/models?" + "a=1&" * 3_500), 400
    yield "a method of 1 MB", request("G" * (1 << 20) + " /v2 HTTP/1.1"), 400


def _methods() -> Iterator[Row]:
    for method in ("DELETE", "PUT", "PATCH", "TRACE", "OPTIONS", "PROPFIND", "QUERY"):
        yield f"{method} /v1/predict", request(f"{method} /v1/predict HTTP/1.1"), 405
    yield "GET /v1/predict", get("/v1/predict"), 405
    yield "unknown method", request("SPEAK /v2 HTTP/1.1"), 400
    yield "small letters", request("get /v2 HTTP/1.1"), 400
    yield "CONNECT", request("CONNECT evil.example:443 HTTP/1.1"), 400
    yield "OPTIONS *", request("OPTIONS * HTTP/1.1"), 404
    yield "another method in a header", get("/v1/predict", "X-HTTP-Method-Override: POST"), 405


def _paths() -> Iterator[Row]:
    for path, status in (
        ("/../../etc/passwd", 404),
        ("/page/../../../etc/passwd", 404),
        ("/page/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/page/..%2f..%2fetc%2fpasswd", 404),
        ("/page//etc/passwd", 404),
        ("/page/style.css%00.png", 404),
        ("//v2", 404),
        ("/v2/", 404),
        ("/V2", 404),
        ("/v2;x=1", 404),
        ("/v2%2fhealth", 404),
        ("/v2%zz", 404),
        ("/%ff%fe", 404),
        ("/v2/models/%2e%2e%2freader", 404),
        ("/v2/models/reader-int8/versions/2", 404),
        ("/v2/models/..", 404),
        ("/v2/models/http:%2f%2fevil.example%2fm.onnx", 404),
        ("/v1/models?path=/etc/passwd", 400),
        ("/v1/models?%zz=1", 400),
        ("/v1/models?a=1&a=2", 400),
        ("/v2#fragment", 200),
    ):
        yield f"GET {path}", get(path), status
    yield "raw bytes in the address", get("/\xff\xfe"), 400
    yield "a space in the address", get("/v2 /health"), 400
    yield "NUL in the address", get("/v2\0"), 400
    for query in ("model=", "model=%ff", "model=nosuch", "model=../reader", "model=%00"):
        yield f"?{query}", post(path=f"/v1/predict?{query}"), 404
    yield "?model twice", post(path="/v1/predict?model=reader&model=reader"), 400
    for query in ("digits=-1", "digits=1e3", "digits=99999", "allowed=", "allowed=a", "checksum=md5"):
        yield f"read ?{query}", post(path=f"/v1/read?{query}"), 400


def _extras() -> Iterator[Row]:
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="../7.png"\r\n\r\nseven\r\n--b--\r\n'
    )
    multipart = request(
        "POST /v1/predict HTTP/1.1",
        "Content-Type: multipart/form-data; boundary=b",
        f"Content-Length: {len(form)}",
        body=form,
    )
    yield "multipart", multipart, 415
    zipped = gzip.compress(SOUND)
    yield "gzipped body", post("Content-Encoding: gzip", body=zipped), 415
    yield "a body said to be as it is", post("Content-Encoding: identity"), 200
    yield "expects 100-continue", post("Expect: 100-continue"), 100, 200
    yield "expects wonders", post("Expect: wonders"), 200
    yield "ranges", get("/v2", "Range: bytes=" + ",".join(f"{i}-" for i in range(1_000))), 200
    yield "ranges of the page", get("/", "Range: bytes=0-0,0-0,0-0"), 200
    yield "websocket", get("/v2", "Upgrade: websocket", "Sec-WebSocket-Key: x"), 200
    yield "h2c", get("/v2", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"), 200
    many = request("GET /v2 HTTP/1.1", close=False)
    yield "three at once", many * 2 + get("/v2"), 200, 200, 200
    yield "sound, then nonsense", many + b"nonsense\r\n\r\n", 200
    yield "a request behind the last", get("/v2") + many, 200
    yield (
        "JSON called text",
        request(
            "POST /v1/predict HTTP/1.1",
            "Content-Type: text/plain",
            f"Content-Length: {len(SOUND)}",
            body=SOUND,
        ),
        400,
    )
    yield "JSON in UTF-16", post(body=SOUND.decode().encode("utf-16")), 400
