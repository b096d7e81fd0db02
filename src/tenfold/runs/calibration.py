"""Where a final training, which keeps no images to fit them on, has its temperature and thresholds from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tenfold.environment import differences
from tenfold.errors import UsageError
from tenfold.harness.records.run import Run
from tenfold.training.recipes import Recipe, replace
from tenfold.training.state import listed


def calibration(
    folder: str | Path | None, recipe: Recipe, sets: Sequence[str], *, final: bool
) -> dict[str, Any]:
    """What a record says of it: neutral ones for None, or those of the run in `folder`, and which that is.

    Raises UsageError for a training that fits its own, and for a run that did not train on the training part
    of the same sets by the same recipe; RunError for a folder that holds none.
    """
    if folder is None:
        return {"temperature": 1.0, "thresholds": {}}
    if not final:
        raise UsageError("A calibration is taken from another run only with --final; otherwise it is fitted.")
    run = Run.load(folder)
    record = run.record
    if not run.finished or record["final"]:
        raise UsageError(
            f"'{folder}' cannot calibrate: give a finished run of '{recipe.name}' without --final."
        )
    before, now = _decisive(Recipe.from_dict(record["recipe"]), record["sets"]), _decisive(recipe, sets)
    if changed := dict(differences(before, now)):
        raise UsageError(f"'{folder}' cannot calibrate, as it is of another training: {listed(changed)}.")
    return {
        "temperature": record["temperature"],
        "thresholds": record["thresholds"],
        "calibration": {"run": str(folder), "model_sha256": record["model_sha256"]},
    }


def _decisive(recipe: Recipe, sets: Sequence[str]) -> dict[str, Any]:
    """All but the summary and the patience, which a final training does not have."""
    return {**replace(recipe, summary="", patience=None).to_dict(), "sets": list(sets)}
