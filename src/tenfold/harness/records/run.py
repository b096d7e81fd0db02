"""`run.json`: what a run was made of and what came of it, read as the record that it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from tenfold.data.sets import set_names
from tenfold.errors import RunError
from tenfold.files import exists
from tenfold.harness.records.record import RUNS, Fields, Form, Recorded

FORMAT = 1
RECORD = "run.json"
COMMITTEE = "committee.json"  # what the folder of a committee has in its place

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


class Run(Recorded):
    """A run folder and what its run.json says."""

    FILE: ClassVar[str] = RECORD
    FORM: ClassVar[Form] = Form("a run", FORMAT, BEGUN, FINISHED)

    @property
    def results(self) -> dict[str, Any]:
        """`validation` and, where it was opened, `test`: see `harness.evaluate`."""
        results: dict[str, Any] = self.record["results"]
        return results

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Raises RunError for a folder that holds no run, or a damaged one."""
        if not exists(Path(folder) / RECORD):
            raise RunError(f"'{folder}' is not a run folder: it has no {RECORD}.{_hint(folder)}")
        return super().load(folder)

    def check_finished(self) -> None:
        """Raises RunError where it did not finish."""
        if not self.finished:
            raise RunError(
                f"The run '{self.folder}' did not finish; go on with it first: tenfold train --resume "
                f"{self.folder}"
            )

    def check_sets(self) -> None:
        """Raises RunError for a set that is named by a path from where the run was begun, and is not here."""
        for name in self.record["sets"]:
            if name not in set_names() and not Path(name).is_absolute() and not exists(name):
                raise RunError(
                    f"The run '{self.folder}' was trained on '{name}', a path from the folder where it was "
                    "begun: give the command there, or put the set here."
                )


def calibrated_by(record: Mapping[str, Any]) -> str | None:
    """The run or the model whose temperature and thresholds a run was given; None for one that fitted its own
    or has none."""
    given = record.get("calibration", {})
    found: str | None = given.get("run", given.get("model"))
    return found


def _hint(folder: str | Path) -> str:
    """A run is often named without the folder that all are in; a committee has no training to tell of."""
    if exists(Path(folder) / COMMITTEE):
        return " It is a committee, which was not trained itself; its members were."
    return f" Did you mean '{RUNS / folder}'?" if exists(RUNS / folder / RECORD) else ""
