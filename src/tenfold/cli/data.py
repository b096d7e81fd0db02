"""`tenfold data`: the sets of digits by name."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tenfold.cli.completion import set_names
from tenfold.cli.downloads import fetching
from tenfold.cli.options import SET_HELP, Json, Offline
from tenfold.cli.output import emit, message, result, table

PAIRS = 10  # of equal images that are named without --json

app = typer.Typer(help="List, fetch and check sets of labelled digits.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A set's name; `tenfold data list` shows them.", autocompletion=set_names
    ),
]
Set = Annotated[str, typer.Argument(metavar="SET", help=SET_HELP, autocompletion=set_names)]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the sets that are known by name.

    --data and --on take these names. A set that is not here yet is fetched when it is first used.
    """
    from tenfold.data.sources import SOURCES, is_cached

    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "classes": source.classes,
            "here": name == "mnist" or is_cached(source),
            "licence": source.licence,
            "about": source.about,
        }
        for name, source in SOURCES.items()
    ]
    if json:
        emit(rows)
        return
    lines = [(row["name"], "yes" if row["here"] else "no", row["licence"], row["about"]) for row in rows]
    result(table(("set", "here", "licence", "what it is"), lines))


@app.command("fetch")
def fetch(
    name: Name,
    import_from: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Take the files from this folder or file, not the network."),
    ] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Bring a set into the cache, checked by its checksums."""
    from tenfold.data.sources import fetch as bring

    with fetching(offline, import_from) as store:
        paths = bring(name, store=store)
    if json:
        emit({"name": name, "files": [str(path) for path in paths]})
    else:
        result("\n".join(map(str, paths)))


@app.command("check")
def check(on: Set = "mnist", offline: Offline = False, json: Json = False) -> None:
    """Load a set and say what is in it.

    It is loaded as evaluation loads it, so what is wrong with it shows here: also images that are there more
    than once, and their labels, where they differ. Of texts (file,digits) every picture is read.
    """
    from tenfold.data.folder import find_unread, unread_sentence
    from tenfold.harness.contents import contents

    with fetching(offline) as store:
        found = contents(on, store)
    if sentence := unread_sentence(on, find_unread(on)):
        message(f"tenfold: {sentence}")
    if json:
        emit(found)
        return
    sound = "" if found["contradicted"] else ", sound"
    texts, per_class = "digits" in found, found["per_class"]
    what = f"texts with {found['digits']:,} digits" if texts else f"images of {len(per_class)} classes"
    result(f"{found['name']}: {found['count']:,} {what}{sound}")
    result(
        f"per {'digit' if texts else 'class'}: "
        + "  ".join(f"{label}: {count:,}" for label, count in enumerate(per_class))
    )
    if count := found["repeated"]:
        result(f"repeated: {count:,} show{'s' * (count == 1)} the pixels of another image")
    if found["contradicted"]:
        result(f"contradicted: {found['contradicted']:,} have different labels for the same pixels")
    for pair in found["pairs"][:PAIRS]:
        first, again = pair["labels"]
        result(f"  '{pair['again']}' ({again}) has the pixels of '{pair['first']}' ({first})")
    if (count := found["repeated"] - PAIRS) > 0:
        result(f"  and {count:,} more, which --json names")
    if not texts:
        result(f"checksum: {found['checksum']}")
