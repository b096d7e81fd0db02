"""The set-up that `make` does: scripts/venv.sh, with stand-ins for Python, so that it takes no time."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "venv.sh"

# Answers what scripts/venv.sh asks: is it new enough, which version, has it venv; `-m venv` makes a folder.
STAND_IN = """#!/bin/sh
echo "$@" >>calls
case "$*" in
    *"version_info <"*) exit {too_old} ;;
    *version_info*) echo {version} ;;
    *ensurepip*) exit {no_venv} ;;
    *base_prefix*) echo {identity} ;;
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python; exit {fails} ;;
esac
"""

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="make needs a shell")


def stand_in(
    path: Path,
    *,
    version: str = "3.12",
    too_old: int = 0,
    no_venv: int = 0,
    fails: int = 0,
    identity: str = "one",
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        STAND_IN.format(version=version, too_old=too_old, no_venv=no_venv, fails=fails, identity=identity)
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def set_up(folder: Path, python: Path | str = "", search: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the script in `folder`; only the system's own tools and `search` are on its PATH."""
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    for tool in ("sh", "cat", "rm", "cp", "mkdir"):
        if not (tools / tool).exists():
            (tools / tool).symlink_to(str(shutil.which(tool)))
    return subprocess.run(
        [str(tools / "sh"), str(SCRIPT), str(python)],
        cwd=folder,
        env={"PATH": f"{search}:{tools}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "a folder with spaces"
    path.mkdir()
    return path


def test_a_sound_python_makes_the_environment_once(folder: Path) -> None:
    python = stand_in(folder.parent / "python")
    assert set_up(folder, python).returncode == 0
    assert (folder / ".venv" / ".made").read_text().strip() == str(folder.resolve())
    assert set_up(folder, python).returncode == 0
    assert (folder / "calls").read_text().count("-m venv .venv") == 1


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ({"version": "3.10", "too_old": 1}, "needs Python 3.11 or newer and"),
        ({"version": "3.12", "no_venv": 1}, "apt install python3.12-venv"),
        ({"version": "3.12", "fails": 1}, "could not make .venv"),
    ],
)
def test_a_python_that_will_not_do_gets_one_sentence(
    folder: Path, trouble: dict[str, int], sentence: str
) -> None:
    done = set_up(folder, stand_in(folder.parent / "python", **trouble))  # type: ignore[arg-type]
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / ".venv").exists()


def test_no_python_at_all_gets_one_sentence(folder: Path) -> None:
    done = set_up(folder)
    assert done.returncode == 2
    assert done.stderr.startswith("Tenfold found no working Python under the name 'python3'")
    assert done.stderr.count("\n") == 1


def test_an_old_python3_is_passed_over_for_a_newer_one(folder: Path) -> None:
    stand_in(folder.parent / "bin" / "python3", version="3.9", too_old=1)
    stand_in(folder.parent / "bin" / "python3.12")
    assert set_up(folder, search=str(folder.parent / "bin")).returncode == 0
    assert (folder / ".venv" / ".made").exists()


@pytest.mark.parametrize("damage", ["half-made", "moved", "interpreter gone", "another interpreter"])
def test_an_environment_that_is_not_whole_is_made_again(folder: Path, damage: str) -> None:
    python = stand_in(folder.parent / "python")
    assert set_up(folder, python).returncode == 0
    made = folder / ".venv" / ".made"
    if damage == "half-made":
        made.unlink()
    elif damage == "moved":
        made.write_text("elsewhere\n")
    elif damage == "interpreter gone":
        (folder / ".venv" / "bin" / "python").unlink()
    else:
        python = stand_in(folder.parent / "python4", identity="another")
    assert set_up(folder, python).returncode == 0
    assert (folder / "calls").read_text().count("-m venv .venv") == 2


def test_a_refusal_leaves_a_whole_environment_alone(folder: Path) -> None:
    assert set_up(folder, stand_in(folder.parent / "python")).returncode == 0
    assert set_up(folder, "no-such-python").returncode == 2
    assert (folder / ".venv" / ".made").exists()
