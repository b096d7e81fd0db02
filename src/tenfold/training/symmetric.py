"""Layers that know a stroke in every direction: each kernel is used turned by quarters and mirrored.

Planes come in eights, one for each position of a kernel: plane 8c + p is that of kernel c in position p. If
the picture is turned or mirrored, the eight planes of a kernel are turned or mirrored and change places.
Source: Cohen and Welling, Group Equivariant Convolutional Networks, 2016 (the group p4m).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POSITIONS = 8  # of a square: four quarter turns of it and of its mirror image


def _positions(size: int) -> Tensor:
    """[8, size * size]: in each row, the pixels of a square as they come to stand in one position."""
    square = torch.arange(size * size).view(size, size)
    sides = (square, square.flip(1))
    return torch.stack([torch.rot90(side, turns).flatten() for side in sides for turns in range(4)])


def _steps() -> Tensor:
    """[8, 8]: the position that, brought to position `row`, comes to stand in position `column`."""
    places = _positions(3)
    brought = places[:, places]  # [of, row, 9]
    return (brought[:, :, None] == places).all(3).long().argmax(0)


class SymmetricConv2d(nn.Conv2d):
    """A convolution of each plane by itself, or of the picture where it is the `first`: [n, 8k, h, w] or
    [n, 1, h, w] -> [n, 8k, h', w']. It learns `kernels` k, and uses each in its eight positions."""

    def __init__(
        self, kernels: int, size: int, stride: int = 1, padding: int = 0, first: bool = False
    ) -> None:
        planes = POSITIONS * kernels
        inputs, groups = (1, 1) if first else (planes, planes)
        super().__init__(inputs, planes, size, stride, padding, groups=groups, bias=False)
        self.weight = nn.Parameter(torch.empty(kernels, 1, size, size))
        self.places = nn.Buffer(_positions(size), persistent=False)
        self.reset_parameters()

    def whole(self) -> Tensor:
        """The kernels in their positions [8k, 1, size, size]."""
        weight = self.weight.flatten(1)[:, self.places]
        return weight.view(self.out_channels, 1, *self.kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self._conv_forward(x, self.whole(), None)
        return out.contiguous(memory_format=torch.channels_last)  # which one channel does not tell it


class SymmetricMix(nn.Conv2d):
    """A 1x1 convolution [n, 8k, h, w] -> [n, 8k, h, w]. What it takes from a plane depends on the two kernels
    and on how the one's position stands to the other's, so it has 8 k² weights in the place of 64 k²."""

    def __init__(self, kernels: int) -> None:
        super().__init__(POSITIONS * kernels, POSITIONS * kernels, 1, bias=False)
        self.weight = nn.Parameter(torch.empty(kernels, kernels, POSITIONS))
        self.steps = nn.Buffer(_steps(), persistent=False)
        self.reset_parameters()

    def whole(self) -> Tensor:
        """[8k, 8k, 1, 1]"""
        weight = self.weight[:, :, self.steps]  # [to, from, position of to, position of from]
        return weight.transpose(1, 2).reshape(self.out_channels, self.in_channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self._conv_forward(x, self.whole(), None)
        return out


class SymmetricNorm(nn.BatchNorm2d):
    """BatchNorm without a scale, and with one bias for the eight planes of a kernel: [n, 8k, h, w]."""

    def __init__(self, kernels: int) -> None:
        super().__init__(POSITIONS * kernels, affine=False)
        self.bias = nn.Parameter(torch.zeros(kernels))

    def whole(self) -> Tensor:
        """[8k]"""
        return self.bias.repeat_interleave(POSITIONS)

    def forward(self, x: Tensor) -> Tensor:
        assert self.momentum is not None
        bias = self.whole()
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            torch.ones_like(bias),
            bias,
            self.training,
            self.momentum,
            self.eps,
        )
