"""JSON taken at its word: no NaN, no key twice, bounded nesting and size, text that can be encoded."""

import json
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tenfold.serving.answers import RefusedError

CONTAINERS = 100_000  # lists and objects in one body; 1,024 images row by row have 31,000
DEEPEST = 4  # lists within lists of a tensor


def parse(body: bytes) -> dict[str, Any]:
    """The object in `body`, UTF-8. Raises RefusedError with 400."""
    if body.count(b"[") + body.count(b"{") > CONTAINERS:
        raise RefusedError(400, f"The JSON holds more than {CONTAINERS:,} lists and objects.")
    try:
        document = json.loads(
            body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_key_twice
        )
    except RefusedError:
        raise
    except RecursionError:
        raise RefusedError(400, "The JSON is nested too deeply.") from None
    except ValueError:  # also of bytes that are no UTF-8, and of numbers of thousands of digits
        raise RefusedError(400, "The body is not valid JSON in UTF-8.") from None
    if not isinstance(document, dict):
        raise RefusedError(400, "The JSON must be an object.")
    return document


def _no_constant(name: str) -> NoReturn:
    raise RefusedError(400, f"The JSON holds {name}, which is not a number.")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise RefusedError(400, "The JSON has the same key twice in one object.")
    return document


def only_keys(document: dict[str, Any], *known: str) -> None:
    """Raises RefusedError for a key that is not `known`, which would else be ignored in silence."""
    if not document.keys() <= set(known):
        raise RefusedError(400, f"The JSON may have the keys {', '.join(known)} and no other.")


def text(value: object, what: str, longest: int = 256) -> str:
    """A string of at most `longest` characters that can be encoded. Raises RefusedError."""
    if not isinstance(value, str) or len(value) > longest:
        raise RefusedError(400, f"{what} must be a string of at most {longest} characters.")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise RefusedError(400, f"{what} holds half a character.")
    return value


def numbers(value: object, kinds: set[type], what: str) -> NDArray[Any]:
    """The array in lists of numbers, nested or flat: int64 where `kinds` is {int}, else float64.

    A number's type is one of `kinds`, so that true is not 1. Raises RefusedError, also where rows differ in
    length.
    """
    flat = value if isinstance(value, list) else []
    shape = [len(flat)]
    while flat and isinstance(flat[0], list):
        length = len(flat[0])
        if len(shape) == DEEPEST or any(type(row) is not list or len(row) != length for row in flat):
            raise RefusedError(400, f"{what} must be rows of equal length, at most {DEEPEST} deep.")
        shape.append(length)
        flat = [item for row in flat for item in row]
    if not flat or not set(map(type, flat)) <= kinds:
        wanted = "whole numbers" if kinds == {int} else "numbers"
        raise RefusedError(400, f"{what} must be lists of {wanted}, and not empty.")
    try:
        array = np.array(flat, np.int64 if kinds == {int} else np.float64)
    except OverflowError:
        raise RefusedError(400, f"{what} holds a number that is too large.") from None
    if not np.isfinite(array).all():
        raise RefusedError(400, f"{what} holds a number that is too large.")
    return array.reshape(shape)
