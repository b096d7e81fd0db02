"""`tenfold report`: the page of a run, made again."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.options import Json
from tenfold.cli.output import emit, result


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    json: Json = False,
) -> None:
    """Write a run's report.html again.

    One page, offline: learning curves, confusion, errors as pictures, calibration and the run's facts.
    """
    from tenfold.runs import Run, write_report

    path = write_report(Run.load(run))
    if json:
        emit({"run": str(run), "report": str(path)})
    else:
        result(str(path))
