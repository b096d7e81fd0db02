"""Numbers that one hand wrote: their cuts are the digits themselves, or are known to be none."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data import load_training
from tenfold.data.labelled import Labelled
from tenfold.training.drawn import strings
from tenfold.training.drawn.strings import cut_digit, cut_wrongly, cuts, written
from tenfold.training.drawn.world import World

SEEDS = range(40)


@pytest.fixture(scope="module")
def few() -> Labelled:
    return load_training().take(range(60), "few")


def bytes_of(image: NDArray[np.uint8] | None) -> bytes:
    assert image is not None
    return image.tobytes()


def generators() -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in SEEDS]


def test_a_digit_cut_out_of_a_number_is_that_digit(few: Labelled) -> None:
    """Nearer to its own original than to the middle one of all."""
    upright = World(slant=(-0.1, 0.1), odd=0)
    found = [cut_digit(few, seed, rng, upright) for seed, rng in zip(SEEDS, generators(), strict=True)]
    there = [seed for seed in SEEDS if found[seed] is not None]
    assert len(there) > 0.6 * len(found)
    seen = np.stack([image for image in found if image is not None]).reshape(len(there), -1).astype(float)
    nearness = np.corrcoef(seen, few.images.reshape(60, -1).astype(float))[: len(there), len(there) :]
    own = nearness[range(len(there)), there]
    assert np.mean(own > np.median(nearness, axis=1)) > 0.85


def test_it_is_the_same_for_the_same_generator(few: Labelled) -> None:
    first, again, other = (cut_digit(few, 3, np.random.default_rng(seed), World()) for seed in (0, 0, 3))
    assert bytes_of(first) == bytes_of(again) != bytes_of(other)
    wrong, same = (cut_wrongly(few, np.random.default_rng(1), World()) for _ in range(2))
    assert bytes_of(wrong) == bytes_of(same)


def test_a_number_of_digits_apart_is_cut_into_just_them(few: Labelled) -> None:
    """Every digit is found whole, and whatever is no digit has a share of ink that says so."""
    for rng in generators()[:10]:
        found = cuts(few, [0, 1, 2], rng, World(faint=0, ruling=0, height=(60.0, 80.0)))
        assert {len(cut.whole) for cut in found} == {3}
        assert all(0 <= share <= 1 for cut in found for share in (*cut.whole, *cut.pure))
        joined = [cut for cut in found if (cut.whole > 0.9).sum() >= 2]
        assert all(cut.pure.max() < 0.9 for cut in joined)  # two digits at once belong to neither


def test_what_is_cut_wrongly_is_no_bar_and_has_ink(few: Labelled) -> None:
    """A straight stroke by itself is how many write a 1."""
    found = [cut_wrongly(few, rng, World()) for rng in generators()]
    images = [image for image in found if image is not None]
    assert len(images) > 0.8 * len(found)
    assert len({image.tobytes() for image in images}) == len(images)
    for image in images:
        assert image.shape == (28, 28)
        y, x = np.nonzero(image > 127)
        sizes, axes = np.linalg.eigh(np.cov(np.stack([y, x]).astype(float)))
        assert sizes[0] > 0.04 * sizes[1] or abs(axes[0, 1]) < 0.6


def test_a_comma_is_cut_from_its_digit_and_spoils_what_it_is_cut_with(few: Labelled) -> None:
    apart = World(faint=0, ruling=0, rule=0, height=(60.0, 80.0), slant=(0, 0))
    without, with_commas = (
        [cut for rng in generators() for cut in cuts(few, [0, 1, 2], rng, replace(apart, mark=chance))]
        for chance in (0.0, 1.0)
    )
    assert not any(cut.marked for cut in without)
    marked = [cut for cut in with_commas if cut.marked]
    assert len(marked) > 20
    assert sum(len(cut.atoms) > 1 and cut.whole.max() > 0.9 for cut in marked) > 10  # it hangs on to a digit
    assert any(not cut.marked and cut.whole[0] > 0.9 and cut.pure[0] > 0.9 for cut in with_commas)


def test_zeros_drawn_in_a_chain_hang_together(few: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are far apart, and by another stroke than from side to side."""
    monkeypatch.setattr(strings, "ROUNDED", 1.0)
    monkeypatch.setattr(strings, "IN_ONE_GO", 1.0)
    zeros = np.flatnonzero(few.labels == 0)[:1].repeat(4).tolist()
    hands, parts = [replace(World(elastic=0, mark=0), chain=chance) for chance in (0.0, 1.0)], []
    for rngs in zip(generators(), generators(), strict=True):
        inks = [written(few, zeros, rng, hand)[0] for rng, hand in zip(rngs, hands, strict=True)]
        assert not np.array_equal(inks[0], inks[1])
        parts.append(cv2.connectedComponents((inks[1] > 0.3).astype(np.uint8))[0] - 1)
    assert np.mean(np.array(parts) == 1) > 0.9


def test_a_digit_without_ink_is_nowhere(few: Labelled) -> None:
    empty = Labelled("empty", np.zeros_like(few.images), few.labels)
    assert all(cut_digit(empty, 0, rng, World(school=0)) is None for rng in generators()[:10])
