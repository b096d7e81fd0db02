"""`tenfold reproduce`: repeat a run and compare."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.output import Json, Quiet, accuracy, emit


def reproduce(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the new run; absent or empty.", show_default="runs/RUN-again"),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Repeat a run with its own recipe, seed and data, and say whether the model came out the same, bit for
    bit."""
    from tenfold import runs

    runs.need_torch()
    from tenfold.cli.progress import watchers

    again = runs.reproduce(run, out, callbacks=watchers(quiet))
    runs.write_report(again)
    found = again.record["reproduces"]
    if json:
        emit(again.record)
        return
    if found["identical"]:
        print(f"Identical: {again.folder / 'model.onnx'} has the same SHA-256 as that of {run}.")
        return
    print(f"Not the same bits. Compared with {run}:")
    for name, (before, now) in found["differs"].items():
        if name == "results":
            for on in before:
                print(f"  {on}: {accuracy(before[on])}, now {accuracy(now[on])}")
        else:
            print(f"  {name}: {before}, now {now}")
