import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import tenfold.data
from tenfold.data import Store, load_set, set_names
from tenfold.data.catalogue import Part
from tenfold.data.idx import write_idx
from tenfold.errors import DataError, IdxError, NetworkError, UnknownNameError, UsageError
from tenfold.images import to_mnist


@pytest.fixture
def no_road(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenfold.images.to_mnist", None)


@pytest.mark.usefixtures("no_road")
@pytest.mark.parametrize(
    ("part", "name", "count"), [("test", "mnist", 10_000), ("train", "mnist-training", 60_000)]
)
def test_mnist_comes_as_it_is(part: Part, name: str, count: int) -> None:
    data = load_set("mnist", part)
    assert (data.name, len(data)) == (name, count)


@pytest.mark.usefixtures("no_road")
def test_the_validation_images_have_a_name_and_are_not_for_training() -> None:
    data = load_set("mnist-validation")
    assert (data.name, len(data)) == ("mnist-validation", 5_000)
    with pytest.raises(UsageError, match="is not for training"):
        load_set("mnist-validation", "train")


def test_other_names_go_to_their_source(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="'kmnist' is not in the cache"):
        load_set("kmnist", store=Store(cache=tmp_path, offline=True))


def test_mnist_as_pictures_and_as_an_npz_passes_the_road_unchanged(tmp_path: Path) -> None:
    test = load_set("mnist")
    for index in range(30):
        folder = tmp_path / "pictures" / str(test.labels[index])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(test.images[index]).save(folder / f"{index:02}.png")
    in_order = test.take(sorted(range(30), key=lambda index: (test.labels[index], index)), "pictures")
    assert load_set(tmp_path / "pictures").checksum == in_order.checksum
    np.savez(tmp_path / "digits.npz", images=test.images[:30], labels=test.labels[:30])
    assert load_set(tmp_path / "digits.npz").checksum == test.take(range(30), "digits").checksum


def test_dark_ink_of_another_size_becomes_bright_on_the_road(tmp_path: Path) -> None:
    test = load_set("mnist")
    large = 255 - test.images[:5].repeat(3, 1).repeat(3, 2)
    np.savez(tmp_path / "digits.npz", images=large, labels=test.labels[:5])
    data = load_set(str(tmp_path / "digits.npz"))
    assert (data.name, data.labels.tolist()) == ("digits", test.labels[:5].tolist())
    for ours, original in zip(data.images, test.images[:5], strict=True):
        assert np.corrcoef(ours.ravel(), original.ravel())[0, 1] > 0.8


def test_a_path_to_a_folder_or_a_list_is_seen_as_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has neither a labels"):
        load_set(tmp_path)
    with pytest.raises(DataError, match=r"labels\.csv' does not exist"):
        load_set(tmp_path / "labels.csv")


def test_a_path_that_is_no_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "digits.zip").write_bytes(b"PK")
    with pytest.raises(
        DataError, match=r"is not a data set: give a folder, a labels\.csv, an \.npz file or an IDX"
    ):
        load_set(tmp_path / "digits.zip")
    with pytest.raises(DataError, match="does not exist"):
        load_set(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "near"), [("mnits", "mnist"), ("emnist-digit", "emnist-digits"), ("mnist-test", "mnist")]
)
def test_a_mistyped_name_is_told_what_is_near(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"There is no data set '{name}'\. Did you mean '{near}'\?"):
        load_set(name)


@pytest.mark.parametrize("name", ["mnist", "mnist-validation", "usps"])
def test_a_mistyped_part_is_told_what_is_near(name: str) -> None:
    part: Any = "tset"
    with pytest.raises(UnknownNameError, match=r"There is no part of a set 'tset'\. Did you mean 'test'\?"):
        load_set(name, part)


@pytest.mark.parametrize("name", ["x" * 5000, "nothing like it"])
def test_any_other_name_is_told_what_there_is(name: str) -> None:
    with pytest.raises((UnknownNameError, DataError)):
        load_set(name)


@pytest.mark.parametrize("part", ["test", "train"])
def test_an_empty_name_is_not_the_current_folder(
    part: Part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "3").mkdir()
    Image.fromarray(load_set("mnist").images[0]).save(tmp_path / "3" / "digit.png")
    monkeypatch.chdir(tmp_path)
    assert len(load_set(".", part)) == 1
    with pytest.raises(UsageError, match="The name of a SET is empty"):
        load_set("", part)


def test_the_names_are_those_of_the_contract() -> None:
    assert set_names() == [
        "emnist-digits",
        "emnist-letters",
        "fashion-mnist",
        "kmnist",
        "mnist",
        "mnist-validation",
        "qmnist",
        "usps",
    ]


def test_the_public_list_is_whole_and_costs_nothing() -> None:
    for name in tenfold.data.__all__:
        assert getattr(tenfold.data, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tenfold.data.nothing  # noqa: B018
    code = "import sys, tenfold.data; print('numpy' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("end", ["", ".gz"])
def test_an_idx_file_of_images_has_its_labels_beside_it(tmp_path: Path, end: str) -> None:
    images, labels = tmp_path / f"mine-images-idx3-ubyte{end}", tmp_path / f"mine-labels-idx1-ubyte{end}"
    pixels = np.arange(3 * 30 * 29, dtype=np.uint8).reshape(3, 30, 29)
    packed = gzip.compress if end else bytes
    images.write_bytes(packed(write_idx(pixels)))
    with pytest.raises(DataError, match=r"labels of .* are not beside it: '.*mine-labels-idx1-ubyte"):
        load_set(images)
    labels.write_bytes(packed(write_idx(np.array([3, 1, 9], np.uint8))))
    data = load_set(images)
    assert (data.name, data.labels.tolist()) == ("mine", [3, 1, 9])
    assert np.array_equal(data.images, [to_mnist(image) for image in pixels])
    assert data.files[2] == f"{images}[2]"


@pytest.mark.parametrize(
    ("images", "labels", "error", "sentence"),
    [
        (np.zeros((2, 28, 28), np.uint8), np.zeros(3, np.uint8), IdxError, "where \\[2\\] is expected"),
        (np.zeros((2, 28, 28), np.uint8), np.full(2, 10, np.uint8), IdxError, "has the label 10 at place 0"),
        (np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8), DataError, "has no images"),
        (np.zeros(2, np.uint8), np.zeros(2, np.uint8), IdxError, "are the two files swapped"),
    ],
)
def test_unsound_idx_files_are_refused(
    tmp_path: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    error: type[Exception],
    sentence: str,
) -> None:
    (tmp_path / "images.idx").write_bytes(write_idx(images))
    (tmp_path / "labels.idx").write_bytes(write_idx(labels))
    with pytest.raises(error, match=sentence):
        load_set(tmp_path / "images.idx")
    (tmp_path / "digits.idx").write_bytes(write_idx(images))
    with pytest.raises(DataError, match="are not beside it: such as 'mine-labels-idx1-ubyte'"):
        load_set(tmp_path / "digits.idx")
