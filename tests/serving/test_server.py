"""The process: how it starts, how it ends, and what it says then."""

import json
import shlex
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from service_process import COMMAND, OURS
from tests.serving.conftest import Run, Running, wait_for
from tests.serving.malformed_http import post
from tests.serving.process import PATIENCE, Service, ask, talk

from tenfold.model import list_models


def test_a_browser_that_stays_in_the_foreground_gets_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, script = tmp_path / "page.html", tmp_path / "browser.py"
    script.write_text("import sys, urllib.request; urllib.request.urlretrieve(sys.argv[2], sys.argv[1])")
    monkeypatch.setenv("BROWSER", shlex.join([sys.executable, str(script), str(page)]) + " %s")
    with Service(command=[*COMMAND, *(argument for argument in OURS if argument != "--no-open")]):
        wait_for(lambda: page.exists() and "</html>" in page.read_text())


def test_the_whole_network_is_told_where_to_find_it() -> None:
    with (
        Service("--host", "0.0.0.0") as service,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
    ):
        told = json.loads(service.greeting)
        place = urlsplit(told["address"])
        assert place.hostname == "127.0.0.1"
        if probe.connect_ex(("203.0.113.1", 9)):  # a machine without a network
            assert told["network"] is None
            return
        assert told["network"] == f"http://{probe.getsockname()[0]}:{place.port}/"
        assert httpx.get(f"{told['network']}v2/health/ready", trust_env=False).status_code == 200


def test_it_says_its_address_when_it_is_ready(seven: bytes) -> None:
    with Service() as service:
        assert ask(service, "GET", "/v2/health/ready").status == 200
        assert json.loads(ask(service, "POST", "/v1/predict", seven).body)["label"] == 7
        service.signal(signal.SIGINT)
        assert service.end() == 130
        assert service.process.stdout is not None
        assert (service.process.stdout.read(), service.log()) == ("", "")


def test_it_answers_this_machine_alone(service: Running) -> None:
    found = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in found - {"127.0.0.1"}:
        with pytest.raises(OSError):
            socket.create_connection((str(address), service.port), 2)


def test_sigterm_finishes_what_is_in_work_and_ends_with_0() -> None:
    """There are no new connections, and a request whose body is still coming is answered."""
    whole = post()
    with (
        Service("--receive", "60", "--drain", "60") as service,
        socket.create_connection(service.address, PATIENCE) as half,
    ):
        half.sendall(whole[:-20])
        service.signal()
        wait_for(lambda: refused(service))
        half.sendall(whole[-20:])
        answer = b"".join(iter(lambda: half.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert service.end() == 0
        assert service.log() == ""


def refused(service: Service) -> bool:
    try:
        socket.create_connection(service.address, PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def test_no_request_in_work_is_lost_at_sigterm() -> None:
    """Sixteen clients ask without pause; each answer that began comes whole, and none is an error."""
    codes: list[int] = []

    def client(address: tuple[str, int]) -> None:
        while True:
            try:
                answers = talk(address, post())
            except ConnectionError:
                return
            if not answers:  # not yet accepted, it ended with the listener
                return
            codes.append(answers[0].status)

    with Service("--queue-wait", "60") as service, ThreadPoolExecutor(16) as pool:
        clients = [pool.submit(client, service.address) for _ in range(16)]
        wait_for(lambda: len(codes) > 64)
        service.signal()
        for each in clients:
            each.result()
        assert service.end() == 0
    assert set(codes) == {200}


def test_a_second_signal_does_not_wait() -> None:
    """The first one waits for the load balancer to notice."""
    with Service("--drain-delay", "600") as service:
        service.signal()
        wait_for(lambda: ask(service, "GET", "/v2/health/ready").status == 503)
        assert ask(service, "GET", "/v2/health/live").status == 200
        assert ask(service, "POST", "/v1/predict", b"x").status == 400  # it still answers
        service.signal()
        assert service.end() == 128 + 15


def test_what_drains_too_long_is_left() -> None:
    with (
        Service("--drain", "0.2", "--receive", "600") as service,
        socket.create_connection(service.address, PATIENCE) as half,
    ):
        half.sendall(post()[:-20])
        service.signal()
        assert service.end() == 0
        assert half.recv(65_536).startswith(b"HTTP/1.1 503 ")


def test_the_model_given_is_the_default_beside_those_shipped(
    run: Run, model_file: Path, seven: bytes
) -> None:
    with run(model=str(model_file)) as service:
        models = service.http.get("/v1/models").json()["models"]
        assert [model["name"] for model in models] == ["small", *list_models()]
        assert [model["default"] for model in models] == [True, *(False for _ in list_models())]
        assert service.http.post("/v1/predict?model=small", content=seven).status_code == 200
        assert service.http.get("/v2/models/small/ready").status_code == 200
