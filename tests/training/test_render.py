"""Rendered digits: the same for the same seed, readable again, and of every kind the world has."""

import numpy as np
import pytest

from tenfold.data import load_training
from tenfold.data.labelled import Labelled
from tenfold.images import to_mnist
from tenfold.training.render import World, photograph, render, write


@pytest.fixture(scope="module")
def few() -> Labelled:
    return load_training().take(range(60), "few")


def test_pictures_have_both_polarities_and_many_sizes(few: Labelled) -> None:
    pictures = [render(few, i, np.random.default_rng(i)) for i in range(40)]
    assert {picture.dtype for picture in pictures} == {np.dtype(np.uint8)}
    assert len({picture.shape for picture in pictures}) > 30
    bright_paper = [np.median(picture) > picture.mean() for picture in pictures]
    assert 5 < sum(bright_paper) < 40


def test_paper_without_ink_has_no_strokes() -> None:
    blank = photograph(np.zeros((40, 30), np.float32), np.random.default_rng(0), World(ruling=0))
    assert blank.shape == (40, 30)
    assert blank.std() < 40


def test_a_ligature_leaves_the_digit_as_it_is(few: Labelled) -> None:
    """It begins on the digit's outermost ink and goes away from it."""
    joined, alone = World(ligature=1, neighbour=0), World(ligature=0, neighbour=0)
    zero = few.take(np.flatnonzero(few.labels == 0)[:1], "zero")
    pictures = [
        [render(zero, 0, np.random.default_rng(i), world) for i in range(30)] for world in (joined, alone)
    ]
    shares = [
        np.mean([to_mnist(picture)[:, [4, 5, 22, 23]].max() > 0 for picture in few]) for few in pictures
    ]
    assert shares[0] > shares[1]


def test_a_crossed_seven_has_more_ink_at_its_middle(few: Labelled) -> None:
    seven = few.images[few.labels == 7][0]
    still = World(rotation=0, slant=(0, 0), stretch=0, elastic=0, pen=(1, 1))
    plain, crossed = (
        write(seven, 7, np.random.default_rng(1), World(**{**vars(still), "crossbar": chance}))
        for chance in (0.0, 1.0)
    )
    assert crossed[40:60].sum() > plain[40:60].sum() + 10
    assert np.array_equal(
        write(seven, 3, np.random.default_rng(1), still), write(seven, 3, np.random.default_rng(1), still)
    )
