"""Which images train and which validate, for one set, several, and a final training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data.labelled import Labelled
from tenfold.data.mnist import load_training
from tenfold.data.parts import checksums, load_parts, names_of
from tenfold.errors import DataError, UnknownNameError, UsageError


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """240 digits in a file, which are all that there is of MNIST, too."""
    data = load_training().take(range(240), "mnist-training")
    monkeypatch.setattr("tenfold.data.parts.load_training", lambda: data)
    monkeypatch.setattr("tenfold.data.mnist.VALIDATION", 20)
    path = tmp_path / "own" / "digits.npz"
    path.parent.mkdir()
    np.savez(path, images=data.images, labels=data.labels)
    return path


def test_one_set_is_parted_with_nothing_lost(digits: Path) -> None:
    training, validation = load_parts([str(digits)], final=False)
    assert validation is not None
    assert (len(training), len(validation)) == (220, 20)
    assert list(checksums((training, validation))) == ["digits-train", "digits-validation"]
    pixels = {image.tobytes() for part in (training, validation) for image in part.images}
    whole, none = load_parts([str(digits)], final=True)
    assert none is None
    assert pixels == {image.tobytes() for image in whole.images}


def test_several_sets_are_joined_part_by_part(digits: Path) -> None:
    training, validation = load_parts(["mnist", str(digits)], final=False)
    assert validation is not None
    assert (len(training), len(validation)) == (440, 40)
    assert training.name == "mnist-train+digits-train"
    # the same digits in both sets: none may train in one and validate in the other
    assert not {image.tobytes() for image in training.images} & {i.tobytes() for i in validation.images}


def test_each_set_that_was_joined_has_its_checksum(digits: Path, tmp_path: Path) -> None:
    images, labels = np.load(digits)["images"][:60], np.load(digits)["labels"][:60]
    np.savez(tmp_path / "digits.npz", images=images, labels=labels)
    sets = [str(digits), str(tmp_path / "digits.npz")]  # of one name
    whole, other = (load_parts([name], final=True)[0].checksum for name in sets)
    found = checksums(load_parts(sets, final=True))
    assert list(found) == ["digits+digits", "digits", "digits (2)"]
    assert [found["digits"], found["digits (2)"]] == [whole, other]
    validation = list(checksums(load_parts(sets, final=False)))[3:]
    assert validation == [
        "digits-validation+digits-validation",
        "digits-validation",
        "digits-validation (2)",
    ]


def test_sets_that_are_none_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one set"):
        load_parts([], final=False)
    with pytest.raises(UnknownNameError, match="Did you mean 'mnist'"):
        load_parts(["mnits"], final=False)
    data: list[Any] = [load_training(), [load_training()], 3]
    for each in data:
        kind = type(each[0] if isinstance(each, list) else each).__name__
        with pytest.raises(
            UsageError, match=f"at a path, and is no {kind}; images at hand train in a Trainer"
        ):
            names_of(each)
    with pytest.raises(UsageError, match="not for training"):
        load_parts(["mnist-validation"], final=False)


def test_a_set_of_other_classes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = Labelled("letters", np.zeros((26, 28, 28), np.uint8), np.arange(26, dtype=np.uint8), 26)
    monkeypatch.setattr("tenfold.data.parts.load_set", lambda *_, **__: letters)
    with pytest.raises(DataError, match="26 classes"):
        load_parts(["letters"], final=False)
