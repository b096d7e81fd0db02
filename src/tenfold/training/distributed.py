"""One training over several processes and machines, begun by torchrun; the loop is the same.

    torchrun --nproc-per-node 2 -m tenfold train baseline

Each process takes its share of every batch. Gradients are summed and running statistics averaged after each
step, in one exchange, so all processes always hold the same weights, and the batch and the learning rate stay
the recipe's. A digit's distortion and dropout are drawn from seed and step for the whole batch, so they do
not depend on the number of processes. Process 0 alone writes.
"""

import hashlib
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tenfold.environment import cores
from tenfold.errors import ResourceError, UsageError
from tenfold.training.layers import Dropout

Turn = TypeVar("Turn")


def rank() -> int:
    """The number of this process among those that torchrun began, 0 for one that is alone."""
    return int(os.environ.get("RANK", "0")) if processes() > 1 else 0


def processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def own_cores() -> int:
    """Cores for each of the processes on this machine."""
    return max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


class Group:
    """The processes of a training: this one is number `rank` of `size`. With size 1 nothing is exchanged."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    def share(self, network: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """This process's part of a batch; the network's dropout is told which part that is."""
        if self.size == 1:
            return images, labels
        whole = len(images)
        if whole < self.size:
            raise UsageError(f"A batch of {whole} images cannot be shared by {self.size} processes.")
        mine = self.part(whole)
        for layer in network.modules():
            if isinstance(layer, Dropout):
                layer.part = (mine.start, whole)
        if images.device.type != "cpu":  # where dropout draws for its own rows alone
            torch.manual_seed(torch.initial_seed() + self.rank)
        return images[mine], labels[mine]

    def part(self, whole: int) -> slice:
        """This process's rows of a batch of `whole`."""
        return slice(*(whole * rank // self.size for rank in (self.rank, self.rank + 1)))

    def combine(self, network: nn.Module, sums: Tensor) -> Tensor:
        """Sum gradients and `sums` over all processes, and average running statistics; the new `sums`."""
        if self.size == 1:
            return sums
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        statistics = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
        for buffer in statistics:
            buffer.div_(self.size)
        flat = torch.cat([value.reshape(-1).float() for value in (*gradients, *statistics, sums)])
        self._exchange(flat)
        for value in (*gradients, *statistics):
            part, flat = flat[: value.numel()], flat[value.numel() :]
            value.copy_(part.view_as(value))
        return flat

    def turns(self, steps: Sequence[Turn]) -> Sequence[Turn]:
        """Every `size`-th of `steps`: those that are this process's."""
        return steps[self.rank :: self.size]

    def total(self, *values: float) -> tuple[float, ...]:
        """Each value summed over all processes."""
        if self.size == 1:
            return values
        sums = torch.tensor(values, dtype=torch.float64, device=_device())
        self._exchange(sums)
        return tuple(sums.tolist())

    def agree(self, state: str) -> None:
        """Raises UsageError where not all processes are in the same `state`."""
        if self.size == 1:
            return
        number = int.from_bytes(hashlib.sha256(state.encode()).digest()[:7], "little")
        ends = torch.tensor([number, -number], device=_device())
        self._exchange(ends, dist.ReduceOp.MAX)
        if int(ends[0]) != -int(ends[1]):
            raise UsageError(
                "The processes do not begin the same training. Each needs the same command, data and version "
                "of Tenfold, and to resume a run, its folder."
            )

    def _exchange(self, values: Tensor, how: dist.ReduceOp.RedOpType = dist.ReduceOp.SUM) -> None:
        try:
            dist.all_reduce(values, how)
        except RuntimeError:
            raise ResourceError(
                "Another process of the training has ended or is out of reach; go on with --resume."
            ) from None


ALONE = Group()


@contextmanager
def joined(device: str = "cpu") -> Iterator[Group]:
    """The group that torchrun began, with all of its processes there; ALONE without torchrun.

    Process 0 hears Ctrl-C and SIGTERM, saves and ends; then the others end. Raises ResourceError where the
    processes do not find each other.
    """
    if processes() == 1:
        yield ALONE
        return
    number = rank()
    if number:
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, signal.SIG_IGN)
    if device == "cuda":  # each process its own
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    # Its defaults hold the group that is there when it is imported; optimizers do so later. Imported before
    # there is one, it cannot keep ours, whose threads would end the process in an abort.
    import_module("torch.distributed.nn.functional")
    try:
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
    except (RuntimeError, ValueError) as cause:
        raise ResourceError(f"The processes of the training do not find each other: {cause}") from None
    try:
        yield Group(number, processes())
    finally:
        dist.destroy_process_group()


def _device() -> torch.device:
    """NCCL exchanges what lies on a GPU alone."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
