"""The ONNX Runtime session of a model, in each process its own: at a fork, another thread may hold a lock
inside the parent's for ever."""

import os
from typing import TYPE_CHECKING

from tenfold.model import Model, open_session

if TYPE_CHECKING:
    import onnxruntime


class Sessions:
    """Opened, and so checked, at once in this process, and in a forked child when it first asks."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._by_process = {os.getpid(): open_session(model)}

    @property
    def mine(self) -> "onnxruntime.InferenceSession":
        """Of the process that asks."""
        if (process := os.getpid()) not in self._by_process:
            self._by_process[process] = open_session(self._model)
        return self._by_process[process]
