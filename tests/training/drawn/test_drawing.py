"""Pictures that are drawn once: in parts, each whole or not there."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data import load_training
from tenfold.errors import DiskError
from tenfold.processes import in_processes
from tenfold.training.drawn import drawing
from tenfold.training.drawn.drawing import draw
from tenfold.training.drawn.nondigits import nondigits
from tenfold.training.drawn.views import views


class Artist:
    """Draws its number; remembers which it drew, and dies at one of them."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.drawn: list[int] = []
        self.dies_at = dies_at

    def __call__(self, number: int) -> NDArray[np.uint8]:
        if number == self.dies_at:
            raise KeyboardInterrupt
        self.drawn.append(number)
        return np.full((28, 28), number % 251, np.uint8)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "PART", 10)


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 35])
@pytest.mark.parametrize("keeps", [False, True])
def test_each_picture_is_drawn_once_and_is_in_its_place(tmp_path: Path, count: int, keeps: bool) -> None:
    artist = Artist()
    images = draw(artist, count, tmp_path if keeps else None)
    assert images.shape == (count, 28, 28)
    assert images[:, 3, 4].tolist() == list(range(count))
    assert sorted(artist.drawn) == list(range(count))
    assert len(list(tmp_path.iterdir())) == (-(-count // 10) if keeps else 0)


def test_after_an_interruption_only_the_parts_that_lack_are_drawn(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        draw(Artist(dies_at=24), 35, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    artist = Artist()
    images = draw(artist, 35, tmp_path)
    assert sorted(artist.drawn) == list(range(20, 35))
    assert images[:, 0, 0].tolist() == list(range(35))
    again = Artist()
    assert np.array_equal(draw(again, 35, tmp_path), images)
    assert again.drawn == []


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "longer", "foreign"])
def test_a_damaged_part_is_drawn_anew(tmp_path: Path, damage: str) -> None:
    draw(Artist(), 35, tmp_path)
    part = sorted(tmp_path.iterdir())[1]
    sound = part.read_bytes()
    part.write_bytes(
        {
            "empty": b"",
            "cut": sound[:-20],
            "flipped": sound[:5] + bytes([sound[5] ^ 1]) + sound[6:],
            "longer": sound[:32] + sorted(tmp_path.iterdir())[0].read_bytes()[32:],
            "foreign": b"<html>" * 20,
        }[damage]
    )
    artist = Artist()
    images = draw(artist, 35, tmp_path)
    assert sorted(artist.drawn) == list(range(10, 20))
    assert images[:, 0, 0].tolist() == list(range(35))
    assert part.read_bytes() == sound


def test_parts_count_for_what_they_were_drawn_for_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(Artist(), 20, tmp_path, "sevens")
    for count, what in ((20, "eights"), (21, "sevens")):
        artist = Artist()
        draw(artist, count, tmp_path, what)
        assert len(artist.drawn) == count
    monkeypatch.setattr(drawing, "DRAWING", drawing.DRAWING + 1)  # by whatever draws since
    draw(later := Artist(), 20, tmp_path, "sevens")
    assert len(later.drawn) == 20


def test_an_interruption_does_not_wait_for_the_rest_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "PART", 20_000)
    begun: list[int] = []

    def slow(number: int) -> NDArray[np.uint8]:
        begun.append(threading.get_ident())
        if number == 20:
            raise KeyboardInterrupt
        time.sleep(0.001)
        return np.zeros((28, 28), np.uint8)

    with pytest.raises(KeyboardInterrupt):
        draw(slow, 20_000)
    assert len(begun) < 10_000


def test_processes_draw_the_same_side_by_side(tmp_path: Path) -> None:
    few = load_training().take(range(12), "few")
    alone = nondigits(few, 45, 7)
    assert nondigits(few, 45, 7, kept=tmp_path, processes=2).checksum == alone.checksum
    assert len(list(tmp_path.iterdir())) == 5


def test_what_an_ended_process_did_not_draw_is_drawn_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(make: Any, next_place: Any, at_once: int) -> Iterator[Any]:
        """Of its pieces the second never comes."""
        if at_once == 1:
            yield from in_processes(make, next_place, at_once)
            return
        yield make(*next_place())
        next_place()
        raise BrokenProcessPool

    monkeypatch.setattr(drawing, "in_processes", broken)
    artist = Artist()
    assert draw(artist, 35, processes=2)[:, 0, 0].tolist() == list(range(35))
    assert sorted(artist.drawn) == list(range(35))


def test_where_nothing_can_be_kept_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError):
        draw(Artist(), 5, tmp_path / "file" / "inside")


def test_views_and_nondigits_come_back_from_what_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = load_training().take(range(12), "few")
    seen, others = views(few, 2, 7, kept=tmp_path), nondigits(few, 15, 7, kept=tmp_path)
    assert seen.checksum == views(few, 2, 7).checksum
    assert others.checksum == nondigits(few, 15, 7).checksum
    monkeypatch.setattr("tenfold.training.drawn.views.render", None)
    monkeypatch.setattr("tenfold.training.drawn.nondigits.photograph", None)
    assert views(few, 2, 7, kept=tmp_path).checksum == seen.checksum
    assert nondigits(few, 15, 7, kept=tmp_path).checksum == others.checksum
