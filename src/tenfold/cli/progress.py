"""Live progress of a training on standard error: a bar in a terminal, one plain line an epoch elsewhere."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from tenfold.cli.output import message, percent
from tenfold.training.callbacks import Callback, Logs

if TYPE_CHECKING:
    from tenfold.training.loop import Trainer

REFRESH = 0.1  # seconds
FACTS = "step {task.completed}/{task.total}  {task.fields[facts]}"


@contextmanager
def watching(quiet: bool) -> Iterator[Sequence[Callback]]:
    """The callbacks that show a training. However it ends, the terminal is left as it was."""
    console = Console(stderr=True, highlight=False, markup=False)
    if quiet or not (console.is_interactive and sys.stderr.isatty()):  # a notebook claims to be a terminal
        yield [] if quiet else [Lines()]
        return
    bar = Bar(console)
    with bar.progress:
        yield [bar]


def opening(trainer: "Trainer") -> str:
    recipe, count = trainer.recipe, len(trainer.training)
    given = round(count / (recipe.as_is + recipe.views + recipe.nondigits))  # see `lesson`
    images = f"{given:,} images"
    if given < count:
        images += f", of which the recipe makes {count:,}"
    shown = recipe.later(count)
    if shown < count:
        images += f" (after the first epoch {shown:,}, half of them the hardest)"
    if trainer.validation is not None:
        images += f", validating on {len(trainer.validation):,}"
    line = f"Training '{recipe.name}' on {images}; {trainer.device.type}, {trainer.precision}."
    seen = (trainer.training.labels == 1).sum(0).tolist()
    absent = ", ".join(str(digit) for digit, count in enumerate(seen) if not count)
    if absent:
        line += f"\nThere is no image of {absent} to learn from; the model will take them for other digits."
    return line


def summary(trainer: "Trainer", logs: Logs) -> str:
    """'epoch  3/15  loss 0.0512  accuracy 98.41 %  val_accuracy 99.02 %  5.9 s'"""
    width = len(str(trainer.recipe.epochs))
    words = [f"epoch {trainer.epoch:{width}}/{trainer.recipe.epochs}", f"loss {logs['loss']:.4f}"]
    words += [f"{name} {percent(logs[name])}" for name in ("accuracy", "val_accuracy") if name in logs]
    return "  ".join([*words, f"{logs['seconds']:.1f} s"])


class Lines(Callback):
    def on_train_begin(self, trainer: "Trainer") -> None:
        message(opening(trainer))

    def on_epoch_end(self, trainer: "Trainer", logs: Logs) -> None:
        message(summary(trainer, logs))


class Bar(Callback):
    """A line for every epoch that is done; under them the running one: step, loss, images/s, time left."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began = self.shown = 0.0  # seconds: of the epoch's start, of the last refresh
        self.first = 0  # step of the epoch
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn(FACTS),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            transient=True,
            expand=True,
        )

    def on_train_begin(self, trainer: "Trainer") -> None:
        self.console.print(opening(trainer))
        self.task = self.progress.add_task(
            "", total=trainer.steps, completed=trainer.step, epoch=_epoch(trainer), facts=""
        )
        self._start_epoch(trainer)

    def on_step_end(self, trainer: "Trainer", loss: Tensor) -> None:
        now = time.perf_counter()
        if now - self.shown < REFRESH:
            return
        self.shown = now
        rate = (trainer.step - self.first) * trainer.recipe.batch_size / (now - self.began)
        facts = f"loss {loss.item():.4f}  {rate:,.0f} images/s "
        self.progress.update(self.task, completed=trainer.step, epoch=_epoch(trainer), facts=facts)

    def on_epoch_end(self, trainer: "Trainer", logs: Logs) -> None:
        self.console.print(summary(trainer, logs))
        self._start_epoch(trainer)

    def on_train_end(self, trainer: "Trainer") -> None:  # noqa: ARG002
        self.progress.stop()

    def _start_epoch(self, trainer: "Trainer") -> None:
        self.began = self.shown = time.perf_counter()
        self.first = trainer.step


def _epoch(trainer: "Trainer") -> str:
    return f"{min(trainer.epoch + 1, trainer.recipe.epochs)}/{trainer.recipe.epochs}"
