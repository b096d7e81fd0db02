"""The folder of a learning curve: `curve.json`, one line in it for each training, and the page `curve.html`.

    found = Curve.load("runs/curve-fast-0")
    found.record["results"]["points"][0]["accuracy"]       {"mean": ..., "interval": [low, high]}

A training that is done is in the record at once. More sizes and more seeds go into the same folder: what was
trained before is not trained again.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.errors import OutputExistsError, RunError
from tenfold.files import make_folder, write_atomic
from tenfold.harness.record import Fields, read_record

FORMAT = 1
RECORD = "curve.json"
PAGE = "curve.html"

BEGUN: Fields = {
    "status": str,
    "recipe": dict,
    "sizes": list,
    "seeds": int,
    "seed": int,
    "steps": str,
    "threads": int,
    "precision": str,
    "data": dict,
    "counts": dict,
    "versions": dict,
    "fits": list,
}
FINISHED: Fields = {"results": dict}
FIT: Fields = {
    "size": int,
    "repeat": int,
    "epochs": int,
    "steps": int,
    "count": int,
    "errors": int,
    "error": (int, float),
    "seconds": (int, float),
}
# What a training's answers follow from: a folder goes on only where none of it differs.
SETTINGS = ("recipe", "seed", "steps", "data")


@dataclass
class Curve:
    """A folder and what its curve.json says."""

    folder: Path
    record: dict[str, Any]

    @property
    def finished(self) -> bool:
        return bool(self.record["status"] == "finished")

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @classmethod
    def load(cls, folder: str | Path) -> "Curve":
        """Raises RunError for a folder that holds no learning curve, or a damaged one."""
        path = Path(folder) / RECORD
        record = read_record(path, "a learning curve", FORMAT, BEGUN, FINISHED)
        for fit in record["fits"]:
            if not isinstance(fit, dict) or any(not isinstance(fit.get(key), FIT[key]) for key in FIT):
                raise RunError(f"'{path}' is damaged: it has no sound 'fits'.")
        return cls(Path(folder), record)

    @classmethod
    def begin(cls, folder: Path, record: dict[str, Any]) -> "Curve":
        """A new folder for `record`, or the one that was begun with the same settings, which takes over the
        sizes and seeds of `record`.

        Raises RunError where `folder` is of other settings, OutputExistsError where it is of something else.
        """
        if (folder / RECORD).exists():
            found = cls.load(folder)
            found._must_match(record)
            found.record |= {key: record[key] for key in ("sizes", "seeds")}
            return found
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputExistsError(f"'{folder}' exists and is not an empty folder; choose another --out.")
        made = cls(make_folder(folder), record)
        made.save()
        return made

    def places(self) -> list[tuple[int, int]]:
        """(images, repeat) of all trainings that the curve is made of: seed after seed."""
        record = self.record
        return [(size, repeat) for repeat in range(record["seeds"]) for size in record["sizes"]]

    def fits(self) -> dict[tuple[int, int], dict[str, Any]]:
        """The trainings that are done, by place."""
        return {(fit["size"], fit["repeat"]): fit for fit in self.record["fits"]}

    def save(self) -> None:
        write_atomic(self.folder / RECORD, json.dumps(self.record, indent=1, allow_nan=False) + "\n")

    def _must_match(self, record: dict[str, Any]) -> None:
        other = [key for key in SETTINGS if self.record[key] != record[key]]
        done = all(place in self.fits() for place in Curve(self.folder, record).places())
        if self.record["versions"].get("torch") != record["versions"].get("torch") and not done:
            other.append("version of torch")
        if other:
            raise RunError(
                f"'{self.folder}' is a learning curve with another {' and another '.join(other)}; "
                "choose another --out."
            )
