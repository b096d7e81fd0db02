"""What watches a training: `EarlyStopping` and `ModelCheckpoint` as Keras users know them, and the history.

A callback sees the `Trainer` and, after each epoch, `logs`: loss, accuracy, val_loss, val_accuracy,
learning_rate, seconds. The validation images are a part of the training set; the official test set is never
among them.

Kept from Keras: a tie is no improvement, so the earliest of equal epochs wins; a monitored value that is
not a number is no improvement either; `mode="auto"` takes "max" for an accuracy and "min" otherwise;
training stops once `patience` epochs in a row brought nothing better, but never after the first; the best
weights come back also when the epoch limit ends the run; epochs count from 1 in a path. Made plain here: a
metric that does not exist is an error before the first step and not a warning, the best weights come back
unless that is refused, and `kept_epoch` says which they are. A training that is interrupted keeps its last
weights, to go on with. All settings behind `monitor` are given by name, since Keras has them in another
order; its `baseline`, `start_from_epoch`, `initial_value_threshold`, `save_freq` and `verbose` do not exist.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from tenfold.errors import DiskError, RunError, UnknownNameError, UsageError
from tenfold.files import exists, make_folder, read_bounded, write_atomic

if TYPE_CHECKING:
    from tenfold.training.loop import Trainer

Mode = Literal["auto", "min", "max"]
Logs = Mapping[str, float]

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
COLUMNS = ("epoch", "step", "learning_rate", *METRICS, "seconds")
HISTORY_LIMIT = 1 << 24  # bytes


class Callback:
    """Does nothing; override what is needed.

    It may `evaluate` in any of its methods, but not under torchrun: all processes take part in that, and the
    first alone has the user's callbacks. A learning rate that it sets lasts for no step, as the loop sets the
    recipe's before each.
    """

    def check_settings(self, metrics: Sequence[str]) -> None:
        """Raises UsageError where it cannot watch a training that measures these `metrics`; asked before
        anything is trained or written."""

    def on_train_begin(self, trainer: "Trainer") -> None: ...
    def on_step_end(self, trainer: "Trainer", loss: Tensor) -> None: ...
    def on_validation_step(self, trainer: "Trainer") -> None: ...
    def on_epoch_end(self, trainer: "Trainer", logs: Logs) -> None: ...

    def on_epoch_close(self, trainer: "Trainer") -> None:
        """After `on_epoch_end` of all callbacks: the state of the training is whole and can be saved."""

    def on_train_end(self, trainer: "Trainer") -> None:
        """However the training ends, also by an error or an interruption: unless `trainer.over`, it may go
        on."""

    def state(self) -> dict[str, Any]:
        """What a resumed run needs, as JSON values, numpy's numbers and tensors."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None: ...


class Monitor:
    """The best value of one metric so far, and what counts as better: more than `min_delta` better."""

    def __init__(self, metric: str, mode: Mode = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise UnknownNameError("mode", mode, ("auto", "min", "max"))
        self.metric = metric
        self.largest = mode == "max" or (mode == "auto" and metric.endswith("accuracy"))
        self.min_delta = abs(min_delta)
        self.best = self.worst = -math.inf if self.largest else math.inf

    def check(self, metrics: Sequence[str]) -> None:
        """Raises UnknownNameError where the metric is none of those that the training measures."""
        if self.metric not in metrics:
            raise UnknownNameError("metric", self.metric, metrics)

    def improved(self, logs: Logs) -> bool:
        """Is the epoch better than `best`? Remembers it if so."""
        value = logs[self.metric]
        # Keras's sums, as they round; False for NaN
        if self.largest:
            better = value - self.min_delta > self.best
        else:
            better = value + self.min_delta < self.best
        if better:
            self.best = value
        return better


def check_callbacks(callbacks: Sequence[Callback], *, validated: bool) -> None:
    """Raises UsageError for what is no list of callbacks, and for one that cannot watch a training with
    validation images or without: there only loss and accuracy are measured."""
    listed = isinstance(callbacks, Sequence)
    for each in callbacks if listed else (callbacks,):
        if not listed or not isinstance(each, Callback):
            raise UsageError(f"callbacks is a list of Callback objects; {each!r} cannot stand there.")
        each.check_settings(METRICS if validated else METRICS[:2])


class EarlyStopping(Callback):
    """Stop when `monitor` has not improved for `patience` epochs, and put the best epoch's weights back."""

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        min_delta: float = 0.0,
        patience: int = 0,
        mode: Mode = "auto",
        restore_best_weights: bool = True,
    ) -> None:
        if patience < 0:
            raise UsageError(f"patience is a number of epochs, 0 or more, not {patience}.")
        self.monitor = Monitor(monitor, mode, min_delta)
        self.patience = patience
        self.restore_best_weights = restore_best_weights
        self._forget()

    def _forget(self) -> None:
        self.monitor.best = self.monitor.worst
        self.wait = 0
        self.best_epoch = 0
        self.best_weights: dict[str, Tensor] = {}

    def check_settings(self, metrics: Sequence[str]) -> None:
        self.monitor.check(metrics)

    def on_train_begin(self, trainer: "Trainer") -> None:
        if trainer.epoch == 0:  # it may have watched another training before
            self._forget()

    def on_epoch_end(self, trainer: "Trainer", logs: Logs) -> None:
        improved = self.monitor.improved(logs)
        # the first epoch is the best so far whatever it is worth, so that there is always one to restore
        if improved or self.best_epoch == 0:
            self.best_epoch = trainer.epoch
            if self.restore_best_weights:
                self.best_weights = trainer.weights()
        self.wait = 0 if improved else self.wait + 1
        if not improved and self.wait >= self.patience and trainer.epoch > 1:
            trainer.stop = True

    def on_train_end(self, trainer: "Trainer") -> None:
        if trainer.over and self.restore_best_weights and self.best_weights:
            trainer.load_weights(self.best_weights)
            trainer.kept_epoch = self.best_epoch

    def state(self) -> dict[str, Any]:
        return {
            "best": self.monitor.best,
            "wait": self.wait,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.monitor.best, self.wait = state["best"], state["wait"]
        self.best_epoch, self.best_weights = state["best_epoch"], state["best_weights"]


class ModelCheckpoint(Callback):
    """Save the training to `path` after each epoch, or only after those that improve `monitor`.

    `path` may name the epoch and the metrics, as "{epoch:02d}-{val_loss:.4f}.safetensors"; folders are made.
    The file is written whole or not at all; it holds the weights alone or, by default, all that is needed to
    train on.
    """

    def __init__(
        self,
        path: str | Path,
        monitor: str = "val_loss",
        *,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Mode = "auto",
    ) -> None:
        self.path = str(path)
        self.monitor = Monitor(monitor, mode)
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self._due: Path | None = None

    def check_settings(self, metrics: Sequence[str]) -> None:
        if self.save_best_only:
            self.monitor.check(metrics)
        known = ("epoch", "step", "learning_rate", "seconds", *metrics)
        try:
            self.path.format(**{name: 1 if name in ("epoch", "step") else 0.5 for name in known})
        except KeyError as cause:
            raise UnknownNameError("field of a checkpoint's path", str(cause.args[0]), known) from None
        except (ValueError, IndexError, AttributeError) as cause:
            raise UsageError(f"'{self.path}' is not a template of a path: {cause}.") from None

    def on_train_begin(self, trainer: "Trainer") -> None:
        if trainer.epoch == 0:  # it may have watched another training before
            self.monitor.best = self.monitor.worst

    def on_epoch_end(self, trainer: "Trainer", logs: Logs) -> None:
        if not self.save_best_only or self.monitor.improved(logs):
            self._due = Path(self.path.format(**{"epoch": trainer.epoch, "step": trainer.step, **logs}))

    def on_epoch_close(self, trainer: "Trainer") -> None:
        if self._due is not None:
            make_folder(self._due.parent)
            trainer.save(self._due, weights_only=self.save_weights_only)
            self._due = None

    def state(self) -> dict[str, Any]:
        return {"best": self.monitor.best}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.monitor.best = state["best"]


class History(Callback):
    """The logs of every epoch, kept in `rows` and, if a path is given, in a CSV file that is always whole."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = None if path is None else Path(path)
        self.rows: list[dict[str, float]] = []

    def on_train_begin(self, trainer: "Trainer") -> None:
        if trainer.epoch == 0:
            self.rows = []
        if self.path is not None and exists(self.path):  # cut back to the epochs that are done
            write_atomic(self.path, history_csv(self.rows))

    def on_epoch_end(self, trainer: "Trainer", logs: Logs) -> None:
        self.rows.append({"epoch": trainer.epoch, "step": trainer.step, **logs})
        if self.path is not None:
            write_atomic(self.path, history_csv(self.rows))

    def state(self) -> dict[str, Any]:
        # without the seconds, which two equal trainings do not share: their checkpoints are equal files
        return {"rows": [{name: row[name] for name in row if name != "seconds"} for row in self.rows]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The rows as they were saved, with the seconds that the file has for them; without a file they have
        none."""
        seconds = {} if self.path is None else epoch_seconds(self.path)
        self.rows = [
            {**row, "seconds": seconds[row["epoch"]]} if row["epoch"] in seconds else dict(row)
            for row in state["rows"]
        ]


def history_csv(rows: Sequence[Mapping[str, float]]) -> str:
    """One line an epoch under the header `COLUMNS`; a metric that was not measured stays empty."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    table.writeheader()
    for row in rows:
        table.writerow({name: _number(row[name]) for name in COLUMNS if name in row})
    return text.getvalue()


def epoch_seconds(path: Path) -> dict[int, float]:
    """Epoch -> seconds, as `History` wrote them to `path`; none where the file is absent or damaged."""
    try:
        table = csv.DictReader(io.StringIO(read_bounded(path, HISTORY_LIMIT, RunError).decode()))
        return {int(row["epoch"]): float(row["seconds"]) for row in table}
    except (RunError, DiskError, csv.Error, ValueError, KeyError, TypeError):
        return {}


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
