import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from tenfold.data.labelled import Labelled
from tenfold.data.preprocess import preprocess
from tenfold.errors import UsageError
from tenfold.training.augment import Augmentation

EVERY_KIND = {
    "shift": Augmentation(shift=2),
    "rotation": Augmentation(rotation=15),
    "scale": Augmentation(scale=0.2),
    "shear": Augmentation(shear=0.2),
    "elastic": Augmentation(elastic=1.0),
    "thickness": Augmentation(thickness=1.0),
    "all": Augmentation(2, 15, 0.2, 0.2, 1.0, 1.0),
}
kinds = pytest.mark.parametrize("augmentation", EVERY_KIND.values(), ids=EVERY_KIND.keys())


@pytest.fixture
def images(digits: Labelled) -> Tensor:
    return torch.from_numpy(preprocess(digits.images[:20]))


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def first_draws(seed: int, count: int, limit: float) -> list[float]:
    """Uniform in ±limit: what a distortion of one kind, or the first of several, draws."""
    draws: list[float] = ((2 * torch.rand(count, generator=seeded(seed)) - 1) * limit).tolist()
    return draws


def test_no_limits_change_nothing(images: Tensor) -> None:
    assert torch.equal(Augmentation()(images, seeded(0)), images)


@kinds
def test_a_distortion_changes_the_picture_but_not_its_kind(
    augmentation: Augmentation, images: Tensor
) -> None:
    before = images.clone()
    out = augmentation(images, seeded(0))
    assert torch.equal(images, before)
    assert (out.shape, out.dtype, out.device) == (images.shape, images.dtype, images.device)
    assert 0 <= out.min() < out.max() <= 1
    changed = (out != images).flatten(1).any(1).double().mean().item()
    assert changed > 0.8  # a shift by (0, 0) happens


@kinds
def test_a_distortion_is_a_function_of_batch_and_generator(
    augmentation: Augmentation, images: Tensor
) -> None:
    torch.manual_seed(1)
    one = augmentation(images, seeded(5))
    torch.manual_seed(2)
    assert torch.equal(augmentation(images, seeded(5)), one)
    assert not torch.equal(augmentation(images, seeded(6)), one)


@kinds
def test_the_pictures_of_a_batch_are_distorted_each_on_its_own(augmentation: Augmentation) -> None:
    one = torch.zeros(1, 1, 28, 28)
    one[..., 8:20, 10:14] = 1
    out = augmentation(one.expand(30, -1, -1, -1), seeded(0))
    assert len({picture.numpy().tobytes() for picture in out}) > 10


@pytest.mark.parametrize("limit", [1, 3])
def test_a_shift_alone_moves_by_whole_pixels_within_its_limit(images: Tensor, limit: int) -> None:
    batch = images[:1].expand(400, -1, -1, -1)
    padded = np.pad(batch[0, 0].numpy(), limit)
    allowed = {
        padded[dy : dy + 28, dx : dx + 28].tobytes()
        for dy in range(2 * limit + 1)
        for dx in range(2 * limit + 1)
    }
    found = {picture.numpy().tobytes() for picture in Augmentation(shift=limit)(batch, seeded(0))}
    assert found == allowed  # every one of the (2 limit + 1)² moves, and no other


Affine = tuple[float, float, float, float, float, float]


def source(x: float, y: float, affine: Affine) -> tuple[float, float]:
    """Where the distorted picture's point (x, y), in pixels from the centre, is taken from."""
    degrees, scale_x, scale_y, shear, shift_x, shift_y = affine
    y = y / (1 + scale_y)
    x = x / (1 + scale_x) + shear * y
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return cos * x - sin * y + shift_x, sin * x + cos * y + shift_y


def slow_warp(image: NDArray[np.float32], affine: Affine) -> NDArray[np.float64]:
    """Bilinear, one pixel at a time; what lies outside is 0."""
    out = np.zeros((28, 28))
    for row in range(28):
        for column in range(28):
            x, y = source(column - 13.5, row - 13.5, affine)
            x, y = x + 13.5, y + 13.5
            left, top = math.floor(x), math.floor(y)
            for j, i in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                if 0 <= j < 28 and 0 <= i < 28:
                    out[row, column] += image[j, i] * (1 - abs(x - i)) * (1 - abs(y - j))
    return out


@pytest.mark.parametrize("limit", [7.0, 45.0, 180.0])
def test_a_rotation_by_a_known_angle_is_that_of_a_slow_loop(images: Tensor, limit: float) -> None:
    out = Augmentation(rotation=limit)(images[:4], seeded(3))
    for picture, image, angle in zip(out, images, first_draws(3, 4, limit), strict=False):
        expected = slow_warp(image[0].numpy(), (angle, 0, 0, 0, 0, 0))
        np.testing.assert_allclose(picture[0], expected, atol=2e-4)


def test_all_that_is_affine_together_is_that_of_a_slow_loop(images: Tensor) -> None:
    limits = torch.tensor([30, 0.3, 0.3, 0.4, 3, 3])  # in the order of the draws
    generator = seeded(1)
    draws = torch.stack([2 * torch.rand(4, generator=generator) - 1 for _ in limits], 1) * limits
    out = Augmentation(shift=3, rotation=30, scale=0.3, shear=0.4)(images[:4], seeded(1))
    for picture, image, drawn in zip(out, images, draws.tolist(), strict=False):
        np.testing.assert_allclose(picture[0], slow_warp(image[0].numpy(), tuple(drawn)), atol=2e-4)


def second_moments(out: Tensor) -> tuple[Tensor, Tensor]:
    """Spread of the ink along x and along y, of each picture."""
    place = torch.arange(28) - 13.5
    ink = out[:, 0] / out[:, 0].sum((1, 2), keepdim=True)
    return (ink.sum(1) * place**2).sum(1).sqrt(), (ink.sum(2) * place**2).sum(1).sqrt()


def test_a_scale_stretches_each_axis_on_its_own_within_its_limit() -> None:
    square = torch.zeros(200, 1, 28, 28)
    square[..., 7:21, 7:21] = 1
    original = second_moments(square[:1])[0].item()
    along_x, along_y = second_moments(Augmentation(scale=0.25)(square, seeded(0)))
    for spread in (along_x / original, along_y / original):
        assert 0.73 < spread.min() < 0.78
        assert 1.22 < spread.max() < 1.27
    assert abs(torch.corrcoef(torch.stack([along_x, along_y]))[0, 1].item()) < 0.3


def test_a_shear_moves_rows_sideways_in_proportion_to_their_height() -> None:
    bar = torch.zeros(100, 1, 28, 28)
    bar[..., 4:24, 13:15] = 1
    out = Augmentation(shear=0.25)(bar, seeded(0))
    place = torch.arange(28) - 13.5
    centres = (out[:, 0] * place).sum(2) / out[:, 0].sum(2).clamp(min=1e-6)
    slope = (centres[:, 20] - centres[:, 7]) / 13
    torch.testing.assert_close(centres[:, 20], slope * 6.5, atol=1e-4, rtol=0)  # straight, through the centre
    assert -0.26 < slope.min() < -0.2
    assert 0.2 < slope.max() < 0.26
    torch.testing.assert_close(out.sum((1, 3))[:, 5:23], torch.full((100, 18), 2.0), atol=1e-4, rtol=0)


def test_a_wide_picture_is_bent_as_the_square_in_its_middle(images: Tensor) -> None:
    """In pixels, and not in shares of its width."""
    square = torch.nn.functional.pad(images, (6, 6, 6, 6))
    wide = torch.nn.functional.pad(square, (60, 60))
    bent = Augmentation(shift=1.5, rotation=15, scale=0.1, shear=0.2)
    middle = bent(wide, seeded(1))[..., 60:-60]
    assert torch.allclose(middle, bent(square, seeded(1)), atol=1e-3)
    elastic = bent(wide, seeded(1)) - Augmentation(1.5, 15, 0.1, 0.2, elastic=2)(wide, seeded(1))
    assert elastic[..., 60:-60].abs().max() > 0.2


def test_a_shift_with_another_distortion_keeps_its_limit_too() -> None:
    dot = torch.zeros(200, 1, 28, 28)
    dot[..., 13:15, 13:15] = 1
    out = Augmentation(shift=3, scale=1e-6)(dot, seeded(0))[:, 0]
    place = torch.arange(28) - 13.5
    for axis in (1, 2):
        moved = (out.sum(3 - axis) * place).sum(1) / 4
        assert -3.001 < moved.min() < -2.8
        assert 2.8 < moved.max() < 3.001


def test_thickness_blends_with_the_dilated_or_the_eroded_picture(images: Tensor) -> None:
    limit = 0.7
    out = Augmentation(thickness=limit)(images, seeded(4))
    for picture, image, weight in zip(out, images, first_draws(4, 20, limit), strict=True):
        plane = image[0].numpy()
        rim = np.pad(plane, 1, mode="edge")  # beyond the rim counts as no neighbour
        around = np.stack([rim[j : j + 28, i : i + 28] for j in range(3) for i in range(3)])
        target = around.max(0) if weight > 0 else around.min(0)
        np.testing.assert_allclose(picture[0], plane + abs(weight) * (target - plane), atol=1e-6)


@pytest.mark.parametrize("thickness", [0.1, 0.5, 1.0])
def test_thickness_stays_between_paper_and_ink(images: Tensor, thickness: float) -> None:
    for seed in range(20):
        out = Augmentation(thickness=thickness)(images, seeded(seed))
        assert 0 <= out.min() <= out.max() <= 1


@pytest.mark.parametrize(
    "limits",
    [
        {"shift": -1}, {"rotation": -1}, {"scale": 1}, {"scale": -0.1}, {"shear": float("nan")},
        {"elastic": float("inf")}, {"thickness": 1.01}, {"thickness": -0.1},
        {"rotation": "9"}, {"shift": True}, {"shift": 28}, {"rotation": 10**400}, {"shear": 1e30},
    ],
    ids=str,
)  # fmt: skip
def test_a_limit_out_of_range_is_refused_by_name(limits: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"the distortion '{next(iter(limits))}' is out of range"):
        Augmentation(**limits)
