"""What the other processes of torchrun do in a run: they train along with the first, and write nothing."""

from collections.abc import Mapping
from typing import Any

from tenfold.data import Store
from tenfold.data.parts import load_parts
from tenfold.model import Model
from tenfold.runs.trainer import set_out, stopping, trainer_of
from tenfold.training.backup import Found
from tenfold.training.distributed import joined
from tenfold.training.lesson import lesson
from tenfold.training.recipes import Recipe


def follow(
    record: Mapping[str, Any], start: Model | None, store: Store | None, found: Found | None = None
) -> None:
    """Train as `record` says, from the checkpoint `found` or else the model `start`, if there is either.
    Raises UsageError where the first process trains something else, ResourceError where it ends before the
    training does."""
    recipe = Recipe.from_dict(record["recipe"])
    training, validation = load_parts(record["sets"], final=record["final"], store=store)
    taught = lesson(training, recipe, record["seed"], processes=record["threads"])
    with joined(record["device"]) as group:
        trainer = trainer_of(record, taught, validation, stopping(recipe), group)
        set_out(trainer, start, found, force=True)  # whether it fits is for the first process to say
        trainer.run()
