"""`tenfold data`: the sets of digits by name."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.output import Json, Offline, emit, message

app = typer.Typer(help="List, fetch and check sets of labelled digits.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A set's name; `tenfold data list` shows them.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the sets that --data and --on take by name, and whether they are on this machine."""
    from tenfold.data.sources import SOURCES, is_cached

    rows = [
        {
            "name": name,
            "classes": source.classes,
            "here": name == "mnist" or is_cached(source),
            "about": source.about,
        }
        for name, source in SOURCES.items()
    ]
    if json:
        emit(rows)
        return
    for row in rows:
        place = "in the package" if row["name"] == "mnist" else "fetched" if row["here"] else "not fetched"
        print(f"{row['name']:16} {place:15} {row['about']}")


@app.command("fetch")
def fetch(
    name: Name,
    import_from: Annotated[
        Path | None, typer.Option(help="Take the files from this folder or file instead of the network.")
    ] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Bring a set into the cache, checked against its published checksums."""
    from tenfold.data.sources import Store
    from tenfold.data.sources import fetch as bring

    paths = bring(name, store=Store(import_from=import_from, offline=offline, progress=_progress))
    if json:
        emit({"name": name, "files": [str(path) for path in paths]})
    else:
        for path in paths:
            print(path)


@app.command("check")
def check(
    on: Annotated[str, typer.Argument(help="A set's name or a path, as --on takes it.")] = "mnist",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Load a set as training and evaluation do, and say what is in it."""
    import numpy as np

    from tenfold.data import Store, load_set

    data = load_set(on, store=Store(offline=offline))
    counts = np.bincount(data.labels, minlength=data.classes).tolist()
    if json:
        emit({"name": data.name, "count": len(data), "per_class": counts, "checksum": data.checksum})
        return
    print(f"{data.name}: {len(data):,} images of {data.classes} classes, sound")
    print("per class: " + "  ".join(f"{label}: {count:,}" for label, count in enumerate(counts)))
    print(f"checksum: {data.checksum}")


def _progress(file: str, done: int, total: int | None) -> None:
    if total and done >= total:
        message(f"{file}: {done:,} bytes")
