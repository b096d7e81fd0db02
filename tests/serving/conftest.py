"""The service on a port of its own, its loop on a thread of this process."""

import faulthandler
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from tests.serving.process import PATIENCE

from tenfold.data.mnist import load_test
from tenfold.serving.server import Server
from tenfold.serving.settings import Settings

Images = NDArray[np.uint8]
T = TypeVar("T")


@dataclass(frozen=True)
class Running:
    """A service that answers at `port`; `http` is a client of it."""

    port: int
    server: Server
    http: httpx.Client

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def talk(self, data: bytes) -> bytes:
        """All that comes back for `data` until the service closes, as it must."""
        with self.connect() as connection:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def first(self, data: bytes) -> bytes:
        """What comes back first for `data`; a service that refuses would listen on for a second."""
        with self.connect() as connection:
            connection.sendall(data)
            return connection.recv(65_536)

    def metric(self, name: str, **labels: str) -> float:
        """One sample of /metrics; 0 where it is not there yet."""
        own = {"Connection": "close"}  # one that is kept may be closed for its age just as it is used again
        for family in text_string_to_metric_families(self.http.get("/metrics", headers=own).text):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
        return 0.0


class Gate:
    """Holds up the thread that comes to it until it is opened."""

    def __init__(self) -> None:
        self._reached, self._opened = threading.Event(), threading.Event()

    def hold(self, what: T) -> T:
        self._reached.set()
        assert self._opened.wait(PATIENCE)
        return what

    def wait(self) -> None:
        """Until a thread is held up."""
        assert self._reached.wait(PATIENCE)

    def open(self) -> None:
        self._opened.set()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


Run = Callable[..., AbstractContextManager[Running]]


@contextmanager
def _running(**settings: Any) -> Iterator[Running]:
    """Its queues are as patient as the tests, unless told otherwise: the machine may be busy."""
    ready = threading.Event()
    patient = {"queue_wait": PATIENCE, "page_wait": PATIENCE}
    server = Server(Settings(**{"port": 0, **patient, **settings}), lambda *_: ready.set())
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        port = server.listener.getsockname()[1]
        with httpx.Client(base_url=f"http://localhost:{port}", timeout=PATIENCE, trust_env=False) as http:
            yield Running(port, server, http)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        if thread.is_alive():
            faulthandler.dump_traceback(all_threads=True)
            pytest.fail("the service did not end; the threads' stacks are on standard error")


@pytest.fixture(scope="session")
def run() -> Run:
    """A service with the settings that are named, for as long as it is entered."""
    return _running


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    """One for all tests of a file that leave it as it was."""
    with _running(receive=PATIENCE) as found:
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
