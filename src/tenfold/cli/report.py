"""`tenfold report`: the page of a run, made again."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.output import Json, emit


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    json: Json = False,
) -> None:
    """Write a run's report.html: curves, confusion, errors, calibration and facts on one page."""
    from tenfold.runs import Run, write_report

    path = write_report(Run.load(run))
    if json:
        emit({"run": str(run), "report": str(path)})
    else:
        print(path)
