"""The one door to labelled digits: a name or a path in, a set out.

    load_set("mnist")                      the official 10,000, raw
    load_set("mnist-validation")           the 5,000 that selection may see
    load_set("mnist", "train")             the 60,000
    load_set("usps")                       another set by name, fetched at first use
    load_set("digits/"), load_set("digits.npz")    the user's own

MNIST's pixels come as they are. Every other set takes the road of `images/`, as pictures do when they are
read.
"""

from pathlib import Path
from typing import get_args

from tenfold.data.catalogue import Part
from tenfold.data.folder import load_folder, load_idx, load_npz, take_road
from tenfold.data.idx import IDX_NAMES
from tenfold.data.labelled import Labelled
from tenfold.data.mnist import load_test, load_training, split
from tenfold.data.sources import SOURCES, Store, load_source
from tenfold.errors import DataError, UnknownNameError, UsageError, refuse_empty
from tenfold.files import exists, is_folder

VALIDATION_NAME = "mnist-validation"


def set_names() -> list[str]:
    """The names that `load_set` knows."""
    return sorted([*SOURCES, VALIDATION_NAME])


def load_set(name_or_path: str | Path, part: Part = "test", *, store: Store = Store()) -> Labelled:
    """The set of that name or at that path. `part` chooses between the two of a named set; a path is whole.

    `store` says where other sets are kept and got. Raises UnknownNameError for what is neither a name nor a
    path and for another part, UsageError for an empty name and for the training part of "mnist-validation",
    and as `load_source`, `load_folder`, `load_npz` and `load_idx` do.
    """
    if part not in (parts := get_args(Part)):
        raise UnknownNameError("part of a set", part, parts)
    name = str(name_or_path)
    refuse_empty("The name of a SET", name)
    if name == "mnist":
        return load_test() if part == "test" else load_training()
    if name == VALIDATION_NAME:
        if part == "train":
            raise UsageError(f"'{VALIDATION_NAME}' is not for training; 'mnist' trains on the other 55,000.")
        return split(load_training()).validation
    if name in SOURCES:
        raw = load_source(name, part, store)
        return Labelled(raw.name, take_road(raw.images), raw.labels, raw.classes)
    return _load_path(Path(name_or_path))


def _load_path(path: Path) -> Labelled:
    if path.suffix.lower() == ".npz":
        return load_npz(path)
    if is_folder(path) or path.suffix.lower() == ".csv":
        return load_folder(path)
    if path.name.lower().endswith(IDX_NAMES) and exists(path):
        return load_idx(path)
    if exists(path):
        raise DataError(
            f"'{path}' is not a data set: give a folder, a labels.csv, an .npz file or an IDX file of images."
        )
    if len(path.parts) > 1:
        raise DataError(f"'{path}' does not exist.")
    raise UnknownNameError("data set", str(path), set_names())
