"""Digits of other schools: each hand keeps to its forms, and what they say can be read."""

from dataclasses import replace

import numpy as np
import pytest

from tenfold.images import to_mnist
from tenfold.reading import Reader
from tenfold.training.drawn.hands import DIGITS, FURTHER, Hand
from tenfold.training.drawn.paper import photograph
from tenfold.training.drawn.world import CANVAS, World

WORLD = World(pen=(0.7, 1.3), faint=0)


def test_a_hand_keeps_to_its_forms_and_never_writes_the_same_twice() -> None:
    rng = np.random.default_rng(0)
    hands = [Hand.any(rng, WORLD) for _ in range(60)]
    others = [Hand.any(rng, replace(WORLD, further=True)) for _ in range(120)]
    for digit, forms in enumerate(DIGITS):
        assert {hand.forms[digit] for hand in hands} == set(forms)
        assert {hand.forms[digit] for hand in others} == {*forms, *FURTHER[digit]}
    first, second = (hands[0].write(4, rng, WORLD) for _ in range(2))
    assert first.shape == (CANVAS, CANVAS)
    assert 0 <= first.min() < first.max() <= 1
    assert not np.array_equal(first, second)
    leaning, upright = (Hand(hands[0].forms, lean, 0.8, 5.0, 0) for lean in (0.8, 0.0))
    widths = [
        np.ptp(np.flatnonzero(hand.write(8, np.random.default_rng(1), WORLD).max(0) > 0.5))
        for hand in (leaning, upright)
    ]
    assert widths[0] > widths[1] + 10


@pytest.mark.parametrize("digit", range(10))
def test_what_hands_write_is_read_as_that_digit(digit: int) -> None:
    """Were a form another digit than it says, every picture of it would teach a mistake."""
    reader, rng = Reader(threads=1), np.random.default_rng(digit)
    for form in (*DIGITS[digit], *FURTHER[digit]):
        hand = Hand((form,) * 10, 0.2, 0.8, 6.0, 1)
        images = [
            to_mnist(photograph(hand.write(digit, rng, WORLD)[8:-8, 8:-8], rng, WORLD)) for _ in range(12)
        ]
        labels = reader.probabilities(np.stack(images)).argmax(1)
        assert np.mean(labels == digit) > 0.6, form
