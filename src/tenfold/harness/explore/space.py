"""What a search may try: for each field a range or some values.

    space = default_space(recipe)                              sensible ranges around the recipe's own values
    path, range_ = read_range(recipe, "learning_rate=0.003:0.05:log")
    path, choice = read_range(recipe, "network.narrow=64,64/96,96")

A choice keeps its values as one types them. The parameters of a trial are numbers and such words, by path;
`recipe_of` makes a recipe of them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenfold.errors import UsageError
from tenfold.harness.explore.fields import (
    WIDTH,
    changed,
    fields_of,
    find_path,
    read_value,
    short_name,
    show_value,
    value_of,
)
from tenfold.training.fields import describe
from tenfold.training.recipes import Recipe

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DIGITS = 3  # of a number that a search proposes; more would claim to matter
MOST_VALUES = 50


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both within; `log`: a factor is as likely anywhere; `whole` numbers."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise UsageError(
                f"A range goes from a number to a larger one, not from {self.low} to {self.high}."
            )
        if self.log and self.low <= 0:
            raise UsageError(f"A logarithmic range begins above 0, not at {self.low:g}.")

    def holds(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g}:{self.high:g}{':log' if self.log else ''}"


@dataclass(frozen=True)
class Choice:
    """Some values, as one types them."""

    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.values) <= MOST_VALUES or len(set(self.values)) < len(self.values):
            raise UsageError(
                f"A choice has 1 to {MOST_VALUES} values, each once, not: {'/'.join(self.values)}."
            )

    def holds(self, value: object) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return "/".join(self.values)


Space = dict[str, Range | Choice]
Parameters = Mapping[str, Any]


def default_space(recipe: Recipe) -> Space:
    """Ranges around what `recipe` has: rate, batch, epochs, regularisation, width and distortions."""
    rate, batch, epochs = recipe.learning_rate, recipe.batch_size, recipe.epochs
    space: Space = {
        "learning_rate": Range(_rounded(rate / 4), min(10.0, _rounded(rate * 4)), log=True),
        "batch_size": Choice(tuple(str(size) for size in sorted({max(1, batch // 2), batch, batch * 2}))),
        "epochs": Range(math.ceil(epochs / 2), max(epochs + 1, epochs * 3 // 2), whole=True),
        "weight_decay": _decay(recipe.weight_decay),
        "label_smoothing": Range(0, max(0.2, min(0.5, 2 * recipe.label_smoothing))),
    }
    if recipe.schedule != "constant":
        space["warm_up"] = Range(0.05, 0.5)
    fields = fields_of(recipe)
    if "network.dropout" in fields:
        space["network.dropout"] = Range(0, 0.7)
    if WIDTH in fields:
        space[WIDTH] = Range(0.5, 1.5)
    bends = recipe.augmentation
    bent = bends.rotation or bends.scale or bends.shear or bends.elastic
    whole = not bent and float(bends.shift).is_integer()
    space["augmentation.shift"] = Range(0, max(2, math.ceil(2 * bends.shift)), whole=whole)
    for name in ("rotation", "scale", "shear", "elastic", "thickness"):
        if own := getattr(bends, name):
            space[f"augmentation.{name}"] = Range(0, min(1.0, 2 * own) if name == "thickness" else 2 * own)
    return space


def read_range(recipe: Recipe, text: str) -> tuple[str, Range | Choice]:
    """FIELD=LOW:HIGH, FIELD=LOW:HIGH:log or FIELD=VALUE/VALUE/... as the field's path and what it may be.

    Raises UnknownNameError for a field that does not exist, UsageError for values that it cannot have.
    """
    name, equals, typed = text.partition("=")
    if not equals or not typed:
        raise UsageError(f"A range is FIELD=LOW:HIGH or FIELD=VALUE/VALUE, and not '{text}'.")
    path = find_path(recipe, name.strip())
    if ":" not in typed:
        values = tuple(show_value(read_value(recipe, path, one.strip())) for one in typed.split("/"))
        return path, _tried(recipe, path, Choice(values))
    kind = fields_of(recipe)[path]
    low, high, *rest = [*typed.split(":"), ""]
    if kind not in (int, float) or rest not in ([""], ["log", ""]):
        raise UsageError(
            f"The field '{short_name(path)}' takes {describe(kind)}: give FIELD=LOW:HIGH, FIELD=LOW:HIGH:log "
            f"or FIELD=VALUE/VALUE, and not '{text}'."
        )
    ends = [read_value(recipe, path, end.strip()) for end in (low, high)]
    return path, _tried(recipe, path, Range(ends[0], ends[1], log=rest[0] == "log", whole=kind is int))


def own_parameters(recipe: Recipe, space: Space) -> dict[str, Any] | None:
    """The parameters that leave `recipe` as it is, or None where the space does not hold them."""
    own = {
        path: value_of(recipe, path) if isinstance(inner, Range) else show_value(value_of(recipe, path))
        for path, inner in space.items()
    }
    return own if all(space[path].holds(value) for path, value in own.items()) else None


def recipe_of(recipe: Recipe, space: Space, parameters: Parameters) -> Recipe:
    """`recipe` with the fields of `parameters`. Raises UsageError for a value out of the field's range."""
    kinds = fields_of(recipe)
    values = {
        path: read_value(recipe, path, value) if isinstance(space[path], Choice) else kinds[path](value)
        for path, value in parameters.items()
    }
    return changed(recipe, values)


def distributions(space: Space) -> "dict[str, BaseDistribution]":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for path, inner in space.items():
        if isinstance(inner, Choice):
            found[path] = CategoricalDistribution(inner.values)
        elif inner.whole:
            found[path] = IntDistribution(int(inner.low), int(inner.high), log=inner.log)
        else:
            found[path] = FloatDistribution(inner.low, inner.high, log=inner.log)
    return found


def rounded(space: Space, parameters: Parameters) -> dict[str, Any]:
    """`parameters` with as many digits as matter, within their ranges."""
    found = dict(parameters)
    for path, inner in space.items():
        if isinstance(inner, Range) and not inner.whole:
            found[path] = min(max(_rounded(found[path]), inner.low), inner.high)
    return found


def _tried(recipe: Recipe, path: str, inner: Range | Choice) -> Range | Choice:
    """`inner`, once the ends of the range or all of the values have passed as values of the field."""
    ends: tuple[Any, ...] = inner.values if isinstance(inner, Choice) else (inner.low, inner.high)
    for end in ends:
        recipe_of(recipe, {path: inner}, {path: end})
    return inner


def _decay(own: float) -> Range:
    return Range(_rounded(own / 5), min(0.5, _rounded(own * 5)), log=True) if own else Range(0, 0.02)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def space_of(recipe: Recipe, ranges: Sequence[str], *, only: bool = False) -> Space:
    """The default space with the fields of `ranges` as these say, or those fields alone.

    Raises UsageError for a field that is given twice, or for no field at all, and as `read_range` does.
    """
    read = [read_range(recipe, text) for text in ranges]
    given = dict(read)
    if len(given) < len(read):
        raise UsageError("A field has one range; one was given twice.")
    space = given if only else {**default_space(recipe), **given}
    if all(isinstance(inner, Choice) and len(inner.values) == 1 for inner in space.values()):
        raise UsageError("There is nothing to search: give --range with more than one value.")
    return space
