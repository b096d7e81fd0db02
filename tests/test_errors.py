"""The tree of errors: what a program that calls Tenfold may do with them."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tenfold.data import load_set
from tenfold.errors import ImageError, MissingExtraError, TenfoldError, UnknownNameError, UsageError
from tenfold.model import resolve
from tenfold.reading.expected import Expected
from tenfold.runs.contest import compare
from tenfold.training.recipes import find_recipe


@pytest.mark.parametrize(
    "error",
    [
        UnknownNameError("model", "fats", ["fast", "reader"]),
        MissingExtraError("Training", "train"),
        ImageError("The file is empty."),
    ],
)
def test_an_error_is_the_same_in_another_process(error: TenfoldError) -> None:
    """One that cannot be unpickled breaks the pool of processes that raised it, for all other work, too."""
    error.add_note("of page 3")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301
        assert (type(again), str(again)) == (type(error), str(error))
        assert again.__notes__ == ["of page 3"]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: load_set(""), "The name of a SET"),
        (lambda: find_recipe(""), "The name of a recipe"),
        (lambda: resolve(""), "The name of a model"),
        (lambda: compare("fast", ""), "The name of a model or a recipe"),
        (lambda: Expected(pattern=""), "The pattern"),
    ],
)
def test_an_empty_name_is_wrong_usage(call: Callable[[], Any], what: str) -> None:
    with pytest.raises(UsageError, match=f"^{what} is empty"):
        call()
