"""The folder of a learning curve: `curve.json`, one line in it for each training, and the page `curve.html`.

    found = Curve.load("runs/curve-fast-0")
    found.record["results"]["points"][0]["accuracy"]       {"mean": ..., "interval": [low, high]}

A training that is done is in the record at once. More sizes and more seeds go into the same folder and join
those of before: what was trained is not trained again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from tenfold.harness.records.record import Fields, Form, Recorded

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
class Curve(Recorded):
    """A folder and what its curve.json says."""

    FILE: ClassVar[str] = RECORD
    FORM: ClassVar[Form] = Form("a learning curve", FORMAT, BEGUN, FINISHED)

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @classmethod
    def begin(cls, folder: Path, record: dict[str, Any]) -> Self:
        """As `Recorded.begin`; in a folder that was begun, the sizes and seeds of `record` join its own."""
        found = super().begin(folder, record)
        found.record |= found._joined(record)
        return found

    def places(self) -> list[tuple[int, int]]:
        """(images, repeat) of all trainings that the curve is made of: seed after seed."""
        record = self.record
        return [(size, repeat) for repeat in range(record["seeds"]) for size in record["sizes"]]

    def fits(self) -> dict[tuple[int, int], dict[str, Any]]:
        """The trainings that are done, by place."""
        return {(fit["size"], fit["repeat"]): fit for fit in self.record["fits"]}

    def _joined(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The sizes of both records and the more seeds of the two."""
        return {
            "sizes": sorted({*self.record["sizes"], *record["sizes"]}),
            "seeds": max(self.record["seeds"], record["seeds"]),
        }

    def _unsound(self) -> str | None:
        if not all(isinstance(size, int) for size in self.record["sizes"]):
            return "sizes"
        for fit in self.record["fits"]:
            if not isinstance(fit, dict) or any(not isinstance(fit.get(key), FIT[key]) for key in FIT):
                return "fits"
        return None

    def _must_match(self, record: dict[str, Any]) -> None:
        other = [key for key in SETTINGS if self.record[key] != record[key]]
        joined = Curve(self.folder, self._joined(record))
        done = all(place in self.fits() for place in joined.places())
        if self.record["versions"].get("torch") != record["versions"].get("torch") and not done:
            other.append("version of torch")
        self._refuse_other("a learning curve", other)
