"""The queues: their bounds, their deadlines, and answers that do not depend on the company."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import numpy as np
import pytest
from tests.serving.conftest import Images

from tenfold.errors import ImageError
from tenfold.reading import Reader
from tenfold.serving.lanes import BATCH, BusyError, CallLane, DigitLane


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader("baseline", threads=1)


class Stopper:
    """A reader's stand-in that holds its lane until it is let go."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self) -> Images:
        self.entered.set()
        assert self.go.wait(20)
        return np.zeros((28, 28), np.uint8)


def with_lane(work: Callable[[DigitLane], Awaitable[None]], *, room: int = 64, wait: float = 10.0) -> None:
    async def run() -> None:
        lane = DigitLane(room, wait, 1)
        lane.start(asyncio.get_running_loop())
        try:
            await work(lane)
            assert lane.waiting == 0
        finally:
            lane.stop()

    asyncio.run(run())


def test_digits_together_are_answered_as_alone(reader: Reader, digits: Images) -> None:
    """Also of two models, with a tensor and a bad picture among them."""
    other = Reader("reader", threads=1)
    tensor = (digits[:5, None] / np.float32(255)).astype(np.float32)

    def bad() -> Images:
        raise ImageError("It is no picture.")

    async def work(lane: DigitLane) -> None:
        stopper = Stopper()
        first = lane.predict(reader, stopper)
        asked = [lane.predict(reader, lambda image=image: image) for image in digits]  # type: ignore[misc]
        second = lane.predict(other, lambda: digits[0])
        failed = lane.predict(reader, bad)
        several = lane.infer(reader, tensor)
        stopper.go.set()
        assert (await first).reason == "blank"
        for found, expected in zip(await asyncio.gather(*asked), reader.predict(digits), strict=True):
            assert found.label == expected.label
            np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)
        np.testing.assert_allclose(
            (await second).probabilities, other.predict(digits[:1])[0].probabilities, atol=1e-6
        )
        with pytest.raises(ImageError, match="no picture"):
            await failed
        for part, expected_part in zip(await several, reader.outputs(tensor), strict=True):
            np.testing.assert_allclose(part, expected_part, atol=1e-5)

    with_lane(work)


def test_a_full_queue_refuses_at_once(reader: Reader, digits: Images) -> None:
    async def work(lane: DigitLane) -> None:
        stopper = Stopper()
        asked = [lane.predict(reader, stopper)]
        asked += [lane.predict(reader, lambda: digits[0]) for _ in range(3)]
        assert lane.room == 0
        with pytest.raises(BusyError) as busy:
            lane.predict(reader, lambda: digits[0])
        assert busy.value.reason == "queue"
        stopper.go.set()
        await asyncio.gather(*asked)
        assert lane.room == 4

    with_lane(work, room=4)


def test_what_waited_too_long_is_refused_and_not_computed(reader: Reader, digits: Images) -> None:
    made = []

    async def work(lane: DigitLane) -> None:
        stopper = Stopper()
        first = lane.predict(reader, stopper)
        await asyncio.to_thread(stopper.entered.wait)
        late = [lane.predict(reader, lambda: made.append(1) or digits[0]) for _ in range(2)]  # type: ignore[func-returns-value]
        await asyncio.sleep(0.1)
        stopper.go.set()
        await first
        for answer in await asyncio.gather(*late, return_exceptions=True):
            assert isinstance(answer, BusyError)
            assert answer.reason == "deadline"

    with_lane(work, wait=0.05)
    assert made == []


def test_a_page_that_waits_is_refused_at_its_deadline_and_not_computed() -> None:
    made = []

    async def work() -> None:
        lane, stopper = CallLane("pages", 2, 0.05), Stopper()
        lane.start(asyncio.get_running_loop())
        first = lane.submit(stopper)
        await asyncio.to_thread(stopper.entered.wait)
        with pytest.raises(BusyError, match="deadline"):
            await asyncio.wait_for(lane.submit(lambda: made.append(1)), 10)
        assert lane.room == 0  # until its turn comes
        stopper.go.set()
        await first  # which had begun in time
        while lane.waiting:
            await asyncio.sleep(0.01)
        lane.stop()

    asyncio.run(work())
    assert made == []


def test_nobody_computes_for_who_gave_up(reader: Reader, digits: Images) -> None:
    made = []

    async def work(lane: DigitLane) -> None:
        stopper = Stopper()
        first = lane.predict(reader, stopper)
        await asyncio.to_thread(stopper.entered.wait)
        lane.predict(reader, lambda: made.append(1) or digits[0]).cancel()  # type: ignore[func-returns-value]
        last = lane.predict(reader, lambda: digits[0])
        stopper.go.set()
        await asyncio.gather(first, last)

    with_lane(work)
    assert made == []


def test_a_batch_is_bounded(reader: Reader, digits: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    whole = reader.outputs
    monkeypatch.setattr(reader, "outputs", lambda images: sizes.append(len(images)) or whole(images))  # type: ignore[func-returns-value]

    async def work(lane: DigitLane) -> None:
        stopper = Stopper()
        first = lane.predict(reader, stopper)
        await asyncio.to_thread(stopper.entered.wait)
        asked = [lane.predict(reader, lambda: digits[0]) for _ in range(2 * BATCH)]
        stopper.go.set()
        await asyncio.gather(first, *asked)

    with_lane(work)
    assert sizes == [1, BATCH, BATCH]


def test_threads_end_after_the_work_that_waits(digits: Images, reader: Reader) -> None:
    async def work() -> None:
        lane = DigitLane(64, 10, 3)
        lane.start(asyncio.get_running_loop())
        asked = [lane.predict(reader, lambda: digits[0]) for _ in range(40)]
        lane.stop()
        assert len(await asyncio.gather(*asked)) == 40
        for thread in lane._threads:
            thread.join(10)
            assert not thread.is_alive()

    asyncio.run(work())


def test_calls_on_the_lane_of_pages_give_their_answers_and_errors() -> None:
    def calls() -> Iterator[Callable[[], int]]:
        yield lambda: 5
        yield lambda: 1 // 0
        yield lambda: 6

    async def work() -> None:
        lane = CallLane("pages", 4, 10)
        lane.start(asyncio.get_running_loop())
        found = await asyncio.gather(*(lane.submit(call) for call in calls()), return_exceptions=True)
        assert (found[0], type(found[1]), found[2]) == (5, ZeroDivisionError, 6)
        lane.stop()

    asyncio.run(work())
