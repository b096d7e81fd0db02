"""A folder that may not be looked into: whoever is pointed there says so in one sentence."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tenfold
from tenfold.data import load_set
from tenfold.errors import DiskError
from tenfold.harness.estimates.crossval import crossval
from tenfold.harness.records.run import Run
from tenfold.runs import resume
from tenfold.runs.listing import list_runs
from tenfold.training.recipes import find_recipe


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that has no rights, not even for root."""
    folder, real = tmp_path / "locked", os.stat
    folder.mkdir()

    def stat(path: Any, *rest: Any, **named: Any) -> os.stat_result:
        if not isinstance(path, int) and folder in Path(os.fsdecode(path)).parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "stat", stat)
    return folder


@pytest.mark.parametrize("name", ["", "a"])
@pytest.mark.parametrize(
    "call",
    [
        load_set,
        find_recipe,
        Run.load,
        resume,
        tenfold.Reader,
        lambda place: tenfold.evaluate("fast", place),
        lambda place: tenfold.train(data=place / "a"),
        lambda place: tenfold.train(out=place / "a"),
        lambda place: crossval("fast", out=place / "a"),
    ],
)
def test_what_lies_in_a_locked_folder_is_not_said_to_be_absent(
    locked: Path, call: Callable[[Path], object], name: str
) -> None:
    with pytest.raises(DiskError, match=r"^'.*locked.*' cannot be read: Permission denied\.$"):
        call(locked / name)


def test_a_locked_folder_keeps_nobody_from_the_runs_beside_it(locked: Path) -> None:
    assert list_runs(locked.parent) == []
