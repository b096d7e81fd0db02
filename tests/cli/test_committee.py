"""`tenfold committee`: shipped models become one that the other commands take."""

import json
from pathlib import Path
from typing import Any

import pytest


def test_a_committee_is_made_and_used(tenfold: Any, digits: Path) -> None:
    made = tenfold("committee", "baseline", "fast")
    assert made.code == 0
    assert made.out.startswith(
        "A committee of 2 models with 72,788 parameters together.\nUnsure below confidence 0.8503, "
    )
    assert made.err.endswith("Next:\n  tenfold evaluate runs/committee\n")
    found = json.loads(tenfold("evaluate", "runs/committee", "--on", digits, "--json").out)
    assert (found["count"], found["errors"] < 3) == (240, True)
    assert Path("runs/committee/evaluations.json").exists()
    listed = tenfold("runs")
    assert "runs/committee  committee     -  finished" in listed.out
    assert "opened 0 times" in listed.out
    assert "calibration    members" in tenfold("runs", "show", "runs/committee").out
    page = tenfold("report", "runs/committee")
    assert (page.code, "It is a committee" in page.err) == (3, True)


def test_json_is_the_record(tenfold: Any) -> None:
    made = tenfold("committee", "baseline", "fast", "--name", "two", "--out", "there", "--json")
    record = json.loads(made.out)
    assert made.err == ""
    assert (record["committee"], record["recipe"]["name"]) == ("there", "two")
    assert list(record["members"]) == ["baseline", "fast"]
    assert record["members"]["fast"] == record["recipe"]["members"]["2"]["sha256"]


@pytest.mark.parametrize(
    ("models", "code", "sentence"),
    [
        (["fast"], 2, "at least two models"),
        (["fast", "fast"], 2, "are the same model"),
        (["fast", "fats"], 2, "There is no model 'fats'. Did you mean 'fast'?"),
        (["fast", "absent.onnx"], 3, "does not exist"),
    ],
)
def test_what_is_no_committee_is_one_sentence(
    models: list[str], code: int, sentence: str, tenfold: Any
) -> None:
    found = tenfold("committee", *models)
    assert (found.code, found.out, sentence in found.err) == (code, "", True)
    assert found.err.count("\n") == 1
    assert not Path("runs").exists()
