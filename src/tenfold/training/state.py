"""All that a training is in the middle of, in one file: saved after any step, taken up to the same bits.

    save(trainer, "last.safetensors")
    load(trainer, "last.safetensors")         the same recipe, data, seed, precision and number of threads

With the weights go the optimizer, the place in the running epoch with its sums so far, and what the callbacks
remember. What is random needs no state: it is a function of seed, epoch and step.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tenfold.environment import differences
from tenfold.errors import RunError, UsageError
from tenfold.training import checkpoint
from tenfold.training.callbacks import Callback

if TYPE_CHECKING:
    from tenfold.training.loop import Trainer


def save(trainer: "Trainer", path: str | Path, *, weights_only: bool = False) -> None:
    """Write the weights, or all that `load` needs to train on, to one file. Raises DiskError, and
    UsageError for a callback whose `state` is not JSON values and tensors."""
    tree: dict[str, Any] = {**identity(trainer), "epoch": trainer.epoch, "network": trainer.weights()}
    if not weights_only:
        tree |= {
            "step": trainer.step,
            "batch": trainer.batch,
            "sums": trainer.sums,
            "losses": trainer.losses if trainer.recipe.shown else None,
            "seconds": trainer.seconds,
            "stop": trainer.stop,
            "optimizer": trainer.optimizer.state_dict(),
            "callbacks": [[type(callback).__name__, _state(callback)] for callback in _stateful(trainer)],
        }
    checkpoint.save(path, tree)


def load(trainer: "Trainer", path: str | Path) -> None:
    """Take up the training that `save` wrote, to give the same bits as if it had never stopped. Raises
    RunError where that cannot be, with the trainer as it was."""
    take_up(trainer, checkpoint.load(path), f"The checkpoint '{path}'")


def take_up(trainer: "Trainer", tree: Mapping[str, Any], what: str, *, force: bool = False) -> None:
    """Go on from the `tree` that `save` wrote; `what` names it in an error. Raises RunError.

    `force` goes on under another recipe, seed or precision, or on other data. The weights and the epochs that
    are done count; the running epoch begins anew where its batches would be others, and so does an optimizer
    of another kind. Only the network must be the same.
    """
    try:
        now = identity(trainer)
        before = {key: tree[key] for key in now}
        changed = dict(differences(before, now))
        if changed and not force:
            raise RunError(f"{what} is of another training: {listed(changed)}.")
        if before["recipe"]["network"] != now["recipe"]["network"]:
            raise RunError(f"{what} is of another network, whose weights do not fit: {listed(changed)}.")
        if "optimizer" not in tree:
            raise RunError(f"{what} holds the weights alone, which load_weights takes up.")
        watching = [type(callback).__name__ for callback in _stateful(trainer)]
        saved = [name for name, _ in tree["callbacks"]]
        if saved != watching and not force:
            raise RunError(
                f"{what} is of a training with the callbacks {', '.join(saved) or 'none'}, and not "
                f"{', '.join(watching) or 'none'}; give resume(callbacks=...) or the Trainer the same ones."
            )
    except (KeyError, TypeError, ValueError):
        raise RunError(f"{what} does not hold a training.") from None
    trainer.load_weights(tree["network"])
    trainer.epoch, trainer.step, trainer.stop = tree["epoch"], tree["step"], tree["stop"]
    trainer.kept_epoch = trainer.epoch
    if "recipe.optimizer" not in changed:
        kept = tree["optimizer"] if not changed else {**tree["optimizer"], "param_groups": _groups(trainer)}
        trainer.optimizer.load_state_dict(kept)
    if any(name.startswith(("data", "seed", "recipe.batch_size", "recipe.shown")) for name in changed):
        trainer.step = trainer.recipe.steps(len(trainer.training), trainer.epoch)
    else:
        trainer.batch, trainer.seconds = tree["batch"], tree["seconds"]
        trainer.sums.copy_(tree["sums"])
    if tree.get("losses") is not None and not any(name.startswith("data") for name in changed):
        trainer.losses.copy_(tree["losses"])
    left = list(tree["callbacks"])
    for callback in _stateful(trainer):
        mine = next((entry for entry in left if entry[0] == type(callback).__name__), None)
        if mine is not None:
            left.remove(mine)
            callback.restore(mine[1])


def identity(trainer: "Trainer") -> dict[str, Any]:
    """What decides about every bit, next to the machine and the versions."""
    return {
        "recipe": trainer.recipe.to_dict(),
        "data": {
            "training": trainer.training.checksum,
            "validation": None if trainer.validation is None else trainer.validation.checksum,
        },
        "seed": trainer.seed,
        "precision": trainer.precision,
        "threads": torch.get_num_threads(),
    }


def listed(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """'seed was 0 and is 1; data was ...'"""
    return "; ".join(f"{name} was {before} and is {now}" for name, (before, now) in changed.items())


def _state(callback: Callback) -> dict[str, Any]:
    state = callback.state()
    try:
        json.dumps(state, default=checkpoint.plain)
    except TypeError as cause:
        name = type(callback).__name__
        raise UsageError(f"What the callback {name} remembers cannot be saved: {cause}.") from None
    return state


def _groups(trainer: "Trainer") -> list[dict[str, Any]]:
    """The settings of the trainer's own recipe."""
    groups: list[dict[str, Any]] = trainer.optimizer.state_dict()["param_groups"]
    return groups


def _stateful(trainer: "Trainer") -> list[Callback]:
    """Progress has no state, so that a training may go on with another display, or with none."""
    return [callback for callback in trainer.callbacks if type(callback).state is not Callback.state]
