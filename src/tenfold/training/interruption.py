"""Ctrl-C and SIGTERM while a training runs: the first waits until all is saved, a second does not.

    with Interruption() as interruption:
        ...                              at a moment when all is whole:
        if interruption.pending:
            save()
            interruption.deliver()       now the signal does what it did before

A step takes milliseconds, so that the first, too, seems to act at once.
"""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

DEFERRED = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Only the main thread has signals; elsewhere this does nothing. A signal that is ignored stays so."""

    def __init__(self) -> None:
        self.pending: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            for number in DEFERRED:
                handler = signal.getsignal(number)
                if handler not in (None, signal.SIG_IGN):
                    self._before[number] = handler
                    signal.signal(number, self._caught)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A signal that came too late for the last look is delivered now, unless an error goes first."""
        if error is None and self.pending is not None:
            self.deliver()
        self._restore()

    def deliver(self) -> None:
        """What the pending signal would have done at once: KeyboardInterrupt, SystemExit or the end."""
        assert self.pending is not None
        self._restore()
        signal.raise_signal(self.pending)

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        first, self.pending = self.pending is None, number
        if not first:
            self.deliver()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
