"""The last two moments of a training, from which it goes on after whatever ended it.

    found = newest(folder)                              None, or the newest sound one and which are not
    Backup(folder, interruption, after=found.path)      the last of the trainer's callbacks

What Keras calls BackupAndRestore. Two files take turns, so that a crash in the middle of saving, or a damaged
file, costs the moments since the one before and never the training.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from tenfold.errors import RunError
from tenfold.files import exists
from tenfold.training import checkpoint
from tenfold.training.callbacks import Callback
from tenfold.training.interruption import Interruption

if TYPE_CHECKING:
    from tenfold.training.loop import Trainer

NAMES = ("last-0.safetensors", "last-1.safetensors")


class Found(NamedTuple):
    path: Path
    tree: dict[str, Any]
    damaged: list[str]
    """a sentence for each file that is there and cannot be used"""


def newest(folder: Path) -> Found | None:
    """The checkpoint that went furthest and is whole. Raises RunError where there are some and none is
    whole, DiskError."""
    sound: list[tuple[tuple[int, int], Path, dict[str, Any]]] = []
    damaged = []
    for path in (folder / name for name in NAMES):
        if not exists(path):
            continue
        try:
            tree = checkpoint.load(path)
            sound.append(((int(tree["epoch"]), int(tree["step"])), path, tree))
        except (RunError, KeyError, TypeError, ValueError) as cause:
            damaged.append(str(cause) if isinstance(cause, RunError) else f"'{path}' holds no training.")
    if not sound:
        if damaged:
            raise RunError(f"No checkpoint of '{folder.parent}' can be used: {' '.join(damaged)}")
        return None
    _, path, tree = max(sound, key=lambda entry: entry[0])
    return Found(path, tree, damaged)


class Backup(Callback):
    """Saves the training every `every` seconds, after each epoch, and when it is interrupted.

    It goes behind all callbacks that remember something of a step.
    """

    every = 20.0  # seconds; with the step that is under way and the saving itself, less than 30 are lost

    def __init__(
        self,
        folder: Path,
        interruption: Interruption | None = None,
        after: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.paths = [folder / name for name in NAMES]
        self.last = after  # the file that stays while the other is written
        self.interruption = interruption
        self.clock = clock

    def restart(self, trainer: "Trainer") -> None:
        """The trainer goes on under other terms: what was saved under the old ones is replaced."""
        self._save(trainer)
        for path in self.paths:
            if path != self.last:
                path.unlink(missing_ok=True)

    def on_train_begin(self, trainer: "Trainer") -> None:  # noqa: ARG002
        self.saved = self.clock()

    def on_step_end(self, trainer: "Trainer", loss: Tensor) -> None:  # noqa: ARG002
        self._look(trainer)

    def on_validation_step(self, trainer: "Trainer") -> None:
        self._look(trainer)

    def on_epoch_close(self, trainer: "Trainer") -> None:
        self._save(trainer)
        self._deliver()

    def _look(self, trainer: "Trainer") -> None:
        asked = self.interruption is not None and self.interruption.pending is not None
        if asked or self.clock() - self.saved >= self.every:
            self._save(trainer)
            self._deliver()

    def _save(self, trainer: "Trainer") -> None:
        trainer.check()
        path = next(path for path in self.paths if path != self.last)
        trainer.save(path)
        self.last, self.saved = path, self.clock()

    def _deliver(self) -> None:
        if self.interruption is not None and self.interruption.pending is not None:
            self.interruption.deliver()
