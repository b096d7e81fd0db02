"""What is no digit: drawn alike for one seed, of many kinds, and taught as a tenth for each digit."""

import numpy as np
import pytest
import torch

from tenfold.data import load_training
from tenfold.data.labelled import Labelled
from tenfold.training.drawn.nondigits import KINDS, NONE, nondigits
from tenfold.training.drawn.world import World
from tenfold.training.lesson import lesson
from tenfold.training.loop import Examples
from tenfold.training.recipes import RECIPES, replace


@pytest.fixture(scope="module")
def few() -> Labelled:
    return load_training().take(range(50), "few")


def test_they_are_a_function_of_the_seed(few: Labelled) -> None:
    first = nondigits(few, 40, 3)
    assert first.checksum == nondigits(few, 40, 3).checksum != nondigits(few, 40, 4).checksum
    assert first.classes == 11
    assert set(first.labels.tolist()) == {NONE}
    assert (first.images.reshape(40, -1).max(1) > 0).mean() > 0.8  # seldom lost on the road


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_draws_ink_and_never_the_same(kind: object, few: Labelled) -> None:
    assert callable(kind)
    drawn = [kind(few, np.random.default_rng(seed), World()) for seed in range(6)]
    for ink in drawn:
        assert ink.dtype == np.float32
        assert 0.02 < ink.mean() < 0.9
        assert 0 <= ink.min() <= ink.max() <= 1
    assert len({ink.tobytes() for ink in drawn}) == 6


def test_a_lesson_has_digits_views_and_nondigits(few: Labelled) -> None:
    recipe = replace(RECIPES["baseline"], as_is=2, views=2, nondigits=0.2)
    taught = lesson(few, recipe, 0)
    assert np.bincount(taught.labels, minlength=11).tolist()[:10] == [
        4 * count for count in np.bincount(few.labels, minlength=10).tolist()
    ]
    assert (taught.labels == NONE).sum() == 10
    assert np.array_equal(taught.images[:100], np.concatenate([few.images] * 2))
    assert lesson(few, RECIPES["baseline"], 0) is few
    assert (
        lesson(few, replace(recipe, as_is=1, views=0, nondigits=0.009), 0) is few
    )  # less than half a picture


def test_the_target_of_no_digit_is_a_tenth_for_each() -> None:
    labels = np.array([3, NONE], np.uint8)
    images, targets = Examples(
        Labelled("x", np.full((2, 28, 28), 51, np.uint8), labels, 11), torch.device("cpu")
    ).batch(slice(None))
    assert torch.equal(images, torch.full((2, 1, 28, 28), 0.2))
    assert targets[0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    torch.testing.assert_close(targets[1], torch.full((10,), 0.1))
