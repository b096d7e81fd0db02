"""The queues: their bounds, their deadlines, and answers that do not depend on the company."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pytest
from tests.serving.conftest import Gate, Images
from tests.serving.process import PATIENCE

from tenfold.errors import ImageError
from tenfold.reading import Reader
from tenfold.serving.lanes import BATCH, BusyError, CallLane, DigitLane

Lane = TypeVar("Lane", DigitLane, CallLane)
BLANK = np.zeros((28, 28), np.uint8)
SHORT = 0.05  # seconds


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader("baseline", threads=1)


def digit_lane(room: int = 64, threads: int = 1) -> DigitLane:
    return DigitLane(room, PATIENCE, threads)


def with_lane(lane: Lane, work: Callable[[Lane], Awaitable[None]]) -> None:
    """Do `work` on its loop; all that was accepted must be answered."""

    async def run() -> None:
        lane.start(asyncio.get_running_loop())
        try:
            async with asyncio.timeout(2 * PATIENCE):
                await work(lane)
                while lane.waiting:
                    await asyncio.sleep(0.01)
        finally:
            lane.stop()

    asyncio.run(run())


async def held_up(
    submit: Callable[[Callable[[], Any]], "asyncio.Future[Any]"],
) -> tuple[Gate, "asyncio.Future[Any]"]:
    """A gate that the lane's thread stands at, and the answer that it will give then."""
    gate = Gate()
    answer = submit(lambda: gate.hold(BLANK))
    await asyncio.to_thread(gate.wait)
    return gate, answer


def test_digits_together_are_answered_as_alone(reader: Reader, digits: Images) -> None:
    """Also of two models, with a tensor and a bad picture among them."""
    other = Reader("reader", threads=1)
    tensor = (digits[:5, None] / np.float32(255)).astype(np.float32)

    def bad() -> Images:
        raise ImageError("It is no picture.")

    async def work(lane: DigitLane) -> None:
        gate, first = await held_up(partial(lane.predict, reader))
        asked = [lane.predict(reader, lambda image=image: image) for image in digits]  # type: ignore[misc]
        second = lane.predict(other, lambda: digits[0])
        failed = lane.predict(reader, bad)
        several = lane.infer(reader, tensor)
        gate.open()
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

    with_lane(digit_lane(), work)


def test_a_full_queue_refuses_at_once(reader: Reader, digits: Images) -> None:
    async def work(lane: DigitLane) -> None:
        gate, first = await held_up(partial(lane.predict, reader))
        asked = [lane.predict(reader, lambda: digits[0]) for _ in range(3)]
        assert lane.room == 0
        with pytest.raises(BusyError) as busy:
            lane.predict(reader, lambda: digits[0])
        assert busy.value.reason == "queue"
        gate.open()
        await asyncio.gather(first, *asked)
        assert lane.room == 4

    with_lane(digit_lane(room=4), work)


def test_what_waited_too_long_is_refused_and_not_computed(reader: Reader, digits: Images) -> None:
    made = []

    async def work(lane: DigitLane) -> None:
        gate, first = await held_up(partial(lane.predict, reader))
        lane.wait = SHORT
        late = [lane.predict(reader, lambda: made.append(1) or digits[0]) for _ in range(2)]  # type: ignore[func-returns-value]
        await asyncio.sleep(2 * SHORT)
        gate.open()
        await first
        for answer in await asyncio.gather(*late, return_exceptions=True):
            assert isinstance(answer, BusyError)
            assert answer.reason == "deadline"

    with_lane(digit_lane(), work)
    assert made == []


def test_a_page_that_waits_is_refused_at_its_deadline_and_not_computed() -> None:
    made = []

    async def work(lane: CallLane) -> None:
        gate, first = await held_up(lane.submit)
        lane.wait = SHORT
        with pytest.raises(BusyError, match="deadline"):
            await lane.submit(lambda: made.append(1))
        assert lane.room == 0  # until its turn comes
        gate.open()
        await first

    with_lane(CallLane("pages", 2, PATIENCE), work)
    assert made == []


def test_nobody_computes_for_who_gave_up(reader: Reader, digits: Images) -> None:
    made = []

    async def work(lane: DigitLane) -> None:
        gate, first = await held_up(partial(lane.predict, reader))
        lane.predict(reader, lambda: made.append(1) or digits[0]).cancel()  # type: ignore[func-returns-value]
        last = lane.predict(reader, lambda: digits[0])
        gate.open()
        await asyncio.gather(first, last)

    with_lane(digit_lane(), work)
    assert made == []


def test_a_batch_is_bounded(reader: Reader, digits: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    whole = reader.outputs
    monkeypatch.setattr(reader, "outputs", lambda images: sizes.append(len(images)) or whole(images))  # type: ignore[func-returns-value]

    async def work(lane: DigitLane) -> None:
        gate, first = await held_up(partial(lane.predict, reader))
        asked = [lane.predict(reader, lambda: digits[0]) for _ in range(2 * BATCH)]
        gate.open()
        await asyncio.gather(first, *asked)

    with_lane(digit_lane(), work)
    assert sizes == [1, BATCH, BATCH]


def test_threads_end_after_the_work_that_waits(digits: Images, reader: Reader) -> None:
    async def work(lane: DigitLane) -> None:
        asked = [lane.predict(reader, lambda: digits[0]) for _ in range(40)]
        lane.stop()
        assert len(await asyncio.gather(*asked)) == 40
        for thread in lane._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    with_lane(digit_lane(threads=3), work)


def test_calls_on_the_lane_of_pages_give_their_answers_and_errors() -> None:
    def calls() -> Iterator[Callable[[], int]]:
        yield lambda: 5
        yield lambda: 1 // 0
        yield lambda: 6

    async def work(lane: CallLane) -> None:
        found = await asyncio.gather(*(lane.submit(call) for call in calls()), return_exceptions=True)
        assert (found[0], type(found[1]), found[2]) == (5, ZeroDivisionError, 6)

    with_lane(CallLane("pages", 4, PATIENCE), work)
