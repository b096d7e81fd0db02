"""The contract of prediction: what is given in another way is answered alike, and is never modified.

Held for `probabilities` (raw pixels), `predict` (pictures) and `read` (pages) of the shipped model.
"""

import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image

from tenfold.data.mnist import load_test
from tenfold.errors import ShapeError
from tenfold.reading import Reader
from tenfold.reading.draw import draw

Pixels = NDArray[Any]

TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=2)


@pytest.fixture(scope="module")
def digits() -> Pixels:
    return load_test().images[:1000]


@pytest.fixture(scope="module")
def pictures(digits: Pixels) -> list[Pixels]:
    """Of several sizes and both polarities, so that each takes the whole road."""
    drawn = [
        cv2.resize(np.pad(digit, 2 + place % 7), None, fx=1 + place % 3, fy=1 + place % 3)
        for place, digit in enumerate(digits[:100])
    ]
    return [np.asarray(255 - d if place % 2 else d, np.uint8) for place, d in enumerate(drawn)]


@pytest.fixture(scope="module")
def page(digits: Pixels) -> Pixels:
    """Two lines of three digits, dark on white."""
    lines = [np.hstack([np.pad(digit, 6) for digit in digits[start : start + 3]]) for start in (0, 3)]
    ink = cv2.resize(np.pad(np.vstack(lines), 12), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return np.asarray(255 - ink, np.uint8)


@pytest.fixture(scope="module")
def expected(reader: Reader, digits: Pixels) -> Pixels:
    return reader.probabilities(digits)


def rows(reader: Reader, pictures: Any) -> Pixels:
    return np.array([found.probabilities for found in reader.predict(pictures)])


def same(found: Pixels, expected: Pixels) -> None:
    assert np.array_equal(found.argmax(1), expected.argmax(1))
    assert np.abs(found - expected).max() <= TOLERANCE
    assert np.abs(found.sum(1) - 1).max() <= 1e-5
    assert np.isfinite(found).all()


# --- batches -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_raw_pixels_are_answered_alike_in_batches_of_any_size(
    reader: Reader, digits: Pixels, expected: Pixels, size: int
) -> None:
    taken = digits[: 100 * size]
    parts = [reader.probabilities(taken[at : at + size]) for at in range(0, len(taken), size)]
    same(np.concatenate(parts), expected[: len(taken)])


def test_raw_pixels_are_answered_alike_shuffled_and_among_others(
    reader: Reader, digits: Pixels, expected: Pixels
) -> None:
    digits, expected = digits[:300], expected[:300]
    order = np.random.default_rng(0).permutation(len(digits))
    same(reader.probabilities(digits[order]), expected[order])
    same(reader.probabilities(np.concatenate([digits[::-1], digits]))[len(digits) :], expected)
    same(reader.probabilities(np.pad(digits, ((7, 5), (0, 0), (0, 0))))[7:-5], expected)


@pytest.mark.parametrize("size", [1, 10, 100])
def test_pictures_are_answered_alike_in_batches_of_any_size(
    reader: Reader, pictures: list[Pixels], size: int
) -> None:
    whole = rows(reader, pictures)
    same(np.concatenate([rows(reader, pictures[at : at + size]) for at in range(0, 100, size)]), whole)
    order = np.random.default_rng(1).permutation(len(pictures))
    same(rows(reader, [pictures[place] for place in order]), whole[order])
    blank = np.full((50, 40), 255, np.uint8)
    same(rows(reader, [blank, *pictures, blank])[1:-1], whole)


# --- forms of one array ------------------------------------------------------------------------------------


def read_only(array: Pixels) -> Pixels:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def misaligned(array: Pixels) -> Pixels:
    room = np.zeros(array.nbytes + 1, np.uint8)
    view = room[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


FORMS: dict[str, Callable[[Pixels], Pixels]] = {
    "read-only": read_only,
    "column order": np.asfortranarray,
    "backwards in memory": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "upside down in memory": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "every third": lambda x: np.repeat(x, 3, -1)[..., ::3],
    "misaligned": misaligned,
    "a subclass": lambda x: x.view(np.recarray),
    "masked": lambda x: np.ma.masked_array(x),
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
}


@contextmanager
def unmodified(array: Pixels) -> Iterator[Pixels]:
    before = np.array(array, copy=True)
    yield array
    assert np.array_equal(np.asarray(array), before)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.float32, np.float64])
def test_raw_pixels_in_any_form(
    reader: Reader, digits: Pixels, expected: Pixels, form: str, kind: type[np.generic]
) -> None:
    pixels = digits[:40]
    if kind is not np.uint8:
        pixels = np.divide(pixels, 255, dtype=np.float32)[:, None].astype(kind)
    with unmodified(FORMS[form](pixels)) as given:
        found = reader.probabilities(given)
    if kind is np.float16:  # the pixels themselves are rounded
        assert np.abs(found - expected[:40]).max() < 0.01
    else:
        same(found, expected[:40])


def test_raw_pixels_as_lists_and_mapped(
    reader: Reader, digits: Pixels, expected: Pixels, tmp_path: Path
) -> None:
    np.save(tmp_path / "digits.npy", digits)
    floats = np.divide(digits[:5], 255)[:, None]
    for given in (
        np.load(tmp_path / "digits.npy", mmap_mode="r"),
        list(digits),
        tuple(digits),
        digits[:5].tolist(),
        list(floats),
        floats.tolist(),
    ):
        same(reader.probabilities(given), expected[: len(given)])


@pytest.mark.parametrize("form", [name for name in FORMS if name != "big-endian"])  # bytes have no order
def test_pictures_and_pages_in_any_form(
    reader: Reader, pictures: list[Pixels], page: Pixels, form: str
) -> None:
    for number, picture in enumerate(pictures[:12]):
        plane = np.stack([picture, picture, picture // 2], -1) if number % 3 == 2 else picture
        with unmodified(FORMS[form](plane)) as given:
            same(rows(reader, [given]), rows(reader, [plane]))
    with unmodified(FORMS[form](page)) as given:
        assert reader.read(given) == reader.read(page)


def test_pictures_as_an_array_a_tuple_and_mapped(reader: Reader, digits: Pixels, tmp_path: Path) -> None:
    moved = np.roll(digits[:20], 3, axis=2)
    np.save(tmp_path / "moved.npy", moved)
    whole = rows(reader, list(moved))
    for given in (moved, tuple(moved), np.load(tmp_path / "moved.npy", mmap_mode="r")):
        same(rows(reader, given), whole)


def test_a_file_is_answered_as_its_pixels(reader: Reader, pictures: list[Pixels], tmp_path: Path) -> None:
    paths = [tmp_path / f"{place}.png" for place in range(10)]
    for path, picture in zip(paths, pictures, strict=False):
        Image.fromarray(picture).save(path)
    same(rows(reader, paths), rows(reader, pictures[:10]))
    with os.scandir(os.fsencode(tmp_path)) as entries:
        same(rows(reader, sorted(entries, key=lambda entry: int(entry.name[:-4]))), rows(reader, paths))


# --- what cannot be answered -------------------------------------------------------------------------------

BAD_PIXELS: dict[str, Any] = {
    "bool": np.zeros((2, 28, 28), bool),
    "objects": np.zeros((2, 28, 28), object),
    "64 bits": np.zeros((2, 28, 28), np.int64),
    "uint8 with a channel": np.zeros((2, 1, 28, 28), np.uint8),
    "below 0": np.full((2, 1, 28, 28), -0.1, np.float32),
    "NaN": np.full((2, 1, 28, 28), np.nan, np.float32),
    "infinite": np.full((2, 1, 28, 28), np.inf),
    "beyond float32": np.full((2, 1, 28, 28), 1e300),
    "0 to 255 as floats": np.full((2, 1, 28, 28), 255.0),
    "29 x 28": np.zeros((2, 29, 28), np.uint8),
    "no batch": np.zeros((28, 28), np.uint8),
    "flat": np.zeros((2, 784), np.uint8),
    "no dimensions": np.uint8(7).reshape(()),
    "16 bits": np.zeros((2, 28, 28), np.uint16),
    "complex": np.zeros((2, 1, 28, 28), complex),
    "text": "digits.npy",
    "texts": ["7", "2"],
    "an array of texts": np.array([["7"]]),
    "nothing": None,
    "dates": np.zeros((2, 28, 28), "datetime64[s]"),
    "unequal": [np.zeros((28, 28), np.uint8), np.zeros((27, 28), np.uint8)],
    "256 in a list": [[[256] * 28] * 28],
    "-1 in a list": [[[-1] * 28] * 28],
    "numbers beyond any type": [[[10**30] * 28] * 28],
    "a list of None": [None],
    "a list of dicts": [{}],
}


@pytest.mark.parametrize("images", BAD_PIXELS.values(), ids=BAD_PIXELS)
def test_raw_pixels_that_are_none_get_one_sentence(reader: Reader, images: Any) -> None:
    with pytest.raises(ShapeError, match=r"^[A-Z][^\n]*\.$"):
        reader.probabilities(images)


def test_a_tensor_that_needs_a_gradient_gets_one_sentence(reader: Reader) -> None:
    with pytest.raises(ShapeError, match=r"^Raw pixels cannot be taken from a Tensor: .*detach.*\.$"):
        reader.probabilities([torch.zeros(1, 28, 28, requires_grad=True)])


BAD_PICTURES: dict[str, Any] = {
    "floats": np.zeros((40, 40)),
    "NaN": np.full((40, 40), np.nan),
    "16 bits": np.zeros((40, 40), np.uint16),
    "flat": np.zeros(1600, np.uint8),
    "four channels": np.zeros((40, 40, 4), np.uint8),
    "no pixels": np.zeros((0, 40), np.uint8),
    "a list of rows": [[0, 1], [1, 0]],
    "nothing": None,
    "a number": 7,
}


@pytest.mark.parametrize("picture", BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_a_picture_that_is_none_gets_one_sentence(
    reader: Reader, pictures: list[Pixels], picture: Any
) -> None:
    with pytest.raises(ShapeError, match=r"^The picture at place 1: A picture must be [^\n]*\.$"):
        reader.predict([pictures[0], picture])
    with pytest.raises(ShapeError, match=r"^A picture must be [^\n]*\.$"):
        reader.read(picture)


def test_a_reading_is_drawn_on_a_picture_alone(reader: Reader, pictures: list[Pixels]) -> None:
    with pytest.raises(ShapeError, match=r"^A picture must be "):
        draw(np.zeros((40, 40)), reader.read(pictures[0]))  # type: ignore[arg-type]


def test_a_reading_is_painted_green_only_where_it_is_sure(reader: Reader, page: Pixels) -> None:
    found = reader.read(page)
    sure = replace(found, unsure=False, digits=tuple(replace(d, unsure=False) for d in found.digits))
    for reading, green in ((sure, True), (replace(sure, unsure=True), False)):
        painted = cv2.imdecode(np.frombuffer(draw(page, reading), np.uint8), cv2.IMREAD_COLOR)
        assert painted is not None
        assert bool((painted[..., 1].astype(int) - painted[..., 2] > 60).any()) == green


def test_nothing_given_is_nothing_answered(reader: Reader) -> None:
    nothing: list[Any] = [[], (), np.empty((0, 28, 28), np.uint8), np.empty((0, 1, 28, 28))]
    for empty in nothing:
        assert reader.probabilities(empty).shape == (0, 10)
    assert reader.predict([]) == reader.predict(()) == reader.predict(np.empty((0, 28, 28), np.uint8)) == []
    assert reader.read(np.full((40, 40), 255, np.uint8)).text == ""


# --- threads and processes ---------------------------------------------------------------------------------


def answers(reader: Reader, digits: Pixels, pictures: list[Pixels], page: Pixels) -> tuple[Pixels, Any, Any]:
    return reader.probabilities(digits), reader.predict(pictures), reader.read(page)


def alike(found: tuple[Pixels, Any, Any], expected: tuple[Pixels, Any, Any]) -> bool:
    return np.array_equal(found[0], expected[0]) and found[1:] == expected[1:]


def test_32_threads_answer_as_one_does(
    reader: Reader, digits: Pixels, pictures: list[Pixels], page: Pixels
) -> None:
    few = (digits[:100], pictures[:10], page)
    serial = answers(reader, *few)
    with ThreadPoolExecutor(32) as pool:
        work = [pool.submit(answers, reader, *few) for _ in range(32)]
    assert all(alike(done.result(), serial) for done in work)


def in_a_fork(check: Callable[[], bool], patience: float = 30) -> str:
    """What went wrong in a forked child that asks `check`; "" where that holds. A child that hangs is ended
    once it has told where, on its standard error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        child = os.fork()
    if child == 0:
        code = 2
        try:
            faulthandler.register(signal.SIGUSR1)
            code = 0 if check() else 1
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return {0: "", 1: "it says otherwise", 2: "it raised an error"}.get(code, f"it ended with {code}")
        time.sleep(0.005)
    for end in (signal.SIGUSR1, signal.SIGKILL):
        os.kill(child, end)
        time.sleep(0.2)
    os.waitpid(child, 0)
    return "it hung"


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
def test_a_fork_of_a_busy_process_answers_alike(
    reader: Reader, digits: Pixels, pictures: list[Pixels], page: Pixels
) -> None:
    """Its other threads hold locks of the runtime and the decoder, which the child inherits locked."""
    few = (digits[:64], pictures[:8], page)
    expected = answers(reader, *few)
    over = threading.Event()

    def busy() -> None:
        while not over.is_set():
            answers(reader, *few)

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(6):
            assert in_a_fork(lambda: alike(answers(reader, *few), expected)) == ""
    finally:
        over.set()
        for thread in threads:
            thread.join()


@needs_fork
def test_a_fork_while_another_thread_opens_a_picture_reads_files(
    reader: Reader, pictures: list[Pixels], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.bmp"
    Image.fromarray(pictures[0]).save(path)
    (expected,) = reader.predict([path])
    inside, over, parent = threading.Event(), threading.Event(), os.getpid()

    class Slow(BmpImagePlugin.BmpImageFile):
        def __init__(self, *arguments: Any) -> None:
            if os.getpid() == parent:
                inside.set()
                over.wait(60)
            super().__init__(*arguments)

    monkeypatch.setattr(BmpImagePlugin, "BmpImageFile", Slow)
    thread = threading.Thread(target=reader.predict, args=([path],))
    thread.start()
    try:
        assert inside.wait(30)
        assert in_a_fork(lambda: reader.predict([path]) == [expected], patience=10) == ""
    finally:
        over.set()
        thread.join()


@needs_fork
def test_a_fork_waits_for_no_thread_of_opencv(reader: Reader, page: Pixels) -> None:
    """They stay behind, and now and then a fork would wait for a lock that one of them held."""
    expected = reader.read(page)
    assert in_a_fork(lambda: cv2.getNumThreads() == 1 and reader.read(page) == expected) == ""


@needs_fork
def test_forks_of_forks_answer_alike(reader: Reader, digits: Pixels) -> None:
    expected = reader.probabilities(digits[:8])

    def equal() -> bool:
        return np.array_equal(reader.probabilities(digits[:8]), expected)

    assert in_a_fork(lambda: equal() and not in_a_fork(lambda: equal() and not in_a_fork(equal))) == ""


def _answers_there(reader: Reader, digits: Pixels, pictures: list[Pixels], page: Pixels) -> Any:
    return answers(reader, digits, pictures, page)


def test_a_spawned_process_is_sent_the_reader_and_answers_alike(
    reader: Reader, digits: Pixels, pictures: list[Pixels], page: Pixels
) -> None:
    few = (digits[:64], pictures[:8], page)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(_answers_there, reader, *few).result(timeout=120)
    assert alike(found, answers(reader, *few))


def test_a_copied_reader_is_the_same_model_with_the_same_threads(model_file: Path, digits: Pixels) -> None:
    from copy import deepcopy

    original = Reader(model_file, threads=3)
    copied = deepcopy(original)
    model_file.unlink()  # the copy has the bytes, not the path
    again = deepcopy(copied)
    assert again.model.sha256 == original.model.sha256
    assert np.array_equal(again.probabilities(digits[:3]), original.probabilities(digits[:3]))
