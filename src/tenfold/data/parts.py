"""What a training learns from and what it validates with: the sets it names, each parted, then joined."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tenfold.data.labelled import Labelled, Split, combine
from tenfold.data.mnist import load_training, split
from tenfold.data.sets import load_set
from tenfold.data.sources import Store
from tenfold.errors import UsageError

Sets = str | Path | Sequence[str | Path]
Parts = tuple[Labelled, Labelled | None]


def names_of(sets: Sets | None) -> list[str]:
    """The names and paths, one or several, as a record holds them; MNIST's if None. Raises UsageError for
    what is neither."""
    given: Any = "mnist" if sets is None else sets
    several = isinstance(given, Iterable) and not isinstance(given, str | os.PathLike)
    names = list(given) if several else [given]
    for name in names:
        if not isinstance(name, str | os.PathLike):
            raise UsageError(
                f"A set is named or lies at a path, and is no {type(name).__name__}; images at hand train in "
                "a Trainer: docs/steps.md."
            )
    return [os.fspath(name) for name in names]


def load_parts(sets: Sequence[str], *, final: bool, store: Store | None = None) -> Parts:
    """The training and the validation images of all `sets`; a final training has no validation images.
    Raises as `load_whole` does."""
    return parts_of(sets, load_whole(sets, store), final=final)


def load_whole(sets: Sequence[str], store: Store | None = None) -> list[Labelled]:
    """The images of each of `sets` that there are to train on, validation images among them.

    Of MNIST the test files stay closed. Raises UsageError for no set, UnknownNameError for a name that is
    none, DataError for a set that is unsound or of other classes than ten, NetworkError for one that cannot
    be fetched.
    """
    if not sets:
        raise UsageError("Training needs at least one set of digits: --data mnist, for example.")
    return [_training_part(name, store or Store()) for name in sets]


def parts_of(sets: Sequence[str], whole: Sequence[Labelled], *, final: bool) -> Parts:
    """The same of `whole`, the images of `sets`, at hand. Raises DataError."""
    return (joined(whole), None) if final else parted(sets, whole)


def parted(sets: Sequence[str], whole: Sequence[Labelled]) -> Split:
    """`whole`, the images of `sets`, each parted into training and validation images. Raises DataError."""
    parts = [split(part) if name == "mnist" else part.split() for name, part in zip(sets, whole, strict=True)]
    return Split(joined([part.train for part in parts]), joined([part.validation for part in parts]))


def joined(sets: Sequence[Labelled]) -> Labelled:
    """One set of all `sets`, which knows the checksum of each where there are several."""
    if len(sets) == 1:
        return sets[0]
    return replace(combine("+".join(part.name for part in sets), *sets), parts=numbered(sets))


def numbered(sets: Sequence[Labelled]) -> dict[str, str]:
    """Name -> checksum of each of `sets`; of several of one name, all but the first are numbered."""
    names = [part.name for part in sets]
    before = [names[:i].count(name) for i, name in enumerate(names)]
    told = [f"{name} ({n + 1})" if n else name for name, n in zip(names, before, strict=True)]
    return {name: part.checksum for name, part in zip(told, sets, strict=True)}


def checksums(parts: Parts) -> dict[str, str]:
    """Name -> checksum of both parts, and of the sets that each is joined of."""
    there = [part for part in parts if part is not None]
    return {name: sum for part in there for name, sum in {part.name: part.checksum, **part.parts}.items()}


def counts(parts: Parts) -> dict[str, int]:
    """The number of images to train on and to validate with."""
    training, validation = parts
    return {"train": len(training), "validation": 0 if validation is None else len(validation)}


def _training_part(name: str, store: Store) -> Labelled:
    data = load_training() if name == "mnist" else load_set(name, "train", store=store)
    data.check_digits(name)
    return data
