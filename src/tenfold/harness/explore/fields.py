"""A recipe's fields as one types them: `epochs`, `dropout`, `shift` or `augmentation.shift`, and `width`.

    change = read_change(recipe, "shift=2")                 one field
    change = read_change(recipe, "epochs=6 wide=48")        two at once
    change = read_change(recipe, "mine.json")               a whole other recipe
    change.recipe                                           what is trained

`network.width` is no field but a factor on the channels of a network that has rows of them, each rounded to
a multiple of eight where it is not 1. Where a training ends is fixed: trainings are measured at their last
step, so that the images they are measured on choose nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as with_fields
from typing import Any

from tenfold.errors import UnknownNameError, UsageError
from tenfold.training.augment import Augmentation
from tenfold.training.fields import describe, kinds_of, parse, shown
from tenfold.training.recipes import Recipe, find_recipe, replace

WIDTH = "network.width"
CHANNELS = 8  # the channels of a widened convolution are a multiple of this
FIXED = {
    "name": "a recipe's name changes nothing",
    "summary": "a recipe's summary changes nothing",
    "patience": "trainings are measured at their last step, so that what measures them chooses nothing",
}
GROUPS = ("network", "augmentation")


@dataclass(frozen=True)
class Change:
    """What is otherwise in `recipe`; `label` says it, and is what one types for it."""

    label: str
    recipe: Recipe


def fields_of(recipe: Recipe) -> dict[str, Any]:
    """Path -> type of every field of `recipe` that can be changed, in the recipe's order."""
    found: dict[str, Any] = {}
    for name, kind in kinds_of(Recipe).items():
        if name in GROUPS:
            group = Augmentation if name == "augmentation" else type(recipe.network)
            found |= {f"{name}.{inner}": inner_kind for inner, inner_kind in kinds_of(group).items()}
            if name == "network" and _rows(recipe):
                found[WIDTH] = float
        elif name not in FIXED:
            found[name] = kind
    return found


def find_path(recipe: Recipe, name: str) -> str:
    """The path of the field that `name` is, in short or in full. Raises UnknownNameError with the nearest,
    UsageError for a field that is fixed."""
    paths = fields_of(recipe)
    if name in paths:
        return name
    short = {short_name(path): path for path in paths}
    if name in short:
        return short[name]
    if name in FIXED:
        raise UsageError(f"The field '{name}' is not explored: {FIXED[name]}.")
    raise UnknownNameError("field", name, paths if "." in name else short)


def short_name(path: str) -> str:
    """augmentation.shift -> shift."""
    return path.rpartition(".")[2]


def value_of(recipe: Recipe, path: str) -> Any:
    if path == WIDTH:
        return 1.0
    value: Any = recipe
    for part in path.split("."):
        value = getattr(value, part)
    return value


def read_value(recipe: Recipe, path: str, text: str) -> Any:
    """What `text` means in the field `path`. Raises UsageError for what cannot stand there."""
    kind = fields_of(recipe)[path]
    try:
        return parse(kind, text)
    except ValueError:
        raise UsageError(
            f"The field '{short_name(path)}' takes {describe(kind)}, not {shown(text)}."
        ) from None


def show_value(value: Any) -> str:
    """`value` as one types it: 0.01, adam, 64,96, true, none."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(show_value(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def changed(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """`recipe` with other values at some paths. Raises UsageError for a value that is out of range."""
    for group in GROUPS:
        inner = {short_name(p): v for p, v in values.items() if p.startswith(f"{group}.") and p != WIDTH}
        if inner:
            recipe = replace(recipe, **{group: with_fields(getattr(recipe, group), **inner)})
    recipe = replace(recipe, **{path: value for path, value in values.items() if "." not in path})
    return _widened(recipe, values[WIDTH]) if WIDTH in values else recipe


def read_change(recipe: Recipe, text: str) -> Change:
    """What `text` changes in `recipe`: FIELD=VALUE, several of them with spaces between, or another recipe by
    name or file.

    Raises UnknownNameError for a field or a recipe that does not exist, RecipeError for an unsound file, and
    UsageError for a value that cannot be, or a change that leaves all as it is.
    """
    if "=" not in text or text.strip().endswith(".json"):
        change = Change(text, replace(find_recipe(text.strip()), name=recipe.name, summary=recipe.summary))
    else:
        values: dict[str, Any] = {}
        for word in text.split():
            name, equals, typed = word.partition("=")
            if not equals or not name or not typed:
                raise UsageError(f"A change is FIELD=VALUE, such as epochs=6, and not '{word}'.")
            path = find_path(recipe, name)
            values[path] = read_value(recipe, path, typed)
        label = " ".join(f"{short_name(path)}={show_value(value)}" for path, value in values.items())
        change = Change(label, changed(recipe, values))
    if replace(change.recipe, patience=None) == replace(recipe, patience=None):
        raise UsageError(f"'{change.label}' changes nothing: the recipe '{recipe.name}' is so already.")
    return change


def _rows(recipe: Recipe) -> dict[str, tuple[int, ...]]:
    """The fields of the network that are rows of channels."""
    kinds = kinds_of(type(recipe.network))
    return {n: getattr(recipe.network, n) for n, kind in kinds.items() if kind == tuple[int, ...]}


def _widened(recipe: Recipe, factor: float) -> Recipe:
    if not 0 < factor <= 64:
        raise UsageError(f"The field 'width' is a factor above 0 and up to 64, not {factor:g}.")
    if factor == 1:
        return recipe
    rows: dict[str, Any] = {
        name: tuple(max(CHANNELS, CHANNELS * round(factor * channels / CHANNELS)) for channels in row)
        for name, row in _rows(recipe).items()
    }
    return replace(recipe, network=with_fields(recipe.network, **rows))
