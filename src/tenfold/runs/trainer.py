"""The trainer of a run, put together alike in all processes of a group: their weights must stay the same."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from tenfold.data.labelled import Labelled
from tenfold.model import Model
from tenfold.training.backup import Found
from tenfold.training.callbacks import Callback, EarlyStopping
from tenfold.training.distributed import Group
from tenfold.training.loop import Trainer
from tenfold.training.recipes import Recipe
from tenfold.training.start import begin_with
from tenfold.training.state import take_up


def trainer_of(
    record: Mapping[str, Any],
    taught: Labelled,
    validation: Labelled | None,
    callbacks: Sequence[Callback],
    group: Group,
) -> Trainer:
    """As `record` says, on as many threads, which torch then has."""
    torch.set_num_threads(record["threads"])
    return Trainer(
        Recipe.from_dict(record["recipe"]),
        taught,
        validation,
        seed=record["seed"],
        device=record["device"],
        precision=record["precision"],
        callbacks=callbacks,
        group=group,
    )


def stopping(recipe: Recipe) -> list[Callback]:
    """What ends a training by `recipe` before its last epoch."""
    if recipe.patience is None:
        return []
    return [EarlyStopping("val_accuracy", patience=recipe.patience)]


def set_out(trainer: Trainer, start: Model | None, found: Found | None, *, force: bool) -> None:
    """Bring it to the checkpoint `found`, or else to the model `start`, if there is either. Raises RunError
    as `take_up` and UsageError as `begin_with` does."""
    if found is not None:
        take_up(trainer, found.tree, f"The checkpoint '{found.path}'", force=force)
    elif start is not None:
        begin_with(trainer, start)
