import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenfold.data.idx import write_idx
from tenfold.data.mnist import (
    CHECKSUMS,
    EMBEDDED,
    SETS,
    Mnist,
    is_test_set,
    load_mnist,
    load_test,
    load_training,
    split,
)
from tenfold.errors import DataError, IdxError
from tenfold.files import sha256


@pytest.fixture(scope="module")
def mnist() -> Mnist:
    return load_mnist()


def test_the_sets_are_mnist(mnist: Mnist) -> None:
    train, test = mnist
    assert (train.name, len(train), test.name, len(test)) == ("mnist-training", 60_000, "mnist", 10_000)
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert round(float(train.images.mean() / 255), 4) == 0.1307  # the mean that everybody standardises with


def test_a_folder_is_given_as_text_or_as_a_path(mnist: Mnist) -> None:
    assert load_test(str(EMBEDDED)).checksum == load_test(EMBEDDED).checksum == mnist.test.checksum


def test_the_embedded_files_unpack_to_the_published_bytes() -> None:
    for name, expected in CHECKSUMS.items():
        assert sha256(gzip.decompress((EMBEDDED / f"{name}.gz").read_bytes())) == expected


def test_the_split_is_the_same_everywhere(mnist: Mnist) -> None:
    train, validation = split(mnist.train)
    assert (train.name, len(train)) == ("mnist-train", 55_000)
    assert (validation.name, len(validation)) == ("mnist-validation", 5_000)
    assert np.bincount(validation.labels).tolist() == [494, 562, 496, 511, 487, 452, 493, 522, 487, 496]
    assert {data.name: data.checksum for data in (*mnist, train, validation)} == SETS


def test_the_test_set_is_known_whatever_it_is_called(mnist: Mnist) -> None:
    assert is_test_set(replace(mnist.test, name="mine"))
    assert not is_test_set(mnist.train.take(range(10_000), "mnist"))


def test_no_image_is_on_two_sides(mnist: Mnist) -> None:
    sides = [{image.tobytes() for image in side.images} for side in (*split(mnist.train), mnist.test)]
    assert [len(side) for side in sides] == [55_000, 5_000, 10_000]
    assert len(set.union(*sides)) == 70_000


def test_training_needs_no_test_files(tmp_path: Path) -> None:
    for file in EMBEDDED.glob("train*.gz"):
        shutil.copy(file, tmp_path)
    assert len(load_training(tmp_path)) == 60_000
    with pytest.raises(DataError, match="t10k-images"):
        load_test(tmp_path)


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    for file in EMBEDDED.glob("t10k*.gz"):
        shutil.copy(file, tmp_path)
    return tmp_path


def test_a_missing_file_is_named(copies: Path) -> None:
    (copies / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz' does not exist"):
        load_test(copies)


def test_other_digits_in_the_right_form_are_refused(copies: Path) -> None:
    labels = np.zeros(10_000, np.uint8)
    (copies / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(write_idx(labels)))
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte does not hold MNIST: its checksum differs"):
        load_test(copies)


@pytest.mark.parametrize("swapped", ["t10k-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"])
def test_swapped_files_are_refused(copies: Path, swapped: str) -> None:
    shutil.copy(EMBEDDED / swapped, copies / "t10k-labels-idx1-ubyte.gz")
    with pytest.raises(IdxError, match="t10k-labels-idx1-ubyte"):
        load_test(copies)
