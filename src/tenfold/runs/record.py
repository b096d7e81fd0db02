"""`run.json`: what a run was made of, and what came out. Everything needed to repeat it, and where to find
it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.errors import OutputExistsError, RunError
from tenfold.files import make_folder, read_bounded, write_atomic

FORMAT = 1
RECORD = "run.json"
LIMIT = 1 << 22  # bytes
RUNS = Path("runs")


@dataclass
class Run:
    """A run folder and what its run.json says."""

    folder: Path
    record: dict[str, Any]

    @property
    def results(self) -> dict[str, Any]:
        """`validation` and, where it was opened, `test`: see `harness.evaluate`."""
        results: dict[str, Any] = self.record["results"]
        return results

    @property
    def finished(self) -> bool:
        return bool(self.record["status"] == "finished")

    @classmethod
    def load(cls, folder: str | Path) -> "Run":
        """Raises RunError for a folder that holds no run, or a damaged one."""
        path = Path(folder) / RECORD
        if not path.exists():
            raise RunError(f"'{folder}' is not a run folder: it has no {RECORD}.")
        try:
            record = json.loads(read_bounded(path, LIMIT, RunError))
            version = record["format"]
            sound = isinstance(record["recipe"], dict) and isinstance(record["status"], str)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise RunError(f"'{path}' is damaged: it is not the record of a run.") from None
        if version != FORMAT or not sound:
            raise RunError(f"'{path}' has format {version}; this Tenfold reads format {FORMAT}.")
        return cls(Path(folder), record)

    def save(self) -> None:
        write_atomic(self.folder / RECORD, json.dumps(self.record, indent=1) + "\n")

    def count_opening(self) -> None:
        """Note that the official test set was looked at with this run's model."""
        self.record["test_openings"] += 1
        self.save()


def new_folder(out: str | Path | None, name: str) -> Path:
    """An empty folder for a run: `out`, or the next free of runs/NAME, runs/NAME-2, ...

    Raises OutputExistsError where `out` is in use, DiskError where it cannot be made.
    """
    if out is not None:
        folder = Path(out)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputExistsError(f"'{folder}' exists and is not an empty folder; choose another --out.")
        return make_folder(folder)
    number = 1
    while (folder := RUNS / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return make_folder(folder)
