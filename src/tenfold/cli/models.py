"""`tenfold models`: what is shipped in the package."""

from typing import Any

from tenfold.cli.output import Json, console, emit, percent


def models(json: Json = False) -> None:
    """List the shipped models, which `--model` takes by name."""
    from rich.table import Table

    from tenfold.model import DEFAULT_MODEL, list_models, read_model, resolve

    rows: list[dict[str, Any]] = []
    for name in list_models():
        path = resolve(name)
        model = read_model(path)
        rows.append(
            {
                "name": name,
                "default": name == DEFAULT_MODEL,
                "parameters": model.metadata.parameters,
                "bytes": len(model.data),
                "sha256": model.sha256,
                "measured": dict(model.metadata.measured),
            }
        )
    if json:
        emit(rows)
        return
    table = Table(box=None, pad_edge=False)
    for heading, justify in (
        ("model", "left"),
        ("parameters", "right"),
        ("size", "right"),
        ("validation", "right"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        result = row["measured"].get("validation")
        table.add_row(
            f"{row['name']}{' (default)' if row['default'] else ''}",
            f"{row['parameters']:,}",
            f"{row['bytes'] / 1000:,.0f} kB",
            percent(result["accuracy"]) if result else "",
        )
    console().print(table)
