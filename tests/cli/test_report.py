"""`tenfold report` and `tenfold reproduce`, on one small run."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture
def run(digits: Path, tenfold: Any) -> Path:
    words = ("--data", digits, "--threads", 1, "--precision", "fp32", "--out", "first", "--quiet")
    assert tenfold("train", "small", *words).code == 0
    return Path("first")


def test_a_report_is_written_again_and_a_run_repeated(run: Path, tenfold: Any) -> None:
    page = run / "report.html"
    text = page.read_text()
    page.unlink()
    assert tenfold("report", run).out == f"{page}\n"
    assert page.read_text() == text
    assert json.loads(tenfold("report", run, "--json").out) == {"run": "first", "report": str(page)}

    found = tenfold("reproduce", run)
    assert found.code == 0
    model = Path("runs/first-again/model.onnx")
    assert found.out == f"Identical: {model} has the same SHA-256 as that of first.\n"
    assert "epoch 3/3" in found.err

    record = json.loads((run / "run.json").read_text())
    record["seed"] = 9
    record["versions"]["torch"] = "1.0"
    record["callbacks"] = ["Mine"]
    (run / "run.json").write_text(json.dumps(record))
    found = tenfold("reproduce", run, "--out", "third")
    first, *lines = found.out.splitlines()
    assert first == f"Not the same bits: {Path('third/model.onnx')} differs from that of first."
    assert lines[0].startswith("  validation: ")
    assert ", now " in lines[0]
    assert lines.pop(1) == "  The first run had callbacks of its own, which were not repeated: Mine."
    assert lines[1].startswith("  versions.torch: 1.0, now ")
    shutil.rmtree("third")
    found = tenfold("reproduce", run, "--out", "third", "--json", "--quiet")
    assert found.err == ""
    document = json.loads(found.out)
    assert document["run"] == "third"
    assert document["reproduces"]["identical"] is False


def test_several_runs_are_one_page_with_what_was_measured(run: Path, digits: Path, tenfold: Any) -> None:
    assert tenfold("audit", run, "--json").code == 0
    assert json.loads((run / "audit.json").read_text())["disagreements"] >= 0
    (folder := Path("another")).mkdir()
    shutil.copy(digits, folder)
    sets = [digits, folder / digits.name]
    assert [tenfold("evaluate", run, "--on", on).code for on in (*sets, "mnist-validation")] == [0, 0, 0]
    kept = json.loads((run / "evaluations.json").read_text())
    assert list(kept) == [*map(os.path.realpath, sets), "mnist-validation"]
    assert kept[os.path.realpath(digits)]["count"] == 240
    shutil.copytree(run, "second")
    assert tenfold("report", run, "second").out == "report.html\n"
    words = ("report", run, "second", "--out", "mine.html", "--json")
    assert json.loads(tenfold(*words).out) == {"runs": ["first", "second"], "report": "mine.html"}
    page = Path("mine.html").read_text()
    assert "2 runs" in page
    assert "Label audit" in page
    assert "On other sets" in page
    assert str(Path("another/digits.npz").resolve()) in page
    assert tenfold("report", run, "--out", "one.html").out == "one.html\n"
    assert Path("one.html").read_text() == (run / "report.html").read_text()
    (Path("second") / "history.csv").write_text("nothing")
    found = tenfold("report", run, "second")
    assert (found.code, found.out, len(found.err.splitlines())) == (3, "", 1)


@pytest.mark.parametrize("command", ["report", "reproduce"])
def test_what_is_no_run_is_refused(command: str, tenfold: Any, tmp_path: Path) -> None:
    found = tenfold(command, tmp_path)
    assert (found.code, found.out) == (3, "")
    assert found.err == f"tenfold: '{tmp_path}' is not a run folder: it has no run.json.\n"
