"""`tenfold models`: what is shipped in the package."""

from typing import Any

from tenfold.cli.options import Json
from tenfold.cli.output import emit, message, percent, result, table


def models(json: Json = False) -> None:
    """List the shipped models and what was measured.

    --model takes these names; a model file or a run folder will do as well.
    """
    from tenfold.model import list_models

    rows = [_row(name) for name in list_models()]
    if json:
        emit(rows)
    elif rows:
        headings = ("model", "parameters", "size", *(on for on in ("validation", "test")))
        result(table(headings, [_line(row) for row in rows], right=headings[1:]))
    else:
        message("No models are shipped with this installation; `tenfold train` makes one.")


def _row(name: str) -> dict[str, Any]:
    from tenfold.model import DEFAULT_MODEL, read_model, resolve

    model = read_model(resolve(name))
    return {
        "name": name,
        "default": name == DEFAULT_MODEL,
        "parameters": model.metadata.parameters,
        "bytes": len(model.data),
        "sha256": model.sha256,
        "measured": dict(model.metadata.measured),
    }


def _line(row: dict[str, Any]) -> list[str]:
    measured = [row["measured"].get(on) for on in ("validation", "test")]
    return [
        f"{row['name']}{' (default)' if row['default'] else ''}",
        f"{row['parameters']:,}",
        f"{row['bytes'] / 1000:,.0f} kB",
        *(percent(found["accuracy"]) if found else "-" for found in measured),
    ]
