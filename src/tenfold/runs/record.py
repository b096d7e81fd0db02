"""`run.json`: what a run was made of and what came of it. All that is needed to repeat it, and its folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from tenfold import environment
from tenfold.errors import DiskError, OutputExistsError, RunError
from tenfold.files import is_stray, make_folder, sweep
from tenfold.harness.record import RUNS, Fields, Recorded, read_record

FORMAT = 1
RECORD = "run.json"
COMMITTEE = "committee.json"  # what the folder of a committee has in its place
ACCEPTANCE = 0.99  # share of the validation images that a model's thresholds let through
STATED = ("on", "accuracy", "errors", "count", "interval")  # of each result, in the model file

# What every record holds, and what a finished one holds besides.
BEGUN: Fields = {
    "status": str,
    "recipe": dict,
    "seed": int,
    "sets": list,
    "final": bool,
    "device": str,
    "threads": int,
    "precision": str,
    "temperature": (int, float),
    "thresholds": dict,
    "data": dict,
    "machine": dict,
    "versions": dict,
    "durations": dict,
    "results": dict,
    "test_openings": int,
}
FINISHED: Fields = {"epochs": int, "kept_epoch": int, "stopped": str, "model_sha256": str}
COMPARED = ("tenfold", "versions", "machine", "device", "data", "results")


class Run(Recorded):
    """A run folder and what its run.json says."""

    FILE: ClassVar[str] = RECORD

    @property
    def results(self) -> dict[str, Any]:
        """`validation` and, where it was opened, `test`: see `harness.evaluate`."""
        results: dict[str, Any] = self.record["results"]
        return results

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Raises RunError for a folder that holds no run, or a damaged one."""
        path = Path(folder) / RECORD
        if not path.exists():
            raise RunError(f"'{folder}' is not a run folder: it has no {RECORD}.{_hint(folder)}")
        return cls(Path(folder), read_record(path, "a run", FORMAT, BEGUN, FINISHED))

    def count_opening(self) -> None:
        """Note that the official test set is looked at with this run's model."""
        self.record["test_openings"] += 1
        self.save()


def stated(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a model file says of a result."""
    return {key: result[key] for key in STATED}


def check_free(out: str | Path | None) -> None:
    """Raises OutputExistsError where `out` is anything but absent or an empty folder; None is free."""
    if out is None or not Path(out).exists():
        return
    if not Path(out).is_dir() or not all(is_stray(entry.name) for entry in Path(out).iterdir()):
        if _interrupted(out):
            raise OutputExistsError(
                f"'{out}' holds an interrupted run; go on with --resume {out}, or choose another --out."
            )
        raise OutputExistsError(f"'{out}' exists and is not an empty folder; choose another --out.")


def new_folder(out: str | Path | None, name: str) -> Path:
    """An empty folder for a run: `out`, or the next free of runs/NAME, runs/NAME-2, ...

    No two processes get the same of the latter. Raises OutputExistsError where `out` is in use, DiskError
    where it cannot be made.
    """
    if out is not None:
        check_free(out)
        sweep(out, older_than=0)
        return make_folder(out)
    make_folder(RUNS)
    folder, number = RUNS / name, 1
    while True:
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
            folder = RUNS / f"{name}-{number}"
        except OSError as cause:
            raise DiskError(f"The folder '{folder}' cannot be made: {cause.strerror}.") from None


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Where two records are not alike in what decides about a model and what came of it."""
    return environment.differences(*({key: record.get(key) for key in COMPARED} for record in (old, new)))


def _interrupted(folder: str | Path) -> bool:
    try:
        return not Run.load(folder).finished
    except RunError:
        return False


def _hint(folder: str | Path) -> str:
    """A run is often named without the folder that all are in; a committee has no training to tell of."""
    if (Path(folder) / COMMITTEE).exists():
        return " It is a committee, which was not trained itself; its members were."
    return f" Did you mean '{RUNS / folder}'?" if (RUNS / folder / RECORD).exists() else ""
