"""Layers that torch does not have, or not as quick on a CPU."""

from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_input


class Dropout(nn.Dropout):
    """nn.Dropout, several times as fast on a CPU (0.7 ms for 3.5 ms at 128 x 1600, forward and back).

    One 64-bit draw decides about four values, 16 bits each, where nn.Dropout draws for each; so `p` is
    rounded to a multiple of 1/65536, and what is kept is scaled by exactly the inverse of its share.
    Draws are for the whole batch, also where `x` is only a `part` of it: (its first row, rows of all).
    """

    part: tuple[int, int] | None = None

    def forward(self, x: Tensor) -> Tensor:
        dropped = round(self.p * 2**16)
        if not self.training or x.device.type != "cpu" or dropped in (0, 2**16):
            return super().forward(x)
        start, drawn = 0, x.numel()
        if self.part is not None:
            start, drawn = (rows * (x.numel() // len(x)) for rows in self.part)
        words = torch.empty(-(-drawn // 4), dtype=torch.int64).random_(-(2**63), None)
        draws = words.view(torch.int16)[start : start + x.numel()].view(x.shape)
        kept = (draws >= dropped - 2**15).to(x.dtype)
        return x * kept.mul_(2**16 / (2**16 - dropped))


class Conv2d(nn.Conv2d):
    """nn.Conv2d whose gradients are matrix products, where it learns on a CPU.

    For planes of a few pixels: of a batch of 256, 64 channels of 4x4, oneDNN takes 1.6 ms for the gradient of
    the weights in bf16 and a product 0.4; in fp32 it takes 4.3 ms for both gradients and this 2.0. It has no
    padding, stride, dilation, groups or bias.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.device.type == "cpu"):
            return super().forward(x)
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        out: Tensor = _Convolution.apply(x.to(dtype), self.weight.to(dtype))  # type: ignore[no-untyped-call]
        return out


class _Convolution(torch.autograd.Function):
    """x [n, c, h, w] and weight [o, c, k, l] -> [n, o, h - k + 1, w - l + 1]."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor) -> Tensor:
        context.save_for_backward(x, weight)
        return F.conv2d(x, weight)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = context.saved_tensors
        of_pixels = gradient.permute(0, 2, 3, 1)  # [n, place, place, o]
        # what the weights saw at each place: [n, place, place, k, l, c]
        windows = x.unfold(2, weight.shape[2], 1).unfold(3, weight.shape[3], 1).permute(0, 2, 3, 4, 5, 1)
        seen = windows.reshape(-1, weight[0].numel())
        to_weight = seen.T @ of_pixels.reshape(-1, len(weight))
        to_weight = to_weight.view(*windows.shape[3:], -1).permute(3, 2, 0, 1)
        if x.dtype is torch.bfloat16:  # in which a sum of nine would be rounded nine times
            return conv2d_input(x.shape, weight, gradient), to_weight  # type: ignore[no-untyped-call]
        to_x = torch.zeros_like(x)
        for i, j in product(*map(range, weight.shape[2:])):
            rows, columns = (
                slice(at, at + length) for at, length in zip((i, j), gradient.shape[2:], strict=True)
            )
            to_x[:, :, rows, columns] += (of_pixels @ weight[:, :, i, j]).permute(0, 3, 1, 2)
        return to_x, to_weight


class GlobalPool(nn.Module):
    """[n, c, h, w] -> [n, 2c]: the maximum and the mean of each plane."""

    def forward(self, x: Tensor) -> Tensor:
        # pooling with a window of the whole plane: the gradients of amax and mean cost twenty times as much
        window = (x.shape[2], x.shape[3])
        return torch.cat([F.max_pool2d(x, window), F.avg_pool2d(x, window)], 1).flatten(1)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out
