"""What is explained is what is read, with what was seen on the way."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.images.corpus import encoded

from tenfold.data.mnist import load_test
from tenfold.errors import ImageError
from tenfold.images import read_digit, read_picture
from tenfold.reading import Reader
from tenfold.reading.explain import Explanation, explain
from tenfold.reading.looks import SECOND_LOOK

DIGIT = load_test().images[0]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A digit of 200 x 200 pixels at 100, 60 of a JPEG of 500 x 400, dark on grey."""
    ink = np.zeros((400, 500), np.float32)
    ink[60:260, 100:300] = cv2.resize(DIGIT, (200, 200), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "seven.jpg"
    path.write_bytes(encoded((200 - 0.6 * ink.clip(0, 255)).astype(np.uint8), "JPEG", quality=95))
    return path


def test_the_answer_and_the_image_are_those_of_predict(reader: Reader, photo: Path) -> None:
    found = explain(reader, photo)
    assert [found.prediction] == reader.predict([photo])
    assert np.array_equal(found.image, read_digit(photo))
    chances = found.prediction.probabilities
    assert found.top[0] == (found.prediction.label, found.prediction.confidence)
    assert [chance for _, chance in found.top] == sorted(chances, reverse=True)[:3]


def test_what_was_seen_is_told(reader: Reader, photo: Path) -> None:
    found = explain(reader, photo)
    x, y, width, height = cv2.boundingRect(np.where(DIGIT > 100, DIGIT, 0))
    assert found.size == (500, 400)
    assert np.allclose(
        found.box,
        [v * 200 / 28 + at for v, at in zip((x, y, width, height), (100, 60, 0, 0), strict=True)],
        atol=14,
    )
    assert (found.bright, found.touches_edge, found.components, found.unchanged) == (False, False, 1, False)
    assert 130 < found.contrast < 170
    assert found.scale == pytest.approx(20 / max(found.box[2:]))
    assert "dark ink on light paper" in found.seen
    assert "of 500 x 400" in found.seen
    assert found.made.startswith("one piece, shrunk ")
    assert found.why is None


def test_the_box_of_a_large_photograph_is_in_its_own_pixels(reader: Reader, photo: Path) -> None:
    """A JPEG of 4,000 pixels is read at an eighth of its size."""
    large = cv2.resize(read_picture(photo), None, fx=8, fy=8)
    photo.write_bytes(encoded(np.asarray(large, np.uint8), "JPEG", quality=95))
    found = explain(reader, photo)
    assert found.size == (4000, 3200)
    assert found.box[0] == pytest.approx(8 * 100 + 8 * 200 * cv2.boundingRect(DIGIT)[0] / 28, abs=80)
    assert max(found.box[2:]) > 1000


def test_an_image_of_mnist_is_unchanged(reader: Reader, tmp_path: Path) -> None:
    for name, image, bright in (("is", DIGIT, True), ("inverted", 255 - DIGIT, False)):
        path = tmp_path / f"{name}.png"
        path.write_bytes(encoded(image, "PNG"))
        found = explain(reader, path)
        assert (found.unchanged, found.bright, found.scale) == (True, bright, 1.0)
        assert "MNIST" in found.made


def test_a_blank_and_a_doubtful_digit_say_why(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(encoded(np.zeros((28, 28), np.uint8), "PNG"))
    assert not explain(reader, path).unchanged
    path.write_bytes(encoded(np.full((60, 80), 210, np.uint8), "PNG"))
    blank = explain(reader, path)
    assert (blank.prediction.reason, blank.components, blank.scale) == ("blank", 0, 1.0)
    assert not blank.unchanged
    assert blank.why == "There is no digit on the picture."
    assert "no ink" in blank.seen
    scribble = np.full((80, 80), 255, np.uint8)
    points = np.random.default_rng(3).integers(0, 80, (14, 2)).astype(np.int32)
    cv2.polylines(scribble, [points], False, 0, 3)
    path.write_bytes(encoded(scribble, "PNG"))
    found = explain(reader, path)
    assert found.prediction.reason == "low confidence"
    assert found.why is not None
    assert f"unsure below {100 * found.needed:.2f} %" in found.why
    assert found.touches_edge == ("edge" in found.why)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((1, 1), np.uint8),
        np.full((1, 2000), 200, np.uint8),
        np.full((2000, 1, 3), 200, np.uint8),
        np.random.default_rng(0).integers(0, 256, (40, 900, 3), dtype=np.uint8),
    ],
    ids=lambda picture: str(picture.shape),
)
def test_every_picture_has_pictures_of_its_steps(
    reader: Reader, tmp_path: Path, picture: NDArray[Any]
) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(encoded(picture, "PNG"))
    found: Explanation = explain(reader, path)
    assert found.picture.shape == (*found.ink.shape, 3)
    assert max(found.ink.shape) == 320
    assert found.image.shape == (28, 28)
    assert found.size == picture.shape[1::-1]


def test_what_is_no_picture_is_refused(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(ImageError):
        explain(reader, tmp_path / "no.png")


def test_a_second_look_is_told_with_what_the_first_gave(model_file: Path, photo: Path) -> None:
    once, twice = (Reader(model_file, threads=1) for _ in range(2))
    twice.model = replace(
        twice.model,
        metadata=replace(twice.metadata, thresholds={**twice.metadata.thresholds, SECOND_LOOK: 1.1}),
    )
    first, found = (explain(reader, photo) for reader in (once, twice))
    assert first.first_look is None
    assert first.again is None
    assert found.first_look == first.top[0]
    assert found.top != first.top
    assert found.again is not None
    assert (
        f"at first sight {first.prediction.label} with {100 * first.prediction.confidence:.2f} %"
        in found.again
    )
    assert found.document()["first_look"] == {
        "label": first.prediction.label,
        "confidence": first.prediction.confidence,
    }
