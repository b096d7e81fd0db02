"""A report over several runs, from their folders: `tenfold report RUN RUN...`. No torch."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tenfold.data.labelled import Labelled
from tenfold.errors import RunError, UsageError
from tenfold.files import is_file
from tenfold.harness.html.page import write_page
from tenfold.harness.records.facts import read_facts
from tenfold.harness.records.run import Run
from tenfold.harness.report.run import render as render_one
from tenfold.harness.report.several import MOST, SideRun, comparable, render, side_by_side
from tenfold.harness.report.several_done import read_done
from tenfold.runs.listing import KINDS, kind_of, list_runs
from tenfold.runs.page import find_images, find_validation

OTHERS = ("crossval", "curve", "explore")  # of KINDS: what is done with recipes


def report_elsewhere(folder: Path, out: Path) -> Path:
    """Write the report of one finished run to `out`. Raises as `report_several` does."""
    return write_page(out, render_one(read_facts(folder, find_images(Run.load(folder)))))


def report_several(folders: Sequence[Path], out: Path | None = None) -> tuple[Path, list[Path]]:
    """Write one page for the runs among `folders`, and what else was done with their recipes; its path, and
    the folders of the runs that are on it.

    Cross-validations, learning curves and explorations among `folders`, or beside the runs and of one of
    their recipes, are shown as such. `out` is report.html beside the first run if None. Raises UsageError for
    more runs than fit, RunError where there is no run, or one that is damaged or did not finish.
    """
    # files are passed over, as runs/* also names the last report
    unique = list({folder.resolve(): folder for folder in folders if not is_file(folder)}.values())
    runs = [folder for folder in unique if not _is_other(folder)]
    if not runs:
        raise RunError("None of these folders is a run's; a report is of runs.")
    if len(runs) > MOST:
        raise UsageError(f"A report shows at most {MOST} runs side by side, not {len(runs)}.")
    names = _names(runs)
    records = {name: Run.load(folder) for name, folder in zip(names, runs, strict=True)}
    side = side_by_side([(name, read_facts(folder)) for name, folder in zip(names, runs, strict=True)])
    images = _images(max(comparable(side), key=len, default=[]), records)
    others = [folder for folder in unique if _is_other(folder)]
    done = read_done(dict(zip(names, runs, strict=True)), _with_neighbours(records.values(), others))
    return write_page(out or _beside(runs[0]), render(side, done, images)), runs


def _beside(run: Path) -> Path:
    """As the user named the folder, unless that says nothing of where it lies."""
    parent = run.resolve().parent
    return (run.parent if run.parent.resolve() == parent else parent) / "report.html"


def _is_other(folder: Path) -> bool:
    """Is it a folder of the harness that is no run's?"""
    return kind_of(folder) not in (None, "run")


def _names(runs: Sequence[Path]) -> list[str]:
    """The folders' names, or their paths where two have one name."""
    names = [folder.resolve().name for folder in runs]
    return [name if names.count(name) == 1 else str(folder) for name, folder in zip(names, runs, strict=True)]


def _images(largest: Sequence[SideRun], records: Mapping[str, Run]) -> Labelled | None:
    """The pictures that most of the runs that are compared answered, where they are at hand."""
    if len(largest) < 2 or largest[0].answers is None:
        return None
    run, role = records[largest[0].name], largest[0].answers.role
    return find_images(run) if role == "test" else find_validation(run)


def _with_neighbours(runs: Iterable[Run], others: Sequence[Path]) -> list[Path]:
    """`others`, and the cross-validations, curves and explorations beside the runs, of their recipes."""
    recipes = [_without_stopping(run.record["recipe"]) for run in runs]
    found = {folder.resolve(): folder for folder in others}
    for parent in {run.folder.resolve().parent for run in runs}:
        for entry in list_runs(parent, status="finished"):
            if entry.kind in OTHERS:
                recipe = KINDS[entry.kind].load(entry.folder).record["recipe"]
                if _without_stopping(recipe) in recipes:
                    found.setdefault(entry.folder.resolve(), entry.folder)
    return list(found.values())


def _without_stopping(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """As cross-validations and learning curves train it: to the last step."""
    return {**recipe, "patience": None}
