"""`tenfold curve`: what more training images are worth to a recipe."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold.cli.batch import Address, Engine
from tenfold.cli.options import Data, Json, Offline, Quiet, Recipe, Seed, Threads, folder_option
from tenfold.cli.output import emit, message, percent, result, table
from tenfold.cli.trainings import Lines, many_trainings, trainings_of
from tenfold.errors import UsageError

if TYPE_CHECKING:
    from tenfold.harness.estimates.curve_record import Curve

Sizes = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...",
        help="Numbers of training images; 100,300,1000,3000,10000,30000 and all if left out.",
        show_default=False,
    ),
]
Seeds = Annotated[int, typer.Option(metavar="N", help="How often to train with each number of images.")]
Steps = Annotated[
    str,
    typer.Option(
        metavar="KIND",
        help="same: as many steps for every size; epochs: the recipe's, so few images mean few steps.",
    ),
]
Out = Annotated[Path | None, folder_option("curve", "curve-RECIPE-SEED")]


def curve(
    recipe: Recipe,
    data: Data = None,
    sizes: Sizes = None,
    seeds: Seeds = 3,
    seed: Seed = 0,
    steps: Steps = "same",
    threads: Threads = None,
    engine: Engine = None,
    address: Address = None,
    out: Out = None,
    offline: Offline = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure what more training images are worth.

    Validation accuracy against the number of training images, each with several seeds; the test set stays
    closed. Interrupted, the same command goes on; more sizes or seeds join those in its folder.
    """
    from tenfold.errors import need_torch

    need_torch()
    from tenfold.harness.estimates.curve import curve as measure
    from tenfold.harness.estimates.curve_record import PAGE
    from tenfold.harness.html.page import write_page
    from tenfold.harness.report.curve import render

    lines = Lines(_plan, _line, quiet, alike=steps == "same")
    wanted = None if sizes is None else _numbers(sizes)
    with many_trainings(lines, "trainings", engine, address, offline) as (carry_out, store):
        found = measure(
            recipe,
            data or None,
            sizes=wanted,
            seeds=seeds,
            seed=seed,
            steps=steps,  # type: ignore[arg-type] # what is none is refused there
            threads=threads,
            out=out,
            store=store,
            watcher=lines,
            engine=carry_out,
        )
        page = write_page(found.folder / PAGE, render(found))
    if json:
        emit({**found.record, "folder": str(found.folder), "page": str(page)})
    elif not quiet:
        _show(found)
        message(f"\nThe page is {page}.")


def _numbers(text: str) -> list[int]:
    try:
        return [int(word.replace("_", "")) for word in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--sizes takes whole numbers with commas between, such as 100,1000, not '{text}'."
        ) from None


def _plan(found: "Curve") -> str:
    sizes = found.record["sizes"]
    return f"{trainings_of(found)} on {sizes[0]:,} to {sizes[-1]:,} images"


def _line(found: "Curve", fit: Mapping[str, Any]) -> str:
    """'seed 0   1,000 images  accuracy 96.42 %  (179 errors in 5,000)  18.4 s'"""
    largest = found.record["sizes"][-1]
    size = f"{fit['size']:{len(f'{largest:,}')},}"
    errors = f"({fit['errors']:,} errors in {fit['count']:,})  {fit['seconds']:.1f} s"
    return f"seed {fit['repeat']}  {size} images  accuracy {percent(1 - fit['error'])}  {errors}"


def _show(found: "Curve") -> None:
    from tenfold.harness.estimates.curve import why_no_law

    record, results = found.record, found.record["results"]
    rows = [
        (
            f"{point['size']:,}",
            f"{point['steps']:,}",
            str(point["seeds"]),
            percent(point["accuracy"]["mean"]),
            _interval(point["accuracy"]["interval"]),
        )
        for point in results["points"]
    ]
    headings = ("training images", "steps", "seeds", "accuracy", "95 % interval")
    result(table(headings, rows, right=headings[:4]))
    result(f"on {record['counts']['validation']:,} images of {list(record['data'])[-1]}")
    law = results["law"]
    result("\n" + (why_no_law(results["points"]) or law_sentences(law, results["points"][-1])))


def _interval(interval: list[float] | None) -> str:
    return "-" if interval is None else f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}"


def law_sentences(law: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    """The law, what it foretells and how far to trust it, a line each."""
    foretold = [
        f"  {f['images']:,} images: {percent(1 - f['error'])} ({100 * (1 - f['high']):.2f} to "
        f"{100 * (1 - f['low']):.2f} as one size or another is left out)"
        for f in law["foretold"]
    ]
    formula = f"{percent(law['floor'])} + {law['scale']:.3g} * images ^ -{law['exponent']:.2f}"
    return "\n".join(
        [
            f"Power law: error = {formula}. Extrapolated, not measured:",
            *foretold,
            f"Without its last size it would have foretold {percent(1 - law['backtest'])} for "
            f"{last['size']:,} images, where {percent(last['accuracy']['mean'])} was measured.",
        ]
    )
