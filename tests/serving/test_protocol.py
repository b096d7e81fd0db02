"""The wire: malformed requests, slow clients, heads and connections without end."""

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.serving.conftest import Gate, Run, Running, wait_for

HOST = b"Host: localhost\r\n"
GET = b"GET /v2 HTTP/1.1\r\n" + HOST
POST = b"POST /v1/predict HTTP/1.1\r\n" + HOST
CLOSE = b"Connection: close\r\n\r\n"
LAST = GET + CLOSE


@pytest.fixture(scope="module")
def hasty(run: Run) -> Iterator[Running]:
    """A service with its deadlines short."""
    with run(receive=0.5, keep_alive=1.0) as found:
        yield found


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,  # TLS on a plain port
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v2 HTTP/9.9\r\n" + HOST + b"\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        GET + b"no colon\r\n\r\n",
        GET + b"name : x\r\n\r\n",
        GET + b"x: a\0b\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: +3\r\n\r\nabc",
        POST + b"Content-Length: 3, 3\r\n\r\nabc",
        POST + b"Content-Length: 99999999999999999999\r\n\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_400_and_a_closed_connection(service: Running, data: bytes) -> None:
    answer = service.talk(data)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b'"}')  # and closed


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET http://localhost/v2 HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"\r\n\r\n" + GET + b"\r\n", 200),
        (GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
        (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n", 200),
        (GET + b"Content-Length: 3\r\n\r\nabc", 200),
        (GET + b"Range: bytes=" + b"0-1," * 500 + b"2-3\r\n\r\n", 200),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"GET /page/../v2 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"GET /page/%2e%2e/%2e%2e/settings.py HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"BREW /v2 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"TRACE /v2 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    ],
)
def test_what_is_odd_but_a_request_is_answered_and_what_follows_too(
    service: Running, data: bytes, code: int
) -> None:
    answers = service.talk(data + LAST).split(b"HTTP/1.1 ")[1:]
    codes = [int(answer[:3]) for answer in answers]
    assert codes == ([400] if code == 400 else [code, 200])


def test_a_wish_for_another_protocol_costs_a_request_neither_its_body_nor_its_connection(
    service: Running, seven: bytes
) -> None:
    wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    counted = POST + wish + b"Content-Length: %d\r\n\r\n" % len(seven) + seven
    chunked = POST + wish + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(seven), seven)
    answer = service.talk(counted + chunked + GET + wish + b"\r\n" + counted + LAST)
    assert answer.count(b"HTTP/1.1 200 ") == 5
    assert answer.count(b'"label":7') == 3
    assert b'"label":7' in in_pieces(service, counted, 100)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /v2 HT",
        GET + b"x: y",
        POST + b"Content-Length: 10\r\n\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_half_a_request_is_cut_at_the_deadline(hasty: Running, data: bytes) -> None:
    slow = hasty.metric("tenfold_rejected_total", reason="slow")
    started = time.monotonic()
    answer = hasty.talk(data)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started > 0.4
    assert hasty.metric("tenfold_rejected_total", reason="slow") == slow + 1


def test_what_comes_after_the_deadline_is_dropped_without_a_reset(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenfold.serving.wire.LINGER", 60.0)
    with (
        run(receive=0.1) as service,
        service.connect() as connection,
    ):
        connection.sendall(POST + b"Content-Length: 10\r\n\r\nabc")
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert service.http.get("/v2").status_code == 200  # whatever was to be closed is closed by now
        for byte in b"defg":
            connection.sendall(bytes([byte]))


def test_the_time_to_send_a_request_begins_with_its_first_byte(run: Run) -> None:
    with run(receive=60.0) as service:
        receiving = service.server._wire.receiving
        with service.connect() as connection:
            wait_for(lambda: bool(receiving))
            (opened,) = receiving.values()
            connection.sendall(b"G")
            wait_for(lambda: next(iter(receiving.values())) > opened)


def deaf(service: Running, fields: bytes) -> socket.socket:
    """A client that asks for more than the system holds for it, and takes none of it."""
    service.server.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    connection.connect(("127.0.0.1", service.port))
    connection.sendall(b"GET /openapi.json HTTP/1.1\r\n" + HOST + fields + b"\r\n")
    return connection


@pytest.mark.parametrize("fields", [b"", b"Connection: close\r\n"])
def test_a_client_that_does_not_take_its_answer_is_cut(run: Run, fields: bytes) -> None:
    with run(receive=0.2, keep_alive=0.2) as service, deaf(service, fields):
        wait_for(lambda: service.metric("tenfold_requests_total", route="/openapi.json", code="200") == 1)
        wait_for(lambda: service.metric("tenfold_connections") == 1)


def test_clients_that_do_not_take_their_answers_shut_nobody_out(run: Run) -> None:
    with run(receive=60.0, connections=3) as service, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(deaf(service, b"Connection: close\r\n"))
        wait_for(lambda: len(service.server._wire.sending) == 3)
        assert service.talk(LAST).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_drips_is_cut_at_the_same_deadline(hasty: Running) -> None:
    answer = b""
    with hasty.connect() as connection:
        connection.settimeout(0.02)
        for byte in GET + b"x: " + b"a" * 500:
            connection.sendall(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(1_000)
                break
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_silent_connection_is_closed_without_a_word(hasty: Running) -> None:
    assert hasty.talk(b"") == b""


def test_an_idle_connection_is_closed_and_a_busy_one_kept(hasty: Running) -> None:
    answer = hasty.talk(GET + b"\r\n" + GET + b"\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 2


def test_the_head_may_be_as_long_as_its_limit(run: Run) -> None:
    with run(header_bytes=1_000) as service:
        for length, code in ((800, 200), (1_001, 431), (100_000, 431)):
            for fields in (b"x: " + b"a" * length + b"\r\n", b"x: a\r\n" * (length // 6)):
                assert service.talk(GET + fields + CLOSE).startswith(b"HTTP/1.1 %d " % code)
        for length, code in ((800, 200), (1_200, 431)):
            head = GET + b"".join(b"x: %b\r\n" % (b"a" * 95) for _ in range(length // 100)) + b"\r\n"
            assert in_pieces(service, head, 150).startswith(b"HTTP/1.1 %d " % code)
        path = b"GET /" + b"a" * 1_001 + b" HTTP/1.1\r\n" + HOST + b"\r\n"
        assert service.talk(path).startswith(b"HTTP/1.1 431 ")
        without_end = GET + b"x: " + b"a" * 300_000
        assert service.talk(without_end).startswith(b"HTTP/1.1 431 ")
        assert service.metric("tenfold_rejected_total", reason="headers") == 7


def in_pieces(service: Running, data: bytes, length: int) -> bytes:
    """What comes back first for `data` in packets of `length`."""
    with service.connect() as connection:
        for start in range(0, len(data), length):
            connection.sendall(data[start : start + length])
            time.sleep(0.01)
        return connection.recv(65_536)


def test_when_the_queue_is_full_requests_are_refused_at_once_and_probes_answered(
    run: Run, seven: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, probe = POST + b"Content-Length: 3\r\n\r\nabc", b"GET /v2/health/ready HTTP/1.1\r\n" + HOST
    closed = (  # after what is not short, or has no end that is known
        POST + b"Content-Length: 100000\r\n\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + whole + probe + b"\r\ngarbage\r\n\r\n",
        POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n",
        whole.replace(b"HTTP/1.1", b"HTTP/1.0"),
        POST + b"Content-Length: 3\r\n" + CLOSE + b"abc",
    )
    with run(queue=1) as service, ThreadPoolExecutor(1) as pool:
        engine, gate = service.server.guard.engine, Gate()
        digit = engine.digit
        monkeypatch.setattr(engine, "digit", lambda picture: digit(gate.hold(picture)))
        waiting = pool.submit(service.http.post, "/v1/predict", content=seven)
        wait_for(lambda: not engine.digits.room)
        answers = service.talk(whole * 2 + probe + b"\r\n" + whole + probe + CLOSE).split(b"HTTP/1.1 ")[1:]
        assert [answer[:3] for answer in answers] == [b"503", b"503", b"200", b"503", b"200"]
        for answer in answers:
            assert b"\r\nx-content-type-options: nosniff\r\n" in answer
            assert (b"\r\nretry-after: 1\r\n" in answer) == answer.startswith(b"503")
        assert answers[4].endswith(b'{"ready":true}')
        for data in closed:
            answer = service.talk(data)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert answer.count(b"HTTP/1.1 ") == 1
            assert answer.endswith(b'"}')
        assert service.talk(probe + CLOSE + probe + b"\r\n").count(b"HTTP/1.1 ") == 1
        gate.open()
        assert waiting.result().json()["label"] == 7
        refused = 3 + len(closed)
        assert service.metric("tenfold_requests_total", route="(none)", code="503") == refused
        assert service.metric("tenfold_rejected_total", reason="queue") == refused
        assert service.metric("tenfold_requests_total", route="/v2/health/ready", code="200") == 3


def test_of_requests_that_are_read_together_only_those_that_find_room_reach_a_route(
    run: Run, seven: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(seven) + seven
    with run(queue=2) as service, ThreadPoolExecutor(1) as pool:
        engine, gate, pause = service.server.guard.engine, Gate(), Gate()
        digit, reader = engine.digit, engine.reader
        monkeypatch.setattr(engine, "digit", lambda picture: digit(gate.hold(picture)))
        # the loop stands still, so that what comes meanwhile is read in one turn of it
        monkeypatch.setattr(engine, "reader", lambda model: reader(pause.hold(model)))
        many = [service.connect() for _ in range(30)]
        wait_for(lambda: service.server._wire.open == 30)
        first = pool.submit(service.talk, good)
        pause.wait()
        for connection in many:
            connection.sendall(good)
        pause.open()
        wait_for(lambda: service.metric("tenfold_rejected_total", reason="queue") == 29)
        gate.open()
        answers = [connection.recv(65_536)[9:12] for connection in many]
        assert sorted(answers) == [b"200"] + 29 * [b"503"]
        assert first.result().startswith(b"HTTP/1.1 200 ")
        assert service.metric("tenfold_requests_total", route="(none)", code="503") == 29
        for connection in many:
            connection.close()


def test_requests_in_a_row_are_answered_in_order_up_to_a_limit(service: Running) -> None:
    paths = [b"/v2", b"/nix", b"/v2/health/live"] * 5
    rows = [b"GET %b HTTP/1.1\r\n%b\r\n" % (path, HOST) for path in paths]
    answer = service.talk(b"".join(rows) + LAST)
    codes = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert codes == [b"200", b"404", b"200"] * 5 + [b"200"]
    too_many = service.talk((GET + b"\r\n") * 100)
    assert too_many.count(b"HTTP/1.1 200 ") == 17


def test_a_request_before_a_bad_one_is_still_answered(service: Running, seven: bytes) -> None:
    good = POST + b"Content-Length: %d\r\n\r\n" % len(seven) + seven
    answer = service.talk(good + b"garbage\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"label":7' in answer


def test_a_new_connection_beyond_the_limit_takes_the_place_of_an_idle_one(run: Run) -> None:
    with run(connections=5) as service:
        with contextlib.ExitStack() as stack:
            idle = [stack.enter_context(service.connect()) for _ in range(20)]
            for connection in idle[:15]:
                assert connection.recv(1) == b""
            assert service.talk(LAST).startswith(b"HTTP/1.1 200 ")
        assert service.metric("tenfold_rejected_total", reason="connections") >= 15
        wait_for(lambda: service.metric("tenfold_connections") == 1)


def test_connections_that_end_leave_nothing_behind(service: Running, seven: bytes) -> None:
    whole = POST + b"Content-Length: %d\r\n\r\n" % len(seven) + seven
    before = service.metric("tenfold_process_open_fds")
    for end in range(0, len(whole) + 1, 8):
        with service.connect() as connection:
            connection.sendall(whole[:end])
    wait_for(lambda: service.metric("tenfold_process_open_fds") <= before)  # the last are yet to be accepted
    wait_for(lambda: service.metric("tenfold_connections") == 1)
    assert service.metric("tenfold_requests_in_work") == 0
    wire = service.server._wire
    assert len(wire.idle) + len(wire.receiving) + len(wire.sending) + len(wire.leaving) <= 1
