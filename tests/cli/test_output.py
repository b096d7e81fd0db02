"""What results look like: tables, figures, and commands ready to paste."""

import sys
from pathlib import Path

import pytest

from tenfold.cli.output import accuracy, command, quoted, table

RESULT = {"accuracy": 0.992, "errors": 80, "count": 10_000, "interval": [0.99006, 0.99356]}


def test_columns_are_aligned_and_the_last_is_not_padded() -> None:
    rows = [("baseline", "34,826", "first"), ("b", "7", "the second")]
    assert table(("name", "count", "what"), rows, right=("count",)).splitlines() == [
        "name       count  what",
        "baseline  34,826  first",
        "b              7  the second",
    ]


def test_a_table_of_nothing_is_its_headings() -> None:
    assert table(("name", "what"), []) == "name  what"


def test_an_accuracy_comes_with_its_interval() -> None:
    assert accuracy(RESULT) == "99.20 % (80 errors in 10,000; 95 % interval 99.01 to 99.36)"
    assert "(1 error in" in accuracy({**RESULT, "errors": 1})


@pytest.mark.parametrize(
    ("called", "program"),
    [
        (".venv/bin/tenfold", ".venv/bin/tenfold"),
        ("my folder/tenfold", "'my folder/tenfold'"),
        ("src/tenfold/__main__.py", f"{sys.executable} -m tenfold"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="quotes for a POSIX shell")
def test_a_command_names_the_program_as_it_was_called(
    called: str, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [called, "train"])
    assert command("predict", Path("a b") / "c.png") == f"{program} predict 'a b/c.png'"


def test_a_program_on_the_path_is_named_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/tenfold"])
    monkeypatch.setattr("shutil.which", lambda _: "/somewhere/bin/tenfold")
    assert command("models") == "tenfold models"
    monkeypatch.setattr("shutil.which", lambda _: "/elsewhere/bin/tenfold")
    assert command("models") == "/somewhere/bin/tenfold models"


def test_windows_has_quotes_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenfold.cli.output.os.name", "nt")
    assert quoted("a b", "c") == '"a b" c'
