"""Damage is fixed by its seed, leaves its input alone, and does what its name says."""

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data.mnist import load_training
from tenfold.errors import ShapeError, UnknownNameError
from tenfold.harness.corruptions import KINDS, corrupt, thicken, turn, warped

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def digits() -> Images:
    return load_training().images[:40]


def spot(y: int, x: int) -> Images:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, y, x] = 255
    return image


def test_there_are_fifteen_kinds_of_which_four_are_affine() -> None:
    assert len(KINDS) == 15
    assert {name for name, kind in KINDS.items() if kind.affine} == {"shear", "scale", "rotate", "translate"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_a_function_of_its_arguments(digits: Images, kind: str) -> None:
    before = digits.copy()
    damaged = corrupt(digits, kind, seed=3)
    assert damaged.dtype == np.uint8
    assert damaged.shape == digits.shape
    assert np.array_equal(digits, before)
    assert np.array_equal(damaged, corrupt(digits, kind, seed=3))
    assert (damaged != digits).any((1, 2)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_damaged_at_severity_0_and_the_copy_is_new(digits: Images, kind: str) -> None:
    untouched = corrupt(digits, kind, 0)
    assert np.array_equal(untouched, digits)
    assert untouched is not digits
    assert not np.shares_memory(untouched, digits)


RANDOM = sorted(set(KINDS) - {"scale", "brightness", "stripe", "canny-edges"})


@pytest.mark.parametrize("kind", RANDOM)
def test_another_seed_gives_other_damage(digits: Images, kind: str) -> None:
    assert not np.array_equal(corrupt(digits, kind, seed=0), corrupt(digits, kind, seed=1))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"scale", "shear", "rotate", "translate", "stripe"}))
def test_more_severity_changes_more(digits: Images, kind: str) -> None:
    fixed = KINDS[kind].severity
    changes = [
        np.abs(corrupt(digits, kind, share * fixed).astype(int) - digits).mean() for share in (0.25, 0.5, 1)
    ]
    assert 0 < changes[0] < changes[1] < changes[2]


@pytest.mark.parametrize("kind", KINDS)
def test_no_images_are_no_trouble(kind: str) -> None:
    assert corrupt(np.zeros((0, 28, 28), np.uint8), kind).shape == (0, 28, 28)


@pytest.mark.parametrize(
    ("images", "severity", "words"),
    [
        (np.zeros((2, 28, 28)), 1.0, "uint8"),
        (np.zeros((28, 28), np.uint8), 1.0, r"\[28, 28\]"),
        (np.zeros((2, 28, 28), np.uint8), -0.1, "-0.1"),
        (np.zeros((2, 28, 28), np.uint8), math.nan, "nan"),
        (np.zeros((2, 28, 28), np.uint8), math.inf, "inf"),
    ],
)
def test_what_cannot_be_damaged_is_refused(images: Images, severity: float, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        corrupt(images, "fog", severity)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"'frog'.*'fog'"):
        corrupt(np.zeros((1, 28, 28), np.uint8), "frog")


# --- what each does, against a plain account of it ---------------------------------------------------------


def test_impulse_noise_blackens_and_whitens_equal_shares() -> None:
    grey = np.full((50, 28, 28), 100, np.uint8)
    damaged = corrupt(grey, "impulse-noise")
    for value in (0, 255):
        assert (damaged == value).mean() == pytest.approx(0.085, abs=0.005)
    assert set(np.unique(damaged)) == {0, 100, 255}


def test_shot_noise_keeps_the_mean_and_varies_as_poisson_says() -> None:
    grey = np.full((200, 28, 28), 51, np.uint8)  # 0.2, where hardly a draw is clipped
    damaged = corrupt(grey, "shot-noise", 0.02) / 255
    assert damaged.mean() == pytest.approx(0.2, abs=0.002)
    assert damaged.var() == pytest.approx(0.2 * 0.02, rel=0.05)


def test_brightness_adds_half_the_range(digits: Images) -> None:
    lighter = corrupt(digits, "brightness").astype(float)
    assert np.abs(lighter - np.minimum(digits + 127.5, 255)).max() <= 0.5


def test_a_stripe_inverts_seven_columns_at_each_side(digits: Images) -> None:
    damaged = corrupt(digits, "stripe")
    sides = [*range(7), *range(21, 28)]
    assert np.array_equal(damaged[:, :, sides], 255 - digits[:, :, sides])
    assert np.array_equal(damaged[:, :, 7:21], digits[:, :, 7:21])


def test_translation_moves_whole_pixels_along_both_axes() -> None:
    damaged = corrupt(np.repeat(spot(10, 12), 60, 0), "translate")
    places = {(int(y), int(x)) for _, y, x in np.argwhere(damaged == 255)}
    assert places == {(7, 9), (7, 15), (13, 9), (13, 15)}
    assert (damaged > 0).sum() == 60


def test_rotation_turns_by_the_angle_either_way() -> None:
    damaged = corrupt(np.repeat(spot(14, 24), 30, 0), "rotate")
    angles = []
    for image in damaged:
        moments = cv2.moments(image)
        x, y = moments["m10"] / moments["m00"] - 13.5, moments["m01"] / moments["m00"] - 13.5
        angles.append(math.atan2(0.5, 10.5) - math.atan2(y, x))
    assert np.abs(angles) == pytest.approx(np.full(30, 0.4), abs=0.02)
    assert min(angles) < 0 < max(angles)


def test_a_positive_turn_is_counter_clockwise() -> None:
    turned = warped(spot(13, 24), [turn(math.pi / 2)])  # the right end goes to the top
    y, x = np.argwhere(turned[0] == turned.max())[0]
    assert y == 3
    assert x in (13, 14)


def test_shear_moves_the_top_and_the_bottom_apart() -> None:
    bar = np.zeros((30, 28, 28), np.uint8)
    bar[:, 4:24, 14] = 255
    damaged = corrupt(bar, "shear").astype(float)
    centres = (damaged * np.arange(28)).sum(2)[:, [6, 21]] / damaged.sum(2)[:, [6, 21]]
    assert np.abs(centres[:, 0] - centres[:, 1]) == pytest.approx(np.full(30, 0.4 * 15), abs=0.1)


def test_scale_shrinks_to_seven_tenths_about_the_middle() -> None:
    box = np.zeros((1, 28, 28), np.uint8)
    box[0, 4:24, 4:24] = 255
    rows = np.flatnonzero((corrupt(box, "scale")[0] > 127).any(1))
    assert (rows[0], rows[-1]) == (7, 20)


def test_blurs_keep_the_ink_and_spread_it() -> None:
    for kind in ("motion-blur", "glass-blur"):
        damaged = corrupt(np.repeat(spot(14, 14), 20, 0) // 2 * 2, kind)
        assert damaged.sum((1, 2)) == pytest.approx(np.full(20, 254), rel=0.15), kind
        assert (damaged > 0).sum((1, 2)).min() >= 5, kind


def test_fog_lowers_the_contrast_by_its_brightness() -> None:
    image = np.zeros((20, 28, 28), np.uint8)
    twin = image.copy()
    twin[:, 10:18, 10:18] = 255
    gain = corrupt(twin, "fog").astype(int) - corrupt(image, "fog")
    assert gain[:, 10:18, 10:18] == pytest.approx(np.full((20, 8, 8), 85), abs=1)
    assert not gain[:, :10].any()


def test_spatter_covers_its_share() -> None:
    covered = corrupt(np.zeros((60, 28, 28), np.uint8), "spatter") > 45
    assert covered.mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("kind", ["dotted-line", "zigzag"])
def test_lines_only_add_ink_and_cross_the_picture(digits: Images, kind: str) -> None:
    assert (corrupt(digits, kind) >= digits).all()
    lines = corrupt(np.zeros_like(digits), kind) > 100
    reach = [max(np.ptp(np.nonzero(line), axis=1)) for line in lines]
    assert min(reach) >= 18


def test_edges_are_those_of_canny(digits: Images) -> None:
    assert np.array_equal(corrupt(digits, "canny-edges")[0], cv2.Canny(digits[0], 100, 200))


def test_thickness_widens_a_stroke_by_so_many_pixels() -> None:
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[0, :, 12:16] = 255
    for amount in (-2, -1, 0, 1, 2, 4):
        width = thicken(bar, amount)[0, 14].sum() / 255
        assert width == pytest.approx(4 + amount, abs=0.3)
