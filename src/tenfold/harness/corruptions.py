"""The 15 kinds of damage of MNIST-C (Mu & Gilmer 2019), and the bends and noise of the robustness curves.

    corrupt(images, "fog")                      at its fixed severity and seed: the same picture everywhere
    corrupt(images, "rotate", 0.2, seed=7)      0.2 radians to the left or to the right

Written anew from the paper's description. A severity of KINDS is the paper's where it gives a number, and
`ours` where it does not: set by eye to about the same strength. So the mean compares models with each other;
it is not the figure of the published files.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ShapeError, UnknownNameError

SIDE = 28
CENTRE = (SIDE - 1) / 2
DROP = 0.35  # the ink of a drop, of 1
ZOOM = 8  # in which strokes are made wider

Images = NDArray[np.uint8]  # [n, 28, 28], ink bright
Floats = NDArray[np.float32]  # the same in 0..1
Distortion = Callable[[Images, float, np.random.Generator], Images]


@dataclass(frozen=True)
class Kind:
    """One kind of damage; `unit` says what its severity counts. A severity of 0 is no damage for all."""

    name: str
    distort: Distortion
    severity: float
    unit: str
    affine: bool = False
    """overlaps what training distorts with, so the mean is also given without it"""
    ours: bool = False
    """the severity is set by eye: the paper gives none"""


def corrupt(images: Images, kind: str, severity: float | None = None, seed: int = 0) -> Images:
    """Damaged copies of `images` uint8 [n, 28, 28], ink bright: a function of the arguments alone.

    `severity` None is the fixed one of KINDS. Raises UnknownNameError for a kind that is none, ShapeError for
    other arrays and severities that are negative or not numbers.
    """
    if kind not in KINDS:
        raise UnknownNameError("corruption", kind, KINDS)
    found = KINDS[kind]
    return distorted(images, found.distort, found.severity if severity is None else severity, seed)


def distorted(images: Images, distort: Distortion, amount: float, seed: int = 0) -> Images:
    """`distort(images, amount, generator)`, its arguments checked; an amount of 0 gives a plain copy."""
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE):
        raise ShapeError(
            f"Images to distort must be uint8 [n, 28, 28], not {images.dtype} {list(images.shape)}."
        )
    if not 0 <= amount < math.inf:
        raise ShapeError(f"A severity must be a number of 0 or more, not {amount}.")
    if amount == 0 or not len(images):
        return images.copy()
    return distort(images, amount, np.random.default_rng(seed))


def _floats(images: Images) -> Floats:
    return images.astype(np.float32) / np.float32(255)


def _bytes(floats: NDArray[Any]) -> Images:
    rounded: Images = np.rint(np.clip(floats, 0, 1) * 255).astype(np.uint8)
    return rounded


# --- noise and light ---------------------------------------------------------------------------------------


def shot_noise(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """Light comes in packets of this brightness: a Poisson number of them."""
    return _bytes(rng.poisson(_floats(images) / severity) * severity)


def impulse_noise(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """This share of the pixels is black or white, as a coin falls."""
    draws = rng.random(images.shape, np.float32)
    salted = np.where(draws < severity, np.uint8(255), images)
    return np.where(draws < severity / 2, np.uint8(0), salted)


def gaussian_noise(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """Of this standard deviation, as a share of the full range."""
    return _bytes(_floats(images) + severity * rng.standard_normal(images.shape, np.float32))


def brightness(images: Images, severity: float, _: np.random.Generator) -> Images:
    return _bytes(_floats(images) + severity)


def stripe(images: Images, severity: float, _: np.random.Generator) -> Images:
    """This many columns at the left and at the right edge are inverted."""
    out, width = images.copy(), min(round(severity), SIDE // 2)
    for columns in (slice(0, width), slice(SIDE - width, SIDE)):
        out[:, :, columns] = 255 - out[:, :, columns]
    return out


def fog(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """Cloud of this brightness, ink being 1, over everything; the sum is brought back into range."""
    cloud = np.zeros(images.shape, np.float32)
    for octave, cells in enumerate((2, 4, 8, 16)):
        grids = rng.random((len(images), cells, cells), np.float32)
        smooth = [cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for grid in grids]
        cloud += np.stack(smooth) / 2**octave
    cloud -= cloud.min((1, 2), keepdims=True)
    cloud /= cloud.max((1, 2), keepdims=True)
    return _bytes((_floats(images) + severity * cloud) / (1 + severity))


def spatter(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """Grey drops hide this share of each picture."""
    noise = rng.standard_normal(images.shape, np.float32)
    fields = np.stack([cv2.GaussianBlur(field, (0, 0), 1.2) for field in noise])
    edges = np.quantile(fields, 1 - min(severity, 1), axis=(1, 2), keepdims=True)
    cover = np.clip((fields - edges) * 8 + 0.5, 0, 1)
    return _bytes(_floats(images) * (1 - cover) + DROP * cover)


# --- blur --------------------------------------------------------------------------------------------------


def glass_blur(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """This share of the pixels changes places with a neighbour, between two blurs of as many pixels."""
    planes = np.stack([cv2.GaussianBlur(image, (0, 0), severity) for image in _floats(images)])
    every = np.arange(len(images))
    moves = rng.random((SIDE, SIDE, len(images)), np.float32) < severity
    steps = rng.integers(-1, 2, (2, SIDE, SIDE, len(images))) * moves
    for y in range(1, SIDE - 1):
        for x in range(1, SIDE - 1):
            other_y, other_x = y + steps[0, y, x], x + steps[1, y, x]
            here, there = planes[:, y, x].copy(), planes[every, other_y, other_x]
            planes[:, y, x], planes[every, other_y, other_x] = there, here
    return _bytes(np.stack([cv2.GaussianBlur(plane, (0, 0), severity) for plane in planes]))


def motion_blur(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """Along a line within 45 degrees of level, with Gaussian weights of this standard deviation in pixels."""
    reach = math.ceil(3 * severity)
    steps = np.linspace(-reach, reach, 4 * reach + 1)
    weights = np.exp(-((steps / severity) ** 2) / 2)
    cells = np.arange(-reach, reach + 1)
    blurred = []
    for image, angle in zip(images, rng.uniform(-math.pi / 4, math.pi / 4, len(images)), strict=True):
        across = np.clip(1 - np.abs(steps[:, None] * math.cos(angle) - cells), 0, None)
        down = np.clip(1 - np.abs(steps[:, None] * math.sin(angle) - cells), 0, None)
        kernel = (down * weights[:, None]).T @ across
        blurred.append(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_CONSTANT))
    return np.stack(blurred)


# --- shape -------------------------------------------------------------------------------------------------


def shear(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """Sideways by this many pixels a pixel of height, to the left or to the right."""
    return warped(images, [[[1, sign * severity], [0, 1]] for sign in _signs(len(images), rng)])


def scale(images: Images, severity: float, _: np.random.Generator) -> Images:
    """Smaller by this fraction."""
    factor = max(1 - severity, 1 / SIDE)
    return warped(images, [[[factor, 0], [0, factor]]] * len(images))


def rotate(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """By this many radians, either way round."""
    return warped(images, [turn(sign * severity) for sign in _signs(len(images), rng)])


def translate(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """By this many pixels along both axes, each way."""
    signs = np.stack([_signs(len(images), rng), _signs(len(images), rng)], 1)
    return warped(images, [[[1, 0], [0, 1]]] * len(images), signs.astype(np.float64) * severity)


def turn(angle: float) -> list[list[float]]:
    """The rotation by `angle` radians, as a 2 x 2 matrix."""
    cos, sin = math.cos(angle), math.sin(angle)
    return [[cos, sin], [-sin, cos]]


def warped(images: Images, matrices: Any, offsets: NDArray[np.float64] | None = None) -> Images:
    """Each image under its matrix [2, 2] about its middle, then moved by its offset (x, y) in pixels."""
    linear = np.asarray(matrices, np.float64)
    moved = CENTRE - linear @ np.full(2, CENTRE) + (0 if offsets is None else offsets)
    full = np.concatenate([linear, moved[:, :, None]], 2)
    pairs = zip(images, full, strict=True)
    return np.stack([cv2.warpAffine(image, matrix, (SIDE, SIDE)) for image, matrix in pairs])


def thicken(images: Images, amount: float) -> Images:
    """Strokes wider by `amount` pixels, or thinner if it is negative; in steps of 2 / ZOOM pixels."""
    radius = round(abs(amount) * ZOOM / 2)
    if not radius:  # enlarging and shrinking alone would blur
        return images.copy()
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    change = cv2.dilate if amount > 0 else cv2.erode
    fine = (SIDE * ZOOM,) * 2
    wide = (cv2.resize(image, fine, interpolation=cv2.INTER_CUBIC) for image in images)
    return np.stack(
        [cv2.resize(change(image, disc), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for image in wide]
    )


def _signs(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return 2 * rng.integers(0, 2, count) - 1


# --- lines -------------------------------------------------------------------------------------------------


def dotted_line(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """A straight row of dots across the picture, white at a severity of 1."""

    def draw(start: NDArray[Any], step: NDArray[Any], _: NDArray[Any]) -> Images:
        plane = np.zeros((SIDE, SIDE), np.uint8)
        for k in range(0, 41, 5):
            _line(plane, [start + k * step, start + (k + 1) * step], 2)
        return plane

    return _drawn_over(images, draw, severity, rng)


def zigzag(images: Images, severity: float, rng: np.random.Generator) -> Images:
    """A jagged line across the picture, white at a severity of 1."""

    def draw(start: NDArray[Any], step: NDArray[Any], across: NDArray[Any]) -> Images:
        plane = np.zeros((SIDE, SIDE), np.uint8)
        _line(plane, [start + 2 * k * step + (2 if k % 2 else -2) * across for k in range(21)], 1)
        return plane

    return _drawn_over(images, draw, severity, rng)


def canny_edges(images: Images, severity: float, _: np.random.Generator) -> Images:
    """The outlines in place of the strokes; less than 1 is a blend of both."""
    edges = _floats(np.stack([cv2.Canny(image, 100, 200) for image in images]))
    weight = min(severity, 1.0)
    return _bytes((1 - weight) * _floats(images) + weight * edges)


def _drawn_over(
    images: Images, draw: Callable[..., Images], severity: float, rng: np.random.Generator
) -> Images:
    """A line of 40 pixels at any angle, at most 4 pixels from the middle, over each image."""
    out = images.copy()
    angles = rng.uniform(0, math.pi, len(images))
    steps = np.stack([np.cos(angles), np.sin(angles)], 1)
    acrosses = np.stack([-steps[:, 1], steps[:, 0]], 1)
    middles = CENTRE + rng.uniform(-4, 4, (len(images), 1)) * acrosses
    for image, middle, step, across in zip(out, middles, steps, acrosses, strict=True):
        line = _floats(draw(middle - 20 * step, step, across)) * min(severity, 1.0)
        np.maximum(image, _bytes(line), out=image)
    return out


def _line(plane: Images, points: list[NDArray[Any]], width: int) -> None:
    """White, through `points` (x, y), which may lie between pixels."""
    fine = np.rint(np.stack(points) * 16).astype(np.int32)
    cv2.polylines(plane, [fine[:, None]], False, 255, width, cv2.LINE_AA, 4)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("shot-noise", shot_noise, 0.2, "brightness of a packet of light", ours=True),
        Kind("impulse-noise", impulse_noise, 0.17, "share of pixels"),
        Kind("glass-blur", glass_blur, 0.7, "share moved, and pixels of blur", ours=True),
        Kind("motion-blur", motion_blur, 2.0, "pixels of blur", ours=True),
        Kind("shear", shear, 0.4, "pixels a pixel of height", affine=True),
        Kind("scale", scale, 0.3, "fraction smaller", affine=True),
        Kind("rotate", rotate, 0.4, "radians", affine=True),
        Kind("brightness", brightness, 0.5, "of the full range"),
        Kind("translate", translate, 3.0, "pixels along both axes", affine=True),
        Kind("stripe", stripe, 7.0, "columns at each side"),
        Kind("fog", fog, 2.0, "brightness, ink being 1", ours=True),
        Kind("spatter", spatter, 0.25, "share covered", ours=True),
        Kind("dotted-line", dotted_line, 1.0, "brightness", ours=True),
        Kind("zigzag", zigzag, 1.0, "brightness", ours=True),
        Kind("canny-edges", canny_edges, 1.0, "share in the blend", ours=True),
    )
}
