import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from tenfold.data.labelled import Labelled, combine, validation_indices
from tenfold.errors import DataError, ShapeError, TenfoldError


def digits(count: int, seed: int = 0, name: str = "some") -> Labelled:
    random = np.random.default_rng(seed)
    return Labelled(
        name, random.integers(0, 256, (count, 28, 28), np.uint8), random.integers(0, 10, count, np.uint8)
    )


def pixels(data: Labelled) -> list[bytes]:
    return [image.tobytes() for image in data.images]


UNFIT: dict[str, tuple[Callable[[], Labelled], type[TenfoldError], str]] = {
    "floats": (lambda: Labelled("x", np.zeros((2, 28, 28)), np.zeros(2, np.uint8)), ShapeError, "uint8"),  # type: ignore[arg-type]
    "flat": (
        lambda: Labelled("x", np.zeros((2, 784), np.uint8), np.zeros(2, np.uint8)),
        ShapeError,
        "28, 28",
    ),
    "a list": (lambda: Labelled("x", [[0]], np.zeros(1, np.uint8)), ShapeError, "an array, not list"),  # type: ignore[arg-type]
    "int labels": (
        lambda: Labelled("x", np.zeros((2, 28, 28), np.uint8), np.zeros(2, int)),
        ShapeError,
        "int64",
    ),
    "lengths": (
        lambda: Labelled("x", np.zeros((2, 28, 28), np.uint8), np.zeros(3, np.uint8)),
        DataError,
        "2 images but 3 labels",
    ),
    "none": (
        lambda: Labelled("x", np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8)),
        DataError,
        "no images",
    ),
    "label 10": (
        lambda: Labelled("x", np.zeros((2, 28, 28), np.uint8), np.array([1, 10], np.uint8)),
        DataError,
        "label 10 at place 1; labels are 0 to 9",
    ),
}


@pytest.mark.parametrize(("make", "error", "sentence"), UNFIT.values(), ids=UNFIT)
def test_unfit_arrays_are_refused(
    make: Callable[[], Labelled], error: type[TenfoldError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        make()


def test_a_set_of_letters_says_so() -> None:
    letters = Labelled("x", np.zeros((1, 28, 28), np.uint8), np.array([25], np.uint8), classes=26)
    assert letters.take([0], "y").classes == 26


def test_images_are_taken_by_place_or_by_what_is_true_of_them() -> None:
    data = digits(50)
    threes = data.take(data.labels == 3, "threes")
    assert 0 < len(threes) == np.count_nonzero(data.labels == 3)
    assert threes.checksum == data.take(np.flatnonzero(data.labels == 3), "threes").checksum
    assert pixels(data.take([-1, 0], "two")) == [pixels(data)[-1], pixels(data)[0]]


@pytest.mark.parametrize("indices", [[50], [0.5], [True] * 49, np.array([1.0])], ids=str)
def test_images_that_cannot_be_taken_are_refused(indices: Any) -> None:
    with pytest.raises(ShapeError, match=r"^The images of 'some' cannot be taken: .*\.$"):
        digits(50).take(indices, "other")


def test_a_set_cannot_be_changed() -> None:
    data = digits(2)
    with pytest.raises(ValueError, match="read-only"):
        data.images[0, 0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"  # type: ignore[misc]


def test_what_a_set_was_made_of_may_be_changed() -> None:
    images, labels = np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8)
    shown = images[:]
    shown.flags.writeable = False
    data = [
        Labelled("x", images, labels),
        Labelled("x", shown, labels),
        Labelled("x", images[1:], labels[1:]),
    ]
    images[1], labels[1] = 7, 7
    assert not any(each.images.any() or each.labels.any() for each in data)


def test_what_nobody_can_change_is_not_copied() -> None:
    data = digits(3)
    again = Labelled("again", data.images, data.labels)
    assert np.shares_memory(again.images, data.images)
    assert np.shares_memory(Labelled("part", data.images[1:], data.labels[1:]).images, data.images)


def test_a_set_that_was_pickled_cannot_be_changed_either() -> None:
    data = pickle.loads(pickle.dumps(digits(3)))  # noqa: S301 - our own
    assert data.checksum == digits(3).checksum
    with pytest.raises(ValueError, match="read-only"):
        data.images[0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        data.labels[0] = 1


def test_the_checksum_tells_sets_apart_and_nothing_else() -> None:
    data = digits(3)
    same = Labelled("another name", data.images.copy(order="F"), data.labels.copy())
    other_label = Labelled("some", data.images, (data.labels + 1) % 10)
    assert data.checksum == same.checksum
    sums = {
        data.checksum,
        other_label.checksum,
        data.take([0, 2, 1], "x").checksum,
        data.take([0], "x").checksum,
    }
    assert len(sums) == 4
    assert digits(3).checksum == "2529ec7323d1fa231fd4e9567e1589fc1a7a2be7dd7939cd907a1fabfa69ba2a"


def test_take_keeps_the_order_it_is_given() -> None:
    data = digits(5)
    taken = data.take(np.array([4, 0]), "two")
    assert (taken.name, len(taken)) == ("two", 2)
    assert pixels(taken) == [pixels(data)[4], pixels(data)[0]]
    assert taken.labels.tolist() == data.labels[[4, 0]].tolist()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(count=st.integers(12, 90), seed=st.integers(0, 9))
def test_a_split_parts_the_set_and_keeps_the_shares_of_the_classes(count: int, seed: int) -> None:
    data = digits(count, seed)
    train, validation = data.split()
    assert len(validation) == count // 12
    assert sorted(pixels(train) + pixels(validation)) == sorted(pixels(data))
    for label in range(10):
        fair = np.sum(data.labels == label) * len(validation) / count
        assert abs(np.sum(validation.labels == label) - fair) < 1


def test_the_shares_are_those_of_scikit_learn() -> None:
    data = digits(2_000)
    _, theirs = train_test_split(np.arange(2_000), test_size=300, stratify=data.labels, random_state=0)
    assert (
        np.bincount(data.split(300).validation.labels).tolist() == np.bincount(data.labels[theirs]).tolist()
    )


def test_a_split_does_not_depend_on_the_order_of_the_images() -> None:
    data = digits(100)
    shuffled = data.take(np.random.default_rng(1).permutation(100), "shuffled")
    assert sorted(pixels(data.split().validation)) == sorted(pixels(shuffled.split().validation))


def test_a_split_stays_the_same() -> None:
    assert validation_indices(digits(60), 5).tolist() == [1, 8, 22, 32, 58]


@pytest.mark.parametrize(("count", "validation"), [(11, None), (20, 0), (20, 20), (20, 5_000)])
def test_a_set_too_small_to_split_is_refused(count: int, validation: int | None) -> None:
    least = 12 if validation is None else validation + 1
    with pytest.raises(DataError, match=f"too few images .*: {count}; it needs at least {least:,}"):
        digits(count).split(validation)


def test_combine_joins_in_order() -> None:
    first, second = digits(2), digits(3, seed=1)
    both = combine("both", first, second)
    assert pixels(both) == pixels(first) + pixels(second)
    assert both.labels.tolist() == [*first.labels.tolist(), *second.labels.tolist()]
