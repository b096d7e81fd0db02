"""The training loop: tensors in memory, one visible loop, no loader and no worker.

    trainer = Trainer(RECIPES["baseline"], training, validation, seed=0)
    trainer.run()
    trainer.network            # the weights of the last epoch, or of the one that a callback kept

Everything random is a function of (seed, epoch) or (seed, step): the order of the images, the distortions
and the dropout. A training that is saved after any step, loaded and run on therefore gives the same bits as
one that never stopped (same machine, torch, thread count and precision).
"""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor

from tenfold.data.labelled import Labelled
from tenfold.data.preprocess import WHITE, add_channel, one_hot
from tenfold.errors import DivergedError, UsageError
from tenfold.onnx_check import CLASSES
from tenfold.training import state
from tenfold.training.callbacks import Callback, check_callbacks
from tenfold.training.devices import Precision, find_precision, memory_for, torch_device
from tenfold.training.distributed import ALONE, Group
from tenfold.training.optimise import learning_rate, make_optimizer, set_learning_rate
from tenfold.training.order import derive, half_hard, permutation
from tenfold.training.recipes import Recipe

EVALUATION_BATCH = 1000
_TRAINS = threading.RLock()
GUARD_EVERY = 50  # steps between looks at the loss where each look waits for a GPU


@contextmanager
def torch_as_it_was() -> Iterator[None]:
    """The caller's number of threads and its random numbers, after a training that set its own. They are the
    process's, so of several threads one trains at a time."""
    with _TRAINS:
        threads, numbers = torch.get_num_threads(), torch.get_rng_state()
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_rng_state(numbers)


class Examples:
    """A labelled set in memory, of which `batch` makes what the network takes: steps 1 to 3 of the system.

    Pixels stay bytes until they are needed, as they are four times as large after step 1. The target of a
    digit is its one-hot row; that of an eleventh class, no digit at all, is a tenth for each. What a network
    learns that gives something else than a digit's logits is another kind of examples, with a `batch`, a
    `loss`, a `right` and an `answerable` of its own. Raises UsageError for what is no labelled set.
    """

    def __init__(self, data: Labelled, device: torch.device) -> None:
        if not isinstance(data, Labelled):
            raise UsageError(f"A training takes images as a Labelled, and not as a {type(data).__name__}.")
        self.checksum = data.checksum
        self.pixels = torch.tensor(add_channel(data.images), device=device)
        targets = one_hot(np.minimum(data.labels, CLASSES), CLASSES + 1)
        self.labels = torch.from_numpy(targets[:, :CLASSES] + targets[:, CLASSES:] / CLASSES).to(device)

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, chosen: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Images float32 [n, 1, 28, 28] in 0..1 and targets float32 [n, 10]."""
        return self.pixels[chosen].float().div_(WHITE), self.labels[chosen]

    def loss(
        self, logits: Tensor, targets: Tensor, *, smoothing: float = 0.0, reduction: str = "mean"
    ) -> Tensor:
        """Cross-entropy of a batch, float32: its "mean" or its "sum"."""
        return F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction=reduction)

    def right(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How many of a batch are answered right; no digit never is."""
        return ((logits.argmax(1) == targets.argmax(1)) & (targets.amax(1) == 1)).sum()

    def answerable(self, chosen: Tensor | slice) -> int:
        """How many of the images `chosen` have a right answer: the digits; at least 1, as it divides."""
        return max(1, int((self.labels[chosen].amax(1) == 1).sum()))


class Trainer:
    """The state of one training, and the loop that moves it on.

    Of its recipe it leaves two things to its caller: `patience` is that of an EarlyStopping among the
    callbacks, and `as_is`, `views` and `nondigits` are what `lesson` makes of the images before. `device` is
    cpu, cuda, cuda:1, mps or auto; `precision` is fp32, bf16 or None: bf16 where the device multiplies it
    natively. Raises UsageError for what is not there, ResourceError where the memory does not suffice.
    """

    def __init__(
        self,
        recipe: Recipe,
        training: Labelled | Examples,
        validation: Labelled | Examples | None = None,
        *,
        seed: int = 0,
        device: str = "cpu",
        precision: Precision | None = None,
        callbacks: Sequence[Callback] = (),
        group: Group = ALONE,
    ) -> None:
        self.recipe, self.seed, self.group = recipe, seed, group
        self.device = torch_device(device)
        self.precision = find_precision(precision or "auto", self.device)
        self.callbacks = callbacks
        with memory_for(recipe.batch_size, self.device):
            self.training = self._examples(training)
            self.validation = None if validation is None else self._examples(validation)
            torch.manual_seed(derive(seed, "weights"))
            self.network = recipe.network.build().to(self.device)
            self.network.to(memory_format=torch.channels_last)
        self.optimizer = make_optimizer(self.network, recipe)
        self.epoch = 0  # epochs done
        self.step = 0  # steps done
        self.batch = 0  # steps done of the running epoch; its losses and right answers are summed up:
        self.sums = torch.zeros(2, device=self.device)
        # of each image as it was last seen: before the running epoch, and by now
        self.losses = torch.full((2, len(self.training)), math.inf, device=self.device)
        self.seconds = 0.0  # that the running epoch has taken
        self.kept_epoch = 0
        self.stop = False  # set by a callback to end the training after the epoch
        self.over = False  # at its end, or diverged; one that was interrupted goes on where it is

    def _examples(self, data: Labelled | Examples) -> Examples:
        return data if isinstance(data, Examples) else Examples(data, self.device)

    @property
    def steps(self) -> int:
        return self.recipe.steps(len(self.training))

    def run(self) -> None:
        """Train to the recipe's last epoch or until a callback sets `stop`. Raises DivergedError, and
        ResourceError where the memory does not suffice.

        However it ends, callbacks that began also end, and the network is in evaluation mode.
        """
        check_callbacks(self.callbacks, validated=self.validation is not None)
        begun: list[Callback] = []
        self.over = False
        try:
            for callback in self.callbacks:
                callback.on_train_begin(self)
                begun.append(callback)
            self.group.agree(f"{state.identity(self)} {self.step}")
            with memory_for(self.recipe.batch_size, self.device):
                while self.epoch < self.recipe.epochs and not self.stop:
                    self._epoch()
            self.over = True
        except DivergedError:
            self.over = True
            raise
        finally:
            self.network.eval()
            with ExitStack() as ends:  # all of them, in order, also where one raises
                for callback in reversed(begun):
                    ends.callback(callback.on_train_end, self)

    def _epoch(self) -> None:
        """The running epoch, from its first batch or from where it was saved, to its end."""
        began = time.perf_counter() - self.seconds
        order = self._order()
        size, steps = self.recipe.batch_size, max(1, len(order) // self.recipe.batch_size)
        while self.batch < steps:
            loss, correct = self._step(order[self.batch * size : (self.batch + 1) * size])
            self.sums[0] += loss
            self.sums[1] += correct
            self.batch += 1
            self.seconds = time.perf_counter() - began
            for callback in self.callbacks:
                callback.on_step_end(self, loss)
        logs = {
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "loss": self.sums[0].item() / steps,
            "accuracy": self.sums[1].item() / self.training.answerable(order[: size * steps]),
        }
        self._guard("loss", logs["loss"])
        self.check()
        if self.validation is not None:
            logs["val_loss"], logs["val_accuracy"] = self.evaluate(self.validation, self.callbacks)
        logs["seconds"] = time.perf_counter() - began
        self.epoch += 1
        self.kept_epoch = self.epoch
        self.batch, self.seconds = 0, 0.0
        self.sums.zero_()
        self.losses[0] = self.losses[1]
        for callback in self.callbacks:
            callback.on_epoch_end(self, logs)
        self.stop = self.group.total(self.stop)[0] > 0  # what one process ends, all end
        for callback in self.callbacks:
            callback.on_epoch_close(self)

    def _order(self) -> Tensor:
        """The images that the running epoch shows, one after the other."""
        count = len(self.training)
        shown = self.recipe.later(count) if self.epoch else count
        order = permutation(self.seed, self.epoch, count).to(self.device)
        if shown == count:
            return order
        drawn = permutation(self.seed, self.epoch, count, "easy").to(self.device)
        return order[half_hard(self.losses[0], drawn, shown)[order]]

    def _step(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """One step on the images `chosen`; the mean loss and the number of right answers."""
        self.network.train()  # a callback may have evaluated it
        set_learning_rate(self.optimizer, learning_rate(self.recipe, self.step, self.steps))
        generator = Generator(self.device).manual_seed(derive(self.seed, "images", self.step))
        torch.manual_seed(derive(self.seed, "dropout", self.step))
        images, labels = self.training.batch(chosen)
        images = self.recipe.augmentation(images, generator)
        images, labels = self.group.share(self.network, images, labels)
        with self.autocast():
            logits = self.network(images.contiguous(memory_format=torch.channels_last))
        loss = self.training.loss(logits.float(), labels, smoothing=self.recipe.label_smoothing)
        loss = loss * (len(labels) / len(chosen))  # of the mean over the whole batch
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            sums = torch.stack([loss.detach(), self.training.right(logits, labels)])
            if self.recipe.shown:
                each = torch.zeros(len(chosen), device=self.device)
                each[self.group.part(len(chosen))] = self.training.loss(logits, labels, reduction="none")
                sums = torch.cat([sums, each])
            sums = self.group.combine(self.network, sums)
            loss, correct = sums[:2]
            if self.recipe.shown:
                self.losses[1, chosen] = sums[2:]
        if self.device.type == "cpu" or self.step % GUARD_EVERY == 0:
            self._guard("loss", loss.item())
        self.optimizer.step()
        self.step += 1
        return loss, correct

    def check(self) -> None:
        """Raises DivergedError where a weight is not a number: the last step may have spoilt them, and
        whatever is saved must be sound."""
        self._guard("sum of the weights", sum(p.sum().item() for p in self.network.parameters()))

    def _guard(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise DivergedError(
                f"The {what} became {value} after {self.step} steps, in epoch {self.epoch + 1}. Saved "
                f"checkpoints are untouched; a learning rate below {self.recipe.learning_rate:g} may help."
            )

    @torch.no_grad()
    def evaluate(self, examples: Examples, callbacks: Sequence[Callback] = ()) -> tuple[float, float]:
        """Mean cross-entropy, and accuracy of what is a digit, without dropout or distortion, at the
        precision of the training. `callbacks` hear of each batch."""
        self.network.eval()
        loss, right = 0.0, 0.0
        for start in self.group.turns(range(0, len(examples), EVALUATION_BATCH)):
            images, labels = examples.batch(slice(start, start + EVALUATION_BATCH))
            with self.autocast():
                logits = self.network(images.contiguous(memory_format=torch.channels_last)).float()
            loss += examples.loss(logits, labels, reduction="sum").item()
            right += int(examples.right(logits, labels))
            for callback in callbacks:
                callback.on_validation_step(self)
        loss, right = self.group.total(loss, right)
        return loss / len(examples), right / examples.answerable(slice(None))

    @torch.no_grad()
    def logits(self, examples: Examples) -> NDArray[np.float32]:
        """Logits [n, 10] in full precision, for what is fitted or measured after the training."""
        self.network.eval()
        starts = range(0, len(examples), EVALUATION_BATCH)
        batches = (examples.batch(slice(start, start + EVALUATION_BATCH))[0] for start in starts)
        return torch.cat([self.network(images).float() for images in batches]).cpu().numpy()

    def autocast(self) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def weights(self) -> dict[str, Tensor]:
        """A copy of the network's weights and statistics."""
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        self.network.load_state_dict(weights)

    def save(self, path: str | Path, *, weights_only: bool = False) -> None:
        """Write the weights, or all that `load` needs to train on, to one file; see `state`."""
        state.save(self, path, weights_only=weights_only)

    def load(self, path: str | Path) -> None:
        """Take up the training that `save` wrote, to give the same bits as if it had never stopped; see
        `state`."""
        state.load(self, path)
