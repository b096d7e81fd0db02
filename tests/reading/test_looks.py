"""Second looks: taken where the first is not sure, at the picture turned and slanted, and averaged."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold import Reader
from tenfold.data import load_training
from tenfold.data.preprocess import preprocess
from tenfold.metrics import softmax
from tenfold.reading.lines import FLOOR, LineReader
from tenfold.reading.looks import PERHAPS, SECOND_LOOK, SECOND_OPINION, several_looks

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def digits() -> Images:
    return load_training().images[:1000]


def asking(file: Path, below: float, threads: int = 1, opinion: float = 0.0) -> Reader:
    """A Reader whose model asks for second looks below that probability, and for a second opinion."""
    reader = Reader(file, threads=threads)
    thresholds = {SECOND_LOOK: below, SECOND_OPINION: opinion}
    reader.model = replace(reader.model, metadata=replace(reader.metadata, thresholds=thresholds))
    return reader


def test_it_looks_at_turned_and_slanted_pictures(digits: Images) -> None:
    """OpenCV moves them alike."""
    seen: list[NDArray[np.float32]] = []

    def network(images: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(images)
        return np.zeros((len(images), 10), np.float32)

    images = (digits[:20, None] / np.float32(255)).astype(np.float32)
    several_looks(images, np.zeros((20, 10), np.float32), network)
    (moved,) = seen
    assert moved.shape == (80, 1, 28, 28)
    matrices = [cv2.getRotationMatrix2D((13.5, 13.5), angle, 1) for angle in (8, -8)]
    matrices += [np.array([[1, -slant, slant * 13.5], [0, 1, 0]]) for slant in (0.15, -0.15)]
    for look, matrix in zip(moved.reshape(4, 20, 28, 28), matrices, strict=True):
        expected = [cv2.warpAffine(image[0], matrix, (28, 28)) for image in images]
        assert np.abs(look - np.stack(expected)).max() < 0.05  # OpenCV rounds places to 1/32
        assert np.abs(look - images[:, 0]).max() > 0.5


def test_logits_are_the_mean_over_five_looks(digits: Images) -> None:
    def network(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.repeat(np.arange(1, 5, dtype=np.float32), len(images) // 4)[:, None] * np.ones(
            10, np.float32
        )

    images = (digits[:3, None] / np.float32(255)).astype(np.float32)
    found = several_looks(images, np.full((3, 10), 10, np.float32), network)
    assert found.dtype == np.float32
    assert found.tolist() == [[4.0] * 10] * 3


def test_sure_answers_stay_as_they_are(model_file: Path, digits: Images) -> None:
    first = Reader(model_file, threads=1).probabilities(digits)
    below = float(np.median(first.max(1)))
    again = asking(model_file, below).probabilities(digits)
    sure = first.max(1) >= below
    assert 0.4 < sure.mean() < 0.6
    assert np.array_equal(first[sure], again[sure])
    assert (np.abs(first[~sure] - again[~sure]).max(1) > 1e-4).mean() > 0.9


@pytest.mark.parametrize("below", [0.0, 0.3, 1.1])
def test_probabilities_are_the_softmax_of_the_logits(model_file: Path, digits: Images, below: float) -> None:
    reader = asking(model_file, below)
    assert reader.metadata.temperature == 1.25
    probabilities, logits = reader.outputs(digits[:100])
    assert np.abs(probabilities - softmax(logits, 1.25)).max() < 1e-6


def test_the_second_opinion_is_added_to_what_is_looked_at_again(model_file: Path, digits: Images) -> None:
    first = asking(model_file, 0.0).probabilities(digits[:100])
    below = float(np.median(first.max(1)))
    looked, asked = (asking(model_file, below, opinion=weight) for weight in (0.0, 0.3))
    again = first.max(1) < below
    heard = LineReader.shipped().digits(preprocess(digits[:100]))
    (_, before), (probabilities, after) = looked.outputs(digits[:100]), asked.outputs(digits[:100])
    assert np.array_equal(before[~again], after[~again])
    np.testing.assert_allclose(after[again], (before + 0.3 * 1.25 * heard)[again], atol=1e-4)
    assert np.abs(probabilities - softmax(after, 1.25)).max() < 1e-6
    on_a_page = asked.outputs(digits[:100], perhaps=1e-6)[1]
    assert np.array_equal(on_a_page, before)  # which asks for it itself


def test_the_second_opinion_knows_digits(digits: Images) -> None:
    heard = LineReader.shipped().digits(preprocess(digits))
    assert heard.shape == (len(digits), 10)
    assert (heard.argmax(1) == load_training().labels[: len(digits)]).mean() > 0.9
    assert FLOOR <= heard.min() < heard.max() <= 0


@pytest.mark.parametrize("opinion", [0.0, 0.3])
def test_an_answer_does_not_depend_on_its_neighbours_or_threads(
    model_file: Path, digits: Images, opinion: float
) -> None:
    alone = asking(model_file, 0.5, opinion=opinion)
    together = alone.probabilities(digits[:200])
    single = np.concatenate([alone.probabilities(digit[None]) for digit in digits[:200]])
    assert np.abs(together - single).max() <= 1e-6
    assert np.abs(together - asking(model_file, 0.5, 3, opinion).probabilities(digits[:200])).max() <= 1e-6


def test_predictions_look_again_too(model_file: Path, digits: Images) -> None:
    once, twice = (asking(model_file, below) for below in (0.0, 1.1))
    answers = [reader.predict(digits[:5]) for reader in (once, twice)]
    assert answers[0] != answers[1]
    assert answers[1][0].probabilities == tuple(twice.probabilities(digits[:1])[0].tolist())


def test_what_is_hardly_a_digit_gets_one_look(model_file: Path, digits: Images) -> None:
    once, twice = (asking(model_file, below) for below in (0.0, 1.1))
    first = once.probabilities(digits)
    perhaps = float(np.median(first.max(1)))
    found = twice.probabilities(digits, perhaps=perhaps)
    hardly = first.max(1) < perhaps
    assert np.array_equal(found[hardly], first[hardly])
    assert (np.abs(found[~hardly] - first[~hardly]).max(1) > 1e-4).mean() > 0.9


def test_a_page_gets_second_looks_at_what_may_be_a_digit(model_file: Path) -> None:
    reader = asking(model_file, 1.1)
    asked: list[float] = []

    def probabilities(images: Images, *, perhaps: float) -> NDArray[np.float32]:
        asked.append(perhaps)
        return np.full((len(images), 10), 0.1, np.float32)

    reader.probabilities = probabilities  # type: ignore[method-assign, assignment]
    reader.read(load_training().images[0])
    assert asked == [PERHAPS]
