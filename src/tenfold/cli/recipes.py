"""`tenfold recipes`: the recipes, or one of them with its layers."""

from dataclasses import fields
from typing import Annotated

import typer

from tenfold.cli.output import Json, console, emit


def recipes(
    name: Annotated[str | None, typer.Argument(help="Show this one whole.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """List the recipes, or show one: its layers with shapes and parameters, and every setting."""
    from tenfold.runs import need_torch

    need_torch()
    from tenfold.training.recipes import RECIPES, find_recipe

    if name is not None:
        _show(find_recipe(name).name, json)
    elif json:
        emit([recipe.to_dict() for recipe in RECIPES.values()])
    else:
        _list()


def _list() -> None:
    from rich.table import Table

    from tenfold.training.networks import count_parameters
    from tenfold.training.recipes import RECIPES

    table = Table(box=None, pad_edge=False)
    table.add_column("recipe", style="bold")
    table.add_column("parameters", justify="right")
    table.add_column("epochs", justify="right")
    table.add_column("what it is")
    for recipe in RECIPES.values():
        parameters = count_parameters(recipe.network.build())
        table.add_row(recipe.name, f"{parameters:,}", str(recipe.epochs), recipe.summary)
    console().print(table)


def _show(name: str, json: bool) -> None:
    from rich.table import Table

    from tenfold.training.networks import count_parameters, layer_table
    from tenfold.training.recipes import RECIPES

    recipe = RECIPES[name]
    network = recipe.network.build()
    rows = layer_table(network)
    if json:
        layers = [{"name": r.name, "shape": list(r.shape), "parameters": r.parameters} for r in rows]
        emit({**recipe.to_dict(), "layers": layers, "parameters": count_parameters(network)})
        return
    table = Table(title=f"{recipe.name}: {recipe.summary}", title_justify="left", box=None, pad_edge=False)
    table.add_column("layer")
    table.add_column("output", justify="right")
    table.add_column("parameters", justify="right")
    table.add_row("input", " x ".join(map(str, network.input_shape)), "")
    for row in rows:
        table.add_row(
            row.name, " x ".join(map(str, row.shape)), f"{row.parameters:,}" if row.parameters else ""
        )
    table.add_row("[bold]total[/]", "", f"[bold]{count_parameters(network):,}[/]")
    out = console()
    out.print(table)
    out.print()
    for field in fields(recipe):
        if field.name not in ("name", "summary"):
            out.print(f"{field.name:18} {getattr(recipe, field.name)}", markup=False)
