"""How much may be sent and how much at once; what every answer carries."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from tests.images.corpus import encoded
from tests.serving.conftest import Gate, Images, Run, Running, wait_for
from tests.serving.process import PATIENCE

POST = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def small(run: Run) -> Iterator[Running]:
    """A service whose limits are reached easily."""
    limits = {"image_bytes": 1_000, "tensor_bytes": 2_000, "concurrency": 2, "buffered_bytes": 1_500}
    with run(receive=PATIENCE, **limits) as found:
        yield found


def chunked(*pieces: bytes) -> bytes:
    head = POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


@pytest.mark.parametrize(("path", "limit"), [("/v1/predict", 1_000), ("/v1/read", 1_000), ("/nix", 1_000)])
def test_a_body_may_be_as_long_as_its_limit(small: Running, path: str, limit: int) -> None:
    assert small.http.post(path, content=b"x" * limit).status_code in (400, 404)
    found = small.http.post(path, content=b"x" * (limit + 1))
    assert found.status_code == 413
    assert found.json() == {"error": "The body may have at most 1,000 bytes."}
    assert found.headers["connection"] == "close"


def test_a_body_without_a_length_is_counted(small: Running) -> None:
    assert small.talk(chunked(b"x" * 600, b"x" * 400, b"")).startswith(b"HTTP/1.1 400 ")
    assert small.first(chunked(b"x" * 600, b"x" * 401)).startswith(b"HTTP/1.1 413 ")


def test_a_large_body_is_refused_before_it_is_sent(small: Running) -> None:
    """At the deadline of the body it would be 408."""
    assert small.first(POST + b"Content-Length: 100000000\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_all_bodies_together_are_bounded(small: Running) -> None:
    """Two slow clients hold 600 bytes each of 1,500; a third with 600 finds no room, and then there is."""
    refused = small.metric("tenfold_rejected_total", reason="buffer")
    with ExitStack() as stack:
        for _ in range(2):
            slow = stack.enter_context(small.connect())
            slow.sendall(POST + b"Content-Length: 700\r\n\r\n" + b"x" * 600)
        wait_for(lambda: small.server.guard._buffered == 1_200)
        found = small.http.post("/v1/predict", content=b"x" * 600)
        assert (found.status_code, found.headers["retry-after"]) == (503, "1")
        assert small.metric("tenfold_rejected_total", reason="buffer") == refused + 1
    wait_for(lambda: small.server.guard._buffered == 0)
    assert small.http.post("/v1/predict", content=b"x" * 600).status_code == 400


def hold_pages(service: Running) -> Gate:
    """A gate that the thread of pages stands at."""
    gate, engine = Gate(), service.server.guard.engine
    asyncio.run_coroutine_threadsafe(engine.run(lambda: gate.hold(None)), engine.pages._loop)
    gate.wait()
    return gate


def test_what_is_beyond_the_concurrency_is_refused_at_once(small: Running) -> None:
    pixels = json.dumps({"pixels": [[255] * 10] * 10})
    headers = {"content-type": "application/json"}
    refusals = small.metric("tenfold_rejected_total", reason="concurrency")
    gate = hold_pages(small)
    with ThreadPoolExecutor(2) as pool:
        waiting = [
            pool.submit(small.http.post, "/v1/read", content=pixels, headers=headers) for _ in range(2)
        ]
        wait_for(lambda: small.metric("tenfold_requests_in_work") == 2)
        refused = small.http.post("/v1/predict", content=b"x")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert small.metric("tenfold_rejected_total", reason="concurrency") == refusals + 1
        for probe in ("/v2/health/live", "/v2/health/ready", "/metrics"):
            assert small.http.get(probe).status_code == 200
        gate.open()
        assert [answer.result().status_code for answer in waiting] == [200, 200]
    assert small.http.post("/v1/predict", content=b"x").status_code == 400


def test_pages_that_wait_too_long_are_refused(run: Run) -> None:
    with run(page_queue=2) as service:
        gate = hold_pages(service)
        service.server.guard.engine.pages.wait = 0.05
        ask: Callable[..., Any] = service.http.post
        body = {"pixels": [[255] * 20] * 10}
        with ThreadPoolExecutor(2) as pool:
            late = pool.submit(ask, "/v1/read", json=body)
            wait_for(lambda: service.metric("tenfold_page_queue_depth") == 2)
            full = ask("/v1/read", json=body)
            assert full.status_code == 503
            assert ask("/v1/predict", json=body).status_code == 200  # digits go by another way
            assert late.result().status_code == 503
            gate.open()
        assert service.metric("tenfold_rejected_total", reason="queue") == 1
        assert service.metric("tenfold_rejected_total", reason="deadline") == 1
        wait_for(lambda: service.metric("tenfold_page_queue_depth") == 0)


def test_small_pictures_of_cameras_go_with_the_digits(run: Run, digits: Images) -> None:
    with run(page_queue=1) as service:
        gate = hold_pages(service)  # and their queue is full
        for kind in ("PNG", "JPEG", "WEBP", "BMP"):
            found = service.http.post("/v1/predict", content=encoded(digits[0], kind))
            assert (kind, found.status_code) == (kind, 200)
        for large in (encoded(np.zeros((600, 600), np.uint8), "JPEG"), encoded(digits[0], "TIFF")):
            assert service.http.post("/v1/predict", content=large).status_code == 503
        gate.open()


def test_what_is_in_work_when_draining_ends_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def without_end(*_: object) -> None:
        await asyncio.Event().wait()

    with run(drain=0.1) as service, ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(service.server.guard.engine, "predict", without_end)
        waiting = pool.submit(service.http.post, "/v1/predict", content=b"x")
        wait_for(lambda: service.metric("tenfold_requests_in_work") == 1)
        service.server.should_exit = True
        found = waiting.result()
    assert found.status_code == 503
    assert found.json() == {"error": "The service is at its limit; try again in a second."}


def test_every_answer_carries_the_headers_of_security(service: Running, seven: bytes) -> None:
    answers = [
        service.http.post("/v1/predict", content=seven),
        service.http.get("/nix"),
        service.http.post("/v2"),
        service.http.get("/v2", headers={"host": "evil.example"}),
        service.http.get("/"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 403, 200]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "server" not in answer.headers


def test_a_method_that_is_not_taken_is_named(service: Running) -> None:
    found = service.http.delete("/v1/predict")
    assert (found.status_code, found.headers["allow"]) == (405, "POST")
    assert found.json() == {"error": "This address does not take this method."}


def test_a_fault_of_ours_is_a_sentence_and_a_traceback_for_the_log(
    run: Run, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with run() as service:

        def broken(*_: object) -> None:
            raise ZeroDivisionError("secret of ours")

        monkeypatch.setattr(service.server.guard.engine, "digit", broken)
        found = service.http.post("/v1/predict", json={"pixels": [[1, 2], [3, 4]]})
        assert found.status_code == 500
        assert found.json() == {"error": "The service made a mistake; it is recorded on the server."}
        monkeypatch.undo()
        assert service.http.post("/v1/predict", json={"pixels": [[1, 2], [3, 4]]}).status_code == 200
    assert "ZeroDivisionError: secret of ours" in capfd.readouterr().err


def test_the_log_has_a_line_for_each_request(
    run: Run, capfd: pytest.CaptureFixture[str], seven: bytes
) -> None:
    with run(log=True) as service:
        service.http.post("/v1/predict?model=reader", content=seven, headers={"x-request-id": "abc-1"})
        service.http.get("/secret/path", headers={"x-request-id": "no good id"})
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(line["route"], line["code"], line["method"]) for line in lines] == [
        ("/v1/predict", 200, "POST"),
        ("(none)", 404, "GET"),
    ]
    assert lines[0]["id"] == "abc-1"
    assert len(lines[1]["id"]) == 16
    assert all(set(line) == {"time", "id", "method", "route", "code", "ms"} for line in lines)
