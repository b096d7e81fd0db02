"""A few real digits, one thread, and a trainer that runs in a second."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tenfold.data.labelled import Labelled
from tenfold.data.mnist import load_training
from tenfold.training.augment import Augmentation
from tenfold.training.callbacks import Callback
from tenfold.training.loop import Trainer
from tenfold.training.recipes import RECIPES

MakeTrainer = Callable[..., Trainer]

# every kind of randomness and of state there is: distortions, dropout, running statistics, a schedule, and
# which images an epoch shows
STIRRED = {
    "augmentation": Augmentation(shift=1, rotation=5, thickness=0.5),
    "schedule": "linear",
    "shown": 97,  # as many steps
}


def same_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@contextmanager
def torch_left_as_it_was() -> Iterator[None]:
    """Fails where what is done within it changes torch's threads or its random numbers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    try:
        yield
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.rand(3), expected)
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist() -> Labelled:
    return load_training()


@pytest.fixture(scope="session")
def digits(mnist: Labelled) -> Labelled:
    return mnist.take(range(100), "some")


@pytest.fixture(scope="session")
def held_out(mnist: Labelled) -> Labelled:
    return mnist.take(range(50_000, 50_040), "others")


@pytest.fixture
def make_trainer(digits: Labelled, held_out: Labelled) -> MakeTrainer:
    """A trainer of `baseline` on 100 digits in batches of 32: 3 steps an epoch, 3 epochs."""

    def make(callbacks: Sequence[Callback] = (), *, training: Labelled = digits, **changes: Any) -> Trainer:
        settings = {"epochs": 3, "batch_size": 32, "patience": None, **changes}
        trainer = {name: settings.pop(name) for name in ("seed", "precision") if name in settings}
        validation = held_out if settings.pop("validate", True) else None
        recipe = replace(RECIPES["baseline"], **settings)
        return Trainer(recipe, training, validation, callbacks=callbacks, **{"precision": "fp32", **trainer})

    return make
