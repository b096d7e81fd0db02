"""A mirror on loopback that serves and misbehaves as it is told."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tenfold.data.download import Patience


def patience(fault: str = "", silence: float = 1.0) -> Patience:
    """Short of `silence` where that is the fault; elsewhere a busy machine is given time to answer."""
    silent = fault.endswith(("mute", "stall"))
    return Patience(silence=silence if silent else 10.0, deadline=60, attempts=2, pause=0.01)


class Mirror:
    """Serves `files` (path -> bytes) below `url`; `faults` (path -> name of a fault) go first.

    `asked` lists the paths of all requests in order.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, str] = {}
        self.asked: list[str] = []
        self.released = threading.Event()  # lets go of the requests that are kept waiting
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                mirror.answer(self, self.path)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/"

    def answer(self, request: BaseHTTPRequestHandler, path: str) -> None:
        fault = self.faults.get(path, "")
        data = self.files.get(path, b"")
        if fault.startswith("once "):
            del self.faults[path]
            fault = fault.removeprefix("once ")
        if fault.isdigit():
            request.send_error(int(fault))
        elif fault.startswith("redirect "):
            request.send_response(302)
            request.send_header("Location", fault.removeprefix("redirect "))
            request.end_headers()
        elif fault == "hang up":
            request.close_connection = True
        elif fault == "mute":
            self.released.wait(10)
        elif path not in self.files:
            request.send_error(404)
        else:
            self.send(request, data, fault)

    def send(self, request: BaseHTTPRequestHandler, data: bytes, fault: str) -> None:
        request.send_response(200)
        request.send_header(
            "Content-Type", "text/html; charset=utf-8" if fault == "page" else "application/gzip"
        )
        if fault != "no length":
            request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if fault == "cut":
            request.wfile.write(data[: len(data) // 2])
        elif fault == "stall":
            request.wfile.write(data[: len(data) // 2])
            request.wfile.flush()
            self.released.wait(10)
        elif fault == "drip":
            for byte in data:
                if self.released.is_set():
                    return
                request.wfile.write(bytes([byte]))
                time.sleep(0.02)
        else:
            request.wfile.write(data)


def serve() -> Iterator[Mirror]:
    mirror = Mirror()
    thread = threading.Thread(target=mirror.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield mirror
    mirror.released.set()
    mirror.server.shutdown()
    mirror.server.server_close()
    thread.join()


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield from serve()


@pytest.fixture
def second_mirror() -> Iterator[Mirror]:
    yield from serve()
