"""Signals wait for the moment at which all is whole, and lose nothing of what they did before."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tenfold.training.interruption import Interruption

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """SIGTERM ends a test as it ends the program."""
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def end(*_: object) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, end)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "error"), [(SIGNALS[0], KeyboardInterrupt), (SIGNALS[1], SystemExit)])
def test_the_first_waits_and_is_delivered_when_asked(
    number: signal.Signals, error: type[BaseException]
) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        signal.raise_signal(number)
        assert interruption.pending == number
        with pytest.raises(error):
            interruption.deliver()
        interruption.pending = None
    assert signal.getsignal(number) is before


def test_a_second_does_not_wait() -> None:
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)
        interruption.pending = None


def test_one_that_came_after_the_last_look_is_delivered_at_the_end() -> None:
    with pytest.raises(KeyboardInterrupt), Interruption():
        signal.raise_signal(signal.SIGINT)


def test_an_error_goes_first() -> None:
    def fail() -> None:
        with Interruption():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("the disk")

    with pytest.raises(ValueError, match="the disk"):
        fail()


def test_without_a_signal_the_handlers_are_as_before() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruption() as interruption:
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert interruption.pending is None
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.pending is None


def test_another_thread_trains_without_signals() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with Interruption():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_where_termination_was_left_to_the_system_it_ends_the_process_as_ever() -> None:
    program = """
import signal
from tenfold.training.interruption import Interruption
with Interruption() as interruption:
    signal.raise_signal(signal.SIGTERM)
    print("saved", flush=True)
    interruption.deliver()
print("not reached")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGTERM, "saved\n")
