"""The documentation is true: its code runs, its links lead somewhere, and every command is in it."""

import re
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
