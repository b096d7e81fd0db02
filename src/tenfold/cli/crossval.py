"""`tenfold crossval`: how well a recipe does, over folds of the training images."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold.cli.batch import Address, Engine
from tenfold.cli.options import Data, Json, Offline, Quiet, Recipe, Seed, Threads, folder_option
from tenfold.cli.output import command, emit, message, percent, result, table
from tenfold.cli.trainings import FEW_STEPS, Lines, many_trainings, trainings_of

if TYPE_CHECKING:
    from tenfold.harness.estimates.crossval_record import Crossval

Folds = Annotated[int, typer.Option(metavar="K", help="Parts that are held out in turn.")]
By = Annotated[
    str,
    typer.Option(
        metavar="KIND",
        help="class: every fold has its share of each digit; writer: and nobody writes in two folds.",
    ),
]
Repeats = Annotated[int, typer.Option(metavar="N", help="How often to draw folds and train anew.")]
Out = Annotated[Path | None, folder_option("cross-validation", "crossval-RECIPE-KIND-KxN-SEED")]
ImportFrom = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Take the file of writers from this folder, not the network."),
]


def crossval(
    recipe: Recipe,
    data: Data = None,
    folds: Folds = 5,
    by: By = "class",
    repeats: Repeats = 1,
    seed: Seed = 0,
    threads: Threads = None,
    engine: Engine = None,
    address: Address = None,
    out: Out = None,
    import_from: ImportFrom = None,
    offline: Offline = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Estimate a recipe's error by k-fold cross-validation.

    On training images alone, MNIST's 60,000 or those of --data; the test set stays closed. Each fold is held
    out once and a model is trained on the others, several at once where there are cores. Interrupted, the
    same command goes on.
    """
    from tenfold.errors import need_torch

    need_torch()
    from tenfold.harness.estimates.crossval import crossval as estimate
    from tenfold.harness.estimates.crossval_results import optimism

    lines = fold_lines(quiet)
    with many_trainings(lines, "folds", engine, address, offline, import_from) as (carry_out, store):
        found = estimate(
            recipe,
            data or None,
            folds=folds,
            by=by,
            repeats=repeats,
            seed=seed,
            threads=threads,
            out=out,
            store=store,
            watcher=lines,
            engine=carry_out,
        )
    optimistic = optimism(found)
    if json:
        emit({**found.record, "optimism": optimistic, "folder": str(found.folder)})
    elif not quiet:
        _show(found, optimistic)


def fold_lines(quiet: bool, opening: str = "") -> Lines:
    """Says how a cross-validation goes on."""
    return Lines(_plan, _line, quiet, opening)


def _plan(found: "Crossval") -> str:
    from tenfold.training import recipes

    count, folds = found.record["count"], found.record["folds"]
    images = count * (folds - 1) // folds
    steps = recipes.Recipe.from_dict(found.record["recipe"]).steps(images)
    few = f" in only {steps} step{'s' if steps > 1 else ''} each" if steps < FEW_STEPS else ""
    return f"{trainings_of(found)} on about {images:,} images{few}"


def _line(found: "Crossval", fit: Mapping[str, Any]) -> str:
    """'fold 2  error 1.23 %  (147 errors in 12,000)  18.4 s'"""
    repeat = f"repeat {fit['repeat']}  " if found.record["repeats"] > 1 else ""
    errors = f"({fit['errors']:,} errors in {fit['test']:,})"
    return f"{repeat}fold {fit['fold']}  error {percent(fit['error'])}  {errors}  {fit['seconds']:.1f} s"


def _show(found: "Crossval", optimistic: Mapping[str, Any] | None) -> None:
    record = found.record
    results = record["results"]
    rows = [
        (
            *([str(fit["repeat"])] if record["repeats"] > 1 else []),
            str(fit["fold"]),
            f"{fit['test']:,}",
            str(fit["errors"]),
            percent(fit["error"]),
            f"{fit['nll']:.4f}",
        )
        for fit in record["fits"]
    ]
    headings = (
        *(["repeat"] if record["repeats"] > 1 else []),
        "fold",
        "images",
        "errors",
        "error",
        "raw NLL",
    )
    result(table(headings, rows, right=headings))
    if "writers" in results:
        _show_writers(results["writers"], record["repeats"])
    low, high = results["error"]["interval"]
    result(
        f"\nerror of '{record['recipe']['name']}': {percent(results['error']['mean'])} "
        f"(mean of {len(record['fits'])} trainings on folds by {record['by']}; 95 % interval "
        f"{100 * low:.2f} to {100 * high:.2f}; {results['errors']:,} errors in {results['count']:,})"
    )
    if optimistic is not None:
        result(optimism_sentence(optimistic))
    message(f"\nAll answers are in {found.folder / 'oof.npz'}. Compare with another recipe's:")
    message("  " + command("compare", found.folder, "ANOTHER"))


def _show_writers(writers: Mapping[str, Any], repeats: int) -> None:
    times = f" in {repeats} repeats" if repeats > 1 else ""
    result(
        f"\nwriters: {writers['count']:,}; {writers['without_error']:,} without an error{times}, "
        f"and {writers['half_of_errors']:,} have half of all errors. The worst:"
    )
    rows = [
        (str(row["writer"]), str(row["digits"]), str(row["errors"]), percent(row["error"]))
        for row in writers["worst"]
    ]
    result(
        table(("writer", "digits", "errors", "error"), rows, right=("writer", "digits", "errors", "error"))
    )


def optimism_sentence(found: Mapping[str, Any]) -> str:
    low, high = (f"{100 * bound:+.2f}" for bound in found["interval"])
    seen = found["interval"][0] > 0 or found["interval"][1] < 0
    verdict = (
        f"folds by class are {'optimistic' if found['difference'] > 0 else 'pessimistic'} by "
        f"{100 * abs(found['difference']):.2f} points"
        if seen
        else f"folds by class look {100 * found['difference']:+.2f} points too good, which may be chance"
    )
    return (
        f"On strangers' digits the error is {percent(found['by_writer'])}, with the same writers on both "
        f"sides {percent(found['by_class'])}: {verdict} (95 % interval over {found['writers']:,} writers "
        f"{low} to {high})."
    )
