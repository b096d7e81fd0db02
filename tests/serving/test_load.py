"""The service in its own process under more than it can do: small versions of benchmarks/load.py that assert
what holds on any machine, however busy."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from beside_load import Slow, probe
from digit_requests import cut_picture, digits
from open_loop import Asked, Client, poisson
from tests.serving.process import Service, ask, assert_quiet, settled, started

PATIENT = ("--queue-wait", "30", "--receive", "30")  # where a busy machine must not refuse
CROWD = 200  # connections at once
QUEUE = 8


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    return digits(count=40)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Little room in its queue."""
    with started("--queue", str(QUEUE), "--queue-wait", "30") as service:
        yield service


def counted(service: Service) -> dict[tuple[str, str], int]:
    """What the service has counted, by route and status."""
    text = ask(service, "GET", "/metrics").body.decode()
    found = re.findall(r'tenfold_requests_total\{code="(\d+)",route="([^"]+)"\} ([\d.e+]+)', text)
    return {(route, code): int(float(count)) for code, route, count in found}


def test_an_answer_on_a_kept_connection_is_not_held_back(service: Service) -> None:
    """Head and body are two packets; without TCP_NODELAY the second waits 40 ms for the client's ACK, but for
    the first few. A busy machine holds back some, not four of five."""
    live = Asked(b"GET /v2/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b'"live":true')
    with Client(service.address, [live], connections=1, most=1) as client:
        answers = client.drive(np.zeros(60), patience=60)
    assert answers.right.all()
    assert np.percentile(np.diff(answers.done), 20) < 0.03


def test_beyond_its_room_it_answers_200_or_503_and_probes_always(
    service: Service, asked: list[Asked]
) -> None:
    before = counted(service)
    with Client(service.address, asked, connections=CROWD, most=CROWD) as client:
        probe(client, every=0.05, seconds=1.0)
        answers = client.drive(np.sort(np.r_[np.zeros(1_500), np.linspace(0, 1, 500)]), patience=120)
    after = counted(service)
    assert set(answers.status) == {200, 503}
    assert answers.right.all()  # each 200 is its own picture's label; each 503 says when to come back
    assert np.isfinite(answers.probes).all()
    assert answers.count(200) >= QUEUE

    def more(status: str) -> int:
        """Those of the routes that were asked and of what was refused before it had one."""
        chosen = [key for key in after if key[1] == status and not key[0].startswith(("/v2", "/metrics"))]
        return sum(after[key] - before.get(key, 0) for key in chosen)

    assert more("200") == answers.count(200)
    assert more("503") == answers.count(503)
    with Client(service.address, asked, connections=1, most=1) as client:
        assert (client.drive(np.zeros(20), patience=60).status == 200).all()
    assert_quiet(service)


def test_memory_and_open_files_stay_as_they_are(service: Service, asked: list[Asked]) -> None:
    """Over thousands of requests, some refused, some from clients that leave."""
    mixed = [*asked, cut_picture()]
    whole = asked[0].wire

    def some(requests: int) -> None:
        for turn in range(requests // 20):
            with socket.create_connection(service.address, timeout=30) as connection:
                connection.sendall(whole[: turn * 7 % len(whole)])
        with Client(service.address, asked=mixed, connections=QUEUE, most=QUEUE) as client:
            answers = client.drive(np.zeros(requests), patience=120)
        assert set(answers.status) >= {200, 400}
        assert answers.right.all()

    some(500)
    assert settled(service, service.descriptors())
    memory, descriptors, threads = service.memory(), service.descriptors(), service.threads()
    some(2_500)
    assert settled(service, descriptors)
    assert service.threads() == threads
    assert service.memory() < memory + (8 << 20)
    assert_quiet(service)


def test_slow_clients_are_cut_and_honest_ones_served(asked: list[Asked]) -> None:
    deadline, each = 2.0, 40
    whole = asked[0].wire
    kinds = ((whole[:40], None), (whole[:40], 0.3), (whole[:-90], 0.3), (b"", None))
    with started("--queue-wait", "30", "--receive", str(deadline)) as service:
        with Client(service.address, asked, connections=1, most=4) as client:
            peers = [Slow(client, prefix, trickle=pause) for prefix, pause in kinds for _ in range(each)]
            for index, peer in enumerate(peers):
                client.at(index / len(peers), peer.connect)
            answers = client.drive(np.linspace(0, 4, 80), patience=60)
            give_up = time.monotonic() + 60
            while any(np.isnan(peer.lasted) for peer in peers) and time.monotonic() < give_up:
                client.drive(np.linspace(0, 0.2, 2), patience=60)
        assert (answers.status == 200).all()
        assert answers.right.all()
        assert all(peer.lasted > 0.8 * deadline for peer in peers)  # not NaN: it was cut
        assert all(peer.answer.startswith(b"HTTP/1.1 408") for peer in peers if peer.prefix)
        assert all(peer.answer == b"" for peer in peers if not peer.prefix)


def test_told_to_end_it_finishes_what_was_sent(asked: list[Asked]) -> None:
    told = 0.5  # seconds
    with Service(*PATIENT, "--log", "--drain-delay", "0.3") as service:
        with Client(service.address, asked, connections=32) as client:
            client.at(told, service.signal)
            answers = client.drive(poisson(150, 2 * told, seed=0), patience=60)
        assert service.end() == 0
        log = [json.loads(line) for line in service.log().splitlines()]
    before = answers.sent < told
    assert before.any()
    assert (answers.status[before] == 200).all()
    assert answers.right[before].all()
    assert sum(line["code"] == 200 for line in log) == answers.count(200)  # none was answered in vain


def test_what_has_reached_the_machine_before_the_signal_is_answered(asked: list[Asked]) -> None:
    """Connections that are not even accepted yet."""
    with Service(*PATIENT) as service, ExitStack() as stack:
        os.kill(service.pid, signal.SIGSTOP)
        connections = [
            stack.enter_context(socket.create_connection(service.address, timeout=60)) for _ in range(60)
        ]
        for connection, one in zip(connections, asked * 2, strict=False):
            connection.sendall(one.wire)
        service.signal()
        os.kill(service.pid, signal.SIGCONT)
        for connection, one in zip(connections, asked * 2, strict=False):
            received = b"".join(iter(lambda connection=connection: connection.recv(4_096), b""))  # type: ignore[misc]
            assert received.startswith(b"HTTP/1.1 200")
            assert one.wanted in received
        assert service.end() == 0
        assert service.log() == ""
