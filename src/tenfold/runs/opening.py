"""The door through which a command shows images to a model: each opening of the official test set is counted,
and images that the model was trained on are known as such."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.data import Store, load_set, load_training, set_names, split
from tenfold.data.labelled import VALIDATION_SHARE, Labelled
from tenfold.data.mnist import SETS, is_test_set
from tenfold.data.sets import VALIDATION_NAME
from tenfold.errors import RunError, UsageError
from tenfold.files import exists, read_bounded
from tenfold.harness.records.arrays import LIMIT, unpack_arrays
from tenfold.harness.records.run import COMMITTEE, RECORD, Run
from tenfold.harness.refusal import DRAWN, NOT_DIGITS, picture_set
from tenfold.model import Metadata, resolve
from tenfold.runs.committee import Committee

PARTS = ("mnist-training", "mnist-train")  # of MNIST, that are trained on
VALIDATES = re.compile(r"-validation( \(\d+\))?$")  # a name in a model file, the second of that name numbered


def open_set(on: str | Path | Labelled, model: str | Path | None, store: Store | None = None) -> Labelled:
    """`on`, or the images of `load_set(on)`; where they are the official test set and `model` is a run's or a
    committee's, its record counts one more opening. Raises as `load_set` and `Run.load` do."""
    data = on if isinstance(on, Labelled) else load_set(on, store=store or Store())
    folder = resolve(model).parent
    if is_test_set(data):
        if exists(folder / RECORD):
            Run.load(folder).count_opening()
        elif exists(folder / COMMITTEE):
            Committee.load(folder).count_opening()
    return data


def trained_on(model: str | Path | None, metadata: Metadata, data: Labelled) -> int:
    """How many of the images of `data` the model learnt from: see `seen_by`."""
    return int(seen_by(model, metadata, data).sum())


def seen_by(model: str | Path | None, metadata: Metadata, data: Labelled) -> NDArray[np.bool_]:
    """Which of the images of `data` the model learnt from, bool [n]: each that equals one of them in its
    pixels, as a run's folder and MNIST tell; otherwise `data` or its training part, if the checksums in the
    model file are theirs. What a set is called says nothing. Raises RunError for a run's folder that is
    damaged."""
    path = resolve(model).parent / "predictions.npz"
    if exists(path):
        seen = unpack_arrays(read_bounded(path, LIMIT, RunError), path).get("trained_on")
        if seen is not None:
            return _among(data, seen)
    final = metadata.recipe.get("final") is True
    learnt = {name: has for name, has in metadata.data.items() if final or not VALIDATES.search(name)}
    known, mnist = set(learnt.values()), _parts_of_mnist(learnt)
    none = np.zeros(len(data), bool)
    if data.checksum in known or (data.checksum == SETS[VALIDATION_NAME] and "mnist-training" in mnist):
        return ~none
    if data.checksum in (SETS["mnist"], SETS[VALIDATION_NAME]) and known <= {SETS[name] for name in mnist}:
        return none  # saves the second that it takes to look at all 60,000
    if len(data) >= VALIDATION_SHARE and (part := data.split().train).checksum in known:
        return _among(data, part.marks)
    if not mnist:
        return none
    part = load_training() if "mnist-training" in mnist else split(load_training()).train
    return _among(data, part.marks)


def _parts_of_mnist(learnt: Mapping[str, str]) -> set[str]:
    """Those among `learnt`, by their checksums. An older Tenfold gave several sets that were joined one
    checksum and their names, which then have to do."""
    joined = {part for name in learnt for part in name.split("+")} - set(learnt)
    return {name for name in PARTS if SETS[name] in learnt.values() or name in joined}


def flattered(learnt: int, count: int, on: str) -> str:
    """What is told of figures on the `count` images of the set `on`, of which the model knew `learnt`."""
    return f"tenfold: The model was trained on {known(learnt, count)} of {on}: these figures flatter it."


def known(learnt: int, count: int) -> str:
    return "the images" if learnt == count else f"{learnt:,} of the {count:,} images"


def _among(data: Labelled, marks: NDArray[Any]) -> NDArray[np.bool_]:
    return np.isin(data.marks, marks)


def other_pictures(name: str, store: Store | None = None) -> NDArray[np.uint8]:
    """Pictures that are no digits, uint8 [n, 28, 28]: a drawn set, one of NOT_DIGITS, or the user's path.

    Raises UsageError for a set of digits, and as `load_set` does.
    """
    if name in DRAWN:
        return picture_set(name)
    if name not in NOT_DIGITS and name in set_names():
        raise UsageError(
            f"'{name}' holds digits; to be refused are {', '.join([*DRAWN, *NOT_DIGITS])} or a path."
        )
    return load_set(name, store=store or Store()).images
