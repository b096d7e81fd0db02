"""Many trainings: one after the other here, or side by side in processes of their own.

    for fold in train_all(work, [(0, 0), (0, 1)], at_once=side_by_side(2, cores(), threads=1)): ...
    for result in train_as_told(work, next_place, at_once=2): ...    where results decide what is next

A training's answers are the same either way. Processes end with the one that began them, however it ends.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Protocol, TypeVar

from tenfold.data.labelled import Labelled, Split
from tenfold.data.mnist import is_test_set
from tenfold.data.parts import Sets, joined, load_whole, names_of, parted
from tenfold.data.sources import Store
from tenfold.errors import ResourceError, UsageError
from tenfold.metrics import Floats, softmax
from tenfold.processes import Made, Place, in_processes

if TYPE_CHECKING:
    from tenfold.training.devices import Precision
    from tenfold.training.loop import Trainer
    from tenfold.training.recipes import Recipe


Result = TypeVar("Result", covariant=True)


class Work(Protocol[Result]):
    """What all trainings share, and what makes of it the one at a place. It is sent to each process once."""

    @property
    def train(self) -> Callable[..., Result]: ...


class Engine(Protocol):
    """How trainings are carried out: `train_as_told`, or one that does the same elsewhere."""

    def __call__(
        self, work: Work[Made], next_place: Callable[[], Place | None], at_once: int
    ) -> Generator[Made]: ...


def share_out(trainings: int, cores: int) -> int:
    """Threads of each training: one, and more where cores would stay idle otherwise."""
    return max(1, cores // trainings)


def side_by_side(trainings: int, cores: int, threads: int) -> int:
    """How many of the `trainings` are made at once, each on so many `threads`."""
    return max(1, min(trainings, cores // threads))


def images_of(what: str, data: Labelled | Sets | None, store: Store | None = None) -> Labelled:
    """`data`, or the training images of the sets that it names (None: MNIST's). Raises as `refuse_test_set`
    and `load_whole` do."""
    sets = [data] if isinstance(data, Labelled) else load_whole(names_of(data), store)
    refuse_test_set(what, *sets)
    return joined(sets)


def parts_of(what: str, data: Split | Sets | None, store: Store | None = None) -> Split:
    """`data`, or the sets that it names (None: MNIST), each parted into training and validation images.
    Raises as `images_of` does."""
    if isinstance(data, Split):
        refuse_test_set(what, *data)
        return data
    names = names_of(data)
    sets = load_whole(names, store)
    refuse_test_set(what, *sets)
    return parted(names, sets)


def refuse_test_set(what: str, *sets: Labelled) -> None:
    """Raises UsageError for the official test set, DataError for a set that is not of ten digits.

    `what` starts the sentence.
    """
    for data in sets:
        if is_test_set(data):
            raise UsageError(f"{what} chooses between recipes, so the official test set is not for it.")
        data.check_digits()


def check_threads(what: str, threads: int | None) -> None:
    """Raises UsageError for fewer than one; None is all. `what` starts the sentence."""
    if threads is not None and threads < 1:
        raise UsageError(f"{what} needs at least one thread, not {threads}.")


def trained(
    recipe: "Recipe",
    taught: Labelled,
    held_out: Labelled,
    *,
    seed: int,
    threads: int,
    precision: "Precision",
) -> "tuple[Trainer, Floats]":
    """A training on `taught` that went to its last step, and its probabilities float64 [n, 10] for
    `held_out`, without a temperature. Raises DivergedError."""
    import torch

    from tenfold.training.loop import Examples, Trainer, torch_as_it_was

    with torch_as_it_was():
        torch.set_num_threads(threads)
        trainer = Trainer(recipe, taught, seed=seed, precision=precision)
        trainer.run()
        return trainer, softmax(trainer.logits(Examples(held_out, trainer.device)))


def train_all(
    work: Work[Made], places: Sequence[Place], at_once: int, engine: Engine | None = None
) -> Generator[Made]:
    """The trainings of `places`, as they finish, by `train_as_told` if `engine` is None.

    However this ends, no process is left behind.
    """
    waiting = iter(places)
    return (engine or train_as_told)(work, lambda: next(waiting, None), at_once)


def train_as_told(work: Work[Made], next_place: Callable[[], Place | None], at_once: int) -> Generator[Made]:
    """The trainings of the places that `next_place` names, as they finish: see `in_processes`."""
    try:
        yield from in_processes(work.train, next_place, at_once)
    except BrokenProcessPool:
        raise ResourceError(
            "A training's process was ended from outside, perhaps for want of memory. The trainings that "
            "were done are kept: give the command again, with fewer --threads to train fewer at once."
        ) from None
