"""What is fuzzed: one function a door through which a stranger's bytes come in.

Each gives its bytes to the door and lets only that door's own leaf of the tree of errors pass; whatever else
is raised is a finding. What is accepted must be sound to the end of the road.
"""

import contextlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from tests.fuzz import corpora

from tenfold import onnx_wire
from tenfold.data.idx import read_idx, read_images, write_idx
from tenfold.errors import IdxError, ImageError, ModelFileError
from tenfold.images import to_mnist
from tenfold.images.decode import read_picture
from tenfold.images.png import SIGNATURE
from tenfold.images.segment import segment
from tenfold.model import open_session, parse_model, seal
from tenfold.reading import Reader
from tenfold.serving.answers import RefusedError
from tenfold.serving.api import pixels
from tenfold.serving.strict_json import parse
from tenfold.serving.tensors import parse_request, write_answer

PIXELS = 40_000  # more than that would slow the search and show nothing new
BYTES = 1 << 20


def idx(data: bytes) -> None:
    """IDX and gzip: what is read is written back to the same bytes."""
    with contextlib.suppress(IdxError):
        array = read_idx(data, limit=BYTES)
        again = read_idx(write_idx(array))
        assert (again.dtype, again.shape, again.tobytes()) == (array.dtype, array.shape, array.tobytes())
    with contextlib.suppress(IdxError):
        assert read_images(data, limit=BYTES).shape[1:] == (28, 28)


def picture(data: bytes) -> None:
    """Decoding and the whole road to an answer; a PNG also with its checksums put right."""
    _read(data)
    if data.startswith(SIGNATURE):
        _read(_with_checksums(data))


def _read(data: bytes) -> None:
    try:
        plane = read_picture(data, pixel_limit=PIXELS)
    except ImageError:
        return
    assert plane.dtype == np.uint8
    assert plane.ndim == 2 or plane.shape[2:] == (3,)
    assert 0 < plane.size <= 3 * PIXELS
    digit = to_mnist(plane)
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    (answer,) = _reader().predict([plane])
    assert 0 <= answer.label <= 9
    assert abs(sum(answer.probabilities) - 1) < 1e-4
    if plane.size <= PIXELS // 4:
        segment(plane)


@cache
def _reader() -> Reader:
    return Reader("baseline", threads=1)


def _with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what is in them, so that a mutation is seen behind them."""
    found, at = [data[:8]], 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        found.append(data[at:end] + zlib.crc32(data[at + 4 : end]).to_bytes(4, "big"))
        at = end + 4
    return b"".join(found) + data[at:]


def model(data: bytes) -> None:
    """A model file, also with a checksum that fits; what is accepted answers with probabilities."""
    with contextlib.suppress(ModelFileError):
        parse_model(data, "m.onnx")
    with contextlib.suppress(ModelFileError):
        text = next(text for key, text in onnx_wire.parse(data).metadata or [("", "")])
        if not text or data.count(text.encode()) != 1:
            return
        session = open_session(parse_model(seal(data, text), "m.onnx"))
        (found,) = session.run(["probabilities"], {"images": np.zeros((2, 1, 28, 28), np.float32)})
        assert found.shape == (2, 10)


def request(data: bytes) -> None:
    """The bodies of the service: pixels as JSON, and tensors as JSON or behind it."""
    with contextlib.suppress(RefusedError):
        plane = pixels(parse(data).get("pixels"))
        assert plane.dtype == np.uint8
        assert plane.ndim == 2 or plane.shape[2:] == (3,)
    for length in (None, str(data.rfind(b"}") + 1)):
        with contextlib.suppress(RefusedError):
            asked = parse_request(data, length, batch=4)
            assert 1 <= len(asked.images) <= 4
            assert asked.images.shape[1:] == (1, 28, 28)
            assert asked.images.dtype == np.float32
            assert 0 <= asked.images.min() <= asked.images.max() <= 1
            answers = np.zeros((len(asked.images), 10), np.float32)
            assert write_answer(asked, "m", {"probabilities": answers, "logits": answers}).status_code == 200


@dataclass(frozen=True)
class Target:
    """`longest` bounds the bytes of a trial; `runs` is how many the quick test makes."""

    run: Callable[[bytes], None]
    corpus: Callable[[], dict[str, bytes]]
    longest: int
    runs: int


TARGETS = {
    "idx": Target(idx, corpora.idx, 4_096, 10_000),
    "picture": Target(picture, corpora.picture, 4_096, 1_500),
    "model": Target(model, corpora.model, 16_384, 3_000),
    "request": Target(request, corpora.request, 16_384, 3_000),
}
