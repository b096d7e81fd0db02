"""Many trainings: one after the other here, or side by side in processes of their own.

    for fold in train_all(job, [(0, 0), (0, 1)], at_once=share_out(2, cores()).at_once): ...
    for result in train_as_told(job, next_place, at_once=2): ...    where results decide what is next

A training's answers are the same either way. Processes end with the one that began them, however it ends.
"""

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np

from tenfold.data.idx import checksum
from tenfold.data.labelled import Labelled
from tenfold.data.mnist import CHECKSUMS
from tenfold.errors import DataError, ResourceError, UsageError
from tenfold.harness.crossval_record import Fold
from tenfold.harness.folds import Folds
from tenfold.processes import Made, Place, in_processes

if TYPE_CHECKING:
    from tenfold.training.loop import Precision


Result = TypeVar("Result", covariant=True)


class Work(Protocol[Result]):
    """What all trainings share, and what makes of it the one at a place. It is sent to each process once."""

    @property
    def train(self) -> Callable[..., Result]: ...


class Engine(Protocol):
    """How trainings are carried out: `train_as_told`, or one that does the same elsewhere."""

    def __call__(
        self, job: Work[Made], next_place: Callable[[], Place | None], at_once: int
    ) -> Generator[Made]: ...


class Share(NamedTuple):
    at_once: int
    threads: int  # of each training


def share_out(trainings: int, cores: int) -> Share:
    """As many trainings at once as there are cores; cores that would stay idle give them threads."""
    threads = max(1, cores // trainings)
    return Share(min(trainings, cores // threads), threads)


def refuse_test_set(what: str, *sets: Labelled) -> None:
    """Raises UsageError for the official test set, DataError for a set that is not of ten digits.

    The test set is known by its labels' checksum, without opening its files. `what` starts the sentence.
    """
    for data in sets:
        if checksum(data.labels) == CHECKSUMS["t10k-labels-idx1-ubyte"]:
            raise UsageError(f"{what} chooses between recipes, so the official test set is not for it.")
        if data.classes != 10:
            raise DataError(
                f"The set '{data.name}' has {data.classes} classes; a digit model is trained on ten."
            )


class Job(NamedTuple):
    """What every training of a cross-validation shares. `split` has the folds int16 [n] of each repeat."""

    recipe: dict[str, Any]
    seed: int
    threads: int
    precision: "Precision"
    data: Labelled
    split: Sequence[Folds]

    def train(self, repeat: int, number: int) -> Fold:
        import torch

        from tenfold.metrics import softmax
        from tenfold.training.lesson import lesson
        from tenfold.training.loop import Examples, Trainer
        from tenfold.training.order import derive
        from tenfold.training.recipes import Recipe

        began = time.perf_counter()
        torch.set_num_threads(self.threads)
        held_out = self.split[repeat] == number
        recipe, seed = Recipe.from_dict(self.recipe), derive(self.seed, "crossval", repeat, number)
        others = self.data.take(np.flatnonzero(~held_out), "all folds but one")
        trainer = Trainer(
            recipe,
            lesson(others, recipe, seed),
            seed=seed,
            precision=self.precision,
        )
        trainer.run()
        rest = self.data.take(np.flatnonzero(held_out), "the fold held out")
        probabilities = softmax(trainer.logits(Examples(rest, trainer.device))).astype(np.float32)
        return Fold(repeat, number, probabilities, round(time.perf_counter() - began, 3))


def train_all(
    job: Work[Made], places: Sequence[Place], at_once: int, engine: Engine | None = None
) -> Generator[Made]:
    """The trainings of `places`, as they finish, by `train_as_told` if `engine` is None.

    However this ends, no process is left behind.
    """
    waiting = iter(places)
    return (engine or train_as_told)(job, lambda: next(waiting, None), at_once)


def train_as_told(job: Work[Made], next_place: Callable[[], Place | None], at_once: int) -> Generator[Made]:
    """The trainings of the places that `next_place` names, as they finish: see `in_processes`."""
    try:
        yield from in_processes(job.train, next_place, at_once)
    except BrokenProcessPool:
        raise ResourceError(
            "A training's process was ended from outside, perhaps for want of memory. The trainings that "
            "were done are kept: give the command again, with fewer --threads to train fewer at once."
        ) from None
