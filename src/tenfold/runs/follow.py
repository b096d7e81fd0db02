"""What the other processes of torchrun do in a run: they train along with the first, and write nothing."""

from collections.abc import Mapping
from typing import Any

import torch

from tenfold.data import Store
from tenfold.data.parts import load_parts
from tenfold.runs.start import start_of
from tenfold.training.backup import Found
from tenfold.training.callbacks import Callback, EarlyStopping
from tenfold.training.distributed import joined
from tenfold.training.lesson import lesson
from tenfold.training.loop import Trainer
from tenfold.training.recipes import Recipe
from tenfold.training.start import begin_with
from tenfold.training.state import take_up


def follow(record: Mapping[str, Any], store: Store | None, found: Found | None = None) -> None:
    """Train as `record` says, from the checkpoint `found` if there is one. Raises UsageError where the first
    process trains something else, ResourceError where it ends before the training does."""
    recipe = Recipe.from_dict(record["recipe"])
    training, validation = load_parts(record["sets"], final=record["final"], store=store)
    taught = lesson(training, recipe, record["seed"], processes=record["threads"])
    torch.set_num_threads(record["threads"])
    stopping: list[Callback] = []
    if recipe.patience is not None:
        stopping = [EarlyStopping("val_accuracy", patience=recipe.patience)]
    with joined(record["device"]) as group:
        trainer = Trainer(
            recipe,
            taught,
            validation,
            seed=record["seed"],
            device=record["device"],
            precision=record["precision"],
            callbacks=stopping,
            group=group,
        )
        if found is not None:  # whether it fits is for the first process to say
            take_up(trainer, found.tree, f"The checkpoint '{found.path}'", force=True)
        elif start := start_of(record):
            begin_with(trainer, start)
        trainer.run()
