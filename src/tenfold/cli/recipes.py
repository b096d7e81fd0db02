"""`tenfold recipes`: the recipes, or one of them with its layers."""

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold.cli.completion import recipe_names
from tenfold.cli.options import Json
from tenfold.cli.output import emit, result, table

if TYPE_CHECKING:
    from tenfold.training.recipes import Recipe


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE",
            help="Show this one whole: a name or a file.",
            show_default=False,
            autocompletion=recipe_names,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the recipes, or show one with its layers.

    Of one recipe: every layer with its output shape and parameters, and every setting.
    """
    from tenfold.errors import need_torch

    need_torch()
    from tenfold.training.recipes import RECIPES, find_recipe

    if name is not None:
        _show(find_recipe(name), json)
    elif json:
        emit([_document(recipe) for recipe in RECIPES.values()])
    else:
        _list(list(RECIPES.values()))


def _list(known: "list[Recipe]") -> None:
    from tenfold.training.networks import count_parameters

    rows = [
        (recipe.name, f"{count_parameters(recipe.network.build()):,}", str(recipe.epochs), recipe.summary)
        for recipe in known
    ]
    result(table(("recipe", "parameters", "epochs", "what it is"), rows, right=("parameters", "epochs")))


def _show(recipe: "Recipe", json: bool) -> None:
    document = _document(recipe)
    if json:
        emit(document)
        return
    layers = [(row["name"], _shape(row["shape"]), _count(row["parameters"])) for row in document["layers"]]
    rows = [("input", "1 x 28 x 28", ""), *layers, ("total", "", _count(document["parameters"]))]
    result(f"{recipe.name}: {recipe.summary}\n")
    result(table(("layer", "output", "parameters"), rows, right=("output", "parameters")))
    settings = [(field.name, _setting(recipe, field.name)) for field in fields(recipe)]
    result("\n" + table(("setting", "value"), [row for row in settings if row[0] not in ("name", "summary")]))


def _document(recipe: "Recipe") -> dict[str, Any]:
    from tenfold.training.networks import count_parameters, layer_table

    network = recipe.network.build()
    rows = layer_table(network)
    layers = [{"name": row.name, "shape": list(row.shape), "parameters": row.parameters} for row in rows]
    return {**recipe.to_dict(), "layers": layers, "parameters": count_parameters(network)}


def _setting(recipe: "Recipe", name: str) -> str:
    """One setting, readable: 'compact, width 32, depth 2' for a network, only what is set of a distortion."""
    value = getattr(recipe, name)
    if name == "network":
        return _listed({recipe.network.kind: "", **asdict(value)})
    if name == "augmentation":
        return _listed({key: limit for key, limit in asdict(value).items() if limit}) or "none"
    if name == "patience" and value is None:
        return "none: the last epoch is kept"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def _listed(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}".rstrip() for name, value in facts.items())


def _shape(sides: list[int]) -> str:
    return " x ".join(map(str, sides))


def _count(number: int) -> str:
    return f"{number:,}" if number else ""
