"""Live progress of a training on standard error: a bar in a terminal, one plain line an epoch elsewhere."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from tenfold.cli.output import console, message, percent
from tenfold.training.callbacks import Callback, Logs

if TYPE_CHECKING:
    from tenfold.training.loop import Trainer

REFRESH = 0.1  # seconds


def watchers(quiet: bool) -> Sequence[Callback]:
    if quiet:
        return []
    return [Bar()] if sys.stderr.isatty() else [Lines()]


def opening(trainer: "Trainer") -> str:
    images = f"{len(trainer.training):,} images"
    return f"Training '{trainer.recipe.name}' on {images}, {trainer.device.type}, {trainer.precision}."


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
    """A line for every epoch that is done; under them the running one: step, loss, images a second, time
    left."""

    def on_train_begin(self, trainer: "Trainer") -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.began, self.first, self.shown = time.perf_counter(), trainer.step, 0.0
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("step {task.completed}/{task.total}  {task.fields[facts]}"),
            TimeRemainingColumn(),
            console=console(stderr=True),
            transient=True,
        )
        self.progress.console.print(opening(trainer))
        self.task = self.progress.add_task(
            "", total=trainer.steps, completed=trainer.step, epoch="", facts=""
        )
        self.progress.start()

    def on_step_end(self, trainer: "Trainer", loss: Tensor) -> None:
        now = time.perf_counter()
        if now - self.shown < REFRESH:
            return
        self.shown = now
        rate = (trainer.step - self.first) * trainer.recipe.batch_size / (now - self.began)
        self.progress.update(
            self.task,
            completed=trainer.step,
            epoch=f"{trainer.epoch + 1}/{trainer.recipe.epochs}",
            facts=f"loss {loss.item():.4f}  {rate:,.0f} images/s",
        )

    def on_epoch_end(self, trainer: "Trainer", logs: Logs) -> None:
        self.progress.console.print(summary(trainer, logs))

    def on_train_end(self, trainer: "Trainer") -> None:  # noqa: ARG002
        self.progress.stop()
