"""Pictures to answer, a small model to answer them, and one Ray cluster for all tests that need it."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa
import pytest
from pyarrow import parquet

from tenfold.data import load_test
from tenfold.reading.reader import Reader
from tenfold.scaling.cluster import cluster

WriteParquet = Callable[..., Path]
Rows = Callable[[Path], list[dict[str, Any]]]

WORK = '''
"""Readers that end their process, always or as often as `times`, at one picture or while it is unpacked."""

import os, signal
from tenfold.errors import DivergedError


class Deadly:
    def __init__(self, reader, digit, folder, times):
        self.reader, self.digit, self.folder, self.times = reader, digit, folder, times
        self.model, self.metadata, self.prediction = reader.model, reader.metadata, reader.prediction

    def probabilities(self, images):
        if (images == self.digit).all((1, 2)).any():
            deaths = len(os.listdir(self.folder))
            if deaths < self.times:
                open(os.path.join(self.folder, str(deaths)), "x").close()
                os.kill(os.getpid(), signal.SIGKILL)
        return self.reader.probabilities(images)


class Stillborn(Deadly):
    """Ends its process before that has read all of it, as often as `times`."""

    def __init__(self, reader, folder, times):
        super().__init__(reader, None, folder, times)

    def __reduce__(self):
        return _born, (str(self.folder), self.times), vars(self)

    def probabilities(self, images):
        return self.reader.probabilities(images)


def _born(folder, times):
    for death in range(times):
        try:
            open(os.path.join(folder, str(death)), "x").close()
        except FileExistsError:
            continue
        os.kill(os.getpid(), signal.SIGKILL)
    return Stillborn.__new__(Stillborn)


class Diverging:
    threads = 1

    def train(self, seed):
        raise DivergedError(f"The loss of seed {seed} became nan.")


class Faulty:
    def train(self, seed):
        return 1 // 0
'''


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module above, where processes of all engines find it."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "work_of_tests.py").write_text(WORK)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield importlib.import_module("work_of_tests")
        del sys.modules["work_of_tests"]


@pytest.fixture
def deadly(work: Any) -> Any:
    return work.Deadly


@pytest.fixture(scope="session")
def ray_cluster(work: Any) -> Iterator[None]:  # noqa: ARG001 - its module must be there when Ray starts
    with cluster():
        yield


@pytest.fixture(scope="session")
def pngs() -> list[bytes]:
    """The first 60 test digits as PNG files."""
    return [cv2.imencode(".png", image)[1].tobytes() for image in load_test().images[:60]]


@pytest.fixture
def reader(model_file: Path) -> Reader:
    return Reader(model_file)


@pytest.fixture
def folder(tmp_path: Path, pngs: list[bytes]) -> Path:
    """pictures/ with 20 digits in two folders, and what is to be passed over."""
    for place, png in enumerate(pngs[:20]):
        path = tmp_path / "pictures" / ("a", "b")[place % 2] / f"{place:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)
    (tmp_path / "pictures" / ".hidden.png").write_bytes(b"")
    (tmp_path / "pictures" / "notes.txt").write_text("not a picture")
    return tmp_path / "pictures"


@pytest.fixture
def write_parquet(tmp_path: Path) -> WriteParquet:
    """As Hugging Face lays pictures out, in row groups of `group` rows."""

    def write(pictures: Sequence[bytes | None], name: str = "digits.parquet", *, group: int = 10) -> Path:
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        cells = [{"bytes": picture, "path": f"{place}.png"} for place, picture in enumerate(pictures)]
        table = pa.table({"image": pa.array(cells, kind), "label": pa.array([0] * len(cells), pa.int64())})
        parquet.write_table(table, tmp_path / name, row_group_size=group)
        return tmp_path / name

    return write


@pytest.fixture
def rows() -> Rows:
    """The rows of a folder of answers, in order; each file must be whole."""

    def read(out: Path) -> list[dict[str, Any]]:
        files = sorted(out.glob("part-*.parquet"))
        return [row for file in files for row in parquet.read_table(file).to_pylist()]

    return read
