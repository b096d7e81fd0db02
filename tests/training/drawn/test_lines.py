"""Strips with numbers on them: the same for the same seed, and their labels say what is written there."""

from pathlib import Path

import numpy as np
import pytest

from tenfold.data import load_training
from tenfold.data.labelled import Labelled
from tenfold.images.strip import HEIGHT
from tenfold.training.drawn.lines import LONGEST, NOTHING, WIDTH, Lines, draw_lines


@pytest.fixture(scope="module")
def few() -> Labelled:
    return load_training().take(range(300), "few")


@pytest.fixture(scope="module")
def drawn(few: Labelled) -> Lines:
    return draw_lines(few, 24, seed=1)


def test_strips_and_their_labels(drawn: Lines) -> None:
    assert drawn.images.shape == (24, HEIGHT, WIDTH)
    assert drawn.images.dtype == np.uint8
    assert drawn.labels.shape == (24, LONGEST)
    assert len(drawn) == 24
    for labels in drawn.labels:
        count = int((labels != NOTHING).sum())
        assert (labels[:count] < NOTHING).all()
        assert (labels[count:] == NOTHING).all()


def test_more_digits_take_more_ink(drawn: Lines) -> None:
    ink = [(image > 127).any(0).sum() for image in drawn.images]
    assert np.corrcoef(ink, (drawn.labels != NOTHING).sum(1))[0, 1] > 0.5


def test_a_strip_holds_several_numbers_and_leaves_paper_between(drawn: Lines) -> None:
    assert (drawn.labels != NOTHING).sum(1).mean() > 7
    assert (drawn.images.max(1) == 0).any(1).all()


def test_they_are_the_same_for_the_same_seed(few: Labelled, drawn: Lines) -> None:
    again, other = draw_lines(few, 3, seed=1), draw_lines(few, 3, seed=2)
    assert (again.images == drawn.images[:3]).all()
    assert (again.labels == drawn.labels[:3]).all()
    assert again.checksum == draw_lines(few, 3, seed=1).checksum != other.checksum
    assert (other.images != again.images).any()


def test_what_is_kept_is_not_drawn_again(
    few: Labelled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = draw_lines(few, 2, seed=3, kept=tmp_path)
    monkeypatch.setattr("tenfold.training.drawn.lines._strip", lambda *_: pytest.fail("drawn again"))
    assert draw_lines(few, 2, seed=3, kept=tmp_path).checksum == first.checksum


def test_zeros_at_the_end_are_common(few: Labelled) -> None:
    """As in amounts: more often than in one digit of ten."""
    labels = np.concatenate([row[row != NOTHING] for row in draw_lines(few, 40, seed=5).labels])
    assert (labels == 0).mean() > 0.15
