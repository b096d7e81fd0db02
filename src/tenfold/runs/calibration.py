"""Where a training that has no images to fit them on, or few, has its temperature and thresholds from:
another run, or the model that it began with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenfold.environment import differences
from tenfold.errors import UsageError
from tenfold.harness.records.run import Run
from tenfold.model import Model
from tenfold.training.recipes import Recipe, replace
from tenfold.training.state import listed


def calibration(
    folder: str | Path | None,
    recipe: Recipe,
    settings: Mapping[str, Any],
    start: Model | None,
    *,
    final: bool,
) -> dict[str, Any]:
    """What a record says of it: those of the run in `folder`, and which that is; for None those of the model
    to `start` from, if the training is final, or neutral ones. `settings` are what the record says of its
    `sets` and, if it has one, its `start`.

    Raises UsageError for a training that fits its own, and for a run that did not train on the training part
    of the same sets by the same recipe from the same start; RunError for a folder that holds none.
    """
    if folder is None:
        return kept(start, settings) if final and start else {"temperature": 1.0, "thresholds": {}}
    if not final:
        raise UsageError("A calibration is taken from another run only with --final; otherwise it is fitted.")
    run = Run.load(folder)
    record = run.record
    if not run.finished or record["final"]:
        raise UsageError(
            f"'{folder}' cannot calibrate: give a finished run of '{recipe.name}' without --final."
        )
    before, now = _decisive(Recipe.from_dict(record["recipe"]), record), _decisive(recipe, settings)
    if changed := dict(differences(before, now)):
        raise UsageError(f"'{folder}' cannot calibrate, as it is of another training: {listed(changed)}.")
    return {
        "temperature": record["temperature"],
        "thresholds": record["thresholds"],
        "calibration": {"run": str(folder), "model_sha256": record["model_sha256"]},
    }


def kept(start: Model, record: Mapping[str, Any]) -> dict[str, Any]:
    """What a `record` says where it keeps those of the model it began with."""
    return {
        "temperature": start.metadata.temperature,
        "thresholds": dict(start.metadata.thresholds),
        "calibration": {key: record["start"][key] for key in ("model", "model_sha256")},
    }


def _decisive(recipe: Recipe, settings: Mapping[str, Any]) -> dict[str, Any]:
    """All but the summary and the patience, which a final training does not have."""
    start = settings.get("start", {}).get("model_sha256")
    return {**replace(recipe, summary="", patience=None).to_dict(), "sets": settings["sets"], "start": start}
