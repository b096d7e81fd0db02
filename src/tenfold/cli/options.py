"""The options that several commands share: one name, one help text, one completion each."""

from typing import Annotated

import typer
from typer.models import OptionInfo

from tenfold.cli.completion import model_names, recipe_names, set_names

MODEL_HELP = "A shipped model, a model file or a run folder; the shipped default if left out."
SET_HELP = "mnist (the official 10,000), mnist-validation, another set, or a path."

Recipe = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A recipe by name (`tenfold recipes` lists them) or file.",
        autocompletion=recipe_names,
    ),
]
ModelArgument = Annotated[
    str | None,
    typer.Argument(metavar="MODEL", help=MODEL_HELP, show_default=False, autocompletion=model_names),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help=MODEL_HELP, show_default=False, autocompletion=model_names),
]
On = Annotated[str, typer.Option(metavar="SET", help=SET_HELP, autocompletion=set_names)]
Data = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SET",
        help="A set to train on, by name or path; mnist if left out. Give it twice to join two.",
        show_default=False,
        autocompletion=set_names,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, max=1024, help="Cores to use; all if left out.", show_default=False),
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="All that is random follows from it.")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Never download: what is not on this machine is an error.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress, results or advice.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON document a line, and nothing else.")]


def folder_option(what: str, name: str) -> OptionInfo:
    """--out of a work that goes on in its folder."""
    option: OptionInfo = typer.Option(
        metavar="DIR",
        help=f"The folder: absent, empty, or of the same {what}, which then goes on; runs/{name} if left "
        "out, with -SET behind it of a --data that is not mnist.",
        show_default=False,
    )
    return option
