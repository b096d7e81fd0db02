"""The list of runs stays a list whatever lies in the folder, and the test set is not what it is sorted by."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.runs.record import RUN

from tenfold.errors import RunError, TenfoldError, UnknownNameError, UsageError
from tenfold.runs.listing import Entry, count_openings, delete_run, list_runs, sort_runs

CROSSVAL: dict[str, Any] = {
    "format": 1,
    "status": "finished",
    "recipe": {"name": "other"},
    "folds": 5,
    "by": "class",
    "repeats": 1,
    "seed": 0,
    "threads": 1,
    "precision": "fp32",
    "data": {},
    "count": 900,
    "versions": {},
    "fits": [],
}


def figures(accuracy: float, **changes: float) -> dict[str, float]:
    return {"accuracy": accuracy, "nll": 0.3, "ece": 0.01, "count": 900, "errors": 9, **changes}


def write(folder: Path, record: dict[str, Any], name: str = "run.json") -> Path:
    folder.mkdir(parents=True)
    (folder / name).write_text(json.dumps(record))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs, one that is training, a cross-validation, and things that are no runs."""
    runs = tmp_path / "runs"
    results = {"validation": {"on": "own-validation", **figures(0.97)}, "test": figures(0.99)}
    write(runs / "good", {**RUN, "results": results, "test_openings": 2})
    results = {"validation": figures(0.98, nll=0.4), "test": figures(0.96)}
    write(runs / "better", {**RUN, "recipe": {"name": "other"}, "results": results})
    write(runs / "going", {**RUN, "status": "training", "test_openings": 0})
    write(runs / "folds", {**CROSSVAL, "results": figures(0.975, ece=0.002)}, "crossval.json")
    (runs / "notes").mkdir()
    write(runs / ".hidden", RUN)
    (runs / "a file").write_text("")
    return runs


def names(entries: list[Entry]) -> list[str]:
    return [entry.folder.name for entry in entries]


def test_runs_and_cross_validations_are_listed_by_name(runs: Path) -> None:
    entries = list_runs(runs)
    assert names(entries) == ["better", "folds", "going", "good"]
    good = entries[3]
    assert (good.kind, good.recipe, good.seed, good.status) == ("run", "small", 3, "finished")
    assert (good.test_openings, good.started[:10], good.problem) == (2, "2026-01-01", None)
    assert good.validation == {
        "on": "own-validation",
        "accuracy": 0.97,
        "nll": 0.3,
        "ece": 0.01,
        "count": 900,
        "trained_on": 0,
    }
    assert entries[1].kind == "crossval"
    assert entries[2].validation is None
    json.dumps([entry.to_dict() for entry in entries])


def test_only_those_of_a_recipe_or_a_status(runs: Path) -> None:
    assert names(list_runs(runs, recipe="other")) == ["better", "folds"]
    assert names(list_runs(runs, status="training")) == ["going"]
    assert names(list_runs(runs, recipe="other", status="training")) == []
    with pytest.raises(UnknownNameError, match="Did you mean 'finished'"):
        list_runs(runs, status="finnished")


def test_a_folder_that_is_not_there_has_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "runs") == []
    assert count_openings(tmp_path / "runs") == 0


@pytest.mark.parametrize(
    ("by", "order"),
    [
        ("accuracy", ["better", "folds", "good", "going"]),
        ("nll", ["folds", "good", "better", "going"]),
        ("ece", ["folds", "better", "good", "going"]),
    ],
)
def test_runs_are_sorted_by_validation_figures_best_first(runs: Path, by: str, order: list[str]) -> None:
    assert names(sort_runs(list_runs(runs), by)) == order


@pytest.mark.parametrize("by", ["test", "test_accuracy", "test.nll", "test-errors"])
def test_runs_are_not_sorted_by_test_figures(runs: Path, by: str) -> None:
    with pytest.raises(UsageError, match="not sorted by test figures"):
        sort_runs(list_runs(runs), by)


def test_an_unknown_figure_is_asked_back(runs: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        sort_runs(list_runs(runs), "acuracy")


DAMAGES: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"format": 9}',
    json.dumps({**RUN, "recipe": {}}).encode(),
    json.dumps({**RUN, "recipe": []}).encode(),
    json.dumps({**RUN, "results": {"validation": 3}}).encode(),
    json.dumps({**RUN, "results": {"validation": figures(float("nan"))}}).encode(),
    json.dumps({**RUN, "results": {"validation": {"accuracy": "high"}}}).encode(),
    json.dumps({**RUN, "test_openings": "two"}).encode(),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=range(len(DAMAGES)))
@pytest.mark.parametrize("name", ["run.json", "crossval.json"])
def test_a_damaged_record_is_listed_as_damaged_beside_the_others(
    runs: Path, name: str, damage: bytes
) -> None:
    (runs / "broken").mkdir()
    (runs / "broken" / name).write_bytes(damage)
    entries = list_runs(runs)
    assert names(entries) == ["better", "broken", "folds", "going", "good"]
    assert entries[1].status == "damaged"
    assert entries[1].problem is not None
    assert "broken" in entries[1].problem
    assert names(list_runs(runs, status="damaged")) == ["broken"]
    assert names(sort_runs(entries, "accuracy"))[:2] == ["better", "folds"]
    json.dumps(entries[1].to_dict())


def test_a_record_that_is_a_folder_is_damaged(runs: Path) -> None:
    (runs / "broken" / "run.json").mkdir(parents=True)
    assert names(list_runs(runs, status="damaged")) == ["broken"]


def test_openings_are_counted_over_all_runs_and_outlive_them(runs: Path) -> None:
    assert count_openings(runs) == 3
    delete_run(runs / "good")
    assert names(list_runs(runs)) == ["better", "folds", "going"]
    assert not (runs / "good").exists()
    assert count_openings(runs) == 3
    delete_run(runs / "better")
    delete_run(runs / "folds")
    delete_run(runs / "going")
    assert (list_runs(runs), count_openings(runs)) == ([], 3)
    assert sorted(path.name for path in runs.iterdir()) == [".hidden", "a file", "deleted.json", "notes"]


def test_a_damaged_run_can_be_deleted(runs: Path) -> None:
    (runs / "good" / "run.json").write_text("{")
    delete_run(runs / "good")
    assert not (runs / "good").exists()


def test_what_is_no_run_is_not_deleted(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(runs / "good")
    for path in (runs, runs / "notes", runs / "a file", runs / "nowhere", tmp_path / "link"):
        with pytest.raises(RunError, match="not a run folder"):
            delete_run(path)
    assert (runs / "good" / "run.json").exists()
    assert (runs / "notes").exists()


def test_an_interrupted_deletion_leaves_no_half_of_a_run(runs: Path) -> None:
    def stop(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.rmtree", stop)
        with pytest.raises(KeyboardInterrupt):
            delete_run(runs / "good")
    assert names(list_runs(runs)) == ["better", "folds", "going"]
    assert count_openings(runs) == 3
    write(runs / "good", {**RUN, "test_openings": 4})
    delete_run(runs / "good")
    assert count_openings(runs) == 7
    assert not (runs / ".good.deleted").exists()


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"test_openings": "3"}'])
def test_a_damaged_tally_is_one_sentence(runs: Path, damage: str) -> None:
    (runs / "deleted.json").write_text(damage)
    with pytest.raises(TenfoldError, match=r"deleted\.json' is damaged"):
        count_openings(runs)
    with pytest.raises(TenfoldError, match=r"deleted\.json' is damaged"):
        delete_run(runs / "good")
    assert (runs / "good").exists()
