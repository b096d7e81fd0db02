"""What many tests need: MNIST, read once, a small model file, made once, and benchmarks/, where the client of
load tests is."""

import functools
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenfold.data import mnist

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))


def pytest_configure() -> None:
    """A shell's `&` makes what it begins deaf to Ctrl-C, and so all that tests begin and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first: at the end it would run beside an idle core."""
    items.sort(key=lambda item: item.path.name != "test_tutorial.py")


@pytest.fixture(autouse=True, scope="session")
def forget_mnist() -> Iterator[Callable[[], None]]:
    """MNIST's sets cannot be changed, so that all tests of a process may share them: each load takes 0.3 s.
    Called, it has the files opened again."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(mnist._load)
        patch.setattr(mnist, "_load", once)
        yield once.cache_clear


@pytest.fixture(scope="session")
def model_bytes() -> bytes:
    """A model file of a small network with random weights, 31 KB."""
    import torch
    from torch import nn

    from tenfold.training.export import export
    from tenfold.training.networks import Network

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(676, 10)
        )
    return export(
        network,
        name="small",
        temperature=1.25,
        thresholds={"confidence": 0.11},
        recipe={"kind": "small", "epochs": 3},
        data={"mnist-train": "ab" * 32},
        measured={"validation": {"accuracy": 0.5}},
    )


@pytest.fixture
def model_file(tmp_path: Path, model_bytes: bytes) -> Path:
    path = tmp_path / "small.onnx"
    path.write_bytes(model_bytes)
    return path
