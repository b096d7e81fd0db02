"""Pictures of one digit -> predictions, with ONNX Runtime and without torch.

    reader = Reader()                                  # the shipped model; Reader("runs/mine") another
    reader.predict(["seven.png", array])[0].label      # any pictures, by way of tenfold.images
    reader.probabilities(mnist_images)                 # raw 28 x 28 pixels, as the network sees them

A session works on one thread, and several chunks of a large input are given to it at once: at least as fast
as one chunk on several threads. A Reader owns no threads, so threads may share it; it makes itself a new
session in a forked child, and pickled it takes its model along.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tenfold.environment import cores
from tenfold.errors import ShapeError, TenfoldError, named
from tenfold.metrics import softmax
from tenfold.model import Metadata, Model, parse_model, read_model, resolve
from tenfold.onnx_check import CLASSES, INPUT, OUTPUTS
from tenfold.reading.given import check_not_one, check_sequence, network_input, path_text, raw_pixels
from tenfold.reading.lines import LineReader
from tenfold.reading.looks import PERHAPS, SECOND_LOOK, SECOND_OPINION, several_looks
from tenfold.reading.sessions import Sessions
from tenfold.thresholds import CONFIDENCE, LOW, unsure

if TYPE_CHECKING:
    from tenfold.images.segment import Page
    from tenfold.reading.expected import Checksum, Expected
    from tenfold.reading.page import Reading

BATCH = 32  # images a call of ONNX Runtime: fastest of 1 to 256 on the baseline, as the planes stay in cache;
MANY = 1_000  # twice as many where there are so many: small networks are then 7 to 16 % faster
UNLIKE = "unlike a digit"  # why an answer is unsure: see `thresholds.likeness`
BATCHES_A_THREAD = 2  # with fewer the work is done before a second thread has started
FILES_AT_ONCE = 64  # pictures decoded before they are read together

Picture = NDArray[np.uint8] | str | os.PathLike[str]


@dataclass(frozen=True)
class Prediction:
    """One digit as read.

    `file` is None for an array; `reason` says why the answer is `unsure`: "blank", "low confidence" or
    "unlike a digit".
    `confidence` is the calibrated probability of `label`, `probabilities` those of 0 to 9.
    """

    file: str | None
    label: int
    confidence: float
    unsure: bool
    reason: str | None
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Failure:
    """A file that could not be read, and the sentence that says why."""

    file: str
    error: str


class Reader:
    """Reads digits with one model.

    `model` is a shipped model's name, a model file or a run folder (None: the shipped default);
    `threads` is the number of cores that a call with many pictures uses (None: all that this process may
    use). Raises UnknownNameError for a name that is none, ModelFileError for a bad file, DiskError, and
    ShapeError for fewer threads than one.
    """

    def __init__(self, model: str | os.PathLike[str] | None = None, *, threads: int | None = None) -> None:
        self._set_up(read_model(resolve(model)), threads)

    @classmethod
    def of(cls, model: Model, *, threads: int | None = None) -> "Reader":
        """A Reader of a model that is read already. Raises as `Reader(...)`."""
        reader = cls.__new__(cls)
        reader._set_up(model, threads)
        return reader

    def _set_up(self, model: Model, threads: int | None) -> None:
        if threads is not None and not (isinstance(threads, int | np.integer) and threads >= 1):
            raise ShapeError(f"A Reader needs at least one thread, and whole ones, not {threads}.")
        self.model = model
        self._wanted = threads
        self.threads = threads or cores()
        self._sessions = Sessions(model)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled, and so sent to a spawned process, as its model file; that is checked again there."""
        return _restored, (self.model.data, self.model.source, self._wanted)

    def __repr__(self) -> str:
        return f"Reader({self.model.name!r})"

    @property
    def metadata(self) -> Metadata:
        return self.model.metadata

    def probabilities(
        self, images: NDArray[Any] | Sequence[Any], *, perhaps: float = 0.0
    ) -> NDArray[np.float32]:
        """Probabilities float32 [n, 10] of raw 28 x 28 pictures, ink bright, without a search for the digit.

        `images`: uint8 [n, 28, 28], or floats [n, 1, 28, 28] in 0..1, as one array or a list. They are not
        modified, and an answer does not depend on its neighbours in the batch (1e-6). A model may ask for
        second looks (`looks.py`), but not at what no digit reaches `perhaps` for at first sight. Raises
        ShapeError for other types, shapes and ranges.
        """
        return self.outputs(images, perhaps=perhaps)[0]

    def outputs(
        self, images: NDArray[Any] | Sequence[Any], *, perhaps: float = 0.0
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `probabilities`, and the logits whose softmax they are once these are divided by the
        temperature: each float32 [n, 10]."""
        pixels = raw_pixels(images)
        answers = np.empty((2, len(pixels), CLASSES), np.float32)
        size = BATCH if len(pixels) < MANY else 2 * BATCH

        def answer(start: int) -> None:
            batch = network_input(pixels[start : start + size])
            answers[:, start : start + size] = self._answer(batch, perhaps)

        starts = range(0, len(pixels), size)
        threads = min(self.threads, len(starts) // BATCHES_A_THREAD)
        if threads < 2:
            for start in starts:
                answer(start)
        else:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(answer, starts):
                    pass
        return answers[0], answers[1]

    def _answer(
        self, images: NDArray[np.float32], perhaps: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities and logits of one batch float32 [n, 1, 28, 28], what is unsure looked at again."""
        probabilities, logits = self._sessions.mine.run(OUTPUTS, {INPUT: images})
        confidence, thresholds = probabilities.max(1), self.metadata.thresholds
        below = thresholds.get(SECOND_LOOK, 0.0)
        again = np.flatnonzero((confidence >= perhaps) & (confidence < below))
        if len(again):
            logits[again] = several_looks(images[again], logits[again], self._logits)
            opinion = thresholds.get(SECOND_OPINION, 0.0)
            if opinion and not perhaps:  # a page asks for it itself
                heard = LineReader.shipped().digits(images[again])
                logits[again] += opinion * self.metadata.temperature * heard
            probabilities[again] = softmax(logits[again], self.metadata.temperature)
        return probabilities, logits

    def _logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32]
        (found,) = self._sessions.mine.run(OUTPUTS[1:], {INPUT: images})
        return found

    def predict(self, images: Sequence[Picture] | NDArray[np.uint8]) -> list[Prediction]:
        """One prediction for each picture of one digit.

        A picture is a path or a uint8 array, [height, width] grey or [height, width, 3] RGB, of any size,
        dark ink on bright paper or the reverse; `tenfold.images.read_picture` makes one of a file's bytes.
        Raises ShapeError for another array, ImageError for a file that is not a picture, and names it;
        `predict_files` goes on past those.
        """
        check_sequence(images)
        digits, files = [], []
        for place, image in enumerate(images):
            file = os.fsdecode(image) if isinstance(image, str | os.PathLike) else None
            with named(f"'{file}'" if file is not None else f"The picture at place {place}"):
                digits.append(_digit(image))
            files.append(file)
        return self._read(digits, files)

    def predict_files(self, paths: Iterable[str | os.PathLike[str]]) -> Iterator[Prediction | Failure]:
        """One result for each file, in order, with at most FILES_AT_ONCE pictures in memory.

        A file that cannot be read gives a Failure, and the others go on. Raises ShapeError, when the first is
        asked for, where `paths` is one path, and for what is no path.
        """
        check_not_one(paths)
        remaining = iter(paths)
        while chunk := [path_text(path) for path in islice(remaining, FILES_AT_ONCE)]:
            digits = [_digit_or_failure(path) for path in chunk]
            good = [(d, path) for d, path in zip(digits, chunk, strict=True) if not isinstance(d, Failure)]
            predictions = iter(self._read([d for d, _ in good], [path for _, path in good]))
            for digit in digits:
                yield digit if isinstance(digit, Failure) else next(predictions)

    def read(
        self,
        image: Picture,
        *,
        digits: int | None = None,
        allowed: str | None = None,
        pattern: str | None = None,
        checksum: "str | Checksum | None" = None,
    ) -> "Reading":
        """All digits of a picture, however many, as lines of text; see `reading/page.py`.

        What is known of them constrains the answer: `digits`, how many there are; `allowed`, those that occur
        ("0123"); `pattern`, a regular expression of the whole text; `checksum`, "luhn" or a function of the
        text. Raises as `predict` for the picture, UsageError for the rest.
        """
        from tenfold.images.segment import segment, segment_file
        from tenfold.reading.expected import Expected

        expected = Expected(digits, allowed, pattern, checksum)
        if isinstance(image, str | os.PathLike):
            return self.read_page(segment_file(os.fsdecode(image)), expected, os.fsdecode(image))
        return self.read_page(segment(image), expected)

    def read_page(self, page: "Page", expected: "Expected", file: str | None = None) -> "Reading":
        """`read` for a page whose strokes are found already, with the shipped model of whole lines beside."""
        from tenfold.reading.page import read_page

        looked = partial(self.probabilities, perhaps=PERHAPS)
        lines = LineReader.shipped().chances
        return read_page(page, looked, expected, lines, thresholds=self.metadata.thresholds, file=file)

    def _read(self, digits: list[NDArray[np.uint8]], files: Sequence[str | None]) -> list[Prediction]:
        if not digits:
            return []
        answers = self.probabilities(np.stack(digits))
        rows = zip(files, digits, answers, strict=True)
        return [self.prediction(row, blank=not digit.any(), file=file) for file, digit, row in rows]

    def prediction(
        self, row: NDArray[np.float32], *, blank: bool = False, file: str | None = None
    ) -> Prediction:
        """What the probabilities of one picture, float32 [10], say; `blank` tells that no ink was on it."""
        label = int(row.argmax())
        confidence = float(row[label])
        reason = None
        if blank:
            reason = "blank"
        elif unsure(row[None], self.metadata.thresholds)[0]:
            least = self.metadata.thresholds.get(CONFIDENCE, 0.0)
            reason = LOW if confidence < least else UNLIKE
        return Prediction(file, label, confidence, reason is not None, reason, tuple(row.tolist()))


def _restored(data: bytes, source: str, threads: int | None) -> Reader:
    return Reader.of(parse_model(data, source), threads=threads)


def _digit(image: Picture) -> NDArray[np.uint8]:
    from tenfold.images import read_digit, to_mnist  # OpenCV: not for those who bring raw pixels

    return read_digit(os.fsdecode(image)) if isinstance(image, str | os.PathLike) else to_mnist(image)


def _digit_or_failure(path: str) -> NDArray[np.uint8] | Failure:
    try:
        return _digit(path)
    except TenfoldError as error:
        return Failure(path, str(error))
