"""`tenfold(...)` runs the program in this process, as the shell would: its exit code and what it printed."""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.__main__ import main
from tenfold.data import load_training
from tenfold.training.networks import Baseline
from tenfold.training.recipes import RECIPES, Recipe


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Program = Callable[..., Ended]


@pytest.fixture
def tenfold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Program]:
    handler = signal.getsignal(signal.SIGTERM)
    hook = sys.excepthook

    def call(*words: Any) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tenfold", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, *capsys.readouterr())

    yield call
    signal.signal(signal.SIGTERM, handler)
    sys.excepthook = hook


@pytest.fixture
def interrupted_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[object, str], AbstractContextManager[None]]:
    """`with interrupted_at(module, name):` Ctrl-C comes where that function would be called."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    @contextmanager
    def interrupted(module: object, name: str) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, stop)
            yield

    return interrupted


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that may not be opened, not even by root."""
    path, real = tmp_path / "closed.png", os.open
    path.write_bytes(b"")

    def open_others(name: Any, *rest: Any, **named: Any) -> int:
        if str(name) == str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        return real(name, *rest, **named)

    monkeypatch.setattr(os, "open", open_others)
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """`tenfold train small`: three epochs of seven steps."""
    recipe = Recipe("small", "a few steps", Baseline(), epochs=3, batch_size=32, patience=3)
    monkeypatch.setitem(RECIPES, "small", recipe)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("data"), 240)


def write_digits(folder: Path, count: int) -> Path:
    """The first `count` of MNIST's training digits as a set of one's own."""
    data = load_training().take(range(count), "digits")
    path = folder / "digits.npz"
    np.savez(path, images=data.images, labels=data.labels)
    return path


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """runs/ is made in the working folder."""
    monkeypatch.chdir(tmp_path)
