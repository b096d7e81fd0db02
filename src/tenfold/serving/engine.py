"""Work off the event loop: three queues, each with a bound and a deadline, and the threads that empty them.

Digits go by the fast lane, whose thread takes all that wait as one batch; pages, large pictures and whatever
lasts go by another, so that a page of a second holds up no digit; errands, such as loading a model or saving
a correction, by the third, as a sheet of many digits takes a minute.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import UsageError
from tenfold.reading import Prediction, Reader
from tenfold.reading.expected import CHECKSUMS, Checksum, Expected
from tenfold.reading.page import Reading
from tenfold.serving.catalogue import Catalogue
from tenfold.serving.lanes import BusyError, CallLane, DigitLane
from tenfold.serving.settings import Settings

T = TypeVar("T")
Tensor = NDArray[np.float32]
Picture = bytes | NDArray[np.uint8]

SMALL = 512 * 512  # pixels of a picture that is read with the digits
STROKES_BY_DIGITS = 2_000  # what a search for a number of digits costs is their product: here 2 seconds
FEW = 8  # tensors of a request that are read with the digits


class Engine:
    """What the routes call. All methods but `start` and `stop` belong to the event loop."""

    def __init__(self, catalogue: Catalogue, settings: Settings) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.ready = False
        self.digits = DigitLane(settings.queue, settings.queue_wait, settings.threads)
        self.pages = CallLane("tenfold-pages", settings.page_queue, settings.page_wait)
        self.errands = CallLane("tenfold-errands", settings.page_queue, settings.page_wait)
        self._kept: dict[Callable[[], Any], Any] = {}

    async def start(self) -> None:
        """Load the default model and predict its own golden images: only then is the service ready.

        Raises ModelFileError.
        """
        import cv2

        cv2.setNumThreads(1)  # its threads would fight the lanes for the cores
        loop = asyncio.get_running_loop()
        for lane in (self.digits, self.pages, self.errands):
            lane.start(loop)
        reader = await self.reader(None)
        known = reader.metadata.golden_images
        for image in known:
            await self._predict_at_last(image)
        self.ready = True

    async def _predict_at_last(self, image: NDArray[np.uint8]) -> None:
        """A machine that is slow now is no reason not to start."""
        while True:
            with suppress(BusyError):
                await self.predict(image)
                return

    def stop(self) -> None:
        """Let the threads end when their queues are empty."""
        self.ready = False
        for lane in (self.digits, self.pages, self.errands):
            lane.stop()

    async def reader(self, model: str | None) -> Reader:
        """The Reader of a model by name. Raises UnknownNameError, ModelFileError, BusyError."""
        name = self.catalogue.check(model)
        loaded = self.catalogue.loaded(name)
        return await self.errand(lambda: self.catalogue.load(name)) if loaded is None else loaded

    async def run(self, call: Callable[[], T]) -> T:
        """`call()` on the lane of pages, with its exceptions. Raises BusyError."""
        return await self.pages.submit(call)

    async def errand(self, call: Callable[[], T]) -> T:
        """`call()`, which is short, on the lane of errands; as `run` beside that."""
        return await self.errands.submit(call)

    async def once(self, call: Callable[[], T]) -> T:
        """As `errand`, of what always gives the same: the answer is kept."""
        if call not in self._kept:
            self._kept[call] = await self.errand(call)
        answer: T = self._kept[call]
        return answer

    async def predict(self, picture: Picture, model: str | None = None) -> Prediction:
        """The digit on a picture, a file's bytes or pixels as for `Reader.predict`. Raises ImageError,
        BusyError, UnknownNameError."""
        reader = await self.reader(model)
        if _pixels(picture) > SMALL:
            return await self.run(lambda: self._predict(reader, picture))
        return await self.digits.predict(reader, lambda: self.digit(picture))

    async def read(
        self, picture: Picture, expected: Expected | None = None, model: str | None = None
    ) -> Reading:
        """All digits of a picture. Raises as `predict`, and UsageError for too long a search."""
        reader = await self.reader(model)
        return await self.run(lambda: self._read(reader, picture, expected or Expected()))

    async def infer(self, images: Tensor, model: str | None = None) -> tuple[Tensor, Tensor]:
        """Probabilities and logits float32 [n, 10] of float32 [n, 1, 28, 28] in 0..1. Raises BusyError,
        UnknownNameError."""
        reader = await self.reader(model)
        if len(images) > FEW:
            return await self.run(lambda: reader.outputs(images))
        return await self.digits.infer(reader, images)

    def decode(self, picture: Picture) -> NDArray[np.uint8]:
        """The upright picture, uint8 [h, w] or [h, w, 3]; for calls on a lane. Raises ImageError."""
        from tenfold.images import read_picture

        if isinstance(picture, bytes):
            return read_picture(picture, pixel_limit=self.settings.pixels)
        return picture

    def digit(self, picture: Picture) -> NDArray[np.uint8]:
        """The digit on it as the network sees it, uint8 [28, 28]; as `decode`."""
        from tenfold.images import read_digit, to_mnist

        if isinstance(picture, bytes):
            return read_digit(picture, pixel_limit=self.settings.pixels)
        return to_mnist(picture)

    def _predict(self, reader: Reader, picture: Picture) -> Prediction:
        digit = self.digit(picture)
        return reader.prediction(reader.probabilities(digit[None])[0], blank=not digit.any())

    def _read(self, reader: Reader, picture: Picture, expected: Expected) -> Reading:
        from tenfold.images.segment import segment, segment_file

        if isinstance(picture, bytes):
            page = segment_file(picture, pixel_limit=self.settings.pixels)
        else:
            page = segment(picture)
        if expected.digits is not None and page.atoms * expected.digits > STROKES_BY_DIGITS:
            raise UsageError("The page has too many strokes to look for so many digits; leave digits out.")
        bounded = replace(expected, checksum=_in_time(expected.checksum, self.settings.search))
        return reader.read_page(page, bounded)


def _in_time(checksum: str | Checksum | None, seconds: float) -> Checksum | None:
    """`checksum` for so long; 2,000 readings of a full page are searched for two minutes otherwise."""
    if checksum is None:
        return None
    holds = CHECKSUMS[checksum] if isinstance(checksum, str) else checksum
    deadline = monotonic() + seconds

    def in_time(text: str) -> bool:
        if monotonic() > deadline:
            raise UsageError("No reading was found in time whose checksum is right; leave checksum out.")
        return holds(text)

    return in_time


def _pixels(picture: Picture) -> int:
    """How large a picture is, before it is decoded; what only its decoder knows counts as large."""
    from tenfold.errors import ImageError
    from tenfold.images.png import SIGNATURE
    from tenfold.images.size import picture_size

    if not isinstance(picture, bytes):
        return int(picture.shape[0] * picture.shape[1])
    try:
        width, height = picture_size(picture)
    except ImageError:
        return 0 if picture.startswith(SIGNATURE) else SMALL + 1  # such a PNG is refused at once
    return width * height
