"""The networks: shapes and layers, nothing of files or training. Input [n, 1, 28, 28] in 0..1, output
logits [n, 10].

A network is described by a frozen dataclass (`Baseline`, `Compact`) and made by its `build`. All layers
stand in one `nn.Sequential`, so that `export.py` can write the same graph as ONNX, layer by layer.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from tenfold.errors import ShapeError, UsageError

INPUT_SHAPE = (1, 28, 28)
CLASSES = 10


class Network(nn.Module):
    """Layers in a row behind a check of the input's shape."""

    def __init__(self, *layers: nn.Module, input_shape: tuple[int, int, int] = INPUT_SHAPE) -> None:
        super().__init__()
        self.input_shape = input_shape
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [n, 10] of `images` float [n, channel, height, width]; raises ShapeError for another
        shape."""
        if images.ndim != 4 or tuple(images.shape[1:]) != self.input_shape:
            wanted = ", ".join(map(str, self.input_shape))
            raise ShapeError(f"The network takes images of shape [n, {wanted}], not {list(images.shape)}.")
        logits: Tensor = self.layers(images)
        return logits


class Dropout(nn.Dropout):
    """nn.Dropout, several times as fast on a CPU (0.7 ms for 3.5 ms at 128 x 1600, forward and back).

    One 64-bit draw decides about four values, 16 bits each, where nn.Dropout draws for each; so `p` is
    rounded to a multiple of 1/65536, and what is kept is scaled by exactly the inverse of its share.
    """

    def forward(self, x: Tensor) -> Tensor:
        dropped = round(self.p * 2**16)
        if not self.training or x.device.type != "cpu" or dropped in (0, 2**16):
            return super().forward(x)
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        draws = words.view(torch.int16)[: x.numel()].view(x.shape)
        kept = (draws >= dropped - 2**15).to(x.dtype)
        return x * kept.mul_(2**16 / (2**16 - dropped))


class GlobalPool(nn.Module):
    """[n, c, h, w] -> [n, 2c]: the maximum and the mean of each plane."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.amax((2, 3)), x.mean((2, 3))], 1)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


@dataclass(frozen=True)
class Baseline:
    """The convolutional network of every first lesson, 34,826 parameters."""

    kind: ClassVar[str] = "baseline"
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise UsageError(f"The network's dropout must be at least 0 and below 1, not {self.dropout}.")

    def build(self) -> Network:
        return Network(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            Dropout(self.dropout),
            nn.Linear(1600, CLASSES),
        )


def _stage(inputs: int, outputs: int, depth: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for index in range(depth):
        channels = inputs if index == 0 else outputs
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return layers


@dataclass(frozen=True)
class Compact:
    """Leaves the 28x28 plane at once, which is where a CPU loses its time: a 1x28x28 picture is folded to
    4x14x14, then come two stages of 3x3 convolutions with BatchNorm, at 14x14 with `width` and at 7x7 with
    2 `width` channels.
    """

    kind: ClassVar[str] = "compact"
    width: int = 32
    depth: int = 2

    def __post_init__(self) -> None:
        if self.width < 1 or self.depth < 1:
            raise UsageError(
                f"The network's width and depth must be 1 or more, not {self.width} and {self.depth}."
            )

    def build(self) -> Network:
        width = self.width
        return Network(
            nn.PixelUnshuffle(2),
            *_stage(4, width, self.depth),
            nn.MaxPool2d(2),
            *_stage(width, 2 * width, self.depth),
            GlobalPool(),
            nn.Linear(4 * width, CLASSES),
        )


NETWORKS: dict[str, type[Baseline] | type[Compact]] = {kind.kind: kind for kind in (Baseline, Compact)}


@dataclass(frozen=True)
class Layer:
    """One line of a network's table."""

    name: str
    shape: tuple[int, ...]
    """of the output, without the batch"""
    parameters: int


def layer_table(network: Network) -> list[Layer]:
    """What each layer makes of one image, in order; a residual body counts as one layer."""
    rows: list[Layer] = []
    x = torch.zeros(1, *network.input_shape)
    was_training = network.training
    network.eval()
    with torch.no_grad():
        for layer in network.layers:
            x = layer(x)
            rows.append(Layer(describe(layer), tuple(x.shape[1:]), count_parameters(layer)))
    network.train(was_training)
    return rows


def describe(layer: nn.Module) -> str:
    """The layer's name with the numbers that matter: 'Conv2d 3x3', 'MaxPool2d 2', 'Dropout 0.5'."""
    name = type(layer).__name__
    if isinstance(layer, nn.Conv2d):
        return f"{name} {layer.kernel_size[0]}x{layer.kernel_size[1]}"
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        return f"{name} {layer.kernel_size}"
    if isinstance(layer, nn.Dropout):
        return f"{name} {layer.p:g}"
    return name


def count_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
