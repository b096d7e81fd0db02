"""Two recipes compared over the folds of their cross-validations, which are made where there are none yet.

compare_folded("short.json", "fast", folds=5)                       trains both, unless runs/ has them
compare_folded("short.json", "runs/crossval-fast-class-5x1-0")      trains one, on the folder's folds
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.data import Store
from tenfold.data.parts import Sets, names_of
from tenfold.errors import RunError, UsageError, need_torch
from tenfold.files import exists
from tenfold.harness.compare import compare_crossvals
from tenfold.harness.estimates.crossval import crossval
from tenfold.harness.estimates.crossval_record import RECORD, Crossval
from tenfold.harness.estimates.trainings import Engine, images_of
from tenfold.harness.records.record import Watcher

if TYPE_CHECKING:
    from tenfold.training.recipes import Recipe


def is_crossval(name: str | Path) -> bool:
    return exists(Path(name) / RECORD)


def compare_folded(
    a: str | Path,
    b: str | Path,
    *,
    data: Sets | None = None,
    folds: int | None = None,
    by: str | None = None,
    repeats: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    store: Store | None = None,
    watcher: Watcher[Crossval] | None = None,
    engine: Engine | None = None,
) -> dict[str, Any]:
    """What `compare_crossvals` says of A and B, and the `folders` of the two.

    Each is the folder of a cross-validation, or else a recipe as of `find_recipe`. A recipe is
    cross-validated on the sets `data` with `folds`, `by`, `repeats` and `seed` (None: as in the folder that
    the other one is, or else the default of `crossval`); what runs/ has of that is taken up. `watcher` and
    `engine` are as of `crossval`.

    Raises UsageError for settings that a folder does not have, RunError for two that cannot be paired, and as
    `find_recipe` and `crossval` do. What can be known before is raised before anything is trained.
    """
    asked = {
        "data": None if data is None else names_of(data),
        "folds": folds,
        "by": by,
        "repeats": repeats,
        "seed": seed,
    }
    settings: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    sides = [Crossval.load(name) if is_crossval(name) else _recipe(name) for name in (a, b)]
    there = [side for side in sides if isinstance(side, Crossval)]
    for folder in there:
        _refuse_other(folder, settings)
    if len(there) == 1:
        settings = {name: _setting(there[0], name) for name in asked}
        _check_pairable(there[0], settings["data"], store)
    means: dict[str, Any] = {"threads": threads, "store": store, "watcher": watcher, "engine": engine}
    made, names = [], []
    for name, side in zip((a, b), sides, strict=True):
        if isinstance(side, Crossval):
            made.append(side)
            names.append(side.folder.resolve().name)
        else:
            made.append(crossval(side, **settings, **means, reuse=True))
            names.append(str(name))
    found = compare_crossvals(made[0], made[1], names)
    return {**found, "folders": [str(each.folder) for each in made]}


def _recipe(name: str | Path) -> "Recipe":
    need_torch()
    from tenfold.training.recipes import find_recipe

    return find_recipe(name)


def _refuse_other(found: Crossval, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if _setting(found, name) != value:
            was, asked = (
                " ".join(each) if isinstance(each, list) else each for each in (_setting(found, name), value)
            )
            raise UsageError(
                f"'{found.folder}' was cross-validated with --{name} {was} and not {asked}; "
                f"leave out --{name}, or name two recipes."
            )


def _setting(found: Crossval, name: str) -> Any:
    """Its data are names of sets, which a record of before does not have; images at hand have none."""
    return found.record[name] if name != "data" else found.record.get("sets") or ["mnist"]


def _check_pairable(found: Crossval, sets: list[str], store: Store | None) -> None:
    """Raises RunError where no recipe can be set beside it, before one is trained for that."""
    found.out_of_fold()
    data = images_of("A cross-validation", sets, store)
    if found.record["data"] != {data.name: data.checksum}:
        raise RunError(
            f"'{found.folder}' is of other images than {data.name}, which the recipe would be trained on, "
            "so the two cannot be paired; compare two folders."
        )
