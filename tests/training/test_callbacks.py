"""Tables of a metric's values, epoch by epoch, against what Keras documents and does; NaN is `nan`."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tests.training.conftest import MakeTrainer
from torch import Tensor

from tenfold.data.labelled import Labelled
from tenfold.errors import UnknownNameError, UsageError
from tenfold.training import checkpoint
from tenfold.training.callbacks import (
    COLUMNS,
    Callback,
    EarlyStopping,
    History,
    Mode,
    ModelCheckpoint,
    check_callbacks,
    history_csv,
)
from tenfold.training.loop import Trainer

nan, inf = math.nan, math.inf


class Script:
    """A trainer whose epochs are written down: it runs callbacks as `Trainer` does, and its one weight is the
    number of the epoch."""

    validation: object = ()

    def __init__(self, logs: Sequence[dict[str, float]]) -> None:
        self.logs = logs
        self.epoch = self.step = self.kept_epoch = 0
        self.weight = 0
        self.stop = self.over = False
        self.saved: list[tuple[str, int]] = []

    def run(self, *callbacks: Callback) -> "Script":
        trainer = cast(Trainer, self)
        check_callbacks(callbacks, validated=self.validation is not None)
        for callback in callbacks:
            callback.on_train_begin(trainer)
        while self.epoch < len(self.logs) and not self.stop:
            logs = self.logs[self.epoch]
            self.epoch += 1
            self.kept_epoch = self.weight = self.epoch
            self.step += 10
            for callback in callbacks:
                callback.on_epoch_end(trainer, logs)
            for callback in callbacks:
                callback.on_epoch_close(trainer)
        self.over = True
        for callback in callbacks:
            callback.on_train_end(trainer)
        return self

    def weights(self) -> dict[str, Tensor]:
        return {"weight": torch.tensor(self.weight)}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        self.weight = int(weights["weight"])

    def save(self, path: Path, *, weights_only: bool) -> None:
        assert path.parent.is_dir()
        assert not weights_only
        self.saved.append((path.name, self.epoch))


def script(metric: str, values: Sequence[float]) -> Script:
    return Script([{metric: value} for value in values])


# settings, values, epochs run, epoch kept
STOPS: dict[str, tuple[dict[str, Any], list[float], int, int]] = {
    "better to the limit": ({"patience": 1}, [3, 2, 1], 3, 3),
    "limit reached after the best": ({"patience": 5}, [3, 1, 2, 2], 4, 2),
    "patience 0 stops at the first that is not better": ({}, [3, 2, 2.5, 1], 3, 2),
    "patience 1 is the same": ({"patience": 1}, [3, 2, 2.5, 1], 3, 2),
    "patience 2": ({"patience": 2}, [3, 2, 2.5, 1, 2, 2, 0], 6, 4),
    "patience 2, just in time": ({"patience": 2}, [3, 4, 2, 4, 1], 5, 5),
    "a tie is no improvement, the earliest wins": ({"patience": 2}, [2, 1, 1, 1, 0], 4, 2),
    "all equal": ({"patience": 3}, [1, 1, 1, 1, 1, 1], 4, 1),
    "one epoch": ({}, [1], 1, 1),
    "worse at once": ({}, [1, 2, 0], 2, 1),
    "min_delta": ({"min_delta": 0.5, "patience": 1}, [3, 2, 1.75, 0], 3, 2),
    "min_delta, exactly it": ({"min_delta": 0.5, "patience": 1}, [3, 2.5, 1], 2, 1),
    "min_delta, small gains add up against the best": (
        {"min_delta": 0.5, "patience": 3}, [3, 2.75, 2.45, 2.25, 2.1, 2], 6, 3),
    "min_delta may be negative": ({"min_delta": -0.5, "patience": 1}, [3, 2.75, 0], 2, 1),
    "min_delta rounds as Keras's: 0.98 - 0.01 is not above 0.97": (
        {"monitor": "val_accuracy", "min_delta": 0.01, "patience": 1}, [0.97, 0.98, 0.99], 2, 1),
    "NaN is no improvement": ({"patience": 2}, [2, nan, nan, 1], 3, 1),
    "NaN, then better": ({"patience": 2}, [2, nan, 1, 3], 4, 3),
    "NaN first, then numbers": ({"patience": 2}, [nan, 3, 2], 3, 3),
    "NaN first counts as an epoch without improvement": ({"patience": 2}, [nan, nan, 3], 2, 1),
    "NaN only": ({"patience": 4}, [nan] * 9, 4, 1),
    "never after the first epoch": ({}, [nan, 1, 0], 3, 3),
    "infinite first": ({"patience": 1}, [inf, 2, 1], 3, 3),
    "accuracy grows": ({"monitor": "val_accuracy", "patience": 1}, [0.1, 0.3, 0.2, 0.9], 3, 2),
    "auto: training loss falls": ({"monitor": "loss", "patience": 1}, [3, 2, 4, 1], 3, 2),
    "auto: training accuracy grows": ({"monitor": "accuracy", "patience": 1}, [0.1, 0.3, 0.2], 3, 2),
    "mode max on a loss": ({"mode": "max", "patience": 1}, [1, 2, 3, 2, 9], 4, 3),
    "mode min on an accuracy": (
        {"monitor": "val_accuracy", "mode": "min", "patience": 1}, [0.5, 0.4, 0.6, 0], 3, 2),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "values", "run", "kept"), STOPS.values(), ids=STOPS.keys())
def test_early_stopping_stops_and_keeps(
    settings: dict[str, Any], values: list[float], run: int, kept: int
) -> None:
    trainer = script(settings.get("monitor", "val_loss"), values).run(EarlyStopping(**settings))
    assert (trainer.epoch, trainer.kept_epoch, trainer.weight) == (run, kept, kept)


def keras(values: Sequence[float], patience: int, delta: float, largest: bool) -> tuple[int, int]:
    """Epochs run and epoch kept by the rules of keras.callbacks.EarlyStopping, in its own terms: a wait that
    grows before it is reset, a delta with a sign, epochs from 0."""
    best = -inf if largest else inf
    signed = abs(delta) if largest else -abs(delta)
    wait, kept = 0, 0
    for epoch, value in enumerate(values):
        wait += 1
        if (value - signed > best) if largest else (value - signed < best):
            best, kept, wait = value, epoch, 0
        elif wait >= patience and epoch > 0:
            return epoch + 1, kept + 1
    return len(values), kept + 1


@pytest.mark.parametrize("patience", [0, 1, 2, 3])
@pytest.mark.parametrize("delta", [0.0, 0.1])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_early_stopping_does_what_keras_does_on_any_sequence(patience: int, delta: float, mode: Mode) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        values = (torch.randint(6, (8,), generator=generator) / 10).tolist()
        values = [nan if value == 0.5 else value for value in values]
        stopping = EarlyStopping(mode=mode, patience=patience, min_delta=delta)
        trainer = script("val_loss", values).run(stopping)
        assert (trainer.epoch, trainer.weight) == keras(values, patience, delta, mode == "max"), values


def test_without_restoring_the_last_weights_stay() -> None:
    stopping = EarlyStopping(patience=1, restore_best_weights=False)
    trainer = script("val_loss", [2, 1, 3, 0]).run(stopping)
    assert (trainer.epoch, trainer.kept_epoch, trainer.weight, stopping.best_epoch) == (3, 3, 3, 2)


def test_callbacks_start_afresh_with_another_training(tmp_path: Path) -> None:
    stopping, history = EarlyStopping(patience=1), History()
    saving = ModelCheckpoint(tmp_path / "best", save_best_only=True)
    script("val_loss", [0.1, 0.2]).run(stopping, saving, history)
    second = script("val_loss", [5, 4, 3]).run(stopping, saving, history)
    assert (second.epoch, second.weight, len(history.rows)) == (3, 3, 3)
    assert second.saved == [("best", 1), ("best", 2), ("best", 3)]


# settings, values, epochs saved
SAVES: dict[str, tuple[dict[str, Any], list[float], list[int]]] = {
    "every epoch": ({}, [1, 2, nan, 0], [1, 2, 3, 4]),
    "every epoch, whatever the monitor": ({"monitor": "no such metric"}, [1, 2], [1, 2]),
    "best only": ({"save_best_only": True}, [3, 2, 2.5, 1], [1, 2, 4]),
    "best only, ties": ({"save_best_only": True}, [2, 2, 1, 1], [1, 3]),
    "best only, NaN": ({"save_best_only": True}, [nan, 2, nan, 1], [2, 4]),
    "best only, NaN alone": ({"save_best_only": True}, [nan, nan], []),
    "best only, accuracy": ({"save_best_only": True, "monitor": "val_accuracy"}, [0.1, 0.3, 0.2], [1, 2]),
    "best only, max": ({"save_best_only": True, "mode": "max"}, [1, 3, 2], [1, 2]),
    "best only, min": ({"save_best_only": True, "monitor": "accuracy", "mode": "min"}, [2, 3, 1], [1, 3]),
}


@pytest.mark.parametrize(("settings", "values", "saved"), SAVES.values(), ids=SAVES.keys())
def test_model_checkpoint_saves(
    tmp_path: Path, settings: dict[str, Any], values: list[float], saved: list[int]
) -> None:
    metric = settings.get("monitor", "val_loss")
    trainer = script(metric, values).run(ModelCheckpoint(tmp_path / "{epoch}", **settings))
    assert trainer.saved == [(str(epoch), epoch) for epoch in saved]


TEMPLATES = {
    "last": ["last", "last"],
    "{epoch}": ["1", "2"],
    "{epoch:03d}-{step}": ["001-10", "002-20"],
    "{val_loss:.2f}": ["0.25", "0.12"],
    "new/folders/{epoch}/{val_accuracy:.1%}": ["50.0%", "75.0%"],
    "{{{epoch}}}": ["{1}", "{2}"],
}


@pytest.mark.parametrize(("template", "names"), TEMPLATES.items(), ids=TEMPLATES.keys())
def test_a_path_names_the_epoch_and_its_metrics(tmp_path: Path, template: str, names: list[str]) -> None:
    logs = [{"val_loss": 0.25, "val_accuracy": 0.5}, {"val_loss": 0.125, "val_accuracy": 0.75}]
    trainer = Script(logs).run(ModelCheckpoint(tmp_path / template))
    assert trainer.saved == [(name, epoch) for epoch, name in enumerate(names, 1)]


@pytest.mark.parametrize(
    ("template", "error", "says"),
    [
        ("{val_los}", UnknownNameError, "no field of a checkpoint's path 'val_los'. Did you mean 'val_loss'"),
        ("{epoch:02d}-{f1}", UnknownNameError, "path 'f1'"),
        ("{}", UsageError, "not a template of a path"),
        ("{epoch", UsageError, "not a template of a path"),
        ("{epoch:wide}", UsageError, "not a template of a path"),
        ("{val_loss:02d}", UsageError, "not a template of a path"),
        ("{epoch.bit_count.x}", UsageError, "not a template of a path"),
    ],
)
def test_a_path_that_cannot_be_filled_in_is_refused_before_the_first_epoch(
    template: str, error: type[UsageError], says: str
) -> None:
    trainer = script("val_loss", [1])
    with pytest.raises(UsageError, match=says) as refusal:
        trainer.run(ModelCheckpoint(template))
    assert type(refusal.value) is error
    assert trainer.epoch == 0


@pytest.mark.parametrize("metric", ["val_acuracy", "f1", "epoch", ""])
@pytest.mark.parametrize("validated", [True, False])
def test_a_metric_that_does_not_exist_is_refused_before_the_first_epoch(metric: str, validated: bool) -> None:
    for callback in (EarlyStopping(metric), ModelCheckpoint("x", metric, save_best_only=True)):
        trainer = script("val_loss", [1])
        trainer.validation = () if validated else None
        with pytest.raises(UnknownNameError, match=f"no metric '{metric}'"):
            trainer.run(callback)
        assert trainer.epoch == 0


def test_without_validation_images_their_metrics_do_not_exist() -> None:
    trainer = script("loss", [1])
    trainer.validation = None
    for callback in (
        EarlyStopping(),
        ModelCheckpoint("x", save_best_only=True),
        ModelCheckpoint("{val_loss}"),
    ):
        with pytest.raises(UnknownNameError, match="'val_loss'"):
            trainer.run(callback)
    trainer.run(EarlyStopping("loss"), History())


@pytest.mark.parametrize("make", [EarlyStopping, lambda mode: ModelCheckpoint("x", mode=mode)])
def test_a_mode_that_does_not_exist_is_refused(make: Any) -> None:
    with pytest.raises(UnknownNameError, match=r"no mode 'maximum'\. Did you mean 'max'"):
        make(mode="maximum")


@pytest.mark.parametrize("make", [EarlyStopping, lambda *given: ModelCheckpoint("x", *given)])
def test_what_keras_has_in_another_order_is_given_by_name(make: Any) -> None:
    make("val_loss")
    with pytest.raises(TypeError, match="positional arguments"):
        make("val_loss", 1)


def test_negative_patience_is_refused() -> None:
    with pytest.raises(UsageError, match="patience is a number of epochs, 0 or more, not -1"):
        EarlyStopping(patience=-1)


def test_history_is_a_csv_file_that_spreadsheets_read(tmp_path: Path) -> None:
    logs = [dict(zip(COLUMNS[2:], [1e-3, 0.5, 0.75, nan, 1 / 3, 2.0], strict=True)), {"loss": 0.25}]
    history = History(str(tmp_path / "history.csv"))
    Script(logs).run(history)
    text = (tmp_path / "history.csv").read_text()
    assert text == history_csv(history.rows)
    assert text.splitlines()[0] == "epoch,step,learning_rate,loss,accuracy,val_loss,val_accuracy,seconds"
    first, second = csv.DictReader(text.splitlines())
    assert list(first.values()) == ["1", "10", "0.001", "0.5", "0.75", "nan", "0.333333", "2"]
    assert list(second.values()) == ["2", "20", "", "0.25", "", "", "", ""]


def test_a_real_training_stops_keeps_and_saves_what_its_history_says(
    make_trainer: MakeTrainer, tmp_path: Path, held_out: Labelled
) -> None:
    """Monitored the wrong way round, so that a training that learns gets worse each epoch."""
    history = History()
    saving = ModelCheckpoint(tmp_path / "best", save_best_only=True, save_weights_only=True, mode="max")
    stopping = EarlyStopping(patience=2, mode="max")
    trainer = make_trainer([stopping, saving, history], epochs=9)
    trainer.run()
    losses = [row["val_loss"] for row in history.rows]
    assert losses[0] > losses[1] > losses[2]
    assert (trainer.epoch, trainer.stop, trainer.kept_epoch, stopping.best_epoch) == (3, True, 1, 1)
    assert trainer.validation is not None
    assert len(trainer.validation) == len(held_out)
    assert trainer.evaluate(trainer.validation)[0] == losses[0]
    kept = checkpoint.load(tmp_path / "best")
    assert kept["epoch"] == 1
    assert all(torch.equal(kept["network"][name], value) for name, value in trainer.weights().items())
