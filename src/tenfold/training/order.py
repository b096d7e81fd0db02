"""Which images an epoch shows, and in what order: functions of the seed, the epoch and the losses so far.

    permutation(seed, epoch, 60_000)            all of them
    half_hard(losses, drawn, 12_288)            a part, half of it those whose loss was highest

After one epoch most digits are easy: their gradient is next to nothing, and they cost as much as the others.
So a recipe may show only some in each later epoch. `fast` makes as many errors so after 435 steps as after
585 that show all alike (docs/log.md). Of a few thousand images, which are soon known by heart, all are shown.
"""

import hashlib

import torch
from torch import Generator, Tensor


def derive(seed: int, *path: str | int) -> int:
    """A seed of 63 bits for one purpose, the same everywhere."""
    text = "/".join(map(str, (seed, *path)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def permutation(seed: int, epoch: int, count: int, purpose: str = "order") -> Tensor:
    """The order in which epoch `epoch` (from 0) takes the `count` images: int64 [count], on the CPU."""
    return torch.randperm(count, generator=Generator().manual_seed(derive(seed, purpose, epoch)))


def half_hard(losses: Tensor, drawn: Tensor, count: int) -> Tensor:
    """Which `count` images an epoch shows, bool [n]: half of them those of the highest `losses` [n], the
    others as they stand first in the permutation `drawn` [n]."""
    chosen = torch.zeros(len(losses), dtype=torch.bool, device=losses.device)
    chosen[losses.topk(count // 2).indices] = True
    easy = drawn[~chosen[drawn]]
    chosen[easy[: count - count // 2]] = True
    return chosen
