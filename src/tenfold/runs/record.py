"""A run's folder and times, what a model file says of its results, and where the records of two runs
differ."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tenfold import environment
from tenfold.errors import DiskError, OutputExistsError, RunError
from tenfold.files import is_free, make_folder, sweep
from tenfold.harness.records.record import RUNS
from tenfold.harness.records.run import Run

ACCEPTANCE = 0.99  # share of the validation images that a model's thresholds let through
STATED = ("on", "accuracy", "errors", "count", "interval")  # of each result, in the model file

COMPARED = ("tenfold", "versions", "machine", "device", "processes", "data", "results")

OnStart = Callable[[Run], None]  # is given a run once its folder is there


def stated(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a model file says of a result."""
    return {key: result[key] for key in STATED}


def check_free(out: str | Path | None) -> None:
    """Raises OutputExistsError where `out` is anything but absent or an empty folder; None is free."""
    if out is None or is_free(out):
        return
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
    return environment.differences(_compared(old), _compared(new))


def _compared(record: Mapping[str, Any]) -> dict[str, Any]:
    deciding = ("python", *environment.PACKAGES)  # older records name packages that decide no more
    versions = {name: version for name, version in record["versions"].items() if name in deciding}
    one = {"processes": 1}  # a record tells of several alone
    return {key: {**one, **record, "versions": versions}.get(key) for key in COMPARED}


def _interrupted(folder: str | Path) -> bool:
    try:
        return not Run.load(folder).finished
    except RunError:
        return False


class Clock:
    """Seconds by phase; those of an interrupted run add up."""

    def __init__(self, durations: dict[str, float]) -> None:
        self.durations = durations
        self.began = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.durations[phase] = round(self.durations.get(phase, 0.0) + now - self.began, 3)
        self.began = now
