"""Random distortions of a batch: pure functions of (images, what may happen, generator).

Shift, rotation, scale, shear and an elastic field become one displacement of the sampling grid and one
`grid_sample`; stroke thickness is a blend with the dilated or the eroded picture. A batch of 256 costs
about a tenth of a training step. Whole-pixel shifts alone are a copy out of a padded plane and cost next to
nothing.
"""

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from tenfold.errors import UsageError
from tenfold.training.fields import fits, settle, shown

FURTHEST = 1_000.0  # of limits that have no nearer one


@dataclass(frozen=True)
class Augmentation:
    """How far a picture may be bent; all draws are uniform in ±limit but the elastic field, which is
    normal."""

    shift: float = 0.0
    """pixels, along each axis; alone, whole ones"""
    rotation: float = 0.0
    """degrees"""
    scale: float = 0.0
    """fraction, along each axis on its own"""
    shear: float = 0.0
    """horizontal displacement per unit of height"""
    elastic: float = 0.0
    """standard deviation of a smooth displacement field, in pixels, drawn on a 5x5 grid"""
    thickness: float = 0.0
    """largest weight of the dilated (thicker) or eroded (thinner) picture in the blend, 0 to 1"""

    def __post_init__(self) -> None:
        settle(self)
        # a shift of 28 leaves nothing to see, a scale of 1 divides by zero
        below = {"shift": 28.0, "scale": 1.0, "thickness": math.nextafter(1, 2)}
        for field in fields(self):
            limit = getattr(self, field.name)
            if not fits(float, limit) or not 0 <= limit < below.get(field.name, FURTHEST):
                limit = shown(limit)
                raise UsageError(f"The limit {limit} of the distortion '{field.name}' is out of range.")

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        """Distorted copies of `images` float [n, 1, h, w] in 0..1; the same shape, type and device."""
        if self.rotation or self.scale or self.shear or self.elastic:
            images = _warp(images, self, generator)
        elif self.shift:
            images = _shift(images, round(self.shift), generator)
        if self.thickness:
            images = _thicken(images, self.thickness, generator)
        return images


def _uniform(count: int, limit: float, like: Tensor, generator: Generator | None) -> Tensor:
    draws = torch.rand(count, generator=generator, device=like.device)
    return (2 * draws - 1) * limit


def _shift(images: Tensor, limit: int, generator: Generator | None) -> Tensor:
    """Each picture moved by whole pixels, its own dy and dx in -limit..limit."""
    count = len(images)
    windows = F.pad(images[:, 0], (limit,) * 4).unfold(1, images.shape[2], 1).unfold(2, images.shape[3], 1)
    dy, dx = torch.randint(2 * limit + 1, (2, count), generator=generator, device=images.device)
    return windows[torch.arange(count, device=images.device), dy, dx].unsqueeze(1)


def _warp(images: Tensor, limits: Augmentation, generator: Generator | None) -> Tensor:
    count, _, height, width = images.shape
    angle = _uniform(count, math.radians(limits.rotation), images, generator)
    scale_x = 1 + _uniform(count, limits.scale, images, generator)
    scale_y = 1 + _uniform(count, limits.scale, images, generator)
    shear = _uniform(count, limits.shear, images, generator)
    # grid coordinates run from -1 to 1, so a pixel is 2 / width
    shift_x = _uniform(count, limits.shift, images, generator) * 2 / width
    shift_y = _uniform(count, limits.shift, images, generator) * 2 / height
    cos, sin = angle.cos(), angle.sin()
    across, down = height / width, width / height  # steps of one axis in those of the other
    theta = torch.stack(
        [
            cos / scale_x,
            (shear * cos - sin) / scale_y * across,
            shift_x,
            sin / scale_x * down,
            (shear * sin + cos) / scale_y,
            shift_y,
        ],
        1,
    ).view(count, 2, 3)
    grid = F.affine_grid(theta, [count, 1, height, width], align_corners=False)
    if limits.elastic:
        coarse = (
            torch.randn(count, 2, 5, 5, generator=generator, device=images.device)
            * limits.elastic
            * 2
            / width
        )
        coarse[:, 1] *= down
        field = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
        grid = grid + field.permute(0, 2, 3, 1)
    return F.grid_sample(images.contiguous(), grid, align_corners=False)


def _thicken(images: Tensor, limit: float, generator: Generator | None) -> Tensor:
    weight = _uniform(len(images), limit, images, generator).view(-1, 1, 1, 1)
    dilated = F.max_pool2d(images, 3, 1, 1)
    eroded = -F.max_pool2d(-images, 3, 1, 1)
    return images.lerp(torch.where(weight > 0, dilated, eroded), weight.abs())
