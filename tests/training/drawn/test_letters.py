"""Letters by hand: each letter is its own."""

import cv2
import numpy as np
import pytest

from tenfold.training.drawn import letters
from tenfold.training.drawn.letters import FORMS, LETTERS, written
from tenfold.training.drawn.world import CANVAS, Plane


def test_no_letter_is_a_digit_in_some_hand() -> None:
    assert set(LETTERS) == set("AEFHKMNPRUWXYdefhkmnrtuvwx")
    assert not set(LETTERS) & set("0123456789OoDQCGgqIiljJLSsZzBbyT")


def test_letters_are_a_function_of_the_generator_and_lie_on_the_canvas() -> None:
    drawn = [written(np.random.default_rng(seed)) for seed in range(80)]
    for seed, ink in enumerate(drawn):
        assert np.array_equal(ink, written(np.random.default_rng(seed)))
        assert ink.shape == (CANVAS, CANVAS)
        assert ink.dtype == np.float32
        assert 0 <= ink.min() < ink.max() <= 1
        edge = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
        assert not edge.any()
    assert len({ink.tobytes() for ink in drawn}) == len(drawn)


def test_two_hands_write_a_letter_more_alike_than_two_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same form, brought to the same size by their boxes."""
    seen = []
    for letter in "AEHMU":
        monkeypatch.setattr(letters, "LETTERS", letter)
        monkeypatch.setitem(FORMS, letter, FORMS[letter][:1])
        seen.append([_boxed(written(np.random.default_rng(seed))) for seed in range(12)])
    means = np.stack([np.mean(few[:6], 0) for few in seen])
    right = [
        np.argmin(((means - ink) ** 2).sum((1, 2))) == place
        for place, few in enumerate(seen)
        for ink in few[6:]
    ]
    assert np.mean(right) > 0.85  # a fifth of them by chance


def _boxed(ink: Plane) -> Plane:
    ink = np.asarray(cv2.blur(ink, (9, 9)))
    rows, columns = (np.flatnonzero(ink.max(axis) > 0.1) for axis in (1, 0))
    grid = [np.linspace(places[0], places[-1], 12).round().astype(int) for places in (rows, columns)]
    return np.asarray(ink[np.ix_(*grid)])
