"""`tenfold models`: what is shipped in the package, and the card of one."""

from typing import Annotated, Any

import typer

from tenfold.cli.completion import model_names
from tenfold.cli.options import Json
from tenfold.cli.output import emit, message, percent, result, table

Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="Show the card of this one.", autocompletion=model_names),
]


def models(name: Name = None, json: Json = False) -> None:
    """List the shipped models, or show the card of one.

    A card tells of data, recipe, figures and limits; only shipped models have one. Other commands take these
    names for MODEL, and a model file or a run folder as well. The model of whole lines is asked beside any
    of them by `tenfold read`.
    """
    from tenfold.model import list_models, read_card

    if name is not None:
        card = read_card(name)
        emit({**_row(name), "card": card}) if json else result(card)
        return
    rows = [_row(name) for name in list_models(lines=True)]
    if json:
        emit(rows)
    elif rows:
        headings = ("model", "parameters", "size", *(on for on in ("validation", "test")))
        result(table(headings, [_line(row) for row in rows], right=headings[1:]))
    else:
        message("No models are shipped with this installation; `tenfold train` makes one.")


def _row(name: str) -> dict[str, Any]:
    from tenfold.model import DEFAULT_MODEL, read_model, resolve

    return read_model(resolve(name), kind=None).listed(name, DEFAULT_MODEL)


def _line(row: dict[str, Any]) -> list[str]:
    of_digits = row["reads"] == "single digits"  # what reads lines is measured by whole strips
    measured = [of_digits and row["measured"].get(on) for on in ("validation", "test")]
    note = " (default)" if row["default"] else "" if of_digits else " (pages)"
    return [
        row["name"] + note,
        f"{row['parameters']:,}",
        f"{row['bytes'] / 1000:,.0f} kB",
        *(percent(found["accuracy"]) if found else "-" for found in measured),
    ]
