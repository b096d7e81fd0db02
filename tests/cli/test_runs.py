"""`tenfold runs`: the list with its count of test set openings, one record, and deleting with a question."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.runs.record import RUN


def write(name: str, accuracy: float) -> Path:
    folder = Path("runs", name)
    folder.mkdir(parents=True)
    found = {"accuracy": accuracy, "errors": 9, "count": 900, "interval": [0.9, 1.0], "nll": 0.1, "ece": 0.01}
    (folder / "run.json").write_text(
        json.dumps({**RUN, "results": {"validation": found}, "test_openings": 2})
    )
    return folder


@pytest.fixture
def good() -> Path:
    return write("good", 0.98)


def test_the_list_ends_with_the_openings_of_the_test_set(good: Path, tenfold: Any) -> None:
    write("better", 0.99)
    found = tenfold("runs", "--sort", "accuracy")
    lines = found.out.splitlines()
    assert found.code == 0
    assert lines[1].split()[1:] == ["small", "3", "finished", "99.00", "%", "900", "0.1000", "2"]
    assert lines[1].startswith(str(Path("runs/better")))
    assert lines[2].startswith(str(good))
    assert (
        lines[-1] == "The official test set was opened 4 times by all runs of 'runs', deleted ones included."
    )


def test_validation_images_that_are_not_mnists_are_named(good: Path, tenfold: Any) -> None:
    record = json.loads((good / "run.json").read_text())
    for on, shown in (("own-validation", "900 of own-validation"), ("mnist-validation", "900 ")):
        record["results"]["validation"]["on"] = on
        (good / "run.json").write_text(json.dumps(record))
        found = tenfold("runs").out
        assert shown in found
        assert (" of " in found.splitlines()[1]) is (on == "own-validation")
        assert json.loads(tenfold("runs", "--json").out)["runs"][0]["validation"]["on"] == on


def test_figures_on_images_that_a_run_was_trained_on_are_marked(good: Path, tenfold: Any) -> None:
    record = json.loads((good / "run.json").read_text())
    for learnt, shown in ((12, "900, trained on 12 "), (900, "900, trained on all ")):
        record["trained_on"] = {"validation": learnt, "test": 0}
        (good / "run.json").write_text(json.dumps(record))
        assert shown in tenfold("runs", "--sort", "accuracy").out.splitlines()[1]
        assert json.loads(tenfold("runs", "--json").out)["runs"][0]["validation"]["trained_on"] == learnt


def test_a_damaged_run_stays_in_the_list_with_a_sentence(good: Path, tenfold: Any) -> None:
    write("broken", 0.5).joinpath("run.json").write_text("{")
    found = tenfold("runs")
    assert found.code == 0
    assert [line.split()[:1] for line in found.out.splitlines()[1:3]] == [
        [str(Path("runs/broken"))],
        [str(good)],
    ]
    assert "is damaged" in found.err


def test_json_has_the_runs_and_the_openings(good: Path, tenfold: Any) -> None:
    found = json.loads(tenfold("runs", "--json", "--recipe", "small", "--status", "finished").out)
    assert found["test_openings"] == 2
    assert [run["folder"] for run in found["runs"]] == [str(good)]
    assert json.loads(tenfold("runs", "--json", "--recipe", "other").out) == {"runs": [], "test_openings": 2}


def test_where_nothing_was_trained_yet_there_are_no_runs(tenfold: Any) -> None:
    found = tenfold("runs")
    assert (found.code, found.err) == (0, "There are no such runs in 'runs'.\n")
    assert "opened 0 times" in found.out


def test_a_folder_that_is_named_must_be_there(tenfold: Any) -> None:
    found = tenfold("runs", "--in", "nowhere")
    assert (found.code, found.out, found.err) == (2, "", "tenfold: There is no folder 'nowhere'.\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--sort", "test_accuracy"], "not sorted by test figures"),
        (["--sort", "size"], "no figure to sort by 'size'"),
        (["--status", "done"], "no status 'done'"),
    ],
)
def test_a_mistake_is_one_sentence(good: Path, tenfold: Any, words: list[str], sentence: str) -> None:
    found = tenfold("runs", *words)
    assert (found.code, found.out) == (2, "")
    assert sentence in found.err
    assert good.exists()


@pytest.mark.parametrize("option", [["--json"], ["--in", "elsewhere"], ["--sort", "nll"]])
def test_what_is_meant_for_the_list_is_not_lost_before_another_command(
    option: list[str], good: Path, tenfold: Any
) -> None:
    found = tenfold("runs", *option, "show", good)
    assert (found.code, found.out) == (2, "")
    assert f"{option[0]} before 'show'" in found.err


def test_one_run_is_shown_whole(good: Path, tenfold: Any) -> None:
    found = tenfold("runs", "show", good)
    assert found.code == 0
    assert "validation 98.00 % (9 errors in 900; 95 % interval 90.00 to 100.00)" in found.out
    assert json.loads(tenfold("runs", "show", good, "--json").out)["seed"] == 3
    assert tenfold("runs", "show", "nowhere").code == 3


@pytest.mark.parametrize(("answer", "code", "stays"), [("y\n", 0, False), ("\n", 1, True), ("no\n", 1, True)])
def test_a_run_is_deleted_only_after_a_yes(
    good: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, stays: bool
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    found = tenfold("runs", "delete", good)
    assert (found.code, good.exists()) == (code, stays)
    assert "Delete 'runs" in found.err


def test_without_anybody_to_ask_nothing_is_deleted(
    good: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    found = tenfold("runs", "delete", good)
    assert (found.code, good.exists()) == (2, True)
    assert "give --yes" in found.err


def test_several_are_deleted_or_none(good: Path, tenfold: Any) -> None:
    other = write("other", 0.9)
    assert tenfold("runs", "delete", "--yes", good, "runs").code == 3
    assert good.exists()
    assert tenfold("runs", "delete", "--yes", good, other).out == f"Deleted {good}.\nDeleted {other}.\n"
    assert not good.exists()
    assert "opened 4 times" in tenfold("runs").out


def test_deleting_as_json(good: Path, tenfold: Any) -> None:
    assert json.loads(tenfold("runs", "delete", "--yes", good, "--json").out) == {"deleted": [str(good)]}
