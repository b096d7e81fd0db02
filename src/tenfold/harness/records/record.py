"""The JSON record in a folder, read without trust: bounded, of one format, its parts sound.

`Recorded` is what folders of runs, committees, cross-validations, learning curves and explorations have in
common; those of the last three are begun once, and the same settings go on in them. A `Watcher` is told how
the trainings of such a folder go on.
"""

import json
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Self, TypeVar

from tenfold import __version__
from tenfold.environment import machine, versions
from tenfold.errors import OutputExistsError, RunError
from tenfold.files import exists, is_free, make_folder, read_bounded, write_atomic

if TYPE_CHECKING:
    from tenfold.data.labelled import Labelled
    from tenfold.training.recipes import Recipe

RUNS = Path("runs")  # where folders are made that are not given a place
LIMIT = 1 << 24  # bytes; the record of a cross-validation of 1000 folds has 200 kB

Fields = Mapping[str, type | tuple[type, ...]]


class Form(NamedTuple):
    """What a record looks like: that of `what`, in words, in format `version`, with the fields `begun`, and
    once its status is "finished" also `finished`."""

    what: str
    version: int
    begun: Fields
    finished: Fields


def read_record(path: Path, form: Form) -> dict[str, Any]:
    """Raises RunError for one that is absent, damaged or of another form."""
    try:
        record = json.loads(read_bounded(path, LIMIT, RunError, "The record"))
    except (ValueError, RecursionError):
        raise RunError(f"'{path}' is damaged: it is not JSON.") from None
    if not isinstance(record, dict) or record.get("format") != form.version:
        raise RunError(f"'{path}' is not the record of {form.what} in format {form.version}.")
    wanted = {**form.begun, **(form.finished if record.get("status") == "finished" else {})}
    for key, kind in wanted.items():
        if not isinstance(record.get(key), kind):
            raise RunError(f"'{path}' is damaged: it has no sound '{key}'.")
    return record


def new_record(version: int, recipe: "Recipe", data: "Sequence[Labelled]", **settings: Any) -> dict[str, Any]:
    """That of trainings of `recipe` on `data` which begin now, on this machine, as it will be read back."""
    import torch

    from tenfold.data.parts import numbered  # numpy: not for the start of the command line
    from tenfold.training.devices import native_precision

    record = {
        "format": version,
        "status": "training",
        "recipe": recipe.to_dict(),
        **settings,
        "precision": native_precision(torch.device("cpu")),
        "data": numbered(data),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "tenfold": __version__,
        "machine": machine(),
        "versions": versions(),
    }
    # lists for tuples, ints for numpy's
    plain: dict[str, Any] = json.loads(json.dumps(record, default=operator.index))
    return plain


def usual_folder(name: str, data: "Labelled") -> Path:
    """runs/NAME, and runs/NAME-SET where the training images are not MNIST's."""
    sets = [re.sub("-train(ing)?$", "", part) for part in data.name.split("+")]
    return RUNS / (name if sets == ["mnist"] else f"{name}-{'+'.join(sets)}")


@dataclass
class Recorded:
    """A folder and what its record, the file FILE in the form FORM, says. Raises DiskError where it cannot be
    written."""

    folder: Path
    record: dict[str, Any] = field(repr=False)

    FILE: ClassVar[str]
    FORM: ClassVar[Form]

    @property
    def finished(self) -> bool:
        return bool(self.record["status"] == "finished")

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Raises RunError for a folder that holds none, or a damaged one."""
        found = cls(Path(folder), read_record(Path(folder) / cls.FILE, cls.FORM))
        if key := found._unsound():
            raise RunError(f"'{found.folder / cls.FILE}' is damaged: it has no sound '{key}'.")
        return found

    @classmethod
    def begin(cls, folder: Path, record: dict[str, Any]) -> Self:
        """A new folder for `record`, or the one that was begun with the same settings.

        Raises RunError where `folder` is of other settings, OutputExistsError where it is of something else.
        """
        free = is_free(folder)  # asked before: another process may begin it in this very moment
        if exists(folder / cls.FILE):
            found = cls.load(folder)
            found._must_match(record)
            return found
        if not free:
            raise OutputExistsError(f"'{folder}' exists and is not an empty folder; choose another --out.")
        made = cls(make_folder(folder), record)
        made.save()
        return made

    def save(self) -> None:
        write_atomic(self.folder / self.FILE, json.dumps(self.record, indent=1, allow_nan=False) + "\n")

    def count_opening(self) -> None:
        """Note that the official test set is looked at with the model of this run or committee."""
        self.record["test_openings"] += 1
        self.save()

    def _unsound(self) -> str | None:
        """A key of the record whose value is damaged in a way that FORM does not tell."""
        return None

    def _must_match(self, record: dict[str, Any]) -> None:
        """Raises RunError where what is found would not follow from the settings of `record` too."""
        raise NotImplementedError

    def _refuse_other(self, what: str, other: Sequence[str]) -> None:
        """Raises RunError where `other`, the settings that differ, names any."""
        if other:
            raise RunError(
                f"'{self.folder}' is {what} with another {' and another '.join(other)}; choose another --out."
            )


Kept = TypeVar("Kept", bound=Recorded)


class Watcher(Generic[Kept]):
    """Is told how a cross-validation, a learning curve or an exploration goes on."""

    def begin(self, found: Kept, done: int, total: int, at_once: int) -> None:
        """`done` of `total` trainings (of a search: trials) were done before; `at_once` run side by side."""

    def fit(self, found: Kept, fit: Mapping[str, Any], done: int) -> None:
        """One more training is there, with `done` all told; `fit` is its record."""
