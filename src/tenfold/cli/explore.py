"""`tenfold explore`: which changes of a recipe are real improvements, and which settings do best."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold.cli.batch import Address, Engine
from tenfold.cli.explore_show import show_ablation, show_search
from tenfold.cli.options import Data, Json, Offline, Quiet, Recipe, Seed, Threads, folder_option
from tenfold.cli.output import emit, percent, result, table
from tenfold.cli.trainings import Lines, many_trainings

if TYPE_CHECKING:
    from tenfold.harness.explore.record import Exploration

app = typer.Typer(no_args_is_help=True, help="Improve a recipe: by single changes, or by a search.")

Changes = Annotated[
    list[str],
    typer.Option(
        "--change",
        metavar="FIELD=VALUE",
        help="What to change, such as shift=2 or 'epochs=6 dropout=0.3', or another recipe by name or file. "
        "Give it once for each change.",
        show_default=False,
    ),
]
Seeds = Annotated[int, typer.Option(metavar="N", help="Trainings of the recipe as it is and of each change.")]
FirstSeed = Annotated[int, typer.Option(metavar="N", min=0, help="The first of the seeds.")]
Trials = Annotated[int, typer.Option(metavar="N", help="Settings to try in all.")]
Ranges = Annotated[
    list[str] | None,
    typer.Option(
        "--range",
        metavar="FIELD=RANGE",
        help="What a field may be: learning_rate=0.003:0.03:log, epochs=2:5, optimizer=adam/sgd, or one "
        "value to keep it at. Give it once for each field.",
        show_default=False,
    ),
]
Only = Annotated[bool, typer.Option("--only", help="Search the fields of --range alone.")]
AblationOut = Annotated[Path | None, folder_option("recipe's ablation", "ablate-RECIPE")]
SearchOut = Annotated[Path | None, folder_option("search", "search-RECIPE-SEED")]


@app.command()
def ablate(
    recipe: Recipe,
    changes: Changes,
    data: Data = None,
    seeds: Seeds = 5,
    seed: FirstSeed = 0,
    threads: Threads = None,
    engine: Engine = None,
    address: Address = None,
    out: AblationOut = None,
    offline: Offline = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Tell which changes of a recipe are real improvements.

    Each change alone is trained with several seeds against the recipe as it is, on MNIST's 60,000
    training images or those of --data: each seed holds out another twelfth to measure on; the test set
    stays closed. More changes or seeds, given later, join those that are done. Interrupted, the same
    command goes on.
    """
    from tenfold.errors import need_torch

    need_torch()
    from tenfold.harness.explore.ablate import ablate as compare

    lines = Lines(_ablation, _ablated, quiet, alike=all(map(_as_long, changes)))
    settings: dict[str, Any] = {"seeds": seeds, "seed": seed, "threads": threads, "out": out}
    with many_trainings(lines, "trainings", engine, address, offline) as (carry_out, store):
        found = compare(
            recipe, changes, data or None, store=store, engine=carry_out, watcher=lines, **settings
        )
    if json:
        emit({**found.record, "folder": str(found.folder)})
    elif not quiet:
        show_ablation(found)


@app.command()
def search(
    recipe: Recipe,
    data: Data = None,
    trials: Trials = 20,
    ranges: Ranges = None,
    only: Only = False,
    seed: Seed = 0,
    threads: Threads = None,
    engine: Engine = None,
    address: Address = None,
    out: SearchOut = None,
    offline: Offline = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Search for settings of a recipe that do better.

    Trials are trained on MNIST's 55,000 images and measured on the 5,000 that validate, or on the two parts
    of --data; the test set stays closed.
    All begin on a ninth of the images, and the best third goes on to more. The best becomes recipe.json in
    the folder, which `tenfold train FOLDER` takes. Interrupted, the same command goes on; given in several
    places at once, they share the trials.
    """
    from tenfold.errors import need_torch

    need_torch()
    from tenfold.harness.explore.search import search as look
    from tenfold.harness.explore.space import space_of
    from tenfold.training.recipes import find_recipe

    lines = Lines(lambda found: _search(found, trials), _tried, quiet, alike=False)
    base = find_recipe(recipe)
    space = space_of(base, ranges or [], only=only)
    settings: dict[str, Any] = {"trials": trials, "seed": seed, "threads": threads, "out": out}
    with many_trainings(lines, "trainings", engine, address, offline) as (carry_out, store):
        found = look(
            base, data or None, space=space, store=store, engine=carry_out, watcher=lines, **settings
        )
    if json:
        emit({**found.record, "folder": str(found.folder)})
    elif not quiet:
        show_search(found, recipe, data or [])


@app.command()
def fields(recipe: Recipe, json: Json = False) -> None:
    """List a recipe's fields, with what a search may try.

    These are the names that --change and --range take.
    """
    from tenfold.errors import need_torch

    need_torch()
    from tenfold.harness.explore.fields import fields_of, short_name, show_value, value_of
    from tenfold.harness.explore.space import default_space
    from tenfold.training.fields import describe
    from tenfold.training.recipes import find_recipe

    base = find_recipe(recipe)
    space = default_space(base)
    rows = [
        {
            "field": short_name(path),
            "path": path,
            "value": show_value(value_of(base, path)),
            "takes": describe(kind),
            "range": str(space[path]) if path in space else None,
        }
        for path, kind in fields_of(base).items()
    ]
    if json:
        emit(rows)
        return
    cells = [(r["field"] or "", r["value"] or "", r["takes"] or "", r["range"] or "-") for r in rows]
    result(table(("field", "value", "takes", "search"), cells))


def _as_long(change: str) -> bool:
    """Whether a training takes about as long with it: not with other epochs, or not surely another recipe."""
    return "=" in change and "epochs" not in change


def _ablation(found: "Exploration") -> str:
    record = found.record
    changes = "1 change" if len(record["changes"]) == 1 else f"{len(record['changes'])} changes"
    seeds = f"{len(record['seeds'])} seeds each"
    return f"Training '{record['recipe']['name']}' as it is and with {changes}, {seeds}"


def _ablated(found: "Exploration", fit: Mapping[str, Any]) -> str:  # noqa: ARG001
    return f"seed {fit['seed']}  {_outcome(fit)}  {fit['change'] or 'as it is'}"


def _search(found: "Exploration", trials: int) -> str:
    record = found.record
    fields = "1 field" if len(record["space"]) == 1 else f"{len(record['space'])} fields"
    return f"Searching '{record['recipe']['name']}' over {fields}, {trials} trials"


def _tried(found: "Exploration", fit: Mapping[str, Any]) -> str:  # noqa: ARG001
    goes_on = "; goes on" if fit["ending"] == "goes on" else ""
    return f"trial {fit['trial']:<3} {fit['train']:6,} images  {_outcome(fit)}{goes_on}"


def _outcome(fit: Mapping[str, Any]) -> str:
    if fit["errors"] is None:
        return f"diverged  {fit['seconds']:.1f} s"
    return f"error {percent(fit['error']):>7}  {fit['seconds']:5.1f} s"
