"""The last two moments of a training: when they are saved, which is taken up, and to what bits."""

import math
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.conftest import STIRRED, MakeTrainer, same_weights
from torch import Tensor

from tenfold.errors import DivergedError, RunError
from tenfold.training import checkpoint
from tenfold.training.backup import NAMES, Backup, newest
from tenfold.training.callbacks import Callback, EarlyStopping, History
from tenfold.training.interruption import Interruption
from tenfold.training.loop import Trainer
from tenfold.training.networks import Baseline, Compact, Symmetric


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is saved, and no disk is waited for."""
    monkeypatch.setattr(Backup, "every", 0.0)
    monkeypatch.setattr("os.fsync", lambda _: None)


class StopError(Exception):
    pass


class StopAfter(Callback):
    """Ends the training once `step` is saved, or in the validation after it."""

    def __init__(self, step: int, *, validating: bool = False) -> None:
        self.step, self.validating = step, validating

    def on_step_end(self, trainer: Trainer, loss: Tensor) -> None:  # noqa: ARG002
        if trainer.step == self.step and not self.validating:
            raise StopError

    def on_validation_step(self, trainer: Trainer) -> None:
        if trainer.step == self.step and self.validating:
            raise StopError


def watching(folder: Path) -> list[Callback]:
    folder.mkdir(exist_ok=True)
    return [EarlyStopping("val_accuracy", patience=3), History(folder / "history.csv"), Backup(folder)]


def untimed(path: Path) -> list[str]:
    return [line.rpartition(",")[0] for line in path.read_text().splitlines()]


def seconds(path: Path) -> list[float]:
    return [float(line.rpartition(",")[2]) for line in path.read_text().splitlines()[1:]]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    "network", [Baseline(), Compact((4,), (4,)), Symmetric(1)], ids=lambda network: network.kind
)
@pytest.mark.parametrize("validating", [False, True])
def test_a_training_taken_up_after_any_step_ends_as_if_it_had_never_stopped(
    make_trainer: MakeTrainer, tmp_path: Path, network: Baseline | Compact | Symmetric, validating: bool
) -> None:
    """Weights, history but for its seconds, and the last checkpoint but for which of the two it is."""
    settings: dict[str, Any] = {"network": network, "learning_rate": 0.03, **STIRRED}
    whole = make_trainer(watching(tmp_path / "whole"), **settings)
    whole.run()
    for step in (3, 6, 9) if validating else range(1, 10):
        folder = tmp_path / f"stopped-{step}"
        with pytest.raises(StopError):
            make_trainer([*watching(folder), StopAfter(step, validating=validating)], **settings).run()
        found = newest(folder)
        assert found is not None
        assert (found.tree["step"], found.damaged) == (step, [])
        resumed = make_trainer(watching(folder), **settings)
        resumed.load(found.path)
        assert (resumed.step, resumed.epoch) == (step, (step - 1) // 3)
        resumed.run()
        assert same_weights(resumed.weights(), whole.weights())
        assert untimed(folder / "history.csv") == untimed(tmp_path / "whole" / "history.csv")
        assert min(seconds(folder / "history.csv")) > 0
        last, first = newest(folder), newest(tmp_path / "whole")
        assert last is not None
        assert first is not None
        assert last.path.read_bytes() == first.path.read_bytes()


def test_history_is_cut_back_to_what_was_saved(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    first = make_trainer([History(history), Backup(tmp_path), StopAfter(7)])
    with pytest.raises(StopError):
        first.run()
    spent = seconds(history)
    with history.open("a") as file:
        file.write("3,9,0.001,1,1,1,1,7\n")  # of an epoch whose end was not saved
    found = newest(tmp_path)
    assert found is not None
    again = make_trainer([History(history), Backup(tmp_path)])
    again.load(found.path)
    again.callbacks[0].on_train_begin(again)
    assert seconds(history) == spent
    assert len(spent) == 2


@pytest.mark.parametrize("damage", [b"", b"epoch\n1\n", b"\xff\xfe", b"epoch,seconds\nx,y\n"])
def test_a_history_that_is_damaged_costs_its_seconds_alone(
    make_trainer: MakeTrainer, tmp_path: Path, damage: bytes
) -> None:
    history = tmp_path / "history.csv"
    first = make_trainer([History(history), Backup(tmp_path)], epochs=2)
    first.run()
    before = untimed(history)
    history.write_bytes(damage)
    again = make_trainer([History(history), Backup(tmp_path)], epochs=2)
    found = newest(tmp_path)
    assert found is not None
    again.load(found.path)
    again.run()
    assert untimed(history) == before


class Clock:
    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.mark.parametrize(("tick", "saves"), [(0.1, 1), (6.0, 3), (11.0, 5), (25.0, 10)])
def test_it_is_saved_by_the_clock_and_after_each_epoch(
    make_trainer: MakeTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tick: float, saves: int
) -> None:
    """A clock that moves on with each look: nine steps and one batch of validation images in one epoch."""
    kept: list[int] = []
    trainer = make_trainer([Backup(tmp_path, clock=Clock(tick))], epochs=1, batch_size=11)
    monkeypatch.setattr(trainer, "save", lambda path: kept.append(trainer.step))  # noqa: ARG005
    trainer.run()
    assert kept[-1] == 9
    assert len(kept) in (saves, saves + 1)


@pytest.mark.usefixtures("always")
def test_two_files_take_turns_also_after_it_was_taken_up(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    def steps() -> list[int]:
        return [checkpoint.load(tmp_path / name)["step"] for name in NAMES]

    with pytest.raises(StopError):
        make_trainer([Backup(tmp_path), StopAfter(5)]).run()
    assert sorted(steps()) == [4, 5]
    found = newest(tmp_path)
    assert found is not None
    again = make_trainer([Backup(tmp_path, after=found.path), StopAfter(6)])
    again.load(found.path)
    with pytest.raises(StopError):
        again.run()
    assert sorted(steps()) == [5, 6]


DAMAGES = {
    "empty": lambda data: data[:0],
    "cut": lambda data: data[:-1],
    "a flipped bit": lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_named_and_the_one_before_is_taken(
    make_trainer: MakeTrainer, tmp_path: Path, damage: Any
) -> None:
    with pytest.raises(StopError):
        make_trainer([Backup(tmp_path), StopAfter(5)]).run()
    found = newest(tmp_path)
    assert found is not None
    found.path.write_bytes(damage(found.path.read_bytes()))
    before = newest(tmp_path)
    assert before is not None
    assert (before.tree["step"], len(before.damaged)) == (4, 1)
    assert str(found.path) in before.damaged[0]
    before.path.write_bytes(b"")
    with pytest.raises(RunError, match=r"No checkpoint of '.*' can be used: .*last-0.*last-1"):
        newest(tmp_path)  # and never a training from its beginning as if nothing had been


def test_where_nothing_was_saved_nothing_is_found(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    assert newest(tmp_path / "absent") is None


def test_a_checkpoint_of_something_else_is_damaged(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / NAMES[0], {"epoch": 1})
    with pytest.raises(RunError, match="holds no training"):
        newest(tmp_path)


class Spoil(Callback):
    def on_step_end(self, trainer: Trainer, loss: Tensor) -> None:  # noqa: ARG002
        if trainer.step == 5:
            with torch.no_grad():
                next(trainer.network.parameters()).fill_(math.nan)


@pytest.mark.usefixtures("always")
def test_what_is_not_a_number_is_never_saved(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="after 5 steps, in epoch 2"):
        make_trainer([Spoil(), Backup(tmp_path)]).run()
    found = newest(tmp_path)
    assert found is not None
    assert (found.tree["step"], found.damaged) == (4, [])
    assert all(bool(weight.isfinite().all()) for weight in found.tree["network"].values())


class Press(Callback):
    """Ctrl-C in the step, or in the validation after it."""

    def __init__(self, step: int, *, validating: bool) -> None:
        self.step, self.validating = step, validating

    def on_step_end(self, trainer: Trainer, loss: Tensor) -> None:  # noqa: ARG002
        if trainer.step == self.step and not self.validating:
            signal.raise_signal(signal.SIGINT)

    def on_validation_step(self, trainer: Trainer) -> None:
        if trainer.step == self.step and self.validating:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("step", "validating"), [(1, False), (4, False), (6, False), (6, True), (9, True)])
def test_ctrl_c_is_kept_until_the_training_is_saved(
    make_trainer: MakeTrainer, tmp_path: Path, step: int, validating: bool
) -> None:
    with pytest.raises(KeyboardInterrupt), Interruption() as interruption:
        make_trainer([Press(step, validating=validating), Backup(tmp_path, interruption)]).run()
    found = newest(tmp_path)
    assert found is not None
    assert found.tree["step"] == step


def test_a_training_that_goes_on_under_other_terms_forgets_what_was_saved_under_the_old(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    make_trainer([Backup(tmp_path)]).run()
    found = newest(tmp_path)
    assert found is not None
    backup = Backup(tmp_path, after=found.path)
    backup.restart(make_trainer([backup], epochs=1))
    assert [path.exists() for path in (tmp_path / name for name in NAMES)].count(True) == 1
    again = newest(tmp_path)
    assert again is not None
    assert again.tree["recipe"]["epochs"] == 1
