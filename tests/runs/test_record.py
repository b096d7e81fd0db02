"""The record of a run and its folder: what is refused, what is free, how two records differ."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenfold.errors import DiskError, OutputExistsError, RunError
from tenfold.harness.records.record import LIMIT
from tenfold.harness.records.run import Run
from tenfold.runs.record import check_free, differences, new_folder


def test_a_record_comes_back_as_it_was_saved(finished: Run) -> None:
    finished.record["seed"] = 77
    finished.save()
    assert Run.load(finished.folder).record == finished.record


def without(key: str) -> Callable[[dict[str, Any]], str]:
    return lambda record: json.dumps({name: value for name, value in record.items() if name != key})


def having(**changes: Any) -> Callable[[dict[str, Any]], str]:
    return lambda record: json.dumps({**record, **changes})


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda _: "{", "is not JSON"),
        (lambda _: "[" * 100_000, "is not JSON"),
        (lambda _: "[]", "not the record of a run in format 1"),
        (lambda _: " " * (LIMIT + 1), "at most"),
        (having(format=2), "not the record of a run in format 1"),
        (having(recipe="baseline"), "no sound 'recipe'"),
        (without("status"), "no sound 'status'"),
        (without("data"), "no sound 'data'"),
        (without("model_sha256"), "no sound 'model_sha256'"),
    ],
)
def test_a_damaged_record_is_one_error(
    finished: Run, damage: Callable[[dict[str, Any]], str], sentence: str
) -> None:
    (finished.folder / "run.json").write_text(damage(finished.record))
    with pytest.raises(RunError, match=sentence):
        Run.load(finished.folder)


def test_an_unfinished_record_needs_no_outcome(finished: Run) -> None:
    (finished.folder / "run.json").write_text(
        json.dumps({**json.loads(without("model_sha256")(finished.record)), "status": "training"})
    )
    assert not Run.load(finished.folder).finished


def test_a_run_named_without_its_folder_is_suggested(finished: Run, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    finished.folder.rename(tmp_path / "runs" / "mine")
    with pytest.raises(RunError, match=r"Did you mean 'runs.mine'\?"):
        Run.load("mine")
    with pytest.raises(RunError, match=r"it has no run\.json\.$"):
        Run.load("yours")


def test_an_absent_and_an_empty_folder_are_free(tmp_path: Path) -> None:
    check_free(None)
    check_free(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert new_folder(tmp_path / "empty", "name") == tmp_path / "empty"
    assert new_folder(tmp_path / "a" / "b", "name").is_dir()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for used in (tmp_path, tmp_path / "file"):
        with pytest.raises(OutputExistsError, match="choose another --out"):
            new_folder(used, "name")


def test_a_folder_of_an_interrupted_run_says_how_to_go_on(finished: Run) -> None:
    with pytest.raises(OutputExistsError, match="not an empty folder"):
        check_free(finished.folder)
    finished.record["status"] = "training"
    finished.save()
    with pytest.raises(OutputExistsError, match=f"go on with --resume {finished.folder}"):
        check_free(finished.folder)


def test_the_next_free_name_is_taken() -> None:
    names = [new_folder(None, "small-0") for _ in range(3)]
    assert names == [Path("runs/small-0"), Path("runs/small-0-2"), Path("runs/small-0-3")]
    assert all(name.is_dir() for name in names)


def test_a_folder_that_cannot_be_made_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(DiskError):
        new_folder(None, "small-0")


def test_differences_are_named_to_the_leaf() -> None:
    old = {"versions": {"torch": "2.12", "numpy": "2.4", "no.more": "1"}, "device": "cpu", "seed": 1}
    new = {"versions": {"torch": "2.13", "numpy": "2.4"}, "device": "cpu", "seed": 2, "tenfold": "0.2"}
    assert dict(differences({**old, "processes": 2}, old)) == {"processes": (2, 1)}
    assert dict(differences(old, new)) == {"tenfold": (None, "0.2"), "versions.torch": ("2.12", "2.13")}
