"""The program as a whole: every ending has its exit code, and only a fault of ours shows a traceback."""

import errno
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tenfold import __version__, errors
from tenfold.__main__ import main


@pytest.fixture(autouse=True)
def _handlers_as_before() -> Iterator[None]:
    handler, hook = signal.getsignal(signal.SIGTERM), sys.excepthook
    yield
    signal.signal(signal.SIGTERM, handler)
    sys.excepthook = hook


def ending(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The exit code of the program if its command ends with `error`."""

    def app(**_: Any) -> None:
        raise error

    monkeypatch.setattr("tenfold.cli.app.app", app)
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (errors.TenfoldError("ours"), 1, "tenfold: ours\n"),
        (errors.OutputExistsError("in use"), 2, "tenfold: in use\n"),
        (errors.ImageError("no picture"), 3, "tenfold: no picture\n"),
        (errors.NetworkError("no answer"), 4, "tenfold: no answer\n"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            4,
            "tenfold: [Errno 28] No space left on device\n",
        ),
        (OSError(errno.EACCES, "Permission denied", "f"), 4, "tenfold: Permission denied: f\n"),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(143), 143, ""),
    ],
)
def test_an_ending_has_its_code_and_one_sentence(
    error: BaseException,
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ending(error, monkeypatch) == code
    assert capsys.readouterr() == ("", sentence)


def test_no_memory_is_said_plainly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(MemoryError(), monkeypatch) == 4
    assert "not enough memory" in capsys.readouterr().err


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        ending(ZeroDivisionError(), monkeypatch)


def test_termination_unwinds_with_143(monkeypatch: pytest.MonkeyPatch) -> None:
    def app(**_: Any) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("tenfold.cli.app.app", app)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 143


def child(*words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tenfold", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_python_m_tenfold_is_the_program() -> None:
    process = child("--version")
    assert process.communicate() == (f"tenfold {__version__}\n", "")
    assert process.returncode == 0


def test_a_reader_that_goes_away_ends_the_program_quietly() -> None:
    process = child("data", "list", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141
    process.stderr.close()
