"""Rendered digits: the same for the same seed, readable again, and of every kind the world has."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data import load_training
from tenfold.data.labelled import Labelled
from tenfold.images import to_mnist
from tenfold.training.drawn.paper import photograph, ruled
from tenfold.training.drawn.render import Ring, render, write
from tenfold.training.drawn.world import World


@pytest.fixture(scope="module")
def few() -> Labelled:
    return load_training().take(range(60), "few")


def holes(ink: NDArray[np.float32]) -> int:
    return cv2.connectedComponents((ink < 0.3).astype(np.uint8), connectivity=4)[0] - 2


STILL = World(odd=0, rotation=0, slant=(0, 0), stretch=0, elastic=0, pen=(1, 1))


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


def test_a_rule_goes_from_side_to_side_at_the_digits_feet() -> None:
    ink = np.zeros((90, 120), np.float32)
    ink[20:71, 50:60] = 1
    for seed in range(20):
        lines = ruled(ink, 70, np.random.default_rng(seed)) - ink
        assert (lines.max(0) > 0.3).mean() > 0.8  # a digit that it crosses stays as it is
        assert 50 < np.average(np.arange(90), weights=lines.sum(1)) < 90


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
    plain, crossed = (
        write(seven, 7, np.random.default_rng(1), replace(STILL, crossbar=chance)) for chance in (0.0, 1.0)
    )
    assert crossed[40:60].sum() > plain[40:60].sum() + 10
    assert np.array_equal(
        write(seven, 3, np.random.default_rng(1), STILL), write(seven, 3, np.random.default_rng(1), STILL)
    )


def test_the_broadest_pen_leaves_a_zero_open(few: Labelled) -> None:
    """Filled, it would be a blot, and a blot is no digit."""
    broad = World(odd=0, pen=(4, 4), loop=0)
    zeros = few.images[few.labels == 0]
    as_zero, as_six = (
        [holes(write(zero, label, np.random.default_rng(seed), broad)) for seed, zero in enumerate(zeros)]
        for label in (0, 6)
    )
    assert min(as_zero) >= 1
    assert np.mean(np.array(as_six) == 0) > 0.5  # loops of others fill with ink


def test_a_ring_is_a_zero_by_one_hand_and_never_twice_the_same() -> None:
    rng = np.random.default_rng(0)
    hands = [Ring.of_a_hand(rng, 1.0) for _ in range(40)]
    inks = [hand.draw(rng, STILL) for hand in hands]
    assert np.mean([holes(ink) == 1 for ink in inks]) > 0.6  # the others stay open, or end inside
    assert not np.array_equal(hands[0].draw(rng, STILL), hands[0].draw(rng, STILL))
    low = [hand.width / hand.height for hand in hands if hand.height < 34]
    high = [hand.width / hand.height for hand in hands if hand.height > 45]
    assert np.median(low) > np.median(high)


def test_the_bow_of_a_looped_two_is_closed(few: Labelled) -> None:
    twos = few.images[few.labels == 2]
    plain, closed = (
        [holes(write(two, 2, np.random.default_rng(1), replace(STILL, loop=chance))) for two in twos]
        for chance in (0.0, 1.0)
    )
    assert sum(closed) > sum(plain) + len(twos) / 3
