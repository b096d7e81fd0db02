import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.conftest import STIRRED, MakeTrainer, same_weights
from torch import Tensor

from tenfold.data.labelled import Labelled
from tenfold.errors import DiskError, DivergedError, ResourceError, ShapeError, UnknownNameError, UsageError
from tenfold.training import checkpoint
from tenfold.training.augment import Augmentation
from tenfold.training.callbacks import Callback, EarlyStopping, History, ModelCheckpoint
from tenfold.training.devices import Precision, native_precision, torch_device
from tenfold.training.loop import Examples, Trainer
from tenfold.training.networks import Baseline, Compact
from tenfold.training.order import permutation
from tenfold.training.recipes import RECIPES
from tenfold.training.track import TensorBoard

CPU = torch.device("cpu")


class Losses(Callback):
    """The loss of every step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_step_end(self, trainer: Trainer, loss: Tensor) -> None:  # noqa: ARG002
        self.losses.append(loss.item())


# the steps of the system


def test_examples_are_float_pixels_with_a_channel_and_one_hot_labels(digits: Labelled) -> None:
    images, labels = Examples(digits, CPU).batch(slice(None))
    assert images.shape == (len(digits), 1, 28, 28)
    assert images.dtype == labels.dtype == torch.float32
    np.testing.assert_array_equal(images[:, 0].numpy(), digits.images.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(labels.numpy(), np.eye(10, dtype=np.float32)[digits.labels])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_epoch_is_steps_of_adam_down_the_categorical_cross_entropy(
    make_trainer: MakeTrainer, digits: Labelled, smoothing: float
) -> None:
    """Against the definition, written out, on the same images in the same order."""
    losses = Losses()
    trainer = make_trainer(
        [losses], epochs=1, network=Baseline(dropout=0), label_smoothing=smoothing, learning_rate=0.01
    )
    network = Baseline(dropout=0).build()
    network.load_state_dict(trainer.weights())
    adam = torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.9, 0.999), eps=1e-8)
    trainer.run()
    images = torch.tensor(digits.images).unsqueeze(1) / 255
    one_hot = torch.eye(10)[torch.tensor(digits.labels).long()] * (1 - smoothing) + smoothing / 10
    expected = []
    for batch in permutation(0, 0, len(digits))[:96].view(3, 32):
        logits = network(images[batch])
        log_probabilities = logits - logits.exp().sum(1, keepdim=True).log()
        loss = -(one_hot[batch] * log_probabilities).sum(1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        expected.append(loss.item())
    assert losses.losses == pytest.approx(expected, rel=1e-4)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(trainer.weights()[name], value, rtol=1e-3, atol=1e-4)


def test_the_logs_are_means_over_the_epoch_and_the_validation_images(
    make_trainer: MakeTrainer, held_out: Labelled
) -> None:
    losses, history = Losses(), History()
    trainer = make_trainer([losses, history], epochs=2)
    trainer.run()
    assert [row["loss"] for row in history.rows] == pytest.approx(
        [np.mean(losses.losses[:3]), np.mean(losses.losses[3:])], rel=1e-6
    )
    assert [(row["epoch"], row["step"]) for row in history.rows] == [(1, 3), (2, 6)]
    logits = trainer.logits(Examples(held_out, CPU)).astype(np.float64)
    assert (logits.shape, trainer.network.training) == ((len(held_out), 10), False)
    log_probabilities = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    last = history.rows[-1]
    assert last["val_loss"] == pytest.approx(-log_probabilities[range(len(held_out)), held_out.labels].mean())
    assert last["val_accuracy"] == (logits.argmax(1) == held_out.labels).mean()


class Evaluates(Callback):
    """At every step and epoch, both ways."""

    def on_step_end(self, trainer: Trainer, loss: Tensor) -> None:  # noqa: ARG002
        assert trainer.validation is not None
        trainer.evaluate(trainer.validation)

    def on_validation_step(self, trainer: Trainer) -> None:
        assert trainer.validation is not None
        trainer.logits(trainer.validation)


@pytest.mark.parametrize("network", [Baseline(), Compact((4,), (4,))], ids=lambda network: network.kind)
def test_a_callback_may_evaluate_and_changes_nothing(
    make_trainer: MakeTrainer, network: Baseline | Compact
) -> None:
    plain, watched = (make_trainer(each, network=network, **STIRRED) for each in ([], [Evaluates()]))
    plain.run()
    watched.run()
    assert same_weights(plain.weights(), watched.weights())


def test_accuracy_is_that_of_digits_where_some_pictures_are_none(
    make_trainer: MakeTrainer, digits: Labelled, held_out: Labelled
) -> None:
    """What answers 0 to all is right on the zeros, and not on what is no digit."""

    class Zero(Callback):
        def on_step_end(self, trainer: Trainer, loss: Tensor) -> None:  # noqa: ARG002
            _always_zero(trainer)

    labels = digits.labels.copy()
    labels[::3] = 10
    mixed = Labelled("mixed", digits.images, labels, 11)
    trainer = make_trainer([Zero(), history := History()], training=mixed, epochs=1, batch_size=50)
    _always_zero(trainer)
    trainer.run()
    digit = labels < 10
    assert history.rows[0]["accuracy"] == pytest.approx((labels[digit] == 0).mean())
    assert history.rows[0]["val_accuracy"] == (held_out.labels == 0).mean()
    assert trainer.evaluate(trainer.training)[1] == (labels[digit] == 0).mean()


def _always_zero(trainer: Trainer) -> None:
    dense = trainer.network.layers[-1]
    assert isinstance(dense, torch.nn.Linear)
    with torch.no_grad():
        dense.weight.zero_()
        dense.bias.copy_(torch.eye(10)[0])


def test_without_validation_images_there_are_no_metrics_of_them(make_trainer: MakeTrainer) -> None:
    history = History()
    trainer = make_trainer([history], epochs=1, validate=False)
    trainer.run()
    assert history.rows[0].keys() == {"epoch", "step", "learning_rate", "loss", "accuracy", "seconds"}
    assert not trainer.network.training


@pytest.mark.parametrize(
    ("batch_size", "steps"), [(1, 100), (30, 3), (50, 2), (99, 1), (100, 1), (101, 1), (4096, 1)]
)
def test_a_short_last_batch_is_left_out_unless_it_is_the_only_one(
    make_trainer: MakeTrainer, batch_size: int, steps: int
) -> None:
    trainer = make_trainer(batch_size=batch_size, epochs=2)
    assert (trainer.recipe.steps(100, 1), trainer.steps) == (steps, 2 * steps)


def test_accuracy_counts_the_images_that_were_seen(make_trainer: MakeTrainer, digits: Labelled) -> None:
    history = History()
    make_trainer([history], epochs=1, batch_size=4096, training=digits.take(range(7), "seven")).run()
    assert (history.rows[0]["accuracy"] * 7) % 1 == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("recipe", ["baseline", "fast", "tiny-1k"])
def test_training_works_at_all(mnist: Labelled, recipe: str) -> None:
    """2,000 digits, 2 epochs: far above the 10 % of guessing on digits that were held out."""
    network = Compact((16,), (16,)) if recipe == "fast" else RECIPES[recipe].network
    trainer = Trainer(
        replace(RECIPES[recipe], epochs=2, batch_size=25, network=network),
        mnist.take(range(2000), "some"),
        mnist.take(range(50_000, 50_500), "others"),
        precision="fp32",
    )
    trainer.run()
    assert trainer.validation is not None
    assert trainer.evaluate(trainer.validation)[1] > 0.8


# what is random, and what of


class Shown(Examples):
    """Remembers which images were asked for."""

    def __init__(self, data: Labelled) -> None:
        super().__init__(data, CPU)
        self.asked: list[int] = []

    def batch(self, chosen: Tensor | slice) -> tuple[Tensor, Tensor]:
        assert isinstance(chosen, Tensor)
        self.asked += chosen.tolist()
        return super().batch(chosen)


def test_an_epoch_after_the_first_shows_a_share_mostly_what_was_hard(
    make_trainer: MakeTrainer, digits: Labelled
) -> None:
    examples = Shown(digits)
    trainer = make_trainer(training=examples, validate=False, epochs=4, batch_size=10, shown=30)
    assert ([trainer.recipe.steps(100, epochs) for epochs in range(4)], trainer.steps) == (
        [0, 10, 13, 16],
        19,
    )
    seen: list[list[int]] = []
    losses: list[Tensor] = []

    class AtItsEnd(Callback):
        def on_epoch_close(self, trainer: Trainer) -> None:
            seen.append(examples.asked.copy())
            losses.append(trainer.losses[0].clone())
            examples.asked.clear()

    trainer.callbacks = [AtItsEnd()]
    trainer.run()
    assert [len(set(epoch)) for epoch in seen] == [len(epoch) for epoch in seen] == [100, 30, 30, 30]
    for before, epoch in zip(losses, seen[1:], strict=False):
        hardest = before.argsort(descending=True)[:15].tolist()
        assert set(hardest) <= set(epoch)
        places = [epoch.index(image) for image in hardest]
        assert 5 < np.mean(places) < 24  # among the others, not before or behind them
    assert len({frozenset(epoch) for epoch in seen}) == 4
    unseen = sorted(set(range(100)) - set(seen[1]))
    assert torch.equal(losses[1][unseen], losses[0][unseen])
    assert not torch.isclose(losses[1][seen[1]], losses[0][seen[1]]).any()


def test_the_loss_that_ranks_an_image_is_its_own(make_trainer: MakeTrainer, digits: Labelled) -> None:
    """Of the step that showed it, without label smoothing; what was not shown counts as hardest."""
    trainer = make_trainer(
        epochs=1, batch_size=96, shown=50, network=Baseline(dropout=0), label_smoothing=0.1
    )
    network = Baseline(dropout=0).build()
    network.load_state_dict(trainer.weights())
    trainer.run()
    shown = permutation(0, 0, 100)[:96]
    images = torch.tensor(digits.images).unsqueeze(1) / 255
    chances = network(images).log_softmax(1)[range(100), torch.tensor(digits.labels).long()]
    torch.testing.assert_close(trainer.losses[0][shown], -chances.detach()[shown], rtol=1e-4, atol=1e-5)
    assert trainer.losses[0].isinf().nonzero().flatten().tolist() == sorted(
        permutation(0, 0, 100)[96:].tolist()
    )


@pytest.mark.parametrize("kind", ["distortions", "dropout"])
def test_what_a_step_draws_is_a_function_of_seed_and_step(make_trainer: MakeTrainer, kind: str) -> None:
    """One step again and again, from the same weights: the loss tells what was drawn."""
    changes: dict[str, Any] = {"epochs": 1, "batch_size": 100}
    if kind == "distortions":
        changes |= {"network": Baseline(dropout=0), "augmentation": Augmentation(rotation=20)}
    start = make_trainer().weights()

    def loss(seed: int, step: int) -> float:
        losses = Losses()
        trainer = make_trainer([losses], seed=seed, **changes)
        trainer.load_weights(start)
        trainer.step = step
        torch.manual_seed(int(1e6 * len(start)) + step)
        trainer.run()
        return losses.losses[0]

    drawn = [loss(0, 0), loss(0, 1), loss(1, 0)]
    assert min(abs(one - other) for one, other in itertools.combinations(drawn, 2)) > 1e-5
    assert loss(0, 1) == drawn[1]


@pytest.mark.parametrize("network", [Baseline(), Compact((4,), (4,))], ids=lambda network: network.kind)
def test_equal_seeds_give_equal_weights_and_other_seeds_others(
    make_trainer: MakeTrainer, network: Baseline | Compact
) -> None:
    def trained(seed: int, global_seed: int) -> dict[str, Tensor]:
        torch.manual_seed(global_seed)
        trainer = make_trainer(seed=seed, epochs=1, network=network, **STIRRED)
        trainer.run()
        return trainer.weights()

    first = trained(0, 1)
    assert same_weights(first, trained(0, 2))
    assert not same_weights(first, trained(1, 1))


# what goes wrong


class Poison(Callback):
    """Spoils the weights after step `step` (from 1)."""

    def __init__(self, step: int, value: float = math.nan) -> None:
        self.step, self.value = step, value

    def on_step_end(self, trainer: Trainer, loss: Tensor) -> None:  # noqa: ARG002
        if trainer.step == self.step:
            with torch.no_grad():
                next(trainer.network.parameters()).fill_(self.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("step", "saved", "says"),
    [
        (1, [], "loss became nan after 1 steps, in epoch 1"),
        (3, [], "sum of the weights became {} after 3 steps, in epoch 1"),  # the last of its epoch
        (4, ["1"], "loss became nan after 4 steps, in epoch 2"),
        (9, ["1", "2"], "sum of the weights became {} after 9 steps, in epoch 3"),
    ],
)
def test_what_is_not_a_number_ends_the_training_and_leaves_the_checkpoints(
    make_trainer: MakeTrainer, tmp_path: Path, step: int, saved: list[str], says: str, value: float
) -> None:
    trainer = make_trainer([ModelCheckpoint(tmp_path / "{epoch}"), Poison(step, value)], epochs=4)
    with pytest.raises(DivergedError) as stop:
        trainer.run()
    assert str(stop.value) == (
        f"The {says.format(value)}. Saved checkpoints are untouched; a learning rate below 0.001 may help."
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == saved
    for name in saved:
        weights = checkpoint.load(tmp_path / name)["network"]
        assert all(bool(weight.isfinite().all()) for weight in weights.values())


class Ended(Callback):
    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    def on_train_begin(self, trainer: Trainer) -> None:  # noqa: ARG002
        self.seen.append("begin")

    def on_train_end(self, trainer: Trainer) -> None:
        self.seen.append(f"end, kept {trainer.kept_epoch}")


def test_callbacks_that_began_also_end_when_the_training_fails(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    seen: list[str] = []
    with pytest.raises(DivergedError):
        make_trainer([EarlyStopping(patience=9), Ended(seen), Poison(4)]).run()
    assert seen == ["begin", "end, kept 1"]
    seen.clear()
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(DiskError):
        make_trainer([Ended(seen), TensorBoard(blocked / "logs"), Ended(seen)]).run()
    assert seen == ["begin", "end, kept 0"]
    seen.clear()
    with pytest.raises(UnknownNameError):
        make_trainer([Ended(seen), EarlyStopping("f1")]).run()
    assert seen == []


class Fails(Callback):
    def on_train_end(self, trainer: Trainer) -> None:  # noqa: ARG002
        raise DiskError("full")


def test_callbacks_end_in_order_also_behind_one_that_fails(make_trainer: MakeTrainer) -> None:
    seen: list[str] = []
    with pytest.raises(DiskError, match="full"):
        make_trainer([Ended(seen), Fails(), Ended(seen)], epochs=1).run()
    assert seen == ["begin", "begin", "end, kept 1", "end, kept 1"]


class Takes(torch.nn.Module):
    """Memory that there is nowhere."""

    def forward(self, images: Tensor) -> Tensor:
        return images + torch.empty(2**57)


def test_a_lack_of_memory_is_an_error_of_ours_that_names_what_takes_it(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()
    trainer.network.layers.append(Takes())
    with pytest.raises(ResourceError, match="on the device 'cpu' to train in batches of 32 images"):
        trainer.run()


def test_another_error_of_torch_is_told_as_it_is(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()
    trainer.network.layers.append(torch.nn.Linear(11, 10))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        trainer.run()


def test_the_network_refuses_another_shape(make_trainer: MakeTrainer) -> None:
    with pytest.raises(ShapeError, match=r"takes images of shape \[n, 1, 28, 28\], not \[1, 28, 28\]"):
        make_trainer().network(torch.zeros(1, 28, 28))


# precision


@pytest.mark.parametrize(("precision", "type_"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_either_precision_can_be_forced(
    make_trainer: MakeTrainer, precision: Precision, type_: torch.dtype
) -> None:
    seen: list[torch.dtype] = []
    trainer = make_trainer(epochs=1, precision=precision)
    trainer.network.layers[-1].register_forward_hook(lambda _layer, _in, out: seen.append(out.dtype))
    trainer.run()
    assert set(seen) == {type_}
    assert all(value.dtype == torch.float32 for value in trainer.weights().values())
    assert trainer.logits(Examples(_one_digit(), CPU)).dtype == np.float32
    assert seen[-1] is torch.float32  # logits are in full precision whatever the training was in


def _one_digit() -> Labelled:
    return Labelled("one", np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8))


def answer(value: Any) -> Callable[..., Any]:
    return lambda **_: value


CAPABILITIES: list[tuple[dict[str, bool], Precision]] = [
    ({}, "fp32"),
    ({"avx2": True, "avx512_f": True, "avx512_vnni": True}, "fp32"),
    ({"avx512_bf16": False, "amx_bf16": False}, "fp32"),
    ({"avx512_bf16": True}, "bf16"),
    ({"amx_bf16": True}, "bf16"),
    ({"bf16": True}, "bf16"),
]


@pytest.mark.parametrize(("able", "precision"), CAPABILITIES, ids=str)
def test_a_cpu_is_asked_what_it_can_and_never_timed(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], precision: Precision
) -> None:
    def clock() -> float:
        raise AssertionError("a timing decides nothing")

    monkeypatch.setattr(torch.cpu, "get_capabilities", answer(able), raising=False)
    monkeypatch.setattr("time.perf_counter", clock)
    monkeypatch.setattr("time.time", clock)
    assert native_precision(CPU) == precision


def test_an_older_torch_that_cannot_say_trains_in_full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert native_precision(CPU) == "fp32"


@pytest.mark.parametrize(("device", "able", "precision"), [
    ("cuda", True, "bf16"), ("cuda", False, "fp32"), ("mps", True, "fp32"),
])  # fmt: skip
def test_a_gpu_is_asked_too(
    monkeypatch: pytest.MonkeyPatch, device: str, able: bool, precision: Precision
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", answer(able))
    assert native_precision(torch.device(device)) == precision


def test_a_trainer_takes_the_native_precision_unless_told(
    digits: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", answer({"avx512_bf16": True}), raising=False)
    callbacks: Sequence[Callback] = ()
    recipe = RECIPES["baseline"]
    assert Trainer(recipe, digits, callbacks=callbacks).precision == "bf16"
    assert Trainer(recipe, digits, callbacks=callbacks, precision="fp32").precision == "fp32"


@pytest.mark.parametrize(
    "settings",
    [{"precision": "fp16"}, *({"device": device} for device in ("gpu", "cuda:0", "cpu:x", "cpu:1", "cpu:"))],
    ids=str,
)
def test_a_device_or_a_precision_that_is_not_there_is_refused(
    digits: Labelled, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"^There is no (precision 'fp16'|device '(gpu|cuda|cpu:(x|1|))')"):
        Trainer(RECIPES["baseline"], digits, **settings)


def test_a_gpu_has_a_number_that_is_there(digits: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert torch_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UsageError, match="no device 'cuda:9' here; there are: cuda, cuda:0, cuda:1"):
        Trainer(RECIPES["baseline"], digits, device="cuda:9")


def test_what_is_no_labelled_set_is_refused(digits: Labelled) -> None:
    pair: Any = (digits.images, digits.labels)
    with pytest.raises(UsageError, match="A training takes images as a Labelled, and not as a tuple"):
        Trainer(RECIPES["baseline"], pair)
