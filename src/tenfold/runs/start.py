"""The saved model that a training begins with: its weights, its recipe, and what it has learnt from.

A run keeps it in a folder of its own, `start`, beside the marks of the images that it is known to have learnt
from: so the run can be taken up and repeated whatever becomes of the model, and be compared with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tenfold.data import Labelled
from tenfold.errors import RunError, TenfoldError, UsageError
from tenfold.files import make_folder, write_atomic
from tenfold.harness.records.arrays import pack_arrays
from tenfold.harness.records.run import Run
from tenfold.model import Model, read_model, resolve
from tenfold.runs.opening import VALIDATES, learnt_sets, marks_of
from tenfold.training import recipes
from tenfold.training.fields import kinds_of
from tenfold.training.recipes import Recipe, find_recipe
from tenfold.training.start import check_start

START = "start"
SLOWER = 30  # times, that what has learnt already goes on learning by a recipe that is not told


def read_start(start: str | Path) -> Model:
    """The model to begin with, called in messages as it was given. Raises as `read_model` does."""
    return replace(read_model(resolve(start)), source=str(start))


def chosen_recipe(recipe: str | Path | Recipe | None, start: Model | None) -> Recipe:
    """`recipe` as `find_recipe` finds it; None is `fast`, or that of the model to `start` from: at a 30th of
    its learning rate, which would undo what is learnt, unless it began with a model itself. Raises UsageError
    for a model that does not tell its recipe."""
    if recipe is not None or start is None:
        return find_recipe("fast" if recipe is None else recipe)
    says = start.metadata.recipe
    try:
        made = Recipe.from_dict({name: says[name] for name in kinds_of(Recipe) if name in says})
    except TenfoldError:
        raise UsageError(
            f"The model '{start.source}' does not tell its recipe; name the one that it was made by."
        ) from None
    if START in says:
        return made
    rate = float(f"{made.learning_rate / SLOWER:.2g}")
    return recipes.replace(made, name=f"{made.name}-tuned", learning_rate=rate)


def started(start: Model | None, recipe: Recipe) -> dict[str, Any]:
    """What a record says of the model that a training by `recipe` begins with; nothing for None. Raises as
    `check_start` does."""
    if start is None:
        return {}
    check_start(recipe, start)
    data = learnt_sets(start.metadata)
    return {START: {"model": start.source, "model_sha256": start.sha256, "data": data}}


def keep_start(folder: Path, start: Model, sets: Sequence[Labelled]) -> None:
    """Put it into the new run in `folder`, with the marks of the images it learnt from as far as they can be
    told: its own folder's, MNIST's, and those of the `sets` that the run is to learn from."""
    place = make_folder(folder / START)
    marks = marks_of(start.source, start.metadata, sets)
    write_atomic(place / "predictions.npz", pack_arrays({"trained_on": marks}))
    write_atomic(place / "model.onnx", start.data)


def start_of(run: Run) -> Model | None:
    """The model that a run began with. Raises RunError where it keeps another, and as `read_model` does."""
    if START not in run.record:
        return None
    model = read_start(run.folder / START)
    if model.sha256 != run.record[START]["model_sha256"]:
        raise RunError(f"The model in '{model.source}' is not the one with which the run began.")
    return model


def marks_of_start(run: Run, start: Model) -> NDArray[Any]:
    """`Labelled.marks` [n] of the images that the model it began with is known to have learnt from."""
    return marks_of(run.folder / START, start.metadata)


def learnt_from(record: Mapping[str, Any]) -> dict[str, str]:
    """Name -> checksum of the sets of a run, and of those that the model it began with had learnt from: none
    of them under a name that stands for validation images, or is taken."""
    data = dict(record["data"])
    for name, checksum in record.get(START, {}).get("data", {}).items():
        free = name
        while VALIDATES.search(free) or data.get(free, checksum) != checksum:
            free += " (before)"
        data[free] = checksum
    return data
