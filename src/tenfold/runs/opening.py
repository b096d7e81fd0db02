"""The door through which a command shows images to a model: each opening of the official test set is counted,
and images that the model was trained on are known as such."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold.data import SOURCES, Store, load_set
from tenfold.data.labelled import VALIDATION_SHARE, Labelled
from tenfold.data.sets import VALIDATION_NAME
from tenfold.errors import UsageError
from tenfold.harness.refusal import DRAWN, NOT_DIGITS, picture_set
from tenfold.model import Metadata, resolve
from tenfold.runs.committee import Committee
from tenfold.runs.record import COMMITTEE, RECORD, Run

VALIDATES = re.compile(r"-validation( \(\d+\))?$")  # a name in a model file, the second of that name numbered
MNIST = {"mnist-train", "mnist-training"}
FLATTERED = "tenfold: The model was trained on the images of {}: these figures flatter it."


def open_set(on: str | Path | Labelled, model: str | Path | None, store: Store | None = None) -> Labelled:
    """`on`, or the images of `load_set(on)`; where they are the official test set and `model` is a run's or a
    committee's, its record counts one more opening. Raises as `load_set` and `Run.load` do."""
    data = on if isinstance(on, Labelled) else load_set(on, store=store or Store())
    folder = resolve(model).parent
    if (on.name if isinstance(on, Labelled) else str(on)) == "mnist":
        if (folder / RECORD).exists():
            Run.load(folder).count_opening()
        elif (folder / COMMITTEE).exists():
            Committee.load(folder).count_opening()
    return data


def trained_on(metadata: Metadata, data: Labelled) -> bool:
    """Whether the model learnt from `data`, from its training part, or as a final model from all of MNIST's
    training images, where `data` is the validation part: as the checksums and names in the model file say."""
    final = metadata.recipe.get("final") is True
    learnt = {name: has for name, has in metadata.data.items() if final or not VALIDATES.search(name)}
    if data.name == VALIDATION_NAME and any("mnist-training" in name.split("+") for name in learnt):
        return True
    if data.checksum in learnt.values():
        return True
    if len(data) < VALIDATION_SHARE or (data.name == "mnist" and set(learnt) <= MNIST):
        return False  # the latter saves 40 ms
    return data.split().train.checksum in learnt.values()


def other_pictures(name: str, store: Store | None = None) -> NDArray[np.uint8]:
    """Pictures that are no digits, uint8 [n, 28, 28]: a drawn set, one of NOT_DIGITS, or the user's path.

    Raises UsageError for a set of digits, and as `load_set` does.
    """
    if name in DRAWN:
        return picture_set(name)
    if name not in NOT_DIGITS and (name in SOURCES or name.startswith("mnist")):
        raise UsageError(
            f"'{name}' holds digits; to be refused are {', '.join([*DRAWN, *NOT_DIGITS])} or a path."
        )
    return load_set(name, store=store or Store()).images
