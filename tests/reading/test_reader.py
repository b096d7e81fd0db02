"""Reading digits: pictures and files, each slip in giving them, and when an answer is unsure."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tenfold.data.mnist import load_test
from tenfold.errors import ImageError, InputError, ModelFileError, ShapeError
from tenfold.model import open_session
from tenfold.reading import Failure, Prediction, Reader
from tenfold.thresholds import likeness

Images = NDArray[np.uint8]


@pytest.fixture(scope="session")
def digits() -> Images:
    return load_test().images[:1000]


@pytest.fixture
def reader(model_file: Path) -> Reader:
    return Reader(model_file, threads=2)


def with_threshold(folder: Path, confidence: float, **others: float) -> Reader:
    import torch

    from tenfold.training.export import export
    from tenfold.training.networks import Baseline

    with torch.random.fork_rng():
        torch.manual_seed(0)
        data = export(Baseline().build(), name="strict", thresholds={"confidence": confidence, **others})
    (folder / "model.onnx").write_bytes(data)
    return Reader(folder)


def test_probabilities_are_those_of_the_session(reader: Reader, digits: Images) -> None:
    (expected,) = open_session(reader.model).run(["probabilities"], {"images": floats(digits)})
    found = reader.probabilities(digits)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-6
    assert np.abs(found.sum(1) - 1).max() <= 1e-6
    assert len(np.unique(found.argmax(1))) > 1


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 10, 17, 999])
def test_answers_do_not_depend_on_batch_and_threads(
    model_file: Path, digits: Images, threads: int, size: int
) -> None:
    whole = Reader(model_file, threads=1).probabilities(digits)
    part = Reader(model_file, threads=threads)
    taken = digits[:50] if size == 1 else digits
    parts = [part.probabilities(taken[start : start + size]) for start in range(0, len(taken), size)]
    found = np.concatenate(parts)
    assert np.array_equal(found.argmax(1), whole[: len(taken)].argmax(1))
    assert np.abs(found - whole[: len(taken)]).max() <= 1e-6


def test_no_images_no_answers(reader: Reader) -> None:
    assert reader.probabilities(np.empty((0, 28, 28), np.uint8)).shape == (0, 10)
    assert reader.probabilities(np.empty((0, 1, 28, 28), np.float32)).shape == (0, 10)
    assert reader.predict([]) == []
    assert list(reader.predict_files([])) == []


def floats(images: Images) -> NDArray[np.float32]:
    return np.divide(images, 255, dtype=np.float32)[:, None]


def test_one_bad_pixel_among_many_is_found(reader: Reader, digits: Images) -> None:
    images = floats(digits)
    images[-1, 0, 27, 27] = np.nan
    with pytest.raises(ShapeError, match="0 to 1"):
        reader.probabilities(images)


def test_an_mnist_image_is_read_as_it_is(reader: Reader, digits: Images) -> None:
    predictions = reader.predict(digits[:50])
    raw = reader.probabilities(digits[:50])
    assert np.array_equal([p.probabilities for p in predictions], raw)
    for prediction, row in zip(predictions, raw, strict=True):
        assert prediction.label == row.argmax()
        assert prediction.confidence == row.max()
        assert prediction.file is None
        assert type(prediction.label) is int
    with pytest.raises(FrozenInstanceError):
        predictions[0].label = 3  # type: ignore[misc]


def test_pictures_of_all_kinds_in_one_call(reader: Reader, digits: Images, tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.fromarray(digits[0]).save(path)
    colour = np.repeat(digits[1][..., None], 3, 2)
    found = reader.predict([path, str(path), digits[0], colour, digits[1]])
    assert [p.file for p in found] == [str(path), str(path), None, None, None]
    rows = [p.probabilities for p in found]
    assert rows[0] == rows[1] == rows[2]
    assert np.abs(np.subtract(rows[3], rows[4])).max() < 0.02  # colour takes the road, grey passes unchanged
    assert rows[4] != rows[0]


def test_a_larger_picture_of_either_polarity_is_read_alike(reader: Reader, digits: Images) -> None:
    large = np.kron(np.pad(digits[0], 20), np.ones((4, 4), np.uint8))
    bright, dark = reader.predict([large, 255 - large])
    assert bright.label == dark.label
    assert abs(bright.confidence - dark.confidence) < 0.05


@pytest.mark.parametrize(
    "images",
    [
        "one.png",
        b"one.png",
        Path("one.png"),
        None,
        7,
        {"one.png"},
        np.zeros((28, 28), np.uint8),
        np.zeros((28, 28, 3), np.uint8),
        [None],
        [7],
        [[0, 1]],
        [b"one.png"],
        [np.zeros((28, 28), np.float32)],
        [np.full((28, 28), np.nan)],
        [np.zeros(28, np.uint8)],
        [np.zeros((28, 28, 4), np.uint8)],
        [np.zeros((1, 28, 28, 3), np.uint8)],
        [np.zeros((0, 28), np.uint8)],
        np.zeros((2, 28, 28), np.float64),
    ],
    ids=str,
)
def test_what_is_not_a_list_of_pictures_is_refused(reader: Reader, images: Any) -> None:
    with pytest.raises(ShapeError, match=r"^.*\.$"):
        reader.predict(images)


def test_the_picture_of_many_that_cannot_be_read_is_named(
    reader: Reader, digits: Images, tmp_path: Path
) -> None:
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(ImageError, match=r"^'.*no\.png': The file is not a PNG"):
        reader.predict([digits[0], tmp_path / "no.png"])
    with pytest.raises(ImageError, match=r"^The picture '.*absent\.png' does not exist\.$"):
        reader.predict([digits[0], tmp_path / "absent.png"])


def test_without_thresholds_only_a_blank_is_unsure(tmp_path: Path, digits: Images) -> None:
    blank = np.zeros((28, 28), np.uint8)
    sure, nothing = with_threshold(tmp_path, 0.0).predict([digits[0], blank])
    assert (sure.unsure, sure.reason) == (False, None)
    assert (nothing.unsure, nothing.reason) == (True, "blank")
    assert 0 <= nothing.label <= 9


def test_below_the_threshold_a_digit_is_unsure(tmp_path: Path, digits: Images) -> None:
    first = with_threshold(tmp_path, 0.0).predict([digits[0]])[0]
    at = with_threshold(tmp_path, first.confidence).predict([digits[0]])[0]
    above = with_threshold(tmp_path, first.confidence + 1e-6).predict([digits[0]])[0]
    assert (at.unsure, at.reason) == (False, None)
    assert (above.unsure, above.reason) == (True, "low confidence")


def test_what_is_likely_but_spread_over_many_digits_is_unlike_a_digit(tmp_path: Path, digits: Images) -> None:
    first = with_threshold(tmp_path, 0.0).predict([digits[0]])[0]
    found = float(likeness([first.probabilities])[0])
    at = with_threshold(tmp_path, first.confidence, likeness=found - 1e-6).predict([digits[0]])[0]
    above = with_threshold(tmp_path, first.confidence, likeness=found + 1e-6).predict([digits[0]])[0]
    neither = with_threshold(tmp_path, 1.0, likeness=1.0).predict([digits[0]])[0]
    assert (at.unsure, at.reason) == (False, None)
    assert (above.unsure, above.reason) == (True, "unlike a digit")
    assert neither.reason == "low confidence"


def test_files_that_cannot_be_read_are_reported_and_the_others_go_on(
    reader: Reader, digits: Images, tmp_path: Path
) -> None:
    paths = []
    for number in range(200):
        path = tmp_path / f"{number:03}.png"
        if number % 7 == 3:
            path.write_text("no picture")
        else:
            Image.fromarray(digits[number]).save(path)
        paths.append(path)
    paths += [tmp_path / "absent.png", tmp_path]
    results = list(reader.predict_files(paths))
    assert [r.file for r in results] == [str(p) for p in paths]
    failures = [r for r in results if isinstance(r, Failure)]
    assert len(failures) == 29 + 2
    assert all(f.error.endswith(".") for f in failures)
    expected = reader.probabilities(digits[:200]).argmax(1)
    for number, result in enumerate(results[:200]):
        assert isinstance(result, Failure) or result.label == expected[number]


@pytest.mark.parametrize("path", ["one.png", Path("one.png")], ids=str)
def test_one_file_instead_of_a_list_is_refused(reader: Reader, path: Any) -> None:
    with pytest.raises(ShapeError, match="put it in brackets"):
        list(reader.predict_files(path))


@pytest.mark.parametrize("path", [None, 7, np.zeros((28, 28), np.uint8)], ids=str)
def test_what_is_no_path_is_refused(reader: Reader, path: Any) -> None:
    with pytest.raises(ShapeError, match=r"^A picture's path must be text or a Path, not .*\.$"):
        list(reader.predict_files([path]))


def test_files_are_read_as_they_are_asked_for(reader: Reader, digits: Images, tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.fromarray(digits[0]).save(path)
    asked = 0

    def endless() -> Iterator[Path]:
        nonlocal asked
        while True:
            asked += 1
            yield path

    results = list(islice(reader.predict_files(endless()), 3))
    assert all(isinstance(r, Prediction) for r in results)
    assert asked <= 64


def test_a_reader_of_a_bad_file_or_no_thread_is_refused(tmp_path: Path, model_file: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    with pytest.raises(ModelFileError):
        Reader(tmp_path / "bad.onnx")
    for threads in (0, 1.5, "2"):
        with pytest.raises(InputError, match="at least one thread"):
            Reader(model_file, threads=threads)  # type: ignore[arg-type]


def test_a_reader_and_a_set_show_themselves_in_a_line() -> None:
    assert repr(Reader("fast")) == "Reader('fast')"
    assert repr(load_test()) == "Labelled(name='mnist', classes=10, parts={})"


def test_importing_the_reader_is_cheap() -> None:
    heavy = "{'torch', 'onnx', 'onnxruntime', 'cv2', 'PIL', 'rich'}"
    code = f"import sys, tenfold.reading; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
