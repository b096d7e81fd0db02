"""The commands and what they share. Importing this costs Typer and nothing else: `--help` answers in 0.2 s.

Help and usage errors are plain text: as Rich draws them they take twice as long, half of it for its import.
"""

import re
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tenfold import __version__
from tenfold.cli import (
    audit,
    committee,
    compare,
    crossval,
    curve,
    data,
    evaluate,
    explore,
    inside,
    models,
    output,
    predict,
    quantise,
    read,
    recipes,
    refusal,
    report,
    reproduce,
    robustness,
    runs,
    serve,
    train,
)
from tenfold.errors import refuse_empty


class Group(TyperGroup):
    """No command takes an empty word: as a path, say, it would be the current folder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:  # what is to be completed may be empty yet
            for before, word in pairwise([ctx.info_name, *args]):
                refuse_empty(f"What follows '{before}'", word)
                if re.fullmatch("--[^=]*=", word):
                    refuse_empty(f"What follows '{word}'", "")
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="tenfold",
    cls=Group,
    help="Train, test and use classifiers of handwritten digits.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        output.result(f"tenfold {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None: ...


app.command("train", cls=train.Command)(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("read")(read.read)
app.command("serve")(serve.serve)
app.command("report")(report.report)
app.command("reproduce")(reproduce.reproduce)
app.command("robustness")(robustness.robustness)
app.command("refusal")(refusal.refusal)
app.command("inside")(inside.inside)
app.command("audit")(audit.audit)
app.command("crossval")(crossval.crossval)
app.command("curve")(curve.curve)
app.add_typer(explore.app, name="explore")
app.command("committee")(committee.committee)
app.command("quantise")(quantise.quantise)
app.command("compare")(compare.compare)
app.add_typer(runs.app, name="runs")
app.command("recipes")(recipes.recipes)
app.command("models")(models.models)
app.add_typer(data.app, name="data")
