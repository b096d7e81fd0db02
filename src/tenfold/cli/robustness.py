"""`tenfold robustness`: what a model can bear."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.downloads import fetching
from tenfold.cli.options import Json, ModelArgument, Offline, On, Seed, Threads
from tenfold.cli.output import emit, message, percent, result, table
from tenfold.cli.targets import page

Out = Annotated[
    Path | None,
    typer.Option(metavar="PAGE.html", callback=page, help="Write an HTML page with examples and curves."),
]


def robustness(
    model: ModelArgument = None,
    on: On = "mnist-validation",
    seed: Seed = 0,
    out: Out = None,
    threads: Threads = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Measure a model under damage.

    Accuracy under the 15 kinds of MNIST-C, each at a fixed severity, and as rotation, scale, shift, stroke
    thickness and noise grow.
    """
    from tenfold.cli.counting import counting
    from tenfold.harness import robustness as measuring
    from tenfold.harness.html.page import write_page
    from tenfold.harness.records.kept import keep_result
    from tenfold.harness.report.robustness import render
    from tenfold.reading.reader import Reader
    from tenfold.runs.opening import flattered, open_set, trained_on

    reader = Reader(model, threads=threads)
    with fetching(offline) as store:
        data = open_set(on, model, store)
    if learnt := trained_on(model, reader.metadata, data):
        message(flattered(learnt, len(data), data.name))
    with counting("measuring") as progress:
        found = measuring.robustness(reader, data, seed=seed, progress=progress)
    kept = found.to_dict() | {"trained_on": learnt}
    keep_result(model, "robustness", kept)
    if out is not None:
        write_page(out, render(found, reader.model.name, data, learnt))
    if json:
        emit(kept | {"page": None if out is None else str(out)})
        return
    rows = [
        (
            name,
            percent(m.accuracy),
            f"{100 * m.interval[0]:.2f} to {100 * m.interval[1]:.2f}",
            f"{m.errors:,}",
        )
        for name, m in [("undamaged", found.clean), *found.kinds.items()]
    ]
    result(table((found.on, "accuracy", "95 % interval", "errors"), rows, right=("accuracy", "errors")))
    result(
        f"mean over the 15 kinds: {percent(found.mean)}; "
        f"over the 11 not affine: {percent(found.mean_not_affine)}"
    )
    message(f"The page is {out}." if out else "Examples and curves: --out robustness.html")
