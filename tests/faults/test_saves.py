"""Every file that matters is the old one or the new one, at whatever system call its save dies.

Each save runs in a child that ends before the k-th of its system calls, for every k. Then the file is opened
as the program opens it.
"""

import ast
import csv
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
import torch
from tests.faults.program import DIED, die_at, in_a_child
from torch import nn

from tenfold import files
from tenfold.data.catalogue import SOURCES
from tenfold.data.download import RemoteFile
from tenfold.data.sources import Store, fetch
from tenfold.files import sha256, sweep, write_atomic
from tenfold.harness.records.run import BEGUN, FORMAT, Run
from tenfold.model import read_model
from tenfold.training import checkpoint
from tenfold.training.callbacks import COLUMNS, History
from tenfold.training.export import export
from tenfold.training.networks import Network

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="fork is of POSIX"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # Python 3.12, of forks
]


class File(NamedTuple):
    """A kind of file: how it is saved as its n-th version, and which version an opened one is."""

    save: Callable[[Path, int], None]
    version: Callable[[Path], int]


def save_checkpoint(folder: Path, version: int) -> None:
    checkpoint.save(folder / "last", {"step": version, "weights": torch.full((50_000,), version)})


def checkpoint_version(folder: Path) -> int:
    tree = checkpoint.load(folder / "last")
    assert bool((tree["weights"] == tree["step"]).all())
    return int(tree["step"])


def save_run(folder: Path, version: int) -> None:
    record = {key: (kind if isinstance(kind, type) else kind[0])() for key, kind in BEGUN.items()}
    Run(folder, {**record, "format": FORMAT, "seed": version}).save()


def run_version(folder: Path) -> int:
    return int(Run.load(folder).record["seed"])


def save_history(folder: Path, version: int) -> None:
    """Version n has n epochs."""
    history = History(folder / "history.csv")
    logs = dict.fromkeys(COLUMNS[2:], 0.5)
    history.rows = [{"epoch": epoch, "step": epoch, **logs} for epoch in range(1, version)]
    history.on_epoch_end(cast(Any, SimpleNamespace(epoch=version, step=version)), logs)


def history_version(folder: Path) -> int:
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert all(row["seconds"] == "0.5" for row in rows)
    return int(rows[-1]["epoch"])


def published(version: int) -> RemoteFile:
    return RemoteFile("digits.gz", f"sha256:{sha256(contents(version))}")


def contents(version: int) -> bytes:
    return bytes([version]) * 100_000


def save_in_cache(folder: Path, version: int) -> None:
    file = published(version)
    source = dataclasses.replace(SOURCES["kmnist"], parts={"train": (file,), "test": (file,)})
    given = folder.with_name(f"given-{version}")
    given.mkdir(exist_ok=True)
    (given / "digits.gz").write_bytes(contents(version))
    fetch(source, store=Store(cache=folder, import_from=given))


def cached_version(folder: Path) -> int:
    data = (folder / "kmnist" / "digits.gz").read_bytes()
    assert data == contents(data[0])
    return data[0]


def save_model(folder: Path, version: int) -> None:
    network = Network(nn.Flatten(), nn.Linear(784, 10))
    with torch.no_grad():
        for weights in network.parameters():
            weights.fill_(version)
    write_atomic(folder / "model.onnx", export(network, name="m", temperature=float(version)))


def model_version(folder: Path) -> int:
    return int(read_model(folder / "model.onnx").metadata.temperature)


KINDS = {
    "checkpoint": File(save_checkpoint, checkpoint_version),
    "run.json": File(save_run, run_version),
    "history.csv": File(save_history, history_version),
    "cache": File(save_in_cache, cached_version),
    "model": File(save_model, model_version),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_a_save_that_dies_at_any_call_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, kind: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 1 << 16)  # so that larger files are written in several calls
    folder = tmp_path / "folder"
    folder.mkdir()
    kind.save(folder, 1)
    assert kind.version(folder) == 1
    files_before = sorted(folder.rglob("*"))
    seen = []
    at = 0
    while True:
        at += 1

        def dying(at: int = at) -> None:
            die_at(at)
            kind.save(folder, 2)

        code = in_a_child(dying)
        seen.append(kind.version(folder))
        for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            sweep(place, older_than=0)
        assert sorted(folder.rglob("*")) == files_before
        if code == 0:
            break
        assert code == DIED
        kind.save(folder, 1)
    assert at > 8
    assert set(seen) == {1, 2}
    assert seen == sorted(seen)  # once the rename is done, it stays done


ELSEWHERE = {
    # what else changes a file or a name, and why it may
    ("runs/listing.py", "rename"),  # a folder that is to be deleted is hidden first
    ("harness/records/lock.py", "open"),  # a lock has no contents
    ("harness/explore/study.py", "open"),  # Optuna's journal: a line that was cut off is taken off again
    ("training/track.py", "open"),  # TensorBoard's journal, which its reader takes cut off as well
    ("cli/output.py", "open"),  # the null device
    ("__main__.py", "open"),  # the same
    ("scaling/places.py", "open_output_stream"),  # remote stores; they show a file once it is whole
}
CHANGES = {"write_bytes", "write_text", "replace", "rename", "imwrite", "open_output_stream"}


def changes_of_files(path: Path) -> Iterator[str]:
    """The names of calls in a source file that write one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        of_os = isinstance(owner, ast.Name) and owner.id == "os"
        if name == "open":
            modes = [word.value for word in node.args[-1:] if isinstance(word, ast.Constant)]
            if of_os or any(set(str(mode)) & set("wax+") for mode in modes if len(str(mode)) < 4):
                yield name
        elif name in CHANGES and (name != "replace" or of_os):
            yield name


def test_nothing_else_writes_a_file() -> None:
    """What is proved here of `write_atomic` holds for every file that the package writes."""
    package = Path(files.__file__).parent
    found = {
        (path.relative_to(package).as_posix(), name)
        for path in package.rglob("*.py")
        for name in changes_of_files(path)
    }
    assert {entry for entry in found if entry[0] != "files.py"} <= ELSEWHERE
    assert ("files.py", "open") in found
