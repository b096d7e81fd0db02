"""A small recipe, a few hundred MNIST digits, and one run of the two. No test here sees all of MNIST."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tenfold.data import load_test, load_training
from tenfold.data.idx import checksum
from tenfold.data.labelled import Labelled
from tenfold.runs import Run, train
from tenfold.training.networks import Baseline
from tenfold.training.recipes import Recipe


@pytest.fixture(scope="session")
def small() -> Recipe:
    return Recipe("small", "a few steps", Baseline(), epochs=3, batch_size=32, patience=3)


@pytest.fixture(scope="session")
def some_digits() -> tuple[Labelled, Labelled]:
    """240 training and 100 test images of MNIST."""
    return load_training().take(range(240), "mnist-training"), load_test().take(range(100), "mnist")


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory, some_digits: tuple[Labelled, Labelled]) -> Path:
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(path, images=some_digits[0].images, labels=some_digits[0].labels)
    return path


@pytest.fixture(scope="session")
def first_run(
    small: Recipe, some_digits: tuple[Labelled, Labelled], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        make_mnist_small(patch, some_digits)
        out = tmp_path_factory.mktemp("runs") / "first"
        return train(small, seed=5, threads=1, precision="fp32", out=out).folder


@pytest.fixture
def finished(first_run: Path, tmp_path: Path) -> Run:
    """A run on small MNIST, evaluated on its test set; the folder is this test's own."""
    return Run.load(shutil.copytree(first_run, tmp_path / "first"))


@pytest.fixture(autouse=True)
def _small_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some_digits: tuple[Labelled, Labelled]
) -> None:
    """runs/ is made in this test's own folder, and MNIST is small."""
    monkeypatch.chdir(tmp_path)
    make_mnist_small(monkeypatch, some_digits)


def make_mnist_small(patch: pytest.MonkeyPatch, some_digits: tuple[Labelled, Labelled]) -> None:
    training, test = some_digits
    patch.setattr("tenfold.data.mnist.VALIDATION", 20)
    patch.setattr("tenfold.data.parts.load_training", lambda: training)
    for module in ("tenfold.runs.carry_out", "tenfold.runs.page", "tenfold.data.sets"):
        patch.setattr(f"{module}.load_test", lambda: test)
    patch.setattr("tenfold.data.mnist.TEST_LABELS", checksum(test.labels))
