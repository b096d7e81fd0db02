"""`tenfold quantise`: a trained model in 8-bit integers."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.completion import model_names, set_names
from tenfold.cli.downloads import fetching
from tenfold.cli.options import Json, Offline, Threads
from tenfold.cli.output import command, emit, message, percent, result, table

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A run folder, a model file or a shipped model.",
        show_default=False,
        autocompletion=model_names,
    ),
]
Data = Annotated[
    str,
    typer.Option(
        metavar="SET",
        help="Its training images calibrate, its validation images judge.",
        autocompletion=set_names,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The new file; NAME-int8.onnx if left out.", show_default=False),
]
Force = Annotated[bool, typer.Option("--force", help="Write it also where it makes many more errors.")]


def quantise(
    model: Model,
    out: Out = None,
    data: Data = "mnist",
    force: Force = False,
    threads: Threads = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Make a small and quick model of 8-bit integers.

    About a quarter of the size; faster for larger networks, slower for small ones such as fast and tiny.
    1,000 training images calibrate it. Where it makes more than 3 errors more of 5,000 validation images,
    nothing is written. The test set stays closed.
    """
    from tenfold.runs.quantised import quantise as make

    with fetching(offline) as store:
        made = make(model, data=data, out=out, force=force, threads=threads, store=store)
    if json:
        emit(
            {
                "model": str(made.path),
                "name": made.model.name,
                "sha256": made.model.sha256,
                "on": made.on,
                "results": made.results,
                "bytes": made.sizes,
            }
        )
        return
    headings = ("numbers", "size", "errors", "accuracy", "NLL")
    rows = [
        [
            precision,
            f"{made.sizes[precision] / 1000:,.0f} kB",
            f"{found['errors']:,}",
            percent(found["accuracy"]),
            f"{found['nll']:.4f}",
        ]
        for precision, found in made.results.items()
    ]
    result(f"On the {made.results['int8']['count']:,} images of {made.on}:")
    result(table(headings, rows, right=headings[1:]))
    message(f"\nThe model is {made.path}. Next:")
    message("  " + command("evaluate", made.path))
