"""The same digit, however it is given, is read alike; what shows no digit gets an answer or "unsure"."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.images.corpus import encoded

from tenfold.data.mnist import load_test
from tenfold.reading import Prediction, Reader

Pixels = NDArray[Any]
DIGITS = load_test().images[:100]
SIDES = (28, 60, 250)
SURE = 0.95


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1)


@pytest.fixture(scope="module")
def as_they_are(reader: Reader) -> list[Prediction]:
    return reader.predict(list(DIGITS))


def opaque(ink: Pixels) -> Pixels:
    return np.stack([255 - ink] * 3 + [0 * ink + 255], -1)


# ink uint8 [side, side], bright -> a picture's file
RENDERINGS: dict[str, Callable[[Pixels], bytes]] = {
    "dark on light": lambda ink: encoded(255 - ink, "PNG"),
    "light on dark": lambda ink: encoded(ink, "PNG"),
    "RGB": lambda ink: encoded(np.stack([255 - ink] * 3, -1), "PNG"),
    "blue on yellow": lambda ink: encoded(
        np.stack([235 - ink // 2, 225 - ink // 2, 90 + ink // 2], -1), "PNG"
    ),
    "RGBA": lambda ink: encoded(opaque(ink), "PNG"),
    "strokes on nothing": lambda ink: encoded(np.stack([0 * ink] * 3 + [ink], -1), "PNG"),
    "16 bits": lambda ink: encoded((255 - ink).astype(np.uint16) * 257, "PNG"),
    "palette": lambda ink: saved(Image.fromarray(255 - ink).convert("P"), "PNG"),
    "shifted": lambda ink: encoded(255 - np.pad(ink, ((len(ink) // 3, 0), (0, len(ink) // 4))), "PNG"),
    "padded": lambda ink: encoded(255 - np.pad(ink, len(ink) // 2), "PNG"),
}


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def enlarged(digit: Pixels, side: int) -> Pixels:
    return np.asarray(cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def answers(reader: Reader, files: list[bytes], folder: Path) -> list[Prediction]:
    paths = [folder / f"{place}" for place in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    return reader.predict(paths)


def share_alike(found: list[Prediction], plain: list[Prediction]) -> tuple[float, float]:
    """Of the labels, and of the probabilities of those that were read with SURE, within 0.05."""
    pairs = list(zip(found, plain, strict=True))
    labels = [one.label == other.label for one, other in pairs]
    close = [
        abs(one.probabilities[other.label] - other.confidence) <= 0.05
        for one, other in pairs
        if other.confidence >= SURE
    ]
    assert len(close) > 0.9 * len(pairs)
    return float(np.mean(labels)), float(np.mean(close))


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_a_digit_is_read_alike_however_it_is_given(
    reader: Reader, as_they_are: list[Prediction], tmp_path: Path, rendering: str
) -> None:
    """Of 49 digits one or two may differ: a 9 whose loop the pen left open, say, may be closed by a shift."""
    for side in SIDES:
        chosen = range(SIDES.index(side), len(DIGITS), 2)
        files = [RENDERINGS[rendering](enlarged(DIGITS[place], side)) for place in chosen]
        labels, close = share_alike(
            answers(reader, files, tmp_path), [as_they_are[place] for place in chosen]
        )
        assert labels >= 0.95, side
        assert close >= 0.95, side


def test_a_digit_of_a_thousand_pixels_is_read_alike(
    reader: Reader, as_they_are: list[Prediction], tmp_path: Path
) -> None:
    for rendering in ("dark on light", "light on dark", "RGBA"):
        files = [RENDERINGS[rendering](enlarged(digit, 1000)) for digit in DIGITS[:6]]
        assert share_alike(answers(reader, files, tmp_path), as_they_are[:6]) == (1, 1)


def frames(digit: Pixels, kind: str) -> bytes:
    first, second = (Image.fromarray(plane) for plane in (255 - digit, digit))
    return saved(first, kind, save_all=True, append_images=[second])


COLOUR = Image.fromarray(np.stack([255 - enlarged(DIGITS[0], 90)] * 3, -1))
ODD: dict[str, bytes] = {
    "1 x 1": encoded(np.zeros((1, 1), np.uint8), "PNG"),
    "1 x 2000": encoded(np.full((2000, 1), 200, np.uint8), "PNG"),
    "2000 x 1": encoded(np.full((1, 2000), 200, np.uint8), "PNG"),
    "2 x 2": encoded(np.array([[0, 255], [255, 0]], np.uint8), "PNG"),
    "all black": encoded(np.zeros((50, 40), np.uint8), "PNG"),
    "all white": encoded(np.full((50, 40), 255, np.uint8), "PNG"),
    "16 bits, all equal": encoded(np.full((50, 40), 40_000, np.uint16), "PNG"),
    "all transparent": encoded(np.zeros((50, 40, 4), np.uint8), "PNG"),
    "grey noise": encoded(np.random.default_rng(0).integers(0, 256, (90, 90), dtype=np.uint8), "PNG"),
    "palette and transparent": saved(COLOUR.convert("P"), "PNG", transparency=255),
    "grey and alpha": saved(COLOUR.convert("LA"), "PNG"),
    "1 bit": saved(COLOUR.convert("1"), "PNG"),
    "CMYK JPEG": saved(COLOUR.convert("CMYK"), "JPEG"),
    "CMYK TIFF": saved(COLOUR.convert("CMYK"), "TIFF"),
    "YCbCr TIFF": saved(COLOUR.convert("YCbCr"), "TIFF"),
    "Lab TIFF": saved(COLOUR.convert("LAB"), "TIFF"),
    "progressive JPEG": saved(COLOUR, "JPEG", progressive=True),
    "animated GIF": frames(DIGITS[0], "GIF"),
    "animated PNG": frames(DIGITS[0], "PNG"),
    "animated WebP": frames(DIGITS[0], "WEBP"),
}
BLANK = ("1 x", "2000 x", "all ", "16 bits", "grey noise")


@pytest.mark.parametrize("name", ODD)
def test_an_odd_but_legal_picture_gets_an_answer(reader: Reader, tmp_path: Path, name: str) -> None:
    (found,) = answers(reader, [ODD[name]], tmp_path)
    assert found.label in range(10)
    assert sum(found.probabilities) == pytest.approx(1, abs=1e-5)
    if name.startswith(BLANK):
        assert (found.unsure, found.reason) == (True, "blank")
    elif name != "2 x 2":
        assert (found.label, found.unsure) == (reader.predict([DIGITS[0]])[0].label, False)
