"""The process: how it starts, how it ends, and what it says when it cannot."""

import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.serving.conftest import wait_for

from tenfold.model import list_models

SERVE = [sys.executable, "-m", "tenfold", "serve", "--no-open", "--port", "0"]


@contextmanager
def started(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """The command and its port, once it has said it."""
    process = subprocess.Popen(
        [*SERVE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
            assert match, line
            yield process, int(match[1])
        finally:
            process.kill()


def ask(port: int, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_browser_that_stays_in_the_foreground_gets_the_page(tmp_path: Path) -> None:
    page, script = tmp_path / "page.html", tmp_path / "browser.py"
    script.write_text("import sys, urllib.request; urllib.request.urlretrieve(sys.argv[2], sys.argv[1])")
    environment = {**os.environ, "BROWSER": shlex.join([sys.executable, str(script), str(page)]) + " %s"}
    command = [argument for argument in SERVE if argument != "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        try:
            wait_for(lambda: page.exists() and "</html>" in page.read_text())
        finally:
            process.kill()


def test_the_whole_network_is_told_where_to_find_it() -> None:
    with subprocess.Popen(
        [*SERVE, "--json", "--host", "0.0.0.0"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            place = urlsplit(told["address"])
            assert place.hostname == "127.0.0.1"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                if probe.connect_ex(("203.0.113.1", 9)):  # a machine without a network
                    assert told["network"] is None
                    return
                assert told["network"] == f"http://{probe.getsockname()[0]}:{place.port}/"
            assert httpx.get(f"{told['network']}v2/health/ready", trust_env=False).status_code == 200
        finally:
            process.kill()


def test_it_says_its_address_when_it_is_ready(seven: bytes) -> None:
    with started("--json") as (process, port):
        assert ask(port, "/v2/health/ready")[0] == 200
        assert json.loads(ask(port, "/v1/predict", seven)[1])["label"] == 7
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (130, "", "")


def test_it_answers_this_machine_alone() -> None:
    with started() as (_, port):
        others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {
            "127.0.0.1"
        }
        for address in others:
            with pytest.raises(OSError):
                socket.create_connection((str(address), port), 2)


def test_sigterm_finishes_what_is_in_work_and_ends_with_0(seven: bytes) -> None:
    """Not ready first, then no new connections; a request whose body is still coming is answered."""
    with started("--drain-delay", "1") as (process, port):
        half = socket.create_connection(("127.0.0.1", port), 20)
        head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(seven)
        half.sendall(head + seven[:50])
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: ask(port, "/v2/health/ready")[0] == 503)
        assert ask(port, "/v2/health/live")[0] == 200
        assert ask(port, "/v1/predict", seven)[0] == 200
        wait_for(lambda: refused(port))
        half.sendall(seven[50:])
        answer = b""
        while piece := half.recv(65_536):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"label":7' in answer
        half.close()
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_no_request_in_work_is_lost_at_sigterm(seven: bytes) -> None:
    """Sixteen clients ask without pause; each answer that began comes whole, and none is an error."""
    with started("--queue-wait", "60") as (process, port):
        codes: list[int] = []
        begun = threading.Event()

        def client() -> None:
            while True:
                try:
                    status, body = ask(port, "/v1/predict", seven)
                except ConnectionRefusedError:
                    return
                except ConnectionError:  # not yet accepted, it ended with the listener
                    return
                json.loads(body)
                codes.append(status)
                begun.set()

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        assert begun.wait(20)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(20)
        assert process.wait(20) == 0
        assert set(codes) == {200}


def test_a_second_signal_ends_it_at_once() -> None:
    with started("--drain-delay", "60") as (process, port):
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: ask(port, "/v2/health/ready")[0] == 503)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 143


def test_what_drains_too_long_is_left() -> None:
    with (
        started("--drain", "1", "--receive", "60") as (process, port),
        socket.create_connection(("127.0.0.1", port), 20) as half,
    ):
        half.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and standard error of a service that does not start; nothing is on standard output."""
    found = subprocess.run(
        [*SERVE, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, **environment},
    )
    assert found.stdout == ""
    return found.returncode, found.stderr


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = run("--port", str(port))
    assert code == 2
    assert err == f"tenfold: Port {port} of 127.0.0.1 is in use; choose another with --port, or 0 for any.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("nix",), 2, "There is no model 'nix'."),
        (("missing.onnx",), 3, "does not exist"),
        (("--host", "no such host"), 2, "is no address of this machine"),
        (("--host", "192.0.2.1"), 4, "cannot be opened"),
        (("--token-file", "missing"), 3, "does not exist"),
        (("--corrections", "file"), 2, "--corrections takes a folder, and 'file' is a file."),
        (("--keep-alive", "inf"), 2, "--keep-alive must be at least 0.001 and below 10^12, not inf."),
    ],
)
def test_a_start_that_fails_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    found, err = run(*arguments)
    lines = [line for line in err.splitlines() if "without a token" not in line]
    assert (found, len(lines)) == (code, 1)
    assert sentence in lines[0]


def test_a_model_file_that_is_damaged_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"no model")
    code, err = run(str(path))
    assert (code, err.count("\n")) == (3, 1)
    assert "cannot be used" in err


@pytest.mark.parametrize("token", ["short", "two words of sixteen", "é" * 20, "sixteen%41or%more"])
def test_a_weak_token_is_refused_and_not_shown(token: str) -> None:
    code, err = run(TENFOLD_TOKEN=token)
    assert code == 2
    assert "16 to 4,096 ASCII" in err
    assert token not in err


def test_a_token_from_a_file_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    with started("--token-file", str(file)) as (_, port):
        assert ask(port, "/v1/models")[0] == 401


def test_the_model_given_is_the_default_beside_those_shipped(model_file: Path, seven: bytes) -> None:
    with started(str(model_file)) as (_, port):
        models = json.loads(ask(port, "/v1/models")[1])["models"]
        assert [model["name"] for model in models] == ["small", *list_models()]
        assert [model["default"] for model in models] == [True, *(False for _ in list_models())]
        assert ask(port, "/v1/predict?model=small", seven)[0] == 200
        assert ask(port, "/v2/models/small/ready")[0] == 200


def test_without_the_extra_it_names_it(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ImportError")
    code, err = run(PYTHONPATH=str(tmp_path))
    assert (code, err) == (
        2,
        "tenfold: Serving needs the extra 'serve'; in the project's folder: pip install '.[serve]'\n",
    )
