"""`tenfold compare`: is A better than B?"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import OptionInfo

from tenfold.cli.batch import Address, Engine
from tenfold.cli.completion import RECIPE_NAMES, model_names, recipe_names, set_names
from tenfold.cli.crossval import ImportFrom, fold_lines
from tenfold.cli.options import Data, Json, Offline, Threads
from tenfold.cli.output import command, emit, message, percent, result, table
from tenfold.cli.trainings import many_trainings
from tenfold.errors import UsageError


def _names(incomplete: str) -> list[str]:
    return sorted({*model_names(incomplete), *recipe_names(incomplete)})


A = Annotated[
    str,
    typer.Argument(
        metavar="A",
        help="A run, a model file or a shipped model; or a recipe's name or file, or a cross-validation.",
        autocompletion=_names,
    ),
]
B = Annotated[str, typer.Argument(metavar="B", help="What to compare it with.", autocompletion=_names)]
On = Annotated[
    str | None,
    typer.Option(
        metavar="SET",
        help="Read this set with both. If left out, two runs are compared by their saved answers to the test "
        "set, models on mnist-validation.",
        show_default=False,
        autocompletion=set_names,
    ),
]
Recipes = Annotated[
    bool,
    typer.Option(
        "--recipes",
        help="A name that a shipped model and a recipe share, as fast is, means the recipe. Without this it "
        "means the model, unless the other one is a recipe's file or a cross-validation.",
    ),
]


def _of_recipes(metavar: str, what: str, default: int | str, least: int | None = None) -> OptionInfo:
    option: OptionInfo = typer.Option(
        metavar=metavar,
        help=f"Of recipes: {what}; {default} if left out, or as in the folder of the other one.",
        show_default=False,
        min=least,
    )
    return option


Folds = Annotated[int | None, _of_recipes("K", "parts that are held out in turn", 5)]
By = Annotated[str | None, _of_recipes("KIND", "folds by class or by writer", "class")]
Repeats = Annotated[int | None, _of_recipes("N", "how often to draw folds and train anew", 1)]
Seed = Annotated[int | None, _of_recipes("N", "all that is random follows from it", 0, least=0)]


def compare(
    a: A,
    b: B,
    on: On = None,
    recipes: Recipes = False,
    data: Data = None,
    folds: Folds = None,
    by: By = None,
    repeats: Repeats = None,
    seed: Seed = None,
    engine: Engine = None,
    address: Address = None,
    import_from: ImportFrom = None,
    threads: Threads = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Say whether A is better than B, or cannot be told apart.

    Two runs or models are compared by their answers to the same images (McNemar's exact test); two recipes,
    or folders of `tenfold crossval`, over their folds (corrected resampled t-test). A recipe is first trained
    on every fold, as crossval does it: that takes minutes, goes on after an interruption, and uses what runs/
    has. The answer is one sentence, with the number of images it would take where these are too few, or the
    word that it would take more trainings.
    """
    from tenfold.runs.contest import by_folds
    from tenfold.runs.contest import compare as contest
    from tenfold.runs.folded import is_crossval

    asked = {"data": data or None, "folds": folds, "by": by, "repeats": repeats, "seed": seed}
    folding: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    folded = by_folds(a, b, recipes=recipes)
    if not folded and engine is not None:
        raise UsageError("--engine is for recipes, which are trained; models are not.")
    ahead = " and then ".join(f"'{name}'" for name in (a, b) if not is_crossval(name))
    lines = fold_lines(quiet=False, opening=f"To be cross-validated, unless runs/ has that already: {ahead}.")
    with many_trainings(lines, "folds", engine, address, offline, import_from) as (carry_out, store):
        if folded:
            folding |= {"watcher": lines, "engine": carry_out}
        found = contest(a, b, on, recipes=recipes, threads=threads, store=store, **folding)
    if json:
        emit(found)
        return
    if left_out := found.get("left_out"):
        total = left_out + found["count"]
        message(f"tenfold: Left out, as A or B learnt from them: {left_out:,} of {total:,} images.")
    result(_table(found))
    result("\n" + found["sentence"])
    if not folded:
        _tell_of_recipes(a, b)
    elif made := [folder for folder in found["folders"] if Path(folder) not in (Path(a), Path(b))]:
        message(f"\nCross-validated in {' and '.join(made)}.")


def _tell_of_recipes(a: str, b: str) -> None:
    about = "\nThat is about these two models. For their recipes"
    if a in RECIPE_NAMES and b in RECIPE_NAMES:
        message(f"{about}:\n  {command('compare', a, b, '--recipes')}")
    else:
        message(f"{about}, compare two folders of `tenfold crossval`.")


def _table(found: dict[str, Any]) -> str:
    from tenfold.harness.estimates.statistics import small

    paired = found.get("out_of_fold", found)
    low, high = found["interval"]
    tests = f"p = {small(found['p'])}"
    rows = [
        ("images", f"{found['count']:,} of {found['on']}"),
        *([("trainings", str(found["trainings"]))] if "trainings" in found else []),
        ("accuracy of A", percent(found["accuracy"]["a"])),
        ("accuracy of B", percent(found["accuracy"]["b"])),
        ("A alone is right", f"{paired['only_a']:,}"),
        ("B alone is right", f"{paired['only_b']:,}"),
        ("A minus B", f"{100 * found['difference']:+.3f} points, 95 % {100 * low:+.3f} to {100 * high:+.3f}"),
    ]
    if paired is found:
        rows += [("McNemar's exact test", tests), ("effect (Cohen's g)", f"{found['effect']:+.2f}")]
    else:
        effect = "-" if found["effect"] is None else f"{found['effect']:+.2f}"
        rows += [
            ("corrected resampled t", tests),
            ("effect (Cohen's d)", effect),
            ("McNemar out of fold", f"p = {small(paired['p'])}"),
        ]
    return table(("", "A against B"), rows)
