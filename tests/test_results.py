"""What the benchmarks publish: the command below a table is the one that made it."""

import sys
from pathlib import Path

import pytest
import results


def test_the_command_is_told_as_it_was_given_without_the_machines_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(results, "TABLES", tmp_path / "RESULTS.md")
    called = [str(tmp_path / "any.py"), "fast", "--keras", sys.executable, "--root", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*called, "--rounds", "1", "--model", __file__])
    results.publish("any", {"rounds": 1}, lambda record: f"{record['rounds']} round")
    text = (tmp_path / "RESULTS.md").read_text()
    command = "python benchmarks/any.py fast --keras PYTHON --root FOLDER --rounds 1 --model FILE"
    assert "1 round\n\nMeasured on " in text
    assert text.endswith(f". `{command}`\n<!-- end of any -->\n")
    kept = results.load("any")
    assert kept is not None
    assert kept["command"] == command
