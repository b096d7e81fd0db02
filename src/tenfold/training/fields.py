"""The fields of a recipe by their types: what may stand in one, and what a word typed for it means.

    check(Augmentation, {"shift": "far"}, "augmentation.")     UsageError: augmentation.shift is a number
    parse(tuple[int, ...], "64,96")                            (64, 96)

The types that occur: bool, int, float, str, int or None, words to choose from, numbers in a row, dataclasses.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from tenfold.errors import UnknownNameError, UsageError

LONGEST = 60  # characters of a wrong value that are repeated


def check(cls: type, values: Mapping[str, Any], prefix: str = "") -> None:
    """That `values` can be the fields of the dataclass `cls`, as JSON has them: lists stand for tuples.

    A field of a dataclass's own type is left to the caller. Raises UnknownNameError for a field that does
    not exist, UsageError for one that is missing or of the wrong type.
    """
    kinds = kinds_of(cls)
    for name, value in values.items():
        if name not in kinds:
            raise UnknownNameError("field of a recipe", f"{prefix}{name}", [f"{prefix}{n}" for n in kinds])
        if not fits(kinds[name], value):
            raise UsageError(f"A recipe's {prefix}{name} is {describe(kinds[name])}, not {shown(value)}.")
    for field in fields(cls):
        if field.name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise UsageError(f"This is not a whole recipe: it has no {prefix}{field.name}.")


def kinds_of(cls: type) -> dict[str, Any]:
    """Name -> type of the fields of the dataclass `cls`."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}


def settle(instance: Any) -> None:
    """Make Python's numbers, which JSON has, of numpy's in the fields of a frozen dataclass."""
    for field in fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, np.generic):
            object.__setattr__(instance, field.name, value.item())


def fits(kind: Any, value: object) -> bool:
    """Whether `value` is of the type `kind`. True and False are no numbers; a group of fields is let
    through."""
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        if not isinstance(value, list | tuple) or (kinds[-1] is not Ellipsis and len(value) != len(kinds)):
            return False
        return all(fits(kinds[0], item) for item in value)
    if isinstance(kind, UnionType):
        return any(fits(one, value) for one in get_args(kind))
    return kind not in (bool, str, NoneType) or isinstance(value, kind)


def parse(kind: Any, text: str) -> Any:
    """What `text` means as a value of `kind`: 0.01, adam, 64,96, none (also for an empty row). Raises
    ValueError, also for a whole number that no float can hold."""
    if get_origin(kind) is tuple:
        items = text.strip("()[]").rstrip(",").split(",")
        value: Any = () if text.lower() == "none" else tuple(_number(item) for item in items)
    elif get_origin(kind) is Literal or kind is str:
        value = text
    elif kind is bool:
        value = {"true": True, "yes": True, "false": False, "no": False}.get(text.lower())
    elif isinstance(kind, UnionType) and NoneType in get_args(kind) and text.lower() in ("none", "null"):
        value = None
    else:
        value = _number(text)
        if kind is float:
            value = _float(value)
    if not fits(kind, value):
        raise ValueError(f"not {describe(kind)}")
    return value


def describe(kind: Any) -> str:
    """`kind` in words: 'a whole number', 'adam or sgd'."""
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        what = "whole numbers" if kinds[0] is int else "numbers"
        return f"a row of {what}" if kinds[-1] is Ellipsis else f"{len(kinds)} {what}"
    if isinstance(kind, UnionType):
        return " or ".join(describe(one) for one in get_args(kind))
    named = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", NoneType: "none"}
    return named.get(kind, "a group of fields")


def shown(value: object) -> str:
    """`value` for a sentence, cut to a bound."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValueError("too large a number") from None


def _number(text: str) -> int | float:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    return value
