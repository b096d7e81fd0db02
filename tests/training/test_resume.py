"""A training that is saved, loaded and run on gives the same bits as one that never stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.conftest import STIRRED, MakeTrainer, same_weights
from torch import Tensor

from tenfold.data.labelled import Labelled
from tenfold.errors import RunError, UsageError
from tenfold.training import checkpoint
from tenfold.training.callbacks import Callback, EarlyStopping, History, ModelCheckpoint
from tenfold.training.devices import Precision
from tenfold.training.loop import Trainer
from tenfold.training.networks import Baseline, Compact, Symmetric
from tenfold.training.state import take_up


def watching(folder: Path) -> list[Callback]:
    """The worst order: the checkpoints before what they must contain."""
    folder.mkdir()
    return [
        ModelCheckpoint(folder / "{epoch}"),
        ModelCheckpoint(folder / "best", save_best_only=True),
        History(folder / "history.csv"),
        EarlyStopping("val_accuracy", patience=3),
    ]


@pytest.mark.parametrize(
    "network", [Baseline(), Compact((4,), (4,)), Symmetric(1)], ids=lambda network: network.kind
)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_training_gives_the_same_bits(
    make_trainer: MakeTrainer, tmp_path: Path, network: Baseline | Compact | Symmetric, precision: Precision
) -> None:
    """Stopped after any epoch: the same weights, history, kept epoch and checkpoint files."""
    settings = {"network": network, "precision": precision, "learning_rate": 0.03, **STIRRED}
    whole = make_trainer(watching(tmp_path / "whole"), **settings)
    whole.run()
    for epoch in range(1, whole.epoch + 1):
        folder = tmp_path / f"resumed-{epoch}"
        callbacks = watching(folder)
        resumed = make_trainer(callbacks, **settings)
        resumed.load(tmp_path / "whole" / str(epoch))
        assert resumed.epoch == epoch
        resumed.run()
        assert same_weights(resumed.weights(), whole.weights())
        assert (resumed.epoch, resumed.step, resumed.kept_epoch, resumed.stop) == (
            whole.epoch, whole.step, whole.kept_epoch, whole.stop,
        )  # fmt: skip
        assert callbacks[2].state() == whole.callbacks[2].state()
        for again in folder.iterdir():
            if again.suffix != ".csv":
                assert again.read_bytes() == (tmp_path / "whole" / again.name).read_bytes()


def test_equal_trainings_write_equal_checkpoints(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_trainer(watching(tmp_path / name), epochs=2).run()
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["1", "2", "best", "history.csv"]
    for name in names[:-1]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_training_that_stopped_early_stays_stopped_and_keeps_its_best(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    def trainer() -> Trainer:  # a loss that falls is a loss that gets no larger
        return make_trainer(
            [EarlyStopping(mode="max", patience=1), ModelCheckpoint(tmp_path / "last")], epochs=9
        )

    first, again = trainer(), trainer()
    first.run()
    again.load(tmp_path / "last")
    again.run()
    assert (again.epoch, again.kept_epoch) == (first.epoch, first.kept_epoch) == (2, 1)
    assert same_weights(again.weights(), first.weights())


def test_a_training_goes_on_under_another_display(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    make_trainer([Callback(), ModelCheckpoint(tmp_path / "c")], epochs=1).run()
    trainer = make_trainer([ModelCheckpoint(tmp_path / "c")], epochs=1)
    trainer.load(tmp_path / "c")
    assert trainer.epoch == 1


class Interrupts(Callback):
    """Saves the training and ends it by Ctrl-C in its fourth step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_step_end(self, trainer: Trainer, loss: Tensor) -> None:  # noqa: ARG002
        if trainer.step == 4:
            trainer.save(self.path)
            raise KeyboardInterrupt


def test_a_training_that_was_interrupted_stays_where_it_was(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """The best epoch's weights belong under the end of a training, not under its next step."""
    stopped = make_trainer([EarlyStopping(patience=9), Interrupts(tmp_path / "c")], **STIRRED)
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    assert (stopped.over, stopped.kept_epoch) == (False, 1)
    assert same_weights(stopped.weights(), checkpoint.load(tmp_path / "c")["network"])
    stopped.callbacks = stopped.callbacks[:1]
    stopped.run()
    whole = make_trainer([EarlyStopping(patience=9)], **STIRRED)
    whole.run()
    assert whole.over
    assert same_weights(stopped.weights(), whole.weights())


class Counts(Callback):
    """Its memory is empty at first."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:  # noqa: ARG002
        self.seen[f"epoch {trainer.epoch}"] = trainer.step

    def state(self) -> dict[str, Any]:
        return dict(self.seen)

    def restore(self, state: Mapping[str, Any]) -> None:
        self.seen = dict(state)


def test_a_callback_that_remembers_nothing_yet_can_be_resumed(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    make_trainer([Counts(), ModelCheckpoint(tmp_path / "{epoch}")]).run()
    again = make_trainer([counts := Counts(), ModelCheckpoint(tmp_path / "again")])
    again.load(tmp_path / "2")
    assert counts.seen == {"epoch 1": 3, "epoch 2": 6}


class Remembers(Callback):
    def __init__(self, what: Any) -> None:
        self.what = what

    def state(self) -> dict[str, Any]:
        return {"what": self.what}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.what = state["what"]


def test_a_callback_may_remember_numbers_of_numpys(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    kept = [np.int64(3), np.float32(0.5), np.bool_(True), torch.ones(2)]
    make_trainer([Remembers(kept)]).save(tmp_path / "saved")
    other = make_trainer([found := Remembers(None)])
    other.load(tmp_path / "saved")
    assert found.what[:3] == [3, 0.5, True]


@pytest.mark.parametrize("what", [np.ones(3), {1, 2}, {(1, 2): 3}, 1j], ids=str)
def test_a_callback_that_remembers_what_no_file_holds_is_named(
    make_trainer: MakeTrainer, tmp_path: Path, what: object
) -> None:
    trainer = make_trainer([ModelCheckpoint(tmp_path / "saved"), Remembers(what)])
    with pytest.raises(UsageError, match=r"^What the callback Remembers remembers cannot be saved: "):
        trainer.run()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("weights_only", [True, False])
def test_a_checkpoint_loads_into_plain_torch_to_fine_tune(
    make_trainer: MakeTrainer, tmp_path: Path, weights_only: bool
) -> None:
    trainer = make_trainer([ModelCheckpoint(tmp_path / "c", save_weights_only=weights_only)], epochs=1)
    trainer.run()
    saved = checkpoint.load(tmp_path / "c")
    assert ("optimizer" in saved) is not weights_only
    network = Baseline().build()
    network.load_state_dict(saved["network"])
    network.eval()
    assert trainer.validation is not None
    images, _ = trainer.validation.batch(slice(None))
    torch.testing.assert_close(network(images), trainer.network(images))
    tuned = make_trainer(epochs=1, learning_rate=1e-4)
    tuned.load_weights(saved["network"])
    assert same_weights(tuned.weights(), trainer.weights())
    tuned.run()
    assert not same_weights(tuned.weights(), trainer.weights())


def test_a_file_of_weights_alone_is_not_a_training_to_go_on_with(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    trainer = make_trainer()
    trainer.save(tmp_path / "c", weights_only=True)
    with pytest.raises(RunError, match="holds the weights alone, which load_weights takes up"):
        trainer.load(tmp_path / "c")


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "recipe": (
        {"learning_rate": 0.5, "epochs": 2},
        r"recipe\.epochs was 1 and is 2; recipe\.learning_rate was 0\.001 and is 0\.5\.",
    ),
    "network": ({"network": Compact((4,), (4,))}, r"recipe\.network\.kind was baseline and is compact"),
    "seed": ({"seed": 1}, "seed was 0 and is 1"),
    "precision": ({"precision": "bf16"}, "precision was fp32 and is bf16"),
    "validation": ({"validate": False}, r"data\.validation was [0-9a-f]{64} and is None"),
}


@pytest.mark.parametrize(("changes", "says"), OTHERS.values(), ids=OTHERS.keys())
def test_another_training_is_refused_and_stays_as_it_was(
    make_trainer: MakeTrainer, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    first = make_trainer(epochs=1)
    first.run()
    first.save(tmp_path / "c")
    other = make_trainer(**{"epochs": 1, **changes})
    before = other.weights()
    with pytest.raises(RunError, match=says):
        other.load(tmp_path / "c")
    assert same_weights(other.weights(), before)
    assert (other.epoch, other.step) == (0, 0)


@pytest.mark.parametrize(("before", "now"), [(50, 96), (96, 40), (None, 40), (50, None)])
def test_forced_to_show_other_images_it_begins_the_epoch_anew(
    make_trainer: MakeTrainer, tmp_path: Path, before: int | None, now: int | None
) -> None:
    """With the losses that are known; the schedule then counts the steps of the recipe as it is now."""

    class AtStep(Callback):
        def on_step_end(self, trainer: Trainer, loss: Tensor) -> None:  # noqa: ARG002
            if trainer.epoch == 1 and trainer.batch == 1:
                trainer.save(tmp_path / "c")

    first = make_trainer([AtStep()], shown=before)
    first.run()
    tree = checkpoint.load(tmp_path / "c")
    other = make_trainer(shown=now)
    take_up(other, tree, "c", force=True)
    assert (other.epoch, other.batch, other.step) == (1, 0, 3)
    known = torch.full((2, 100), torch.inf) if before is None else tree["losses"]
    assert torch.equal(other.losses, known)
    other.run()
    assert (other.epoch, other.step) == (3, other.steps)


def test_other_images_and_other_callbacks_are_refused(
    make_trainer: MakeTrainer, digits: Labelled, tmp_path: Path
) -> None:
    make_trainer([History()]).save(tmp_path / "c")
    with pytest.raises(RunError, match=r"another training: data\.training was "):
        make_trainer([History()], training=digits.take(range(99), "fewer")).load(tmp_path / "c")
    for callbacks in ([], [EarlyStopping()], [History(), EarlyStopping()]):
        names = ", ".join(type(callback).__name__ for callback in callbacks) or "none"
        says = rf"with the callbacks History, and not {names}; give resume\(callbacks=\.\.\.\) or the Trainer"
        with pytest.raises(RunError, match=says):
            make_trainer(callbacks).load(tmp_path / "c")


@pytest.mark.parametrize("tree", [{}, {"network": {}}, {"epoch": 1, "optimizer": {}}])
def test_a_checkpoint_of_something_else_is_refused(
    make_trainer: MakeTrainer, tmp_path: Path, tree: dict[str, Any]
) -> None:
    checkpoint.save(tmp_path / "c", tree)
    with pytest.raises(RunError, match="does not hold a training"):
        make_trainer().load(tmp_path / "c")
