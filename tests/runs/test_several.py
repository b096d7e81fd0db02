"""`report_several`: runs as the user names them, what lies beside them, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.harness.report.test_run import Page

from tenfold.data.labelled import Labelled
from tenfold.errors import RunError, TenfoldError, UsageError
from tenfold.harness.estimates.crossval import crossval
from tenfold.harness.estimates.curve import curve
from tenfold.harness.explore.ablate import ablate
from tenfold.harness.records.kept import keep_evaluation, keep_result
from tenfold.runs import Run
from tenfold.runs.listing import list_runs
from tenfold.runs.several import report_elsewhere, report_several
from tenfold.training.recipes import Recipe, replace


@pytest.fixture
def second(finished: Run, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(finished.folder, tmp_path / "second"))
    change(folder, seed=6)
    return folder


def change(folder: Path, **changes: Any) -> None:
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, **changes}))


def openings(folder: Path) -> int:
    return int(json.loads((folder / "run.json").read_text())["test_openings"])


def test_two_runs_give_one_page_and_open_no_test_set(finished: Run, second: Path, tmp_path: Path) -> None:
    before = openings(second)
    path, shown = report_several([finished.folder, second, second / "."])
    assert path == tmp_path / "report.html"
    assert shown == [finished.folder, second]
    page = Page(path.read_text("utf-8"))
    assert "2 runs side by side" in page.text
    assert any(tag == "img" for tag, _ in page.tags)
    assert openings(second) == before
    again, _ = report_several([finished.folder, second], tmp_path / "other.html")
    assert again.read_bytes() == path.read_bytes()


def test_all_of_a_folder_may_be_named(
    finished: Run, second: Path, small: Recipe, some_digits: tuple[Labelled, Labelled], tmp_path: Path
) -> None:
    few = replace(small, epochs=1)
    change(finished.folder, recipe=json.loads(json.dumps(few.to_dict())))
    training = some_digits[0]
    folds = crossval(few, training, folds=2, threads=1, out=tmp_path / "folds").folder
    data = training.split(20)
    curve(few, data, sizes=[20], seeds=1, threads=1, out=tmp_path / "curve")
    curve(small, data, sizes=[20], seeds=1, threads=1, out=tmp_path / "unlike")
    (tmp_path / "deleted.json").write_text("{}")
    keep_result(finished.folder, "audit", {"on": "mnist", "count": 100, "disagreements": 3, "confident": 1})
    keep_evaluation(second, "usps", {"count": 10, "errors": 1, "accuracy": 0.9, "interval": [0.5, 0.99]})
    keep_evaluation(second, "mine", {"count": 20, "errors": 1, "accuracy": 0.95, "interval": [0.7, 0.99]})
    found, _ = report_several([finished.folder, second])
    page = Page(found.read_text("utf-8"))
    assert [row[0] for row in page.tables["Cross-validation of the recipes"][1:]] == ["folds"]
    assert [row[0] for row in page.tables["Learning curves of the recipes"][1:]] == ["curve", "unlike"]
    assert [row[1] for row in page.tables["On other sets"][1:]] == ["usps", "mine"]
    change(second, recipe=json.loads(json.dumps(few.to_dict())))
    found, _ = report_several([finished.folder, second])
    page = Page(found.read_text("utf-8"))
    assert [row[0] for row in page.tables["Learning curves of the recipes"][1:]] == ["curve"]
    named = report_several([path for path in sorted(tmp_path.iterdir()) if path.name != "runs"])
    assert named[1] == [finished.folder, second]
    page = Page(named[0].read_text("utf-8"))
    assert [row[0] for row in page.tables["Learning curves of the recipes"][1:]] == ["curve", "unlike"]
    with pytest.raises(RunError, match="None of these folders is a run's"):
        report_several([folds, tmp_path / "curve"])


def test_explorations_are_shown_and_are_no_runs(
    finished: Run, second: Path, small: Recipe, some_digits: tuple[Labelled, Labelled], tmp_path: Path
) -> None:
    few = replace(small, epochs=1, patience=None)
    ablate(few, ["shift=1"], some_digits[0], seeds=2, threads=1, out=tmp_path / "changes")
    entry = next(entry for entry in list_runs(tmp_path) if entry.folder.name == "changes")
    assert (entry.kind, entry.status, entry.recipe, entry.validation) == (
        "explore",
        "finished",
        "small",
        None,
    )
    page = Page(report_several([finished.folder, second, tmp_path / "changes"])[0].read_text("utf-8"))
    (row,) = page.tables["Ablations of the recipes"][1:]
    assert row[:3] == ["changes", "small", "shift=1"]
    assert row[5] == "2"


def test_two_of_one_name_go_by_their_paths(finished: Run, tmp_path: Path) -> None:
    other = Path(shutil.copytree(finished.folder, tmp_path / "deep" / "first"))
    path, _ = report_several([finished.folder, other])
    assert [row[0] for row in Page(path.read_text("utf-8")).tables["Runs"][1:]] == [
        str(finished.folder),
        str(other),
    ]


def forget_test(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    change(folder, results={"validation": record["results"]["validation"]})
    with np.load(folder / "predictions.npz") as saved:
        arrays = {name: saved[name] for name in saved.files if name.startswith("val_")}
    np.savez(folder / "predictions.npz", **arrays)


def test_without_test_answers_validation_images_are_pictured(finished: Run, second: Path) -> None:
    forget_test(second)
    for pair in ([finished.folder, second], [second, finished.folder]):
        page = Page(report_several(pair)[0].read_text("utf-8"))
        assert "20 validation images" in page.text
        assert any(tag == "img" for tag, _ in page.tags)


def test_pictures_are_of_the_runs_that_are_compared(finished: Run, second: Path, tmp_path: Path) -> None:
    forget_test(finished.folder)
    flattered = [Path(shutil.copytree(second, tmp_path / f"flattered-{i}")) for i in range(3)]
    for folder in flattered:  # more than the others, and of images that are not to be had
        change(folder, data={"gone": "ab" * 32}, trained_on={"validation": 3})
    page = Page(report_several([finished.folder, second, *flattered])[0].read_text("utf-8"))
    assert any(tag == "img" for tag, _ in page.tags)


def test_the_report_of_one_may_lie_elsewhere(finished: Run, tmp_path: Path) -> None:
    path = report_elsewhere(finished.folder, tmp_path / "mine.html")
    assert path.read_bytes() == (finished.folder / "report.html").read_bytes()


def test_a_shipped_model_keeps_nothing() -> None:
    keep_result(None, "audit", {})
    keep_result("baseline", "audit", {})
    assert list(Path.cwd().glob("**/audit.json")) == []


@pytest.mark.parametrize(
    ("damage", "error", "sentence"),
    [
        (lambda folder: change(folder, status="training"), RunError, "did not finish"),
        (lambda folder: (folder / "history.csv").write_text("x"), RunError, "history.csv"),
        (lambda folder: (folder / "run.json").write_text("{"), RunError, "damaged"),
        (lambda folder: (folder / "audit.json").write_text("{"), RunError, "audit.json' is damaged"),
        (shutil.rmtree, RunError, "not a run folder"),
    ],
)
def test_one_that_is_damaged_is_one_sentence_and_leaves_the_old_page(
    finished: Run, second: Path, damage: Any, error: type[TenfoldError], sentence: str
) -> None:
    path, _ = report_several([finished.folder, second])
    before = path.read_bytes()
    damage(second)
    with pytest.raises(error, match=sentence):
        report_several([finished.folder, second])
    assert path.read_bytes() == before


def test_too_many_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 20 runs side by side, not 21"):
        report_several([tmp_path / str(i) for i in range(21)])
