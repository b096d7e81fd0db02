"""The trainings that an exploration is made of: a recipe on some images, measured at its last step on others.

    AblationWork(data, threads=1, precision="fp32").train(key, recipe, seed)       a twelfth is held out
    SearchWork(data, seed=0, threads=1, precision="fp32").train(trial, ninths, recipe, seed)

An ablation's seed also draws which twelfth of the images is held out, so that what is found over seeds holds
for other digits too, and not for one set of 5,000. A search has one set to measure on, as one who trains has,
and gives most trials a ninth or a third of the training images. A training that diverges is a result.
"""

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenfold.data.labelled import VALIDATION_SHARE, Labelled, Split
from tenfold.errors import DivergedError
from tenfold.harness.estimates.folds import folds_by_class
from tenfold.harness.estimates.trainings import trained
from tenfold.metrics import calibrated, nll

if TYPE_CHECKING:
    from tenfold.training.devices import Precision

NINTHS = (1, 3, 9)  # of the training images: what successive halving gives a trial in turn
ALL = NINTHS[-1]


class Measured(NamedTuple):
    """What came of a training on `train` images: `errors` and `nll` (nats, with the temperature that is best
    for them) on `held_out` others. Both are None where it diverged."""

    train: int
    held_out: int
    errors: int | None
    nll: float | None
    seconds: float

    @classmethod
    def is_sound(cls, values: object) -> bool:
        """Whether `values`, out of a file, are those of one."""
        if not isinstance(values, list | tuple) or len(values) != len(cls._fields):
            return False
        train, held_out, errors, loss, seconds = values
        counts = all(isinstance(count, int) and count > 0 for count in (train, held_out))
        if not counts or not isinstance(seconds, int | float):
            return False
        if errors is None:
            return loss is None
        return isinstance(errors, int) and isinstance(loss, int | float) and 0 <= errors <= held_out

    @property
    def error(self) -> float:
        """A fraction of 1; a training that diverged reads nothing."""
        return 1.0 if self.errors is None else self.errors / self.held_out

    def to_dict(self) -> dict[str, Any]:
        return {**self._asdict(), "error": self.error}


class Training(NamedTuple):
    """One that is done, with what it was: an ablation's key and seed, or a search's trial and ninths."""

    key: str | int
    number: int
    measured: Measured


class AblationWork(NamedTuple):
    data: Labelled
    threads: int
    precision: "Precision"

    def train(self, key: str, recipe: dict[str, Any], seed: int) -> Training:
        held_out = held_out_by(self.data.labels, seed)
        training = self.data.take(np.flatnonzero(~held_out), "the rest")
        rest = self.data.take(np.flatnonzero(held_out), "held out")
        return Training(key, seed, measure(recipe, training, rest, seed, self.threads, self.precision))


class SearchWork(NamedTuple):
    data: Split
    seed: int
    threads: int
    precision: "Precision"

    def train(self, trial: int, ninths: int, recipe: dict[str, Any], seed: int) -> Training:
        training = part(self.data.train, ninths, self.seed)
        measured = measure(recipe, training, self.data.validation, seed, self.threads, self.precision)
        return Training(trial, ninths, measured)


def held_out_by(labels: NDArray[np.uint8], seed: int) -> NDArray[np.bool_]:
    """Which images seed `seed` holds out, bool [n]: a twelfth of each class, another one for each of twelve
    seeds in a row."""
    repeat, number = divmod(seed, VALIDATION_SHARE)
    fold = folds_by_class(labels, VALIDATION_SHARE, seed=0, repeat=repeat)
    return np.asarray(fold == number)


def part(data: Labelled, ninths: int, seed: int) -> Labelled:
    """So many ninths of each class of `data`; one ninth is among three, and these among all."""
    if ninths == ALL:
        return data
    fold = folds_by_class(data.labels, ALL, seed=seed)
    return data.take(np.flatnonzero(fold < ninths), f"{ninths} of 9 parts")


def measure(
    recipe: dict[str, Any],
    training: Labelled,
    held_out: Labelled,
    seed: int,
    threads: int,
    precision: "Precision",
) -> Measured:
    from tenfold.training.lesson import lesson
    from tenfold.training.recipes import Recipe, replace

    began = time.perf_counter()
    chosen = replace(Recipe.from_dict(recipe), patience=None)
    errors = loss = None
    try:
        taught = lesson(training, chosen, seed)
        _, probabilities = trained(chosen, taught, held_out, seed=seed, threads=threads, precision=precision)
    except DivergedError:
        pass
    else:
        errors = int((probabilities.argmax(1) != held_out.labels).sum())
        loss = nll(calibrated(probabilities, held_out.labels), held_out.labels)
    seconds = round(time.perf_counter() - began, 3)
    return Measured(len(training), len(held_out), errors, loss, seconds)
