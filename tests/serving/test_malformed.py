"""Whatever arrives instead of a sound request, the service in its own process answers with the right status
and one sentence, says nothing of its inside, tells its owner of no fault, and goes on as before."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from tests.images import corpus
from tests.serving import malformed_http, malformed_json
from tests.serving.process import Answer, Service, ask, assert_quiet, assert_refusal, settled, started, talk

from tenfold.data.mnist import load_test
from tenfold.images.png import SIGNATURE

RECEIVE = 1.5  # seconds until a slow request is cut
GROWTH = 64 << 20  # bytes


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """One for all of it; afterwards it must hold no more memory or files than before."""
    with started("--receive", str(RECEIVE)) as service:
        assert_sound(service)
        memory, descriptors = service.memory(), service.descriptors()
        yield service
        assert_sound(service)
        assert service.memory() < memory + GROWTH
        assert settled(service, descriptors)


def assert_sound(service: Service) -> None:
    """A digit is read as ever."""
    digit = load_test().images[0]
    answer = ask(service, "POST", "/v1/predict", corpus.encoded(digit, "PNG"), Content_Type="image/png")
    assert answer.status == 200, answer
    assert json.loads(answer.body)["label"] == 7


@cache
def _pictures() -> dict[str, bytes]:
    digit = load_test().images[0]
    return {**dict(corpus.bad_pngs(digit)), **dict(corpus.bad_files(digit))}


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/read"])
def test_a_bad_picture_is_refused_with_one_sentence(service: Service, path: str) -> None:
    for name, data in _pictures().items():
        answer = ask(service, "POST", path, data, Content_Type="application/octet-stream")
        sentence = assert_refusal(answer, 400, 413)
        assert len(sentence) < 200, name
    assert_quiet(service)


def test_pictures_that_are_odd_but_sound_are_answered(service: Service) -> None:
    odd = {
        "one pixel": np.zeros((1, 1), np.uint8),
        "a row": np.zeros((1, 2_000), np.uint8),
        "a column": np.zeros((2_000, 1), np.uint8),
        "black": np.zeros((28, 28), np.uint8),
        "white": np.full((300, 200), 255, np.uint8),
        "two digits": np.hstack([load_test().images[0], load_test().images[1]]),
        "transparent": np.zeros((28, 28, 4), np.uint8),
        "16 bits": load_test().images[0].astype(np.uint16) * 257,
        "noise": np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8),
    }
    for name, picture in odd.items():
        for path in ("/v1/predict", "/v1/read"):
            answer = ask(service, "POST", path, corpus.encoded(picture, "PNG"), Content_Type="image/png")
            assert answer.status == 200, name
            assert json.loads(answer.body)["unsure"] in (True, False)
    assert_quiet(service)


@pytest.mark.parametrize("case", list(malformed_json.cases()), ids=lambda case: case.name)
def test_malformed_json(service: Service, case: malformed_json.Case) -> None:
    answer = ask(service, "POST", case.path, case.body, Content_Type="application/json")
    if case.status == 200:
        assert answer.status == 200, answer
        assert "error" not in json.loads(answer.body)
    else:
        assert_refusal(answer, case.status)
    assert_quiet(service)


@pytest.mark.parametrize("case", list(malformed_http.cases()), ids=lambda case: case.name)
def test_malformed_http(service: Service, case: malformed_http.Case) -> None:
    answers = talk(service.address, *case.pieces)
    assert tuple(answer.status for answer in answers) == case.statuses
    for answer in answers:
        if answer.status >= 400 and answer.body:
            assert_refusal(answer, answer.status)
    assert_quiet(service)


def test_a_head_has_no_body(service: Service) -> None:
    with socket.create_connection(service.address, timeout=30) as connection:
        connection.sendall(malformed_http.request("HEAD /v2 HTTP/1.1"))
        received = b"".join(iter(lambda: connection.recv(4_096), b""))
    assert received.startswith(b"HTTP/1.1 200")
    assert received.endswith(b"\r\n\r\n")


SOUND = malformed_http.post()


CUT_SHORT = (
    SOUND[:1],
    SOUND[:30],
    SOUND[:-60],
    SOUND[:-1],
    malformed_http.chunked(b"ff\r\n{"),
    b"GET /\r\n",
)


@pytest.mark.parametrize(("last", "pause"), [(1, 0.0), (5, 0.25)], ids=["at once", "slowly"])
def test_what_is_not_whole_in_time_is_cut(service: Service, last: int, pause: float) -> None:
    """However its last bytes are spaced out."""

    def told(part: bytes) -> list[Answer]:
        slow = (bytes([byte]) for byte in part[-last:])
        return talk(service.address, part[:-last], *slow, pause=pause)

    with ThreadPoolExecutor(len(CUT_SHORT)) as pool:
        for (answer,) in pool.map(told, CUT_SHORT):
            assert_refusal(answer, 408)
    assert_quiet(service)


def test_a_silent_connection_is_closed_without_an_answer(service: Service) -> None:
    assert talk(service.address) == []


def test_clients_that_leave_at_any_point_leave_nothing_behind(service: Service) -> None:
    descriptors = service.descriptors()
    picture = corpus.encoded(load_test().images[0], "PNG")
    whole = malformed_http.request(
        "POST /v1/read HTTP/1.1", f"Content-Length: {len(picture)}", body=picture, close=False
    )
    for at in [*range(0, len(whole), 7), len(whole)]:
        for reset in (False, True):
            connection = socket.create_connection(service.address, timeout=30)
            if reset:  # the other end meets an error in place of an end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.sendall(whole[:at])
            connection.close()
    assert settled(service, descriptors)
    assert_sound(service)
    assert_quiet(service)


def test_a_body_beyond_the_limit_is_not_kept(service: Service) -> None:
    """Sent without an end, in chunks and with a length that lies: the memory stays."""
    memory = service.memory()
    block = bytes(1 << 20)
    endless = malformed_http.chunked(*[malformed_http.chunk(block)] * 64)
    lying = malformed_http.post(f"Content-Length: {64 << 20}", body=block * 64, length=False)
    for data in (endless, lying):
        for answer in talk(service.address, data):
            assert_refusal(answer, 413)
    assert service.memory() < memory + (16 << 20)
    assert_quiet(service)


def test_pictures_of_many_pixels_are_refused_before_they_are_decoded(service: Service) -> None:
    memory = service.memory()
    bomb = _pictures()["bomb-15000"]
    assert bomb.startswith(SIGNATURE)
    for _ in range(20):
        assert_refusal(ask(service, "POST", "/v1/predict", bomb, Content_Type="image/png"), 413)
    assert service.memory() < memory + (16 << 20)
