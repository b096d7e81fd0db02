"""The saved model that a training begins with: its weights, its recipe, and what it has learnt from."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.data import Labelled
from tenfold.errors import RunError, TenfoldError, UsageError
from tenfold.model import Model, read_model, resolve
from tenfold.runs.opening import learnt_sets, marks_of
from tenfold.training.fields import kinds_of
from tenfold.training.recipes import Recipe, find_recipe
from tenfold.training.start import check_start


def read_start(start: str | Path) -> Model:
    """The model to begin with, called in messages as it was given. Raises as `read_model` does."""
    return replace(read_model(resolve(start)), source=str(start))


def chosen_recipe(recipe: str | Path | Recipe | None, start: Model | None) -> Recipe:
    """`recipe` as `find_recipe` finds it; None is that of the model to `start` from, or `fast`. Raises
    UsageError for a model that does not tell its recipe."""
    if recipe is not None or start is None:
        return find_recipe("fast" if recipe is None else recipe)
    says = start.metadata.recipe
    try:
        return Recipe.from_dict({name: says[name] for name in kinds_of(Recipe) if name in says})
    except TenfoldError:
        raise UsageError(
            f"The model '{start.source}' does not tell its recipe; name the one that it was made by."
        ) from None


def started(start: Model | None, recipe: Recipe) -> dict[str, Any]:
    """What a record says of the model that a training by `recipe` begins with; nothing for None. Raises as
    `check_start` does."""
    if start is None:
        return {}
    check_start(recipe, start)
    data = learnt_sets(start.metadata)
    return {"start": {"model": start.source, "model_sha256": start.sha256, "data": data}}


def start_of(record: Mapping[str, Any]) -> Model | None:
    """The model that a record names. Raises RunError where another is there now, and as `read_model` does."""
    if (start := record.get("start")) is None:
        return None
    model = read_start(start["model"])
    if model.sha256 != start["model_sha256"]:
        raise RunError(f"The model '{start['model']}', with which this training began, has changed since.")
    return model


def marks_learnt(training: Labelled, start: Model | None) -> NDArray[Any]:
    """`Labelled.marks` [n] of the images that a run and the model that it began with learnt from, as far as
    they can be told."""
    if start is None:
        return training.marks
    return np.union1d(training.marks, marks_of(start.source, start.metadata))


def learnt_from(record: Mapping[str, Any]) -> dict[str, str]:
    """Name -> checksum of the sets of a run and, where they are others, of the model that it began with."""
    data: dict[str, str] = record["data"]
    before: dict[str, str] = record.get("start", {}).get("data", {})
    others = {name: has for name, has in before.items() if has not in data.values()}
    return data | {f"{name} (before)" if name in data else name: has for name, has in others.items()}
