"""Planted wrong labels are found, in the order of the margin, and counted as confident learning counts."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.errors import ShapeError
from tenfold.harness.audit import audit, confident, margins
from tenfold.harness.report.audit import render
from tenfold.metrics import softmax


def answered(count: int = 400, planted: int = 12) -> tuple[NDArray[np.int64], NDArray[np.float64], set[int]]:
    """Labels, good answers to the true ones, and the places of the labels that were changed."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, count)
    probabilities = softmax(rng.normal(size=(count, 10)) + 7 * np.eye(10)[truth])
    places = rng.choice(count, planted, replace=False)
    labels = truth.copy()
    labels[places] = (labels[places] + rng.integers(1, 10, planted)) % 10
    return labels, probabilities, set(places.tolist())


def test_planted_wrong_labels_come_first() -> None:
    labels, probabilities, places = answered()
    found = audit(labels, probabilities, "some", top=len(places))
    assert {suspect.index for suspect in found.suspects} == places
    for suspect in found.suspects:
        assert suspect.given == labels[suspect.index]
        assert suspect.suggested == probabilities[suspect.index].argmax()
        assert suspect.probability_given == probabilities[suspect.index, suspect.given]
        assert suspect.margin == suspect.probability_given - suspect.probability_suggested
    order = [suspect.margin for suspect in found.suspects]
    assert order == sorted(order)


def test_margins_are_those_of_a_plain_loop() -> None:
    labels, probabilities, _ = answered(60)
    for label, row, found in zip(labels, probabilities, margins(labels, probabilities), strict=True):
        assert found == row[label] - max(p for k, p in enumerate(row) if k != label)


def test_a_clear_other_digit_is_doubted_before_a_scrawl() -> None:
    scrawl = [0.02, *[0.98 / 9] * 9]
    clear = [0.02, 0.97, *[0.01 / 8] * 8]
    found = audit([0, 0], [scrawl, clear], "two")
    assert [suspect.index for suspect in found.suspects] == [1, 0]


def test_files_are_as_many_as_images() -> None:
    with pytest.raises(ShapeError, match="An audit of 2 images takes a file for each or none, not 1"):
        audit([0, 1], np.eye(10)[[1, 0]], "two", files=["a"])


def test_what_is_agreed_on_is_never_a_suspect() -> None:
    labels, probabilities, places = answered()
    found = audit(labels, probabilities, "some", top=400)
    wrong = probabilities.argmax(1) != labels
    assert len(found.suspects) == found.disagreements == wrong.sum() >= len(places)
    assert audit([1, 2], np.eye(10)[[1, 2]], "right").suspects == ()


def test_confident_is_the_off_diagonal_of_the_confident_joint() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9], [0.2, 0.8], [0.45, 0.55]])
    # on average class 0 is given 0.667 by its own, class 1 0.75: 0.7 for class 1 is not enough
    assert not confident(labels, probabilities).any()
    probabilities[2] = [0.2, 0.8]  # now the average of class 0 is 0.633, and 0.8 is above 0.75
    assert confident(labels, probabilities).tolist() == [False, False, True, False, False, False]


def test_a_class_without_images_is_no_threshold() -> None:
    assert not confident([0, 0], [[0.1, 0.9], [0.2, 0.8]]).any()


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([], np.zeros((0, 10)), "do not match"),
        ([1, 2], np.eye(10)[:1], "do not match"),
        ([[1]], np.eye(10)[:1], "do not match"),
        ([10], np.eye(10)[:1], "0..9"),
        ([-1], np.eye(10)[:1], "0..9"),
        ([0.5], np.eye(10)[:1], "whole numbers"),
        ([1], np.full((1, 10), np.nan), "finite"),
    ],
)
def test_unfit_arrays_are_refused(
    labels: list[float], probabilities: NDArray[np.float64], words: str
) -> None:
    with pytest.raises(ShapeError, match=words):
        audit(labels, probabilities, "bad")


def test_none_to_show_is_refused() -> None:
    with pytest.raises(ShapeError, match="at least 1"):
        audit([1], np.eye(10)[:1], "some", top=0)


def test_it_is_plain_json() -> None:
    labels, probabilities, _ = answered()
    document = json.loads(json.dumps(audit(labels, probabilities, "some", top=3).to_dict(), allow_nan=False))
    assert len(document["suspects"]) == 3
    assert {"index", "given", "suggested", "margin"} <= set(document["suspects"][0])


def test_the_page_shows_each_suspect() -> None:
    from tests.harness.report.test_run import Page

    labels, probabilities, _ = answered()
    pixels = np.random.default_rng(0).integers(0, 256, (400, 28, 28), np.uint8)
    images = Labelled("some", pixels, labels.astype(np.uint8))
    found = audit(labels, probabilities, "some", top=5)
    for given, count in ((images, 5), (None, 0)):
        page = Page(render(found, "a <run>", given))
        assert sum(tag == "img" for tag, _ in page.tags) == count
        assert "a <run>" in page.text
        for suspect in found.suspects:
            assert f"{suspect.given} or {suspect.suggested} ?" in page.text
            assert f"image {suspect.index:,}" in page.text
    none = Page(render(audit([1], np.eye(10)[[1]], "right"), "run", None))
    assert "agree with every label" in none.text
