"""The networks: shapes and layers, nothing of files or training. Input [n, 1, 28, 28] in 0..1, output
logits [n, 10].

A network is described by a frozen dataclass (`Baseline`, `Compact`, `Symmetric`) and made by its `build`. All
layers stand in one `nn.Sequential`, so that `export.py` can write the same graph as ONNX, layer by layer.
One of your own is a frozen dataclass with a `kind` and a `build` that returns a `Network`: it trains in a
`Trainer` and can be exported.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from tenfold.errors import ShapeError, UsageError
from tenfold.kinds import STRIP
from tenfold.onnx_check import CLASSES, IMAGE_SHAPE
from tenfold.training.layers import Conv2d, Dropout, GlobalPool, Residual
from tenfold.training.symmetric import POSITIONS, SymmetricConv2d, SymmetricMix, SymmetricNorm


class Described(Protocol):
    """A frozen dataclass that describes a network: one of NETWORKS, or one of your own."""

    kind: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def build(self) -> Any:
        """A `Network` with random weights; for a `Trainer` any module that gives logits will do."""


class Network(nn.Module):
    """Layers in a row behind a check of the input's shape."""

    def __init__(self, *layers: nn.Module, input_shape: tuple[int, ...] = IMAGE_SHAPE) -> None:
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


@dataclass(frozen=True)
class Compact:
    """Leaves the 28x28 plane at once, which is where a CPU loses its time: 1x28x28 is folded to 4x14x14.

    Then come 3x3 convolutions with BatchNorm, one for each number of channels: those of `wide` on the 14x14
    plane, the last of them pooled, and those of `narrow` from there; with no `narrow` ones, nothing is
    pooled. `padded` ones keep the size of their plane, 14 and 7; others take 2 off it, as fits a net of
    three: 12, pooled to 6, then 4 and 2. The last plane is `flattened`, or each channel is pooled to its
    maximum and its mean.
    """

    kind: ClassVar[str] = "compact"
    wide: tuple[int, ...] = (32,)
    narrow: tuple[int, ...] = (64, 64)
    padded: bool = True
    flattened: bool = False

    def __post_init__(self) -> None:
        if not self.wide or min(self.wide + self.narrow) < 1:
            raise UsageError("The network needs channels, 1 or more, for each of its convolutions.")
        if self.side < 1:
            raise UsageError("The network's plane has no room for that many unpadded convolutions.")

    @property
    def side(self) -> int:
        """Of the last plane."""
        shrink = 0 if self.padded else 2
        side = 14 - shrink * len(self.wide)
        return side // 2 - shrink * len(self.narrow) if self.narrow else side

    def build(self) -> Network:
        layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
        inputs, last = 4, len(self.wide) - 1 if self.narrow else None
        for index, outputs in enumerate(self.wide + self.narrow):
            is_small = index >= len(self.wide) and not self.padded
            layers += _convolution(inputs, outputs, int(self.padded), pool=index == last, small=is_small)
            inputs = outputs
        if self.flattened:
            return Network(*layers, nn.Flatten(), nn.Linear(inputs * self.side**2, CLASSES))
        return Network(*layers, GlobalPool(), nn.Linear(2 * inputs, CLASSES))


def _convolution(
    inputs: int, outputs: int, padding: int = 1, pool: bool = False, small: bool = False
) -> list[nn.Module]:
    """Pooled before the norm, which then has a quarter to do; the result is the same for a positive scale. A
    `small` one, of a plane of a few pixels, has no padding."""
    pooling: list[nn.Module] = [nn.MaxPool2d(2)] if pool else []
    plain = partial(nn.Conv2d, padding=padding, bias=False)
    convolution = (Conv2d if small else plain)(inputs, outputs, 3)
    return [convolution, *pooling, nn.BatchNorm2d(outputs), nn.ReLU()]


@dataclass(frozen=True)
class Symmetric:
    """982 parameters: every kernel stands in all eight positions of the square, turned and mirrored.

    A convolution of 4x4 leads to 14x14 at once; `wide` layers are there and, pooled, `narrow` ones on 7x7.
    Each convolves every plane by itself and then mixes the planes, by one of `mixes` matrices that layers in
    a row have in common. The maxima of the last planes are what the dense layer sees: it knows one position
    from the other, so a 6 is no 9.
    """

    kind: ClassVar[str] = "symmetric"
    kernels: int = 4
    wide: int = 1
    narrow: int = 4
    mixes: int = 3

    def __post_init__(self) -> None:
        limits = {"kernels": 512, "wide": 100, "narrow": 100, "mixes": self.wide + self.narrow}
        for name, limit in limits.items():
            if not 1 <= getattr(self, name) <= limit:
                raise UsageError(f"The network's {name} must be 1 to {limit}, not {getattr(self, name)}.")

    def build(self) -> Network:
        layers: list[nn.Module] = [
            SymmetricConv2d(self.kernels, 4, stride=2, padding=1, first=True),
            SymmetricNorm(self.kernels),
            nn.SiLU(),
        ]
        mixes = [SymmetricMix(self.kernels) for _ in range(self.mixes)]
        count = self.wide + self.narrow
        for index in range(count):
            layers += [nn.MaxPool2d(2)] if index == self.wide else []
            layers += [
                SymmetricConv2d(self.kernels, 3, padding=1),
                mixes[index * self.mixes // count],
                SymmetricNorm(self.kernels),
                nn.SiLU(),
            ]
        last = [nn.MaxPool2d(7), nn.Flatten(), nn.Linear(POSITIONS * self.kernels, CLASSES)]
        return Network(*layers, *last)


@dataclass(frozen=True)
class Columns:
    """For strips [n, 1, 40, 320] of whole lines: logits [n, 11, 1, 160], the ten digits and a blank for every
    second column. The model file that is made of it takes strips of any even width. 456,363 parameters.

    The strip is folded to 4x20 rows at once. 3x3 convolutions lead to 10 and then 5 rows, a convolution of
    each channel alone makes one of these, and three along the row look to both sides.
    """

    kind: ClassVar[str] = "columns"
    channels: tuple[int, ...] = (32, 64, 96)
    row: int = 128
    dropout: float = 0.1

    def build(self) -> Network:
        first, second, third = self.channels
        return Network(
            nn.PixelUnshuffle(2),
            *_convolution(4, first),
            nn.Conv2d(first, second, 3, padding=1, bias=False),
            nn.MaxPool2d((2, 1)),
            nn.BatchNorm2d(second),
            nn.ReLU(),
            Residual(*_convolution(second, second)),
            nn.MaxPool2d((2, 1)),
            *_convolution(second, third),
            Residual(*_convolution(third, third)),
            nn.Conv2d(third, third, (5, 1), groups=third, bias=False),
            *_along(third, self.row, 1),
            Dropout(self.dropout),
            *_along(self.row, self.row, 5),
            Residual(*_along(self.row, self.row, 5)),
            Residual(*_along(self.row, self.row, 5)),
            nn.Conv2d(self.row, CLASSES + 1, 1),
            input_shape=(1, *STRIP),
        )


def _along(inputs: int, outputs: int, length: int) -> list[nn.Module]:
    """A convolution along one row."""
    convolution = nn.Conv2d(inputs, outputs, (1, length), padding=(0, length // 2), bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


NETWORKS: dict[str, type[Baseline] | type[Compact] | type[Symmetric]] = {
    kind.kind: kind for kind in (Baseline, Compact, Symmetric)
}


@dataclass(frozen=True)
class Layer:
    """One line of a network's table."""

    name: str
    shape: tuple[int, ...]
    """of the output, without the batch"""
    parameters: int


def layer_table(network: Network) -> list[Layer]:
    """What each layer makes of one image, in order; a residual body counts as one layer, and what layers have
    in common counts in the first of them."""
    rows: list[Layer] = []
    counted: set[int] = set()
    x = torch.zeros(1, *network.input_shape)
    was_training = network.training
    network.eval()
    with torch.no_grad():
        for layer in network.layers:
            x = layer(x)
            own = [p for p in layer.parameters() if id(p) not in counted]
            counted.update(map(id, own))
            rows.append(Layer(describe(layer), tuple(x.shape[1:]), sum(p.numel() for p in own)))
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
