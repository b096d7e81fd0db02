"""What the commands print: results on standard output, progress and messages on standard error."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and nothing else, on standard output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no advice.")]
Threads = Annotated[int | None, typer.Option(min=1, max=1024, help="Cores to use.", show_default="all")]

Offline = Annotated[
    bool, typer.Option("--offline", help="Never download: what is not on this machine is an error.")
]


def emit(document: Any) -> None:
    """One JSON document on one line, at once."""
    print(json.dumps(document), flush=True)


def message(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def percent(fraction: float, digits: int = 2) -> str:
    return f"{100 * fraction:.{digits}f} %"


def accuracy(result: dict[str, Any]) -> str:
    """'99.20 % (80 errors in 10,000; 95 % interval 99.01 to 99.36)'"""
    low, high = result["interval"]
    errors = "1 error" if result["errors"] == 1 else f"{result['errors']:,} errors"
    interval = f"95 % interval {100 * low:.2f} to {100 * high:.2f}"
    return f"{percent(result['accuracy'])} ({errors} in {result['count']:,}; {interval})"


def program() -> str:
    """How this program was called, ready to paste."""
    return sys.argv[0] if not sys.argv[0].endswith("__main__.py") else f"{sys.executable} -m tenfold"
