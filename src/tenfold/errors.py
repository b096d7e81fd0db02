"""Every error a user can cause, as one tree. The command line makes of a leaf one sentence and an exit code.

TenfoldError                    1  a fault of ours, or anything unforeseen
├── UsageError                  2  the call is wrong
│   ├── UnknownNameError           a recipe, model, data set or field that does not exist
│   ├── MissingExtraError          a part that is not installed, such as torch
│   └── OutputExistsError          the output folder is in use
├── InputError                  3  what was given cannot be used
│   ├── ImageError                 not a picture that can be read
│   │   └── ImageSizeError         one of more pixels or bytes than are allowed
│   ├── IdxError                   not a sound IDX file
│   ├── DataError                  a labelled set that is damaged, empty or mislabelled
│   ├── ShapeError                 an array of the wrong shape, type or range
│   ├── ModelFileError             not a sound model file
│   ├── RunError                   a run folder that is damaged or incomplete
│   ├── RecipeError                not a sound recipe file
│   └── DivergedError              training met a loss that is not a number
└── ResourceError               4  the machine said no
    ├── DiskError                  a file cannot be read or written
    └── NetworkError               a download failed or is not allowed
"""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any


class TenfoldError(Exception):
    """The root. Its text is one sentence that names the cause and what to do."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """By its text, whatever its class is made from: so one of another process arrives here."""
        return type(self).__new__, (type(self), *self.args), self.__dict__


class UsageError(TenfoldError):
    exit_code = 2


class UnknownNameError(UsageError):
    """`kind` has no member `name`; the text suggests the closest of `known`."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=3)
        # mnist-test is rather mnist than emnist-letters
        close.sort(key=lambda other: other.split("-")[0] != name.split("-")[0])
        hint = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(names)}."
        super().__init__(f"There is no {kind} '{name}'. {hint}")


class MissingExtraError(UsageError):
    """A package of an optional extra is needed and absent."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra '{extra}'; in the project's folder: pip install '.[{extra}]'"
        )


class OutputExistsError(UsageError):
    pass


class InputError(TenfoldError):
    exit_code = 3


class ImageError(InputError):
    pass


class ImageSizeError(ImageError):
    pass


class IdxError(InputError):
    pass


class DataError(InputError):
    pass


class ShapeError(InputError):
    pass


class ModelFileError(InputError):
    pass


class RunError(InputError):
    pass


class RecipeError(InputError):
    pass


class DivergedError(InputError):
    pass


class ResourceError(TenfoldError):
    exit_code = 4


class DiskError(ResourceError):
    pass


class NetworkError(ResourceError):
    pass


def need_torch() -> None:
    """Raises MissingExtraError where the extra `train` is not installed."""
    if any(find_spec(package) is None for package in ("torch", "safetensors")):
        raise MissingExtraError("Training", "train")


def refuse_empty(what: str, *names: object) -> None:
    """A variable of the shell that is not set comes as "", which as a path is the current folder. Raises
    UsageError."""
    if "" in names:
        raise UsageError(
            f"{what} is empty, perhaps for a variable that is not set; the current folder is '.'."
        )


@contextmanager
def named(name: str) -> Iterator[None]:
    """A picture that cannot be read is one of many: its error names it."""
    try:
        yield
    except (ImageError, ShapeError) as error:
        if name in str(error):
            raise
        raise type(error)(f"{name}: {error}") from None
