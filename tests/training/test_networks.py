import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tenfold.errors import ShapeError, TenfoldError, UsageError
from tenfold.training.layers import Dropout, GlobalPool, Residual
from tenfold.training.networks import (
    NETWORKS,
    Baseline,
    Compact,
    Symmetric,
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


def test_a_symmetric_network_is_below_a_thousand_parameters() -> None:
    network = Symmetric().build()
    sides = [row.shape[1] for row in layer_table(network) if row.name == "SymmetricNorm"]
    assert count_parameters(network) == 982
    assert sides == [14, 14, 7, 7, 7, 7]
