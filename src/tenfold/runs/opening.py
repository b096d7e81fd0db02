"""The door through which a command shows images to a model: each opening of the official test set is counted,
and images that the model was trained on are known as such."""

import re
from collections.abc import Mapping, Sequence
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
    learnt = learnt_sets(metadata)
    known, mnist = set(learnt.values()), _parts_of_mnist(learnt)
    none = np.zeros(len(data), bool)
    if data.checksum in known or (data.checksum == SETS[VALIDATION_NAME] and "mnist-training" in mnist):
        return ~none
    if (kept := _kept_marks(model)) is not None:
        return _among(data, kept)
    if data.checksum in (SETS["mnist"], SETS[VALIDATION_NAME]) and known <= {SETS[name] for name in mnist}:
        return none  # saves the second that it takes to look at all 60,000
    if (part := _learnt_part(data, known)) is not None:
        return _among(data, part.marks)
    return _among(data, _marks_of_mnist(mnist)) if mnist else none


def marks_of(
    model: str | Path | None, metadata: Metadata, sets: Sequence[Labelled] = ()
) -> NDArray[np.uint64]:
    """Of the images that the model learnt from, those that can be told: `Labelled.marks` [n]. A run's folder
    tells of all, a model file of MNIST's and of those `sets` that are known by their checksums."""
    learnt = learnt_sets(metadata)
    kept = _kept_marks(model)
    known = [_marks_of_mnist(_parts_of_mnist(learnt)) if kept is None else kept]
    parts = (_learnt_part(data, set(learnt.values())) for data in sets)
    return np.unique(np.concatenate([*known, *(part.marks for part in parts if part is not None)]))


def learnt_sets(metadata: Metadata) -> dict[str, str]:
    """Name -> checksum of the sets that the model of the file learnt from: not of its validation images."""
    final = metadata.recipe.get("final") is True
    return {name: has for name, has in metadata.data.items() if final or not VALIDATES.search(name)}


def _learnt_part(data: Labelled, known: set[str]) -> Labelled | None:
    """`data` or its training part, if a checksum that is `known` is its own."""
    if data.checksum in known:
        return data
    if len(data) >= VALIDATION_SHARE and (part := data.split().train).checksum in known:
        return part
    return None


def _kept_marks(model: str | Path | None) -> NDArray[Any] | None:
    """Those that the folder of a run keeps, of which not all images are MNIST's."""
    path = resolve(model).parent / "predictions.npz"
    if not exists(path):
        return None
    return unpack_arrays(read_bounded(path, LIMIT, RunError), path).get("trained_on")


def _marks_of_mnist(parts: set[str]) -> NDArray[Any]:
    if not parts:
        return np.empty(0, np.uint64)
    return (load_training() if "mnist-training" in parts else split(load_training()).train).marks


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
