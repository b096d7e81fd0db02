"""The service on a port of its own, its loop on a thread of this process."""

import faulthandler
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from tenfold.data.mnist import load_test
from tenfold.serving.server import Server
from tenfold.serving.settings import Settings

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Running:
    """A service that answers at `port`; `http` is a client of it."""

    port: int
    server: Server
    http: httpx.Client

    def talk(self, data: bytes, *, seconds: float = 5.0) -> bytes:
        """All that comes back for `data` until the service closes; b"..." at the end if it does not."""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as connection:
            connection.sendall(data)
            answer = bytearray()
            try:
                while piece := connection.recv(65_536):
                    answer += piece
            except TimeoutError:
                answer += b"..."
            return bytes(answer)

    def metric(self, name: str, **labels: str) -> float:
        """One sample of /metrics; 0 where it is not there yet."""
        own = {"Connection": "close"}  # one that is kept may be closed for its age just as it is used again
        for family in text_string_to_metric_families(self.http.get("/metrics", headers=own).text):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
        return 0.0


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


Run = Callable[..., AbstractContextManager[Running]]


@contextmanager
def _running(**settings: Any) -> Iterator[Running]:
    ready = threading.Event()
    server = Server(Settings(port=0, **settings), lambda *_: ready.set())
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(30)
        port = server.listener.getsockname()[1]
        with httpx.Client(base_url=f"http://localhost:{port}", timeout=30, trust_env=False) as http:
            yield Running(port, server, http)
    finally:
        server.should_exit = True
        thread.join(30)
        if thread.is_alive():
            faulthandler.dump_traceback(all_threads=True)
            pytest.fail("the service did not end within 30 s; the threads' stacks are on standard error")


@pytest.fixture(scope="session")
def run() -> Run:
    """A service with the settings that are named, for as long as it is entered."""
    return _running


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    """One with its deadlines short, for all tests of a file that leave it as it was."""
    with _running(receive=0.5, keep_alive=1.0) as found:
        yield found


@pytest.fixture(scope="session")
def digits() -> Images:
    """The first 16 test digits: 7 2 1 0 4 1 4 9 5 9 0 6 9 0 1 5."""
    return load_test().images[:16]


@pytest.fixture(scope="session")
def as_png() -> Callable[[Images], bytes]:
    def write(image: Images) -> bytes:
        file = BytesIO()
        Image.fromarray(image).save(file, "PNG")
        return file.getvalue()

    return write


@pytest.fixture(scope="session")
def seven(digits: Images, as_png: Callable[[Images], bytes]) -> bytes:
    return as_png(digits[0])


@pytest.fixture(scope="session")
def page(digits: Images, as_png: Callable[[Images], bytes]) -> bytes:
    """7 2 1 0 in a row, dark on white."""
    row = np.hstack([np.pad(image, 6) for image in digits[:4]])
    return as_png(255 - np.kron(np.pad(row, 12), np.ones((2, 2), np.uint8)))
