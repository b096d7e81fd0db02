import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tenfold.errors import ShapeError, TenfoldError, UsageError
from tenfold.training.networks import (
    NETWORKS,
    Baseline,
    Compact,
    Conv2d,
    Dropout,
    GlobalPool,
    Residual,
    Symmetric,
    SymmetricConv2d,
    SymmetricMix,
    SymmetricNorm,
    count_parameters,
    describe,
    layer_table,
)


def test_baseline_is_the_network_of_every_first_lesson() -> None:
    rows = [(row.name, row.shape, row.parameters) for row in layer_table(Baseline().build())]
    assert rows == [
        ("Conv2d 3x3", (32, 26, 26), 320),
        ("ReLU", (32, 26, 26), 0),
        ("MaxPool2d 2", (32, 13, 13), 0),
        ("Conv2d 3x3", (64, 11, 11), 18_496),
        ("ReLU", (64, 11, 11), 0),
        ("MaxPool2d 2", (64, 5, 5), 0),
        ("Flatten", (1600,), 0),
        ("Dropout 0.5", (1600,), 0),
        ("Linear", (10,), 16_010),
    ]
    assert count_parameters(Baseline().build()) == 34_826


def test_baseline_computes_what_the_same_layers_of_torch_compute() -> None:
    network = Baseline().build().eval()
    weights = network.state_dict()
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    x = images
    for place in (0, 3):
        conv = nn.functional.conv2d(x, weights[f"layers.{place}.weight"], weights[f"layers.{place}.bias"])
        x = nn.functional.max_pool2d(conv.relu(), 2)
    expected = x.flatten(1) @ weights["layers.8.weight"].T + weights["layers.8.bias"]
    torch.testing.assert_close(network(images), expected)


@pytest.mark.parametrize("kind", sorted(NETWORKS))
@pytest.mark.parametrize(
    "shape", [(2, 28, 28), (1, 28, 28), (28, 28), (2, 3, 28, 28), (2, 1, 32, 32), (2, 28, 28, 1), (2, 784)]
)
def test_another_input_shape_is_refused(kind: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as refusal:
        NETWORKS[kind]().build()(torch.zeros(shape))
    assert str(refusal.value) == f"The network takes images of shape [n, 1, 28, 28], not {list(shape)}."


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_any_number_of_images_is_taken(kind: str, count: int) -> None:
    assert NETWORKS[kind]().build().eval()(torch.zeros(count, 1, 28, 28)).shape == (count, 10)


@pytest.mark.parametrize("kind", [Compact((4,), (4,)), Symmetric(2, narrow=2)])
def test_the_table_leaves_the_network_as_it_was(kind: Compact | Symmetric) -> None:
    """What layers have in common, as the mixes of a symmetric network, is counted once."""
    network = kind.build().train()
    before = copy.deepcopy(network.state_dict())
    rows = layer_table(network)
    assert sum(row.parameters for row in rows) == count_parameters(network)
    assert rows[-1].shape == (10,)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (nn.Conv2d(1, 2, (3, 5)), "Conv2d 3x5"),
        (nn.AvgPool2d(3), "AvgPool2d 3"),
        (Dropout(0.25), "Dropout 0.25"),
        (GlobalPool(), "GlobalPool"),
        (Residual(nn.ReLU()), "Residual"),
    ],
)
def test_a_layer_is_described_by_the_numbers_that_matter(layer: nn.Module, name: str) -> None:
    assert describe(layer) == name


def test_global_pool_and_residual_are_what_they_say() -> None:
    x = torch.rand(2, 3, 4, 5)
    a = x.numpy()
    np.testing.assert_allclose(GlobalPool()(x), np.concatenate([a.max((2, 3)), a.mean((2, 3))], 1), rtol=1e-6)
    torch.testing.assert_close(Residual(nn.ReLU(), nn.ReLU())(x), 2 * x)


@pytest.mark.parametrize(
    ("network", "sides"),
    [
        (Compact((4,), (4, 4)), [7, 7, 7]),
        (Compact((4,), (4, 4), padded=False), [6, 4, 2]),
        (Compact((4, 4), ()), [14, 14]),
        (Compact((4,) * 6, (), padded=False, flattened=True), [12, 10, 8, 6, 4, 2]),
    ],
)
def test_a_compact_network_pools_between_wide_and_narrow(network: Compact, sides: list[int]) -> None:
    """The side of each convolution's plane, the last of the wide ones already pooled."""
    rows = layer_table(network.build())
    assert [row.shape[1] for row in rows if row.name == "BatchNorm2d"] == sides
    assert network.side == sides[-1]


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        (Baseline, {"dropout": 1.0}),
        (Baseline, {"dropout": -0.1}),
        (Compact, {"wide": ()}),
        (Compact, {"narrow": (8, 0)}),
        (Compact, {"wide": (8,) * 6, "padded": False}),
        (Compact, {"wide": (8,) * 7, "narrow": (), "padded": False}),
        (Compact, {"narrow": (8, 8, 8), "padded": False}),
        (Symmetric, {"kernels": 0}),
        (Symmetric, {"kernels": 10**9}),
        (Symmetric, {"narrow": 0}),
        (Symmetric, {"wide": 10**9}),
        (Symmetric, {"wide": 1, "narrow": 1, "mixes": 3}),
    ],
)
def test_a_network_that_cannot_be_is_refused(
    network: type[Baseline | Compact | Symmetric], changes: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="network"):
        network(**changes)
    assert issubclass(UsageError, TenfoldError)


# kernels in all positions of the square


def test_a_symmetric_network_is_below_a_thousand_parameters() -> None:
    network = Symmetric().build()
    sides = [row.shape[1] for row in layer_table(network) if row.name == "SymmetricNorm"]
    assert count_parameters(network) == 982
    assert sides == [14, 14, 7, 7, 7, 7]


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_planes_of_a_turned_picture_are_turned_and_change_places(turns: int, mirrored: bool) -> None:
    """The eight planes of each kernel are those of the upright picture, each turned as the picture is."""

    def turned(x: Tensor) -> Tensor:
        return torch.rot90(x.flip(3) if mirrored else x, turns, (2, 3))

    torch.manual_seed(0)
    layers = nn.Sequential(
        SymmetricConv2d(2, 4, stride=2, padding=1, first=True),
        SymmetricNorm(2),
        nn.SiLU(),
        nn.MaxPool2d(2),
        SymmetricConv2d(2, 3, padding=1),
        SymmetricMix(2),
        SymmetricNorm(2),
    ).eval()
    with torch.no_grad():
        upright = turned(layers(torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(1))))
        other = layers(turned(torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(1))))
    for kernel in (upright[0, :8], upright[0, 8:]):
        assert len({tuple(plane.flatten().tolist()) for plane in kernel}) == 8
    for a, b in ((upright[0, :8], other[0, :8]), (upright[0, 8:], other[0, 8:])):
        distances = (a[:, None] - b).abs().amax((2, 3))
        assert (distances < 1e-6).sum(0).tolist() == [1] * 8
        assert (distances < 1e-6).sum(1).tolist() == [1] * 8


@pytest.mark.parametrize(
    ("layer", "shape", "weights"),
    [(SymmetricConv2d(3, 3, padding=1), (24, 1, 3, 3), 27), (SymmetricMix(3), (24, 24, 1, 1), 72)],
)
def test_each_weight_stands_in_eight_places(
    layer: SymmetricConv2d | SymmetricMix, shape: tuple[int, ...], weights: int
) -> None:
    whole = layer.whole()
    assert whole.shape == shape
    found, times = torch.unique(whole, return_counts=True)
    assert torch.equal(found, layer.weight.flatten().sort().values)
    assert len(found) == weights
    assert set(times.tolist()) == {8}


# a convolution's gradient


@pytest.mark.parametrize("shape", [(1, 3, 3, 3), (2, 5, 4, 7), (64, 16, 6, 6), (256, 64, 4, 4)])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("bf16", [True, False])
def test_a_convolution_learns_as_any_does(
    shape: tuple[int, ...], layout: torch.memory_format, bf16: bool
) -> None:
    """As torch's own in fp32: that one's gradient in bf16 is 4 % off where the processor has none."""
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(shape[1], 8, 3, bias=False)
    ours = Conv2d(shape[1], 8, 3)
    ours.load_state_dict(theirs.state_dict())
    target = torch.randn(8, 1, 1)
    found = []
    for layer in (theirs, ours):
        layer.to(memory_format=layout)  # type: ignore[call-overload]
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(shape, generator=generator).contiguous(memory_format=layout).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16 and layer is ours):
            out = layer(x)
        (out.float() * target).tanh().sum().backward()
        found.append((out.float(), x.grad, layer.weight.grad))
        assert layer.weight.grad is not None
        assert layer.weight.grad.dtype is torch.float32
    for expected, value in zip(*found, strict=True):
        scale = expected.abs().max().item()  # a step of bf16 is 1/128 of a value
        torch.testing.assert_close(value, expected, rtol=0, atol=scale * (1 / 64 if bf16 else 1e-6))


# dropout


def dropped(p: float, x: Tensor, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    out: Tensor = Dropout(p)(x)
    return out


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_share_and_scales_the_rest(p: float, dtype: torch.dtype) -> None:
    out = dropped(p, torch.ones(1000, 400, dtype=dtype))
    zero, scaled = sorted(set(out.flatten().tolist()))
    assert zero == 0
    assert scaled == pytest.approx(1 / (1 - p), rel=1e-4 if dtype is torch.float32 else 4e-3)
    # five standard deviations of the share of 400,000 draws
    assert (out == 0).float().mean().item() == pytest.approx(p, abs=5 * (p * (1 - p) / 400_000) ** 0.5)


def test_dropout_drops_neighbours_independently() -> None:
    """Four values come from one draw of 64 bits: no two places of a word may know of each other."""
    kept = (dropped(0.5, torch.ones(100_000, 4)) != 0).double()
    correlation = torch.corrcoef(kept.T) - torch.eye(4)
    assert correlation.abs().max().item() < 5 / 100_000**0.5
    assert (kept.mean(0) - 0.5).abs().max().item() < 5 * 0.5 / 100_000**0.5


@pytest.mark.parametrize("shape", [(), (1,), (3,), (5, 7), (2, 3, 5, 7), (0, 4)])
def test_dropout_takes_any_shape(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape)
    out = dropped(0.5, x)
    assert out.shape == x.shape
    torch.testing.assert_close(out, torch.where(out == 0, 0.0, 2 * x))


def test_dropout_is_a_function_of_the_seed() -> None:
    x = torch.ones(64, 100)
    assert torch.equal(dropped(0.5, x, 1), dropped(0.5, x, 1))
    assert not torch.equal(dropped(0.5, x, 1), dropped(0.5, x, 2))


def test_the_gradient_passes_where_the_value_does() -> None:
    x = torch.rand(8, 100, requires_grad=True)
    out = dropped(0.5, x)
    out.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert torch.equal(x.grad, torch.where(out == 0, 0.0, 2.0))


@pytest.mark.parametrize(
    ("layer", "expected"), [(Dropout(0.5).eval(), 1.0), (Dropout(0.0), 1.0), (Dropout(1.0), 0.0)]
)
def test_dropout_is_plain_in_evaluation_and_at_the_ends(layer: Dropout, expected: float) -> None:
    x = torch.rand(64, 100)
    assert torch.equal(layer(x), expected * x)
