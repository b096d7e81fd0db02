"""Folds have the properties of scikit-learn's splitters, and are balanced no worse."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from tenfold.data import Store, load_training, load_writers
from tenfold.errors import DataError, ShapeError, UsageError
from tenfold.harness.estimates.folds import Folds, folds_by_class, folds_by_writer

Ints = NDArray[np.integer[Any]]
QMNIST = Path(os.environ.get("TENFOLD_QMNIST", Path(__file__).parents[3] / ".." / "shared" / "qmnist"))


def some_labels(n: int, seed: int = 0) -> Ints:
    """Digits with shares as uneven as 1 to 10, the first ten one of each."""
    rng = np.random.default_rng(seed)
    shares = np.arange(1, 11) / 55
    return np.concatenate([np.arange(10), rng.choice(10, n - 10, p=shares)]).astype(np.uint8)


def some_writers(n: int, count: int, seed: int = 0) -> Ints:
    """Each of `count` writers has at least one of the n digits; numbers as odd as QMNIST's."""
    rng = np.random.default_rng(seed)
    return rng.permutation(np.concatenate([np.arange(count), rng.integers(0, count, n - count)])) * 7 + 2000


def table(fold: Folds, labels: Ints, k: int) -> Ints:
    """How many of each class each fold holds, [k, 10]."""
    return np.array([np.bincount(labels[fold == number], minlength=10) for number in range(k)])


def as_folds(splitter: Any, labels: Ints, writers: Ints | None = None) -> Folds:
    fold = np.empty(len(labels), np.int16)
    for number, (_, held_out) in enumerate(splitter.split(labels, labels, writers)):
        fold[held_out] = number
    return fold


@pytest.mark.parametrize(("n", "k"), [(30, 2), (301, 3), (1000, 5), (997, 10), (5000, 7)])
def test_folds_by_class_hold_as_many_of_each_class_as_scikit_learns(n: int, k: int) -> None:
    labels = some_labels(n)
    k = min(k, int(np.bincount(labels).min()))
    if k < 2:
        labels = np.sort(np.tile(np.arange(10, dtype=np.uint8), n // 10 + 1))
        k = 2
    fold = folds_by_class(labels, k, seed=0)
    ours = table(fold, labels, k)
    theirs = table(as_folds(StratifiedKFold(k, shuffle=True, random_state=0), labels), labels, k)
    assert sorted(map(tuple, ours.tolist())) == sorted(map(tuple, theirs.tolist()))
    assert np.ptp(ours, axis=0).max() <= 1
    assert np.ptp(ours.sum(1)) <= 1


def test_folds_follow_from_seed_and_repeat_alone() -> None:
    labels, writers = some_labels(600), some_writers(600, 40)
    draws = {}
    for seed, repeat in ((0, 0), (0, 1), (1, 0), (10, 0), (1, 1)):
        by_class = folds_by_class(labels, 3, seed=seed, repeat=repeat)
        by_writer = folds_by_writer(writers, labels, 3, seed=seed, repeat=repeat)
        assert np.array_equal(by_class, folds_by_class(labels, 3, seed=seed, repeat=repeat))
        draws[by_class.tobytes(), by_writer.tobytes()] = (seed, repeat)
    assert len(draws) == 5


def test_folds_are_the_same_on_every_machine_and_version() -> None:
    """Written down once: another numpy or a changed rule must not change the folds quietly."""
    labels = np.arange(40, dtype=np.uint8) % 10
    assert "".join(map(str, folds_by_class(labels, 4, seed=0))) == "3330012223121332311020222000320101131301"
    assert (
        "".join(map(str, folds_by_writer(np.arange(40) // 3, labels, 4, seed=0)))
        == "1112222221113331113332223333330000000000"
    )


def test_another_draw_is_independent_of_the_first() -> None:
    labels = np.arange(5000, dtype=np.uint8) % 10
    one, other = (folds_by_class(labels, 5, seed=0, repeat=repeat) for repeat in (0, 1))
    assert np.mean(one == other) == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(("n", "count", "k"), [(200, 2, 2), (300, 30, 5), (1000, 100, 10), (40, 40, 40)])
def test_no_writer_is_in_two_folds_and_no_fold_is_empty(n: int, count: int, k: int) -> None:
    labels, writers = some_labels(n), some_writers(n, count)
    fold = folds_by_writer(writers, labels, k, seed=0)
    for writer in np.unique(writers):
        assert len(np.unique(fold[writers == writer])) == 1
    assert set(fold) == set(range(k))


def test_folds_by_writer_are_balanced_better_than_scikit_learns() -> None:
    """Writers of uneven size, the second half of whom write sevens mostly; over ten draws."""
    ours, theirs = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        writers = np.repeat(np.arange(80), rng.integers(10, 60, 80))
        sevens = (writers >= 40) & (rng.random(len(writers)) < 0.5)
        labels = np.where(sevens, 7, rng.integers(0, 10, len(writers))).astype(np.uint8)
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        ours.append(table(folds_by_writer(writers, labels, 5, seed=seed), labels, 5))
        theirs.append(table(as_folds(splitter, labels, writers), labels, 5))
    for unfairness in (spread_of_sizes, spread_of_classes):
        assert np.mean([unfairness(counts) for counts in ours]) <= np.mean(
            [unfairness(counts) for counts in theirs]
        )


def spread_of_sizes(counts: Ints) -> float:
    return float(counts.sum(1).std() / counts.sum(1).mean())


def spread_of_classes(counts: Ints) -> float:
    """How far, in all, folds are from their share of each class, in numbers of images."""
    return float(np.sqrt(((counts - counts.mean(0)) ** 2).sum()))


def test_too_few_or_too_many_folds() -> None:
    labels, writers = some_labels(100), some_writers(100, 6)
    for k in (-1, 0, 1, 1001):
        with pytest.raises(UsageError, match=f"not {k}"):
            folds_by_class(labels, k, seed=0)
        with pytest.raises(UsageError, match=f"not {k}"):
            folds_by_writer(writers, labels, k, seed=0)
    smallest = int(np.bincount(labels).min())
    with pytest.raises(DataError, match=rf"has only {smallest}\."):
        folds_by_class(labels, smallest + 1, seed=0)
    folds_by_writer(writers, labels, 6, seed=0)
    with pytest.raises(DataError, match=r"only 6\."):
        folds_by_writer(writers, labels, 7, seed=0)


def test_arrays_that_do_not_fit() -> None:
    labels = some_labels(50)
    with pytest.raises(ShapeError, match="49 writers and 50 labels"):
        folds_by_writer(np.arange(49), labels, 2, seed=0)
    with pytest.raises(ShapeError):
        folds_by_class(labels[:0], 2, seed=0)
    with pytest.raises(ShapeError):
        folds_by_class(labels.reshape(5, 10), 2, seed=0)


@pytest.mark.slow
@pytest.mark.skipif(not QMNIST.is_dir(), reason="needs a copy of QMNIST's labels, named by TENFOLD_QMNIST")
def test_mnists_writers(tmp_path: Path) -> None:
    labels = load_training().labels
    writers = load_writers("train", Store(cache=tmp_path, import_from=QMNIST, offline=True))
    assert len(np.unique(writers)) == 539
    for seed in range(5):
        fold = folds_by_writer(writers, labels, 5, seed=seed)
        assert all(len(np.unique(fold[writers == writer])) == 1 for writer in np.unique(writers)[::20])
        counts = table(fold, labels, 5)
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        theirs = table(as_folds(splitter, labels, writers), labels, 5)
        assert np.ptp(counts.sum(1)) < 120  # images, of 12,000
        assert spread_of_classes(counts) <= spread_of_classes(theirs)
