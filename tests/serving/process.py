"""The service as users start it, in a process of its own, and what every answer of it must be."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from service_process import Service
from wire_answer import Answer, whole_answer

PATIENCE = 60.0  # seconds; a busy machine is slow, and a test that waits so long has failed
_LEAK = re.compile(r"Traceback|File \"|/src/|site-packages|\.py\b|0x[0-9a-f]{6}|tenfold\.|numpy|starlette")

__all__ = ["Answer", "Service", "ask", "assert_quiet", "assert_refusal", "settled", "talk"]


@contextmanager
def started(*arguments: str) -> Iterator[Service]:
    """A service that must end with 0 and an empty log."""
    with Service(*arguments) as service:
        yield service
        assert_quiet(service)
        assert service.end() == 0
        assert service.log() == ""


def assert_quiet(service: Service) -> None:
    """It runs, and has found nothing that it would tell its owner."""
    assert service.alive
    assert service.log() == ""


def talk(address: tuple[str, int], *pieces: bytes, pause: float = 0.0) -> list[Answer]:
    """All answers to these bytes, until the service closes the connection."""
    received = b""
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        with suppress(OSError):  # refused before all was sent: the answer may still be read
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        with suppress(ConnectionResetError):
            while data := connection.recv(1 << 16):
                received += data
    return list(_answers(received))


def _answers(received: bytes) -> Iterator[Answer]:
    while received:
        assert received.startswith(b"HTTP/1.1 "), received[:200]
        answer = whole_answer(received)
        assert answer is not None, f"cut answer: {received[:200]!r}"
        yield answer
        received = received[len(answer.head) + 4 + len(answer.body) :]


def ask(service: Service, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """One request over a connection of its own; `_` in a header's name is `-`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    (answer,) = talk(service.address, "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))
    return answer


def assert_refusal(answer: Answer, *statuses: int) -> str:
    """One sentence as an error with one of these statuses, and nothing of the inside in it. Gives it."""
    assert answer.status in statuses, (answer.status, answer.body[:300])
    assert b"\r\ncontent-type: application/json" in answer.head.lower()
    document: dict[str, Any] = json.loads(answer.body)
    assert list(document) == ["error"]
    sentence: str = document["error"]
    assert re.fullmatch(r"[A-Z'0-9a-z].{5,300}[.?]", sentence), sentence
    assert not _LEAK.search(sentence), sentence
    return sentence


def settled(service: Service, descriptors: int) -> bool:
    """No more open files than `descriptors`, before long: a closing connection takes a moment."""
    give_up = time.monotonic() + PATIENCE
    while service.descriptors() > descriptors and time.monotonic() < give_up:
        time.sleep(0.02)
    return service.descriptors() <= descriptors
