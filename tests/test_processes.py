"""Processes do what one does, and leave Ctrl-C to the one that began them."""

import os
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess

import pytest

from tenfold.processes import in_processes


@pytest.mark.skipif(sys.platform == "win32", reason="Windows hands no ignored signal down")
def test_ctrl_c_is_the_callers_to_hear_from_the_first_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    start, handler = BaseProcess.start, signal.getsignal(signal.SIGINT)

    def interrupted(process: BaseProcess) -> None:
        start(process)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)

    monkeypatch.setattr(BaseProcess, "start", interrupted)
    places = iter([(-1,), (2,), (-3,), None, None])
    assert sorted(in_processes(abs, lambda: next(places), at_once=2)) == [1, 2, 3]
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_process_that_is_ended_from_outside_is_told() -> None:
    with pytest.raises(BrokenProcessPool):
        list(in_processes(os._exit, lambda: (3,), at_once=2))
