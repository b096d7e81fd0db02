"""ONNX Runtime answers as torch does, for every layer type, and the file is a function of the weights."""

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.errors import DivergedError, ModelFileError, ShapeError, UnknownNameError, UsageError
from tenfold.files import sha256
from tenfold.model import open_session, parse_model
from tenfold.training import export as writer
from tenfold.training.export import export, golden_patterns
from tenfold.training.layers import GlobalPool, Residual
from tenfold.training.networks import Baseline, Network
from tenfold.training.symmetric import SymmetricConv2d, SymmetricMix, SymmetricNorm


def network(*layers: nn.Module, seed: int = 0) -> Network:
    """In evaluation mode, with BatchNorms that have seen something: scales of both signs, means."""
    generator = torch.Generator().manual_seed(seed)
    built = Network(*layers)
    with torch.no_grad():
        for layer in built.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                fan_in = layer.weight[0].numel()
                layer.weight.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                assert layer.running_mean is not None
                assert layer.running_var is not None
                layer.running_mean.normal_(generator=generator)
                layer.running_var.uniform_(0.5, 2, generator=generator)
                if layer.weight is not None:
                    layer.weight.normal_(generator=generator)
                if layer.bias is not None:
                    layer.bias.normal_(generator=generator)
    return built.eval()


def answers(data: bytes, images: Tensor) -> dict[str, NDArray[np.float32]]:
    session = open_session(parse_model(data, "test"))
    names = ["probabilities", "logits"]
    return dict(zip(names, session.run(names, {"images": images.numpy()}), strict=True))


def assert_same_answers(built: Network, count: int = 3) -> bytes:
    images = torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():  # in float64: torch's own float32 is further from it than ONNX Runtime is
        logits = copy.deepcopy(built).double()(images.double())
    data = export(built, name="test", temperature=2.0)
    found = answers(data, images)
    scale = max(1.0, float(logits.abs().max()))
    assert np.abs(found["logits"] - logits.numpy()).max() <= 1e-5 * scale
    assert np.abs(found["probabilities"] - (logits / 2).softmax(1).numpy()).max() <= 1e-5
    assert onnx.load_model_from_string(data).SerializeToString(deterministic=True) == data
    return data


def operators(data: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_model_from_string(data).graph.node][:-2]  # Div and Softmax


def affine_free(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, affine=False)


# Layers with what they are written as. Behind each stands a small classifier.
CASES: dict[str, tuple[Callable[[], list[nn.Module]], str]] = {
    "conv": (lambda: [nn.Conv2d(1, 3, 3)], "Conv"),
    "conv without bias": (lambda: [nn.Conv2d(1, 3, 3, bias=False)], "Conv"),
    "conv strided and padded": (lambda: [nn.Conv2d(1, 3, (3, 5), (2, 3), (1, 2))], "Conv"),
    "conv dilated": (lambda: [nn.Conv2d(1, 3, 3, dilation=(2, 3))], "Conv"),
    "conv same": (lambda: [nn.Conv2d(1, 3, (4, 3), padding="same", dilation=2)], "Conv"),
    "conv of numpy's numbers": (lambda: [nn.Conv2d(1, *np.array([3, 3, 2]))], "Conv"),
    "conv valid": (lambda: [nn.Conv2d(1, 3, 3, padding="valid")], "Conv"),
    "conv grouped": (lambda: [nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3, groups=2)], "Conv Conv"),
    "conv depthwise": (lambda: [nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=4)], "Conv Conv"),
    "norm after conv": (lambda: [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU()], "Conv Relu"),
    "norm after conv without bias": (
        lambda: [nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3, eps=0.1)],
        "Conv",
    ),
    "norm without scale": (lambda: [nn.Conv2d(1, 3, 3), affine_free(3)], "Conv"),
    "norm after grouped conv": (
        lambda: [nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=2), nn.BatchNorm2d(4)],
        "Conv Conv",
    ),
    "two norms": (lambda: [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.BatchNorm2d(3)], "Conv"),
    "norm first": (lambda: [nn.BatchNorm2d(1), nn.Conv2d(1, 3, 3, padding=1)], "Mul Add Conv"),
    "norm after relu": (lambda: [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.BatchNorm2d(3)], "Conv Relu Mul Add"),
    "norm after max-pool": (
        lambda: [nn.Conv2d(1, 3, 3), nn.MaxPool2d(2), nn.BatchNorm2d(3)],
        "Conv MaxPool Mul Add",
    ),
    "positive norm after max-pool": (
        lambda: [nn.Conv2d(1, 3, 3), nn.MaxPool2d(3, 2, 1), affine_free(3)],
        "Conv MaxPool",
    ),
    "norm after average pool": (
        lambda: [nn.Conv2d(1, 3, 3), nn.AvgPool2d(2), affine_free(3)],
        "Conv AveragePool Mul Add",
    ),
    "max-pool": (lambda: [nn.MaxPool2d((3, 2), (2, 1), (1, 0))], "MaxPool"),
    "average pool": (lambda: [nn.AvgPool2d(3, 2, 1)], "AveragePool"),
    "average pool without padding": (
        lambda: [nn.AvgPool2d((2, 3), 2, (1, 1), count_include_pad=False)],
        "AveragePool",
    ),
    "dropout": (lambda: [nn.Dropout2d(0.3), nn.Conv2d(1, 2, 3), nn.Dropout(0.5), nn.Identity()], "Conv"),
    "nested": (
        lambda: [nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.BatchNorm2d(2), nn.ReLU()))],
        "Conv Relu",
    ),
    "unshuffle and conv": (lambda: [nn.PixelUnshuffle(2), nn.Conv2d(4, 3, 3, padding=1)], "Conv"),
    "unshuffle and strided conv": (
        lambda: [
            nn.PixelUnshuffle(2),
            nn.Conv2d(4, 3, (3, 2), (2, 1), (0, 1), bias=False),
            nn.BatchNorm2d(3),
        ],
        "Conv",
    ),
    "unshuffle of planes": (
        lambda: [
            nn.Conv2d(1, 3, 3, padding=1),
            nn.ReLU(),
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, 2, 3, padding=1),
        ],
        "Conv Relu Conv",
    ),
    "unshuffle by 4": (lambda: [nn.PixelUnshuffle(4), nn.Conv2d(16, 3, 3, padding=1)], "Conv"),
    "unshuffle twice": (
        lambda: [nn.PixelUnshuffle(2), nn.PixelUnshuffle(2), nn.Conv2d(16, 3, 3, padding=1)],
        "Conv Conv",
    ),
    "unshuffle and grouped conv": (
        lambda: [nn.PixelUnshuffle(2), nn.Conv2d(4, 4, 3, groups=2)],
        "Conv Conv",
    ),
    "unshuffle and dilated conv": (
        lambda: [nn.PixelUnshuffle(2), nn.Conv2d(4, 4, 3, dilation=2)],
        "Conv Conv",
    ),
    "unshuffle and norm": (
        lambda: [nn.Conv2d(1, 3, 3, padding=1), nn.PixelUnshuffle(2), nn.BatchNorm2d(12)],
        "Conv Conv Mul Add",
    ),
    "residual": (
        lambda: [
            nn.Conv2d(1, 4, 3),
            Residual(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        ],
        "Conv Conv Relu Add",
    ),
    "residual that begins with a norm": (
        lambda: [nn.Conv2d(1, 4, 3), Residual(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1))],
        "Conv Mul Add Relu Conv Add",
    ),
    "norm after residual": (
        lambda: [nn.Conv2d(1, 4, 3), Residual(nn.Conv2d(4, 4, 1)), nn.BatchNorm2d(4)],
        "Conv Conv Add Mul Add",
    ),
    "silu": (lambda: [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.SiLU()], "Conv Sigmoid Mul"),
    "symmetric": (
        lambda: [
            SymmetricConv2d(2, 4, stride=2, padding=1, first=True),
            SymmetricNorm(2),
            nn.ReLU(),
            SymmetricConv2d(2, 3, padding=1),
            SymmetricMix(2),
            SymmetricNorm(2),
        ],
        "Conv Relu Conv Conv",
    ),
    "residual in residual": (
        lambda: [Residual(Residual(nn.Conv2d(1, 1, 3, padding=1)), nn.ReLU()), nn.ReLU()],
        "Conv Add Relu Add Relu",
    ),
}


@pytest.mark.parametrize(("layers", "written"), CASES.values(), ids=CASES.keys())
def test_each_layer_answers_as_in_torch(layers: Callable[[], list[nn.Module]], written: str) -> None:
    body = network(*layers())
    with torch.inference_mode():
        channels = body.layers(torch.zeros(1, 1, 28, 28)).shape[1]
    data = assert_same_answers(network(*layers(), GlobalPool(), nn.Linear(2 * channels, 10)))
    pools = ["GlobalMaxPool", "GlobalAveragePool", "Concat", "Flatten", "Gemm"]
    assert operators(data) == [*written.split(), *pools]


@pytest.mark.parametrize(
    ("layers", "written"),
    [
        ([nn.Flatten(), nn.Linear(784, 10)], "Flatten Gemm"),
        ([nn.Flatten(), nn.Linear(784, 10, bias=False)], "Flatten Gemm"),
        ([nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10)], "Flatten Gemm"),
        ([nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 10)], "Flatten Mul Add Gemm"),
        (
            [nn.Flatten(), nn.Linear(784, 10), Residual(nn.Linear(10, 10), nn.ReLU())],
            "Flatten Gemm Gemm Relu Add",
        ),
    ],
)
def test_dense_layers_answer_as_in_torch(layers: list[nn.Module], written: str) -> None:
    assert operators(assert_same_answers(network(*layers))) == written.split()


def random_layers(choose: random.Random) -> list[nn.Module]:
    channels, size, layers = 1, 28, list[nn.Module]()
    for _ in range(choose.randint(2, 8)):
        wide = choose.choice([2, 4, 6])
        kind = choose.choice(
            ["conv", "conv", "norm", "relu", "pool", "average", "unshuffle", "residual", "drop"]
        )
        if kind == "conv":
            layers.append(nn.Conv2d(channels, wide, 3, padding=1, bias=choose.random() < 0.5))
            channels = wide
        elif kind == "norm":
            layers.append(nn.BatchNorm2d(channels, affine=choose.random() < 0.5))
        elif kind in ("pool", "average") and size % 2 == 0:
            layers.append(nn.MaxPool2d(2) if kind == "pool" else nn.AvgPool2d(2))
            size //= 2
        elif kind == "unshuffle" and size % 2 == 0 and channels < 10:
            layers.append(nn.PixelUnshuffle(2))
            channels, size = 4 * channels, size // 2
        elif kind == "residual":
            norm = nn.BatchNorm2d(channels)
            body = [nn.Conv2d(channels, channels, 3, padding=1), norm, nn.ReLU()]
            choose.shuffle(body)
            layers.append(Residual(*body))
        elif kind == "relu":
            layers.append(nn.ReLU())
        elif kind == "drop":
            layers.append(nn.Dropout(0.5))
    return [*layers, GlobalPool(), nn.Linear(2 * channels, 10)]


@pytest.mark.parametrize("seed", range(25))
def test_random_networks_answer_as_in_torch(seed: int) -> None:
    assert_same_answers(network(*random_layers(random.Random(seed)), seed=seed))


def test_baseline_is_sound_for_onnx_and_counts_its_parameters() -> None:
    data = export(Baseline().build(), name="baseline")
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    assert parse_model(data, "baseline").metadata.parameters == 34_826
    assert operators(data) == ["Conv", "Relu", "MaxPool"] * 2 + ["Flatten", "Gemm"]


def test_same_weights_same_bytes() -> None:
    built = network(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), GlobalPool(), nn.Linear(8, 10))
    data = export(built, name="a")
    twin: Any = copy.deepcopy(built).train()
    twin.to(memory_format=torch.channels_last)
    assert export(twin, name="a") == data
    assert sha256(data) == parse_model(data, "a").sha256
    with torch.no_grad():
        bias = built.layers[3].bias
        assert isinstance(bias, Tensor)
        bias[9] += 1e-6
    assert export(built, name="a") != data


def test_the_network_and_the_random_state_are_left_as_they_were() -> None:
    built = network(
        nn.PixelUnshuffle(2), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), GlobalPool(), nn.Linear(8, 10)
    )
    built.train()
    before, state = copy.deepcopy(built.state_dict()), torch.get_rng_state()
    export(built, name="a")
    assert torch.equal(torch.get_rng_state(), state)
    assert built.training
    assert all(torch.equal(before[name], value) for name, value in built.state_dict().items())
    assert all(p.requires_grad and p.dtype == torch.float32 for p in built.parameters())


def test_golden_images_of_ones_own() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    images.flags.writeable = False
    metadata = parse_model(export(Baseline().build(), name="a", golden_images=images), "a").metadata
    assert np.array_equal(metadata.golden_images, images)
    assert metadata.golden_probabilities.sum(1) == pytest.approx(1, abs=1e-5)


def test_golden_patterns_differ_and_use_the_whole_range() -> None:
    patterns = golden_patterns()
    assert [int(p.max()) > 250 for p in patterns] == [True, True, True, False]
    assert len({p.tobytes() for p in patterns}) == 4


class Doubled(nn.Linear):
    """A subclass computes what it likes."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        (nn.GELU(), UnknownNameError, "no exportable layer 'GELU'"),
        (Doubled(784, 10), UnknownNameError, "no exportable layer 'Doubled'"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), UsageError, "padding_mode=reflect"),
        (nn.MaxPool2d(2, ceil_mode=True), UsageError, "ceil_mode=True"),
        (nn.MaxPool2d(2, dilation=2), UsageError, "with dilation"),
        (nn.AvgPool2d(2, divisor_override=3), UsageError, "divisor_override=3"),
        (nn.BatchNorm2d(1, track_running_stats=False), UsageError, "without running statistics"),
    ],
)
def test_a_layer_that_cannot_be_written(layer: nn.Module, error: type[Exception], message: str) -> None:
    start = [nn.Flatten()] if isinstance(layer, nn.Linear) else []
    end = [] if start else [nn.Flatten(), nn.LazyLinear(10)]
    built = Network(*start, layer, *end)
    built(torch.zeros(2, 1, 28, 28))
    with pytest.raises(error, match=message):
        export(built, name="a")


def test_a_network_that_does_not_give_ten_numbers() -> None:
    with pytest.raises(ShapeError, match=r"gives \[4, 9\] for 4 images"):
        export(Network(nn.Flatten(), nn.Linear(784, 9)), name="a")


def test_what_is_no_network_of_layers_is_told_what_is() -> None:
    with pytest.raises(UsageError, match=r"^A Sequential cannot be written .*networks\.Network\(layer,"):
        export(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), name="x")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(value: float) -> None:
    built = Baseline().build()
    with torch.no_grad():
        next(built.parameters())[0, 0, 0, 0] = value
    with pytest.raises(DivergedError, match="not numbers"):
        export(built, name="a")


def test_a_graph_that_answers_otherwise_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(writer._EMITTERS, nn.ReLU, lambda _graph, _layer, x: x)
    with pytest.raises(ModelFileError, match="not give the answers"):
        export(Baseline().build(), name="a")
