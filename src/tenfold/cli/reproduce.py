"""`tenfold reproduce`: repeat a run and compare."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tenfold.cli.options import Json, Quiet
from tenfold.cli.output import accuracy, emit, result


def reproduce(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The new run's folder, absent or empty; runs/RUN-again if left out."
        ),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Repeat a run and compare the two models.

    It is repeated with its own recipe, seed, data, threads and precision. On the same machine with the same
    versions the model comes out the same, bit for bit; otherwise what differs is listed.
    """
    from tenfold import runs
    from tenfold.errors import need_torch

    need_torch()
    from tenfold.cli.progress import watching

    with watching(quiet) as callbacks:
        again = runs.reproduce(run, out, callbacks=callbacks)
    if json:
        emit({**again.record, "run": str(again.folder)})
    elif not quiet:
        _compare(runs.Run.load(run), again)


def _compare(first: Any, again: Any) -> None:
    found = again.record["reproduces"]
    if found["identical"]:
        result(f"Identical: {again.folder / 'model.onnx'} has the same SHA-256 as that of {first.folder}.")
    else:
        result(f"Not the same bits: {again.folder / 'model.onnx'} differs from that of {first.folder}.")
        for on in [on for on in first.results if on in again.results]:
            result(f"  {on}: {accuracy(first.results[on])}, now {accuracy(again.results[on])}")
    if callbacks := first.record.get("callbacks"):
        result(f"  The first run had callbacks of its own, which were not repeated: {', '.join(callbacks)}.")
    for name, (before, now) in found["differs"].items():
        if not name.startswith("results."):
            result(f"  {name}: {before}, now {now}")
