"""A labelled set: images, their labels and a checksum that says which set it is. It cannot be changed.

The 55,000 / 5,000 split of MNIST, and that of every other set, is `Labelled.split`: the images of each class
are ranked by the SHA-256 of their pixels, and the first of them are for validation. So the split needs no
random generator, is the same on every machine and with every version of numpy, does not depend on the order
of the files, and gives both sides the same share of each class.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DataError, ShapeError

VALIDATION_SHARE = 12  # one image in twelve validates: 5,000 of MNIST's 60,000


class Split(NamedTuple):
    train: "Labelled"
    validation: "Labelled"


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images uint8 [n, 28, 28], raw, ink bright; labels uint8 [n] in 0..classes-1; n is at least 1.

    The arrays are read-only (`torch.tensor` copies them without complaint), and those that somebody else
    could still change are copied. Raises ShapeError for what is no array of that shape and type, and
    DataError for an empty set, unequal lengths or a label out of range.
    """

    name: str
    images: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.uint8] = field(repr=False)
    classes: int = 10
    parts: Mapping[str, str] = field(default_factory=dict)
    """name -> checksum of the sets that it was joined of, where that is to be known"""
    files: tuple[str, ...] = field(default=(), repr=False)
    """where each image came from, "" or none at all where that is not known"""

    def __post_init__(self) -> None:
        _check(self.name, self.images, self.labels, self.classes)
        object.__setattr__(self, "images", _locked(self.images))
        object.__setattr__(self, "labels", _locked(self.labels))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Arrays come out of a pickle writeable."""
        self.__dict__.update(state, images=frozen(state["images"]), labels=frozen(state["labels"]))

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of both shapes, the pixels and the labels: equal sets in equal order agree."""
        digest = hashlib.sha256(repr((self.images.shape, self.labels.shape)).encode())
        digest.update(self.images.data)
        digest.update(self.labels.data)
        return digest.hexdigest()

    @cached_property
    def marks(self) -> NDArray[np.uint64]:
        """One number an image, uint64 [n], alike for equal pixels: 64 bits of their SHA-256."""
        return np.frombuffer(b"".join(hashlib.sha256(i.data).digest()[:8] for i in self.images), "<u8")

    @property
    def called(self) -> tuple[str, ...]:
        """Each image by its file or, where none is known, by its place: "digits[3]"."""
        return self.files or tuple(f"{self.name}[{i}]" for i in range(len(self)))

    def take(self, indices: Sequence[int] | NDArray[np.integer[Any] | np.bool_], name: str) -> "Labelled":
        """The images at `indices`, in that order, as a set of its own; or those where a bool [n] is true.

        Raises ShapeError for indices that are none, such as floats and those of no image.
        """
        try:
            chosen = np.arange(len(self))[np.asarray(indices, None if len(indices) else np.int64)]
        except IndexError as cause:
            raise ShapeError(f"The images of '{self.name}' cannot be taken: {cause}.") from None
        files = tuple(self.files[i] for i in chosen) if self.files else ()
        images, labels = frozen(self.images[chosen]), frozen(self.labels[chosen])
        return Labelled(name, images, labels, self.classes, files=files)

    def check_digits(self, called: str | None = None) -> None:
        """Raises DataError for other classes than the ten digits; `called` is its name in there."""
        if self.classes != 10:
            raise DataError(
                f"The set '{called or self.name}' has {self.classes} classes; a digit model has ten."
            )

    def split(self, validation: int | None = None) -> Split:
        """Part the set in two: `validation` images (one twelfth if not said) and the rest, both in order.

        Raises DataError if either side would be empty.
        """
        wanted = len(self) // VALIDATION_SHARE if validation is None else validation
        if not 0 < wanted < len(self):
            least = VALIDATION_SHARE if validation is None else validation + 1
            raise DataError(
                f"The set '{self.name}' has too few images to keep some for validation: {len(self):,}; "
                f"it needs at least {least:,}."
            )
        held_out = validation_indices(self, wanted)
        rest = np.setdiff1d(np.arange(len(self)), held_out)
        return Split(self.take(rest, f"{self.name}-train"), self.take(held_out, f"{self.name}-validation"))


def combine(name: str, *sets: Labelled) -> Labelled:
    """The images of all `sets`, one after the other. Split each before, so that each side has its share."""
    return Labelled(
        name,
        frozen(np.concatenate([part.images for part in sets])),
        frozen(np.concatenate([part.labels for part in sets])),
        max(part.classes for part in sets),
        files=tuple(file for part in sets for file in part.files or [""] * len(part)),
    )


def validation_indices(data: Labelled, count: int) -> NDArray[np.int64]:
    """The `count` images of `data` that validate, in rising order. This file's docstring has the rule."""
    ranks = [hashlib.sha256(image.data).digest() for image in data.images]
    chosen: list[int] = []
    for label, share in enumerate(_shares(np.bincount(data.labels, minlength=data.classes), count)):
        members = np.flatnonzero(data.labels == label).tolist()
        chosen += sorted(members, key=lambda index: ranks[index])[:share]
    return np.sort(np.array(chosen, np.int64))


def _shares(sizes: NDArray[np.integer[Any]], count: int) -> list[int]:
    """`count` parted in proportion to `sizes`, by largest remainder, in exact integers."""
    total = int(sizes.sum())
    shares = [int(size) * count // total for size in sizes]
    remainders = [int(size) * count % total for size in sizes]
    most_cut = sorted(range(len(shares)), key=lambda label: (-remainders[label], label))
    for label in most_cut[: count - sum(shares)]:
        shares[label] += 1
    return shares


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """`array` itself, read-only: a set takes it without a copy."""
    array.flags.writeable = False
    return array


def _check(name: str, images: NDArray[Any], labels: NDArray[Any], classes: int) -> None:
    for what, array, sides in (("images", images, [28, 28]), ("labels", labels, [])):
        if not isinstance(array, np.ndarray):
            raise ShapeError(f"The {what} of '{name}' must be an array, not {type(array).__name__}.")
        if array.dtype != np.uint8 or not array.ndim or list(array.shape[1:]) != sides:
            wanted = ["n", *sides]
            raise ShapeError(
                f"The {what} of '{name}' must be uint8 [{', '.join(map(str, wanted))}], not {array.dtype} "
                f"{list(array.shape)}."
            )
    if len(images) != len(labels):
        raise DataError(f"The set '{name}' has {len(images)} images but {len(labels)} labels.")
    if not len(labels):
        raise DataError(f"The set '{name}' has no images.")
    if labels.max() >= classes:
        place = int(np.argmax(labels >= classes))
        raise DataError(
            f"The set '{name}' has the label {labels[place]} at place {place}; labels are 0 to {classes - 1}."
        )


def _locked(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`array` where nobody can change it: it and what it is a view of are read-only. Else a copy."""
    owner: Any = array
    while isinstance(owner, np.ndarray) and not owner.flags.writeable:
        owner = owner.base
    safe = owner is None or isinstance(owner, bytes)
    return frozen(np.ascontiguousarray(array) if safe else np.array(array, order="C"))
