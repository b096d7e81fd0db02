"""The folder of a cross-validation: `crossval.json`, `oof.npz`, and while it goes on a file for each fold.

    found = Crossval.load("runs/crossval-fast-class-5x1-0")
    found.record["results"]["error"]["mean"]
    found.out_of_fold().probabilities               float32 [repeats, n, 10]: answers to strangers

Plain files, each written whole. `oof.npz` holds `labels` uint8 [n], `probabilities` float32 [repeats, n, 10],
`folds` int16 [repeats, n] and, by writer, `writers` int32 [n]; images are in the order of the training set.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import DiskError, RunError
from tenfold.files import children, exists, is_folder, make_folder, read_bounded, write_atomic
from tenfold.harness.records.arrays import pack_arrays, unpack_arrays
from tenfold.harness.records.record import Fields, Form, Recorded

FORMAT = 1
RECORD = "crossval.json"
OUT_OF_FOLD = "oof.npz"
PARTS = "folds"  # the folder of finished folds, gone once all are in oof.npz
ARRAYS_LIMIT = 1 << 31

# What a record holds, and what a finished one holds besides.
BEGUN: Fields = {
    "status": str,
    "recipe": dict,
    "folds": int,
    "by": str,
    "repeats": int,
    "seed": int,
    "threads": int,
    "precision": str,
    "data": dict,
    "count": int,
    "versions": dict,
}
FINISHED: Fields = {"fits": list, "results": dict}
# What a fold's answers follow from: a folder goes on only where none of it differs.
SETTINGS = ("recipe", "folds", "by", "repeats", "seed", "data", "writers")
WORDS = {"by": "kind of folds", "writers": "set of writers"}  # of settings, for people

Arrays = dict[str, NDArray[Any]]


class Fold(NamedTuple):
    """One training: fold `number` of `repeat` held out, its probabilities float32 [m, 10], its seconds."""

    repeat: int
    number: int
    probabilities: NDArray[np.float32]
    seconds: float


class OutOfFold(NamedTuple):
    labels: NDArray[np.uint8]  # [n]
    probabilities: NDArray[np.float32]  # [repeats, n, 10]
    folds: NDArray[np.int16]  # [repeats, n]
    writers: NDArray[np.int32] | None  # [n], by writer only

    @property
    def correct(self) -> NDArray[np.bool_]:
        """[repeats, n]"""
        return np.asarray(self.probabilities.argmax(2) == self.labels)


@dataclass
class Crossval(Recorded):
    """A folder and what its crossval.json says."""

    FILE: ClassVar[str] = RECORD
    FORM: ClassVar[Form] = Form("a cross-validation", FORMAT, BEGUN, FINISHED)

    @classmethod
    def all_in(cls, folder: Path) -> Iterator[Self]:
        """Those in the folders in `folder`, by name; what is damaged or locked is passed over."""
        for path in sorted(folder.glob(f"*/{RECORD}")):
            with suppress(RunError, DiskError):
                yield cls.load(path.parent)

    @classmethod
    def place_for(cls, record: dict[str, Any], folder: Path) -> Path:
        """`folder` or one beside it that is of the settings of `record`, finished rather than begun. Where
        there is none, `folder` or, if that is taken, a name like it that is free."""
        alike = [found for found in cls.all_in(folder.parent) if found._matches(record)]
        if alike:
            return max(alike, key=lambda found: (found.finished, found.folder == folder)).folder
        names = chain([folder], (folder.with_name(f"{folder.name}-{n}") for n in count(2)))
        return next(path for path in names if not exists(path))

    def places(self) -> list[tuple[int, int]]:
        """(repeat, fold) of all trainings that it is made of."""
        return [(r, k) for r in range(self.record["repeats"]) for k in range(self.record["folds"])]

    def save_fold(self, fold: Fold) -> None:
        arrays = {"probabilities": fold.probabilities, "seconds": np.array(fold.seconds)}
        make_folder(self.folder / PARTS)
        write_atomic(self._part(fold.repeat, fold.number), pack_arrays(arrays))

    def load_fold(self, repeat: int, number: int, count: int) -> Fold | None:
        """The fold if it is done, of `count` images. Raises RunError for a damaged file."""
        path = self._part(repeat, number)
        if not exists(path):
            return None
        try:
            arrays = _read(path)
            probabilities, seconds = arrays["probabilities"], float(arrays["seconds"])
            if not _are_probabilities(probabilities, (count, 10)):
                raise ValueError
        except (RunError, KeyError, TypeError, ValueError):
            raise RunError(f"'{path}' is damaged; delete it, and its fold is trained again.") from None
        return Fold(repeat, number, probabilities, seconds)

    def finish(self, arrays: Arrays) -> None:
        """Write the answers, then the record that says so; then the folds' own files are not needed."""
        write_atomic(self.folder / OUT_OF_FOLD, pack_arrays(arrays))
        self.record["status"] = "finished"
        self.save()
        for path in sorted((self.folder / PARTS).glob("*.npz")):
            path.unlink()
        if is_folder(self.folder / PARTS) and not children(self.folder / PARTS):
            (self.folder / PARTS).rmdir()

    def out_of_fold(self) -> OutOfFold:
        """The answers of a finished cross-validation. RunError where it is not or they are damaged."""
        if not self.finished:
            raise RunError(f"The cross-validation '{self.folder}' did not finish; give its command again.")
        path = self.folder / OUT_OF_FOLD
        arrays = _read(path)
        if not self._fit(arrays):
            raise RunError(f"'{path}' is damaged: it does not hold the answers that {RECORD} speaks of.")
        return OutOfFold(arrays["labels"], arrays["probabilities"], arrays["folds"], arrays.get("writers"))

    def _fit(self, arrays: Arrays) -> bool:
        n, repeats = self.record["count"], self.record["repeats"]
        wanted: dict[str, tuple[tuple[int, ...], str]] = {
            "labels": ((n,), "u"),
            "probabilities": ((repeats, n, 10), "f"),
            "folds": ((repeats, n), "i"),
        }
        if self.record["by"] == "writer":
            wanted["writers"] = ((n,), "i")
        found: dict[str, tuple[tuple[int, ...], str]] = {
            name: (array.shape, array.dtype.kind) for name, array in arrays.items()
        }
        return found == wanted and _are_probabilities(arrays["probabilities"], (repeats, n, 10))

    def _must_match(self, record: dict[str, Any]) -> None:
        before = {"writers": record["writers"], **self.record}  # older ones do not say
        other = [WORDS.get(key, key) for key in SETTINGS if before[key] != record[key]]
        if self.record["versions"].get("torch") != record["versions"].get("torch") and not self.finished:
            other.append("version of torch")
        self._refuse_other("a cross-validation", other)

    def _matches(self, record: dict[str, Any]) -> bool:
        try:
            self._must_match(record)
        except RunError:
            return False
        return True

    def _part(self, repeat: int, number: int) -> Path:
        return self.folder / PARTS / f"{repeat}-{number}.npz"


def _read(path: Path) -> Arrays:
    return unpack_arrays(read_bounded(path, ARRAYS_LIMIT, RunError), path, limit=ARRAYS_LIMIT)


def _are_probabilities(array: NDArray[Any], shape: tuple[int, ...]) -> bool:
    return (
        array.shape == shape
        and array.dtype == np.float32
        and bool(np.isfinite(array).all())
        and bool((array >= 0).all())
        and bool((abs(array.sum(-1) - 1) < 1e-3).all())
    )
