"""The tree of errors: what a program that calls Tenfold may do with them."""

import copy
import pickle

import pytest

from tenfold.errors import ImageError, MissingExtraError, TenfoldError, UnknownNameError


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
