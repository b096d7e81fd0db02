"""Processes read what one reads, in the same order, and none is left behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tenfold.data.mnist import load_test
from tenfold.errors import ResourceError
from tenfold.reading import Failure, Reader
from tenfold.reading.many import predict_many


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Fifty pictures, every seventh of which is none."""
    found = [tmp_path / f"{place:02}.png" for place in range(50)]
    for place, (path, digit) in enumerate(zip(found, load_test().images, strict=False)):
        if place % 7 == 3:
            path.write_text("no picture")
        else:
            Image.fromarray(255 - np.roll(digit, 2, 1)).save(path)
    return found


@pytest.mark.parametrize(("threads", "alone", "chunk"), [(1, 4, 3), (2, 4, 3), (2, 0, 100), (3, 60, 3)])
def test_many_are_read_as_by_one(
    model_file: Path, paths: list[Path], threads: int, alone: int, chunk: int
) -> None:
    reader = Reader(model_file, threads=threads)
    expected = list(reader.predict_files(paths))
    assert list(predict_many(reader, paths, alone=alone, chunk=chunk)) == expected
    assert sum(isinstance(found, Failure) for found in expected) == 7
    assert multiprocessing.active_children() == []


def test_an_endless_row_is_read_as_far_as_it_is_asked_for(model_file: Path, paths: list[Path]) -> None:
    asked = 0

    def endless() -> Iterator[Path]:
        nonlocal asked
        while True:
            asked += 1
            yield paths[0]

    results = predict_many(Reader(model_file, threads=2), endless(), alone=2, chunk=5)
    assert len(list(islice(results, 9))) == 9
    assert asked <= 64 + 5 * 4
    results.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


def test_a_process_that_is_killed_is_an_error_and_not_a_wait(model_file: Path, paths: list[Path]) -> None:
    results = predict_many(Reader(model_file, threads=2), paths, alone=0, chunk=5)
    next(results)
    for child in multiprocessing.active_children():
        assert child.pid is not None
        os.kill(child.pid, 9)
    with pytest.raises(ResourceError, match="ended before its work was done"):
        list(results)
    assert multiprocessing.active_children() == []


UNGUARDED = """
import sys
from tenfold.reading import Reader
from tenfold.reading.many import predict_many
print(len(list(predict_many(Reader(sys.argv[1], threads=2), sys.argv[2:], alone=0, chunk=25))))
"""


def test_a_script_without_a_guard_is_run_once(model_file: Path, paths: list[Path], tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", model_file, *paths],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "50\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows hands no ignored signal down")
def test_ctrl_c_is_the_callers_to_hear_from_the_first_moment(
    model_file: Path, paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    start, handler = BaseProcess.start, signal.getsignal(signal.SIGINT)

    def interrupted(process: BaseProcess) -> None:
        start(process)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)

    reader = Reader(model_file, threads=2)
    expected = list(reader.predict_files(paths))
    with monkeypatch.context() as patch:
        patch.setattr(BaseProcess, "start", interrupted)
        assert list(predict_many(reader, paths, alone=0, chunk=25)) == expected
    assert signal.getsignal(signal.SIGINT) is handler
    with ThreadPoolExecutor(1) as pool:  # where no handler may be set
        found = pool.submit(lambda: list(predict_many(reader, paths, alone=0, chunk=50)))
        assert found.result() == expected
