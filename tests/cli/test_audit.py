"""`tenfold audit`: a table, a page and a document of the labels in doubt."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.harness.conftest import RunFolder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of 400 test answers, about 20 of them wrong."""
    made = RunFolder()
    begun = {"sets": ["mnist"], "final": False, "device": "cpu", "threads": 1, "precision": "fp32"}
    made.record |= begun | {"model_sha256": "ab" * 32, "stopped": "early"}
    monkeypatch.setattr("tenfold.runs.page.load_test", lambda: made.images)
    return made.write(tmp_path / "run")


def test_the_table_and_the_page_in_the_folder(run: Path, tenfold: Any) -> None:
    found = tenfold("audit", run, "--top", 5)
    lines = found.out.splitlines()
    assert found.code == 0
    assert lines[0].split() == [
        "image",
        "given",
        "suggested",
        "sure",
        "of",
        "given",
        "sure",
        "of",
        "suggested",
    ]
    assert len(lines) == 7
    assert lines[-1].startswith("mnist: ")
    assert (run / "audit.html").read_text("utf-8").count("<img") == 5


def test_json_is_one_document(run: Path, tmp_path: Path, tenfold: Any) -> None:
    found = tenfold("audit", run, "--json", "--out", tmp_path / "page.html")
    result = json.loads(found.out)
    assert (found.code, found.err) == (0, "")
    with np.load(run / "predictions.npz") as saved:
        wrong = (saved["probabilities"].argmax(1) != saved["labels"]).sum()
    assert result["disagreements"] == len(result["suspects"]) == wrong
    assert result["count"] == 400
    assert Path(result["page"]).exists()
    assert not (run / "audit.html").exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["no-such-folder"], 3, "neither a run nor a cross-validation"),
        ([], 2, "FOLDER"),
        (["run", "--top", "0"], 2, "--top"),
    ],
)
def test_what_is_wrong_is_told(words: list[str], code: int, sentence: str, tenfold: Any) -> None:
    found = tenfold("audit", *words)
    assert (found.code, found.out) == (code, "")
    assert sentence in found.err
