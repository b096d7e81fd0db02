"""The documentation is true: its code runs, its links lead somewhere, and every command is in it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def test_the_seven_steps_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "steps.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/steps.md", "exec"), names)  # our own page, as its reader would type it
    result = names["result"]
    assert isinstance(result, dict)
    assert result["count"] == 10_000
    assert result["accuracy"] > 0.8
    assert (tmp_path / "best.safetensors").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text())
    assert [t for t in targets if not (page.parent / t).exists()] == []


def test_every_command_is_in_the_readme() -> None:
    from typer.main import get_command

    from tenfold.cli.app import app

    readme = (ROOT / "README.md").read_text()
    commands = getattr(get_command(app), "commands")  # noqa: B009 - typer hides the class
    assert [name for name in commands if f"tenfold {name}" not in readme] == []


RELIABILITY = (ROOT / "docs" / "reliability.md").read_text("utf-8")
NAMED_TESTS = sorted(set(re.findall(r"`(tests/[^`\s]+\.py::\w+)`", RELIABILITY)))


@cache
def defined_in(path: Path) -> set[str]:
    if not path.exists():
        return set()
    return {
        node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("name", NAMED_TESTS)
def test_every_test_that_the_table_of_faults_names_exists(name: str) -> None:
    path, test = name.split("::")
    assert test.startswith("test_")
    assert test in defined_in(ROOT / path)


def test_every_row_of_the_table_of_faults_names_a_test() -> None:
    rows = [line for line in RELIABILITY.splitlines() if line.startswith("| ")]
    unproved = [row for row in rows if "::" not in row and not row.startswith("| fault |")]
    assert (unproved, len(NAMED_TESTS) > 5) == ([], True)
