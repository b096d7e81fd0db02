"""`tenfold runs`: list, show and delete runs."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold.cli.completion import recipe_names
from tenfold.cli.options import Json
from tenfold.cli.output import accuracy, emit, message, percent, quoted, result, table
from tenfold.errors import UsageError

if TYPE_CHECKING:
    from tenfold.runs.listing import Entry

app = typer.Typer(invoke_without_command=True)

Folder = Annotated[Path, typer.Option("--in", metavar="DIR", help="The folder that the runs are in.")]
Recipe = Annotated[
    str | None,
    typer.Option(
        metavar="RECIPE", help="Only this recipe's.", show_default=False, autocompletion=recipe_names
    ),
]
Status = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Only these: training, finished or damaged.", show_default=False),
]
Sort = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Best first by a validation figure: accuracy, nll or ece; by name if left out.",
        show_default=False,
    ),
]
OneRun = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run of any kind.")]


@app.callback()
def runs(
    context: typer.Context,
    folder: Folder = Path("runs"),
    recipe: Recipe = None,
    status: Status = None,
    sort: Sort = None,
    json: Json = False,
) -> None:
    """List the runs of every kind in a folder; show or delete one.

    With validation figures, which are what to choose by, and how often the official test set was opened.
    """
    if context.invoked_subcommand is not None:
        _refuse_lost(context, context.invoked_subcommand)
        return
    from tenfold.files import is_folder
    from tenfold.harness.records.record import RUNS
    from tenfold.runs.listing import count_openings, list_runs, sort_runs

    if folder != RUNS and not is_folder(folder):
        raise UsageError(f"There is no folder '{folder}'.")
    entries = list_runs(folder, recipe=recipe, status=status)
    if sort is not None:
        entries = sort_runs(entries, sort)
    openings = count_openings(folder)
    if json:
        emit({"runs": [entry.to_dict() for entry in entries], "test_openings": openings})
        return
    if entries:
        headings = ("run", "recipe", "seed", "status", "validation", "images", "NLL", "test openings")
        result(table(headings, [_line(entry) for entry in entries], right=("seed", *headings[4:])))
    else:
        message(f"There are no such runs in '{folder}'.")
    for entry in entries:
        if entry.problem is not None:
            message(f"tenfold: {entry.problem}")
    times = "once" if openings == 1 else f"{openings} times"
    result(f"\nThe official test set was opened {times} by all runs of '{folder}', deleted ones included.")


@app.command("show")
def show(run: OneRun, json: Json = False) -> None:
    """Show a run's record: what it was made of and what came of it."""
    from tenfold.runs.listing import KINDS, kind_of

    record = KINDS[kind_of(run) or "run"].load(run).record
    if json:
        emit({**record, "run": str(run)})
        return
    result(f"{run}: {record['status']}\n")
    rows = [(name, text) for name in record if (text := _text(name, record[name]))]
    result(table(("fact", "value"), rows))


@app.command("track")
def track(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="The folders of finished runs.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where: then tensorboard --logdir DIR.")],
    json: Json = False,
) -> None:
    """Write the metrics of finished runs for TensorBoard.

    Those of history.csv, under the names that `tenfold train --track` gives them.
    """
    from tenfold.errors import need_torch
    from tenfold.runs.tracking import track_runs

    need_torch()
    written = track_runs(runs, to)
    if json:
        emit({"tracked": [str(folder) for folder in written]})
        return
    for folder in written:
        result(str(folder))
    message(f"\nLook at them with:\n  {quoted('tensorboard', '--logdir', to)}")


@app.command("delete")
def delete(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="The folders to delete.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete runs with their models; asks first.

    How often they opened the official test set stays counted.
    """
    from tenfold.runs.listing import check_deletable, delete_run

    for run in runs:
        check_deletable(run)
    if not yes:
        _ask(runs)
    for run in runs:
        delete_run(run)
        if not json:
            result(f"Deleted {run}.")
    if json:
        emit({"deleted": [str(run) for run in runs]})


def _refuse_lost(context: typer.Context, command: str) -> None:
    """Raises UsageError for an option of the list, given before another command."""
    for option in context.command.params:
        if option.name in context.params and context.params[option.name] != option.default:
            raise UsageError(
                f"{option.opts[0]} before '{command}' is an option of the list; "
                f"see `tenfold runs {command} --help`."
            )


def _ask(runs: list[Path]) -> None:
    what = f"'{runs[0]}'" if len(runs) == 1 else f"these {len(runs)} runs"
    print(f"Delete {what} with all files in it? [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise UsageError("Nobody is there to be asked; give --yes to delete without a question.")
    if answer.strip().lower() not in ("y", "yes"):
        message("Nothing was deleted.")
        raise typer.Exit(1)


def _line(entry: "Entry") -> list[str]:
    figures = entry.validation
    return [
        str(entry.folder),
        entry.recipe or "-",
        "-" if entry.seed is None else str(entry.seed),
        entry.status,
        percent(figures["accuracy"]) if figures else "-",
        _images(figures) if figures else "-",
        f"{figures['nll']:.4f}" if figures else "-",
        str(entry.test_openings) if entry.kind in ("run", "committee") and entry.status != "damaged" else "-",
    ]


def _images(figures: Mapping[str, Any]) -> str:
    """Figures on other images are not to be held against each other: what is not MNIST is named, and what
    flatters is marked."""
    from tenfold.harness.html.markup import trained_on

    on, count = figures["on"], figures["count"]
    of = "" if on in (None, "mnist-validation", "mnist-training") else f" of {on}"
    return f"{count:,}{of}{trained_on(figures['trained_on'], count)}"


def _text(name: str, value: Any) -> str:
    """One fact on one line; '' for what does not fit on one."""
    if name == "recipe":
        return str(value["name"])
    if name == "results":
        sets = {key: inner for key, inner in value.items() if isinstance(inner, dict) and "interval" in inner}
        return "; ".join(f"{key} {_measured(inner)}" for key, inner in sets.items())
    if isinstance(value, dict):
        return ", ".join(
            f"{key} {inner}" for key, inner in value.items() if not isinstance(inner, dict | list)
        )
    return "" if isinstance(value, list) and any(isinstance(v, dict | list) for v in value) else str(value)


def _measured(found: dict[str, Any]) -> str:
    if "accuracy" in found:
        return accuracy(found)
    low, high = found["interval"]
    return f"{percent(found['mean'])} (95 % interval {100 * low:.2f} to {100 * high:.2f})"
