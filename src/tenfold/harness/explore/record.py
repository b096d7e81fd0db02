"""The folder of an exploration: `explore.json`, the page `explore.html`, and of a search `study.journal` and
`recipe.json`.

    found = Exploration.load("runs/ablate-fast")
    found.record["results"]

A training that is done is on disk at once, in the record or in the journal. The same command goes on where it
was; more changes, seeds or trials go into the same folder.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from tenfold.environment import versions
from tenfold.errors import RunError
from tenfold.harness.explore.trainings import Measured
from tenfold.harness.records.record import Fields, Form, Recorded

FORMAT = 1
RECORD = "explore.json"
PAGE = "explore.html"
KINDS = {"ablation": "an ablation", "search": "a search"}

COMMON: Fields = {
    "kind": str,
    "status": str,
    "recipe": dict,
    "threads": int,
    "precision": str,
    "data": dict,
    "versions": dict,
}
BEGUN: dict[str, Fields] = {
    "ablation": {"seeds": list, "changes": list, "trainings": dict},
    "search": {"seed": int, "space": dict, "trials": int},
}
FINISHED: Fields = {"results": dict}
# What is found follows from these: a folder goes on only where none of it differs.
SETTINGS = {"ablation": ("recipe", "data"), "search": ("recipe", "data", "seed", "space")}


@dataclass
class Exploration(Recorded):
    """A folder and what its explore.json says."""

    FILE: ClassVar[str] = RECORD
    FORM: ClassVar[Form] = Form("an exploration", FORMAT, COMMON, FINISHED)

    @property
    def results(self) -> dict[str, Any]:
        """Of one that is finished."""
        found: dict[str, Any] = self.record["results"]
        return found

    def check_alike(self) -> None:
        """Raises RunError where trainings from now on would not be like those before."""
        if self.record["versions"].get("torch") != versions().get("torch"):
            raise RunError(f"'{self.folder}' was begun with another version of torch; choose another --out.")

    def _unsound(self) -> str | None:
        wanted = BEGUN.get(self.record["kind"])
        if wanted is None:
            return "kind"
        for key, kind in wanted.items():
            if not isinstance(self.record.get(key), kind) or not _is_sound(key, self.record[key]):
                return key
        return None

    def _must_match(self, record: dict[str, Any]) -> None:
        if self.record["kind"] != record["kind"]:
            raise RunError(
                f"'{self.folder}' is {KINDS[self.record['kind']]} and not {KINDS[record['kind']]}; "
                "choose another --out."
            )
        other = [key for key in SETTINGS[record["kind"]] if self.record[key] != record[key]]
        self._refuse_other(KINDS[record["kind"]], other)


def _is_sound(key: str, value: Any) -> bool:
    if key == "seeds":
        return all(isinstance(seed, int) for seed in value)
    if key == "changes":
        return all(
            isinstance(one, dict)
            and isinstance(one.get("label"), str)
            and isinstance(one.get("recipe"), dict)
            for one in value
        )
    if key == "trainings":
        return all(Measured.is_sound(one) for one in value.values())
    return True
