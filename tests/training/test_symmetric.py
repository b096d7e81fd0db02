import pytest
import torch
from torch import Tensor, nn

from tenfold.training.symmetric import SymmetricConv2d, SymmetricMix, SymmetricNorm


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
    picture = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        upright, other = turned(layers(picture)), layers(turned(picture))
    for a, b in zip(upright[0].view(-1, 8, 7, 7), other[0].view(-1, 8, 7, 7), strict=True):
        assert len({tuple(plane.flatten().tolist()) for plane in a}) == 8
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
