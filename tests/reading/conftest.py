"""A classifier that needs no training and knows what is no digit, and pages to read with it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data.mnist import load_test, load_training
from tenfold.reading import Reader

Images = NDArray[np.uint8]
Compose = Callable[..., Images]

_FAMILIAR = 0.8  # cosine to the nearest training digit below which a picture is rather no digit


def _directions(images: Images) -> NDArray[np.float32]:
    soft = np.stack([cv2.GaussianBlur(image, (0, 0), 1.0) for image in images])
    flat = soft.reshape(len(images), -1).astype(np.float32)
    return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="session")
def nearest() -> Callable[[Images], NDArray[np.float32]]:
    """Probabilities by the nearest of 10,000 training digits; the even share where none is near."""
    training = load_training().take(np.arange(10_000), "some")
    known = _directions(training.images)
    classes = [training.labels == digit for digit in range(10)]

    def probabilities(images: Images) -> NDArray[np.float32]:
        similar = _directions(images) @ known.T
        nearest = np.stack([similar[:, members].max(1) for members in classes], 1)
        chances = np.exp(60 * (nearest - nearest.max(1, keepdims=True)))
        chances /= chances.sum(1, keepdims=True)
        familiar = 1 / (1 + np.exp(-50 * (nearest.max(1, keepdims=True) - _FAMILIAR)))
        return np.asarray(familiar * chances + (1 - familiar) / 10, np.float32)

    return probabilities


@pytest.fixture
def page_reader(
    model_file: Path, nearest: Callable[[Images], NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> Reader:
    """A Reader whose model is set aside for `nearest`."""
    reader = Reader(model_file)
    monkeypatch.setattr(reader, "probabilities", lambda images, **_: nearest(images))
    return reader


@pytest.fixture(scope="session")
def compose() -> Compose:
    return write


def write(text: str, *, zoom: int = 2, gap: int = 8, margin: int = 24, leading: int = 12) -> Images:
    """Dark on white, the first test digits of each class; lines parted by a line break."""
    test = load_test()
    examples = {digit: test.images[np.flatnonzero(test.labels == digit)[0]] for digit in range(10)}
    rows: list[Images] = []
    for line in text.split("\n"):
        digits = [_trimmed(examples[int(character)]) for character in line]
        row: Images = np.zeros((28, 1), np.uint8)
        for digit in digits:
            row = _beside(row, digit, gap)
        rows.append(row)
    width = max(row.shape[1] for row in rows)
    ink = np.pad(np.vstack([np.pad(r, ((0, leading), (0, width - r.shape[1]))) for r in rows]), margin)
    return np.asarray(255 - cv2.resize(ink, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC), np.uint8)


def _beside(row: Images, digit: Images, gap: int) -> Images:
    """`digit` `gap` pixels right of what is in `row`; overlapping where that is negative."""
    wide = np.zeros((28, max(row.shape[1] + gap, 0) + digit.shape[1]), np.uint8)
    wide[:, : row.shape[1]] = row
    wide[:, -digit.shape[1] :] = np.maximum(wide[:, -digit.shape[1] :], digit)
    return wide


def _trimmed(image: Images) -> Images:
    x, _, width, _ = cv2.boundingRect(image)
    return image[:, x : x + width]
