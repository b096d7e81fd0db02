"""What a run trains on and what it validates with: the sets it names, each parted, then joined."""

from collections.abc import Sequence
from dataclasses import replace

from tenfold.data import Store, combine, load_set, load_training, split
from tenfold.data.labelled import Labelled
from tenfold.errors import DataError, UsageError

Parts = tuple[Labelled, Labelled | None]


def load_parts(sets: Sequence[str], *, final: bool, store: Store | None = None) -> Parts:
    """The training and the validation images of all `sets`; a final training has no validation images.

    Of MNIST the test files stay closed. Raises UsageError for no set, UnknownNameError for a name that is
    none, DataError for a set that is unsound or of other classes than ten, NetworkError for one that cannot
    be fetched.
    """
    if not sets:
        raise UsageError("Training needs at least one set of digits: --data mnist, for example.")
    whole = [_training_part(name, store or Store()) for name in sets]
    if final:
        return _joined(whole), None
    parts = [split(part) if name == "mnist" else part.split() for name, part in zip(sets, whole, strict=True)]
    return _joined([part.train for part in parts]), _joined([part.validation for part in parts])


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
    if data.classes != 10:
        raise DataError(f"The set '{name}' has {data.classes} classes; a digit model is trained on ten.")
    return data


def _joined(sets: Sequence[Labelled]) -> Labelled:
    if len(sets) == 1:
        return sets[0]
    names = [part.name for part in sets]
    before = [names[:i].count(name) for i, name in enumerate(names)]
    numbered = [f"{name} ({n + 1})" if n else name for name, n in zip(names, before, strict=True)]
    checksums = {name: part.checksum for name, part in zip(numbered, sets, strict=True)}
    return replace(combine("+".join(names), *sets), parts=checksums)
