"""`tenfold report`: the page of a run made again, or one page over several."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.options import Json
from tenfold.cli.output import emit, result
from tenfold.cli.targets import page

Out = Annotated[
    Path | None,
    typer.Option(
        metavar="PAGE.html",
        callback=page,
        help="The HTML page; report.html in the run's folder if left out, or beside the first of several.",
        show_default=False,
    ),
]


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="The folders of finished runs.")],
    out: Out = None,
    json: Json = False,
) -> None:
    """Write a run's report.html again, or one over several.

    One page, offline: learning curves, confusion, errors as pictures, calibration and the run's facts. Of
    several runs: what differs, their figures and curves side by side, every pair tested on the same images,
    and what else was done with them.
    """
    from tenfold.runs import Run, write_report
    from tenfold.runs.several import report_elsewhere, report_several

    if len(runs) == 1:
        path = write_report(Run.load(runs[0])) if out is None else report_elsewhere(runs[0], out)
        what: dict[str, object] = {"run": str(runs[0])}
    else:
        path, shown = report_several(runs, out)
        what = {"runs": [str(run) for run in shown]}
    if json:
        emit(what | {"report": str(path)})
    else:
        result(str(path))
