"""The runs of a folder, from their plain files: list, sort, delete, and count openings of the test set.

    entries = list_runs("runs", recipe="fast")
    sort_runs(entries, "accuracy")              best first by a validation figure, never by a test figure
    count_openings("runs")

A run whose record is damaged is listed as damaged and keeps nobody from the others.
"""

import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.errors import DiskError, RunError, UnknownNameError, UsageError
from tenfold.files import children, exists, read_bounded, write_atomic
from tenfold.harness.estimates.crossval_record import Crossval
from tenfold.harness.estimates.curve_record import Curve
from tenfold.harness.explore.record import Exploration
from tenfold.harness.records.record import RUNS, Recorded
from tenfold.harness.records.run import Run
from tenfold.runs.committee import Committee

SORTS = {"accuracy": True, "nll": False, "ece": False}  # validation figure -> whether more is better
KINDS: dict[str, type[Recorded]] = {  # of folders
    "crossval": Crossval,
    "curve": Curve,
    "explore": Exploration,
    "committee": Committee,
    "run": Run,
}
STATUSES = ("training", "finished", "damaged")
DELETED = "deleted.json"  # the openings of runs that are gone: deleting one does not close the test set again
TALLY_LIMIT = 1 << 16


@dataclass(frozen=True)
class Entry:
    """One run. `validation` has accuracy, nll, ece, count, the name of the set, `on`, and how many of its
    images the run was `trained_on` too: of a cross-validation, out of fold. Of a damaged run, `problem` says
    what is wrong and the rest is empty."""

    folder: Path
    kind: str  # of KINDS
    status: str  # of STATUSES
    recipe: str = ""
    seed: int | None = None
    started: str = ""
    validation: Mapping[str, Any] | None = None
    test_openings: int = 0
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "folder": str(self.folder)}


def list_runs(
    folder: str | Path = RUNS, *, recipe: str | None = None, status: str | None = None
) -> list[Entry]:
    """The runs, cross-validations, learning curves, explorations and committees right in `folder`, by name.

    Those of one `recipe` or `status` if said. A folder that is absent has none. Raises UnknownNameError for a
    status that does not exist, DiskError.
    """
    if status is not None and status not in STATUSES:
        raise UnknownNameError("status", status, STATUSES)
    entries = [read_entry(path) for path in _folders(Path(folder)) if kind_of(path)]
    return [
        entry
        for entry in entries
        if (recipe is None or entry.recipe == recipe) and (status is None or entry.status == status)
    ]


def kind_of(folder: Path) -> str | None:
    """Which of KINDS its record is of; None where it has none, or nobody may look into it."""
    return next((kind for kind, found in KINDS.items() if os.path.exists(folder / found.FILE)), None)


def read_entry(folder: Path) -> Entry:
    """The entry of a folder that is a run's, damaged or not."""
    kind = kind_of(folder) or "run"
    try:
        return _entry(folder, kind)
    except (RunError, DiskError) as cause:
        return Entry(folder, kind, "damaged", problem=str(cause))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Entry(folder, kind, "damaged", problem=f"The record of '{folder}' is damaged.")


def sort_runs(entries: Sequence[Entry], by: str) -> list[Entry]:
    """Best first by a validation figure, and those without it last. UsageError for one of the test set."""
    if by.startswith("test"):
        raise UsageError(
            "Runs are not sorted by test figures: choosing by them would spoil the test set. "
            f"Sort by a validation figure: {', '.join(SORTS)}."
        )
    if by not in SORTS:
        raise UnknownNameError("figure to sort by", by, SORTS)
    sign = -1 if SORTS[by] else 1
    measured = [entry for entry in entries if entry.validation is not None]
    rest = [entry for entry in entries if entry.validation is None]

    def figure(entry: Entry) -> float:
        assert entry.validation is not None
        return sign * float(entry.validation[by])

    return sorted(measured, key=figure) + rest


def count_openings(folder: str | Path = RUNS) -> int:
    """How often the official test set was opened by all that is in `folder`, what is deleted included.

    Raises RunError where the tally of deleted runs is damaged.
    """
    return sum(entry.test_openings for entry in list_runs(folder)) + _tally(Path(folder))


def delete_run(folder: str | Path) -> None:
    """Delete a run's folder with all that is in it; its openings of the test set stay counted.

    Raises as `check_deletable`, and DiskError where the system refuses. An interruption leaves a hidden
    folder, and no half of a run in the list.
    """
    check_deletable(folder)
    whole = Path(folder).resolve()
    openings = read_entry(whole).test_openings
    if openings:
        tally = {"test_openings": _tally(whole.parent) + openings}
        write_atomic(whole.parent / DELETED, json.dumps(tally) + "\n")
    hidden = whole.with_name(f".{whole.name}.deleted")
    try:
        if exists(hidden):  # of a deletion that was interrupted
            shutil.rmtree(hidden)
        whole.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as cause:
        raise DiskError(f"'{folder}' cannot be deleted: {cause.strerror}.") from None


def check_deletable(folder: str | Path) -> None:
    """Raises RunError for a folder that is not a run's, or a link to one."""
    if os.path.islink(folder) or kind_of(Path(folder)) is None:
        raise RunError(f"'{folder}' is not a run folder, so it is not deleted.")


def _folders(parent: Path) -> list[Path]:
    found = children(parent) if exists(parent) else []
    return [path for path in found if os.path.isdir(path) and not path.name.startswith(".")]


def _entry(folder: Path, kind: str) -> Entry:
    found = KINDS[kind].load(folder)
    record = found.record
    validation = None  # of trainings of many sizes or recipes there are no figures of one recipe
    if kind == "crossval" and found.finished:
        validation = {"on": next(iter(record["data"]), None), **record["results"]}
    elif kind in ("run", "committee"):
        validation = record["results"].get("validation")
    return Entry(
        folder,
        kind,
        "finished" if found.finished else "training",
        str(record["recipe"]["name"]),
        record.get("seed"),
        str(record.get("started", "")),
        None if validation is None else _figures(validation, record.get("trained_on", {})),
        record.get("test_openings", 0),
    )


def _figures(results: Mapping[str, Any], learnt: Mapping[str, Any]) -> dict[str, Any]:
    """Raises KeyError, TypeError or ValueError for what is not there or no finite number."""
    figures = {**{name: float(results[name]) for name in SORTS}, "count": int(results["count"])}
    if not all(map(math.isfinite, figures.values())):
        raise ValueError
    return {"on": results.get("on"), **figures, "trained_on": int(learnt.get("validation", 0))}


def _tally(folder: Path) -> int:
    path = folder / DELETED
    if not exists(path):
        return 0
    try:
        count = json.loads(read_bounded(path, TALLY_LIMIT, RunError))["test_openings"]
    except (ValueError, KeyError, TypeError, RecursionError):
        count = None
    if not isinstance(count, int):
        raise RunError(f"'{path}' is damaged: it should say how often deleted runs opened the test set.")
    return count
