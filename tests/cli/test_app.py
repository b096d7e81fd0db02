"""The start of the program: help in time, complete lists, completion in the shell."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tenfold.cli.app import app
from tenfold.cli.completion import RECIPE_NAMES, model_names
from tenfold.data import set_names
from tenfold.training.recipes import RECIPES


def leaves(command: Any, *words: str) -> Iterator[list[str]]:
    """The words of every command and subcommand."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield list(words)
        return
    for name, each in inner.items():
        yield from leaves(each, *words, name)


LEAVES = sorted(leaves(typer.main.get_command(app)))
SUMMARY = 60  # characters

# Runs the program and then says which of the heavy packages it imported.
SPY = """
import sys
from tenfold.__main__ import main
try:
    main()
except SystemExit:
    pass
heavy = {"numpy", "torch", "onnxruntime", "cv2", "PIL", "rich"} & set(sys.modules)
print("heavy:", *sorted(heavy), file=sys.stderr)
"""


def spy(*words: str, **environment: str) -> tuple[str, list[str]]:
    """What a fresh process prints, and the heavy packages that it needed for that."""
    done = subprocess.run(
        [sys.executable, "-c", SPY, *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout, done.stderr.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("words", [[], ["train"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    out, heavy = spy(*words, "--help")
    assert out.startswith("Usage: tenfold")
    assert heavy == []


def test_the_list_of_commands_reads_well(tenfold: Any) -> None:
    found = tenfold("--help")
    listed = dict(re.findall(r"^  (\w+) +(\S.*)$", found.out.partition("Commands:\n")[2], re.M))
    assert found.code == 0
    assert set(listed) == {words[0] for words in LEAVES}
    assert set(listed) >= {"train", "evaluate", "predict", "report", "reproduce", "recipes", "models", "data"}
    for summary in listed.values():
        assert len(summary) <= SUMMARY
        assert summary.endswith(".")
        assert not summary.endswith("..")


def test_without_a_command_the_help_is_shown(tenfold: Any) -> None:
    found = tenfold()
    assert found.code in (0, 2)  # as Typer's release has it
    assert "Commands:" in found.out + found.err


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_explains_itself_and_takes_json(words: list[str], tenfold: Any) -> None:
    found = tenfold(*words, "-h")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(f"Usage: tenfold {' '.join(words)} ")
    assert not re.search(r"\.\.\.[]}]|\[\[", found.out.splitlines()[0])  # Typer's release adds its own marks
    assert "--json" in found.out
    assert max(map(len, found.out.splitlines())) <= 80


@pytest.mark.parametrize(
    "words", [["trian"], ["train", "--sed", "1"], ["train", "--seed", "-1"], ["predict"]]
)
def test_wrong_usage_is_told_in_words(words: list[str], tenfold: Any) -> None:
    found = tenfold(*words)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("Usage: tenfold")
    assert "Error: " in found.err


@pytest.mark.parametrize(
    ("words", "before"),
    [
        ([""], "tenfold"),
        (["predict", ""], "predict"),
        (["read", "0.png", ""], "0.png"),
        (["predict", ".", "--out", ""], "--out"),
        (["predict", ".", "--explain="], "--explain="),
        (["read", "0.png", "--draw", ""], "--draw"),
        (["read", ".", "--pattern", ""], "--pattern"),
        (["train", "--out", ""], "--out"),
        (["runs", "--in", ""], "--in"),
        (["evaluate", "--on", ""], "--on"),
        (["serve", "--corrections", ""], "--corrections"),
    ],
)
def test_an_empty_word_is_not_the_current_folder(
    words: list[str], before: str, tenfold: Any, tmp_path: Path
) -> None:
    found = tenfold(*words)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"tenfold: What follows '{before}' is empty, perhaps for a variable that is")
    assert not any(tmp_path.iterdir())


def test_completion_can_be_installed(tenfold: Any) -> None:
    assert "--install-completion" in tenfold("--help").out


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("tenfold tr", ["train"]),
        ("tenfold train b", ["baseline", "best"]),
        ("tenfold recipes ", sorted(RECIPES)),
        ("tenfold evaluate --on ", set_names()),
        ("tenfold data fetch kmn", ["kmnist"]),
    ],
)
def test_the_shell_completes_names_without_torch(line: str, offered: list[str]) -> None:
    words = line.split(" ")
    out, heavy = spy(
        _TENFOLD_COMPLETE="complete_bash", COMP_WORDS=line.strip(), COMP_CWORD=str(len(words) - 1)
    )
    assert sorted(out.split()) == sorted(offered)
    assert "torch" not in heavy
    assert "rich" not in heavy


def test_models_complete_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenfold.model.list_models", lambda: ["baseline", "best", "fast"])
    assert model_names("b") == ["baseline", "best"]


def test_the_names_of_recipes_are_those_of_the_recipes() -> None:
    assert list(RECIPE_NAMES) == list(RECIPES)
