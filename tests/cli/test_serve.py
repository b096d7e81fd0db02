"""`tenfold serve`: one sentence and an exit code where the service cannot start."""

import socket
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Program

from tenfold.serving.server import Server
from tenfold.serving.settings import Settings


@pytest.fixture(autouse=True)
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of each service that would answer now."""
    found: list[Settings] = []

    def run(server: Server) -> None:
        server.listener.close()
        found.append(server.guard.settings)

    monkeypatch.setattr(Server, "run", run)
    monkeypatch.setattr(sys, "setswitchinterval", lambda _: None)
    return found


def test_a_port_that_is_taken_is_one_sentence(tenfold: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        end = tenfold("serve", "--port", port)
    sentence = f"Port {port} of 127.0.0.1 is in use; choose another with --port, or 0 for any."
    assert (end.code, end.out, end.err) == (2, "", f"tenfold: {sentence}\n")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["nix"], 2, "There is no model 'nix'."),
        (["missing.onnx"], 3, "does not exist"),
        (["bad.onnx"], 3, "cannot be used"),
        (["--host", "no such host"], 2, "is no address of this machine"),
        (["--host", "192.0.2.1"], 4, "cannot be opened"),
        (["--token-file", "missing"], 3, "does not exist"),
        (["--corrections", "bad.onnx"], 2, "--corrections takes a folder, and 'bad.onnx' is a file."),
        (["--keep-alive", "inf"], 2, "--keep-alive must be at least 0.001 and below 10^12, not inf."),
    ],
)
def test_a_start_that_fails_is_one_sentence(
    tenfold: Program,
    tmp_path: Path,
    words: list[str],
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.onnx").write_bytes(b"no model")
    end = tenfold("serve", "--port", 0, *words)
    lines = [line for line in end.err.splitlines() if "without a token" not in line]
    assert (end.code, end.out, len(lines)) == (code, "", 1)
    assert sentence in lines[0]


@pytest.mark.parametrize("token", ["short", "two words of sixteen", "é" * 20, "sixteen%41or%more"])
def test_a_weak_token_is_refused_and_not_shown(
    tenfold: Program, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENFOLD_TOKEN", token)
    end = tenfold("serve", "--port", 0)
    assert (end.code, end.out) == (2, "")
    assert "16 to 4,096 ASCII" in end.err
    assert token not in end.err


def test_a_token_from_a_file_is_asked_for(tenfold: Program, tmp_path: Path, begun: list[Settings]) -> None:
    (tmp_path / "token").write_text("0123456789abcdef\n")
    assert tenfold("serve", "--port", 0, "--token-file", tmp_path / "token").code == 0
    assert [settings.token for settings in begun] == ["0123456789abcdef"]


def test_without_the_extra_it_names_it(tenfold: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    end = tenfold("serve", "--port", 0)
    sentence = "Serving needs the extra 'serve'; in the project's folder: pip install '.[serve]'"
    assert (end.code, end.out, end.err) == (2, "", f"tenfold: {sentence}\n")
