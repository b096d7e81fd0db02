"""`tenfold compare`: is A better than B?"""

from typing import Annotated, Any

import typer

from tenfold.cli.completion import model_names, set_names
from tenfold.cli.options import Json, Offline, Threads
from tenfold.cli.output import emit, message, percent, result, table

WHAT = "A run, a cross-validation, a model file or a shipped model."

A = Annotated[str, typer.Argument(metavar="A", help=WHAT, autocompletion=model_names)]
B = Annotated[str, typer.Argument(metavar="B", help="What to compare it with.", autocompletion=model_names)]
On = Annotated[
    str | None,
    typer.Option(
        metavar="SET",
        help="Read this set with both. If left out, two runs are compared by their saved answers to the test "
        "set, models on mnist-validation.",
        show_default=False,
        autocompletion=set_names,
    ),
]


def compare(
    a: A, b: B, on: On = None, threads: Threads = None, offline: Offline = False, json: Json = False
) -> None:
    """Say whether A is better than B, or cannot be told apart.

    Two runs or models are compared by their answers to the same images (McNemar's exact test), two folders of
    `tenfold crossval` over their folds (corrected resampled t-test). The answer is one sentence, with the
    number of images it would take where these are too few.
    """
    from tenfold.cli.downloads import downloads
    from tenfold.data import Store
    from tenfold.runs.contest import compare as contest

    with downloads() as progress:
        found = contest(a, b, on, threads=threads, store=Store(offline=offline, progress=progress))
    if json:
        emit(found)
        return
    result(_table(found))
    result("\n" + found["sentence"])
    if "out_of_fold" not in found:
        message(
            "\nThat is about these two models. For their recipes, compare two folders of `tenfold crossval`."
        )


def _table(found: dict[str, Any]) -> str:
    paired = found.get("out_of_fold", found)
    low, high = found["interval"]
    tests = f"p = {found['p']:.2g}"
    rows = [
        ("images", f"{found['count']:,} of {found['on']}"),
        *([("trainings", str(found["trainings"]))] if "trainings" in found else []),
        ("accuracy of A", percent(found["accuracy"]["a"])),
        ("accuracy of B", percent(found["accuracy"]["b"])),
        ("A alone is right", f"{paired['only_a']:,}"),
        ("B alone is right", f"{paired['only_b']:,}"),
        ("A minus B", f"{100 * found['difference']:+.3f} points, 95 % {100 * low:+.3f} to {100 * high:+.3f}"),
    ]
    if paired is found:
        rows += [("McNemar's exact test", tests), ("effect (Cohen's g)", f"{found['effect']:+.2f}")]
    else:
        effect = "-" if found["effect"] is None else f"{found['effect']:+.2f}"
        rows += [
            ("corrected resampled t", tests),
            ("effect (Cohen's d)", effect),
            ("McNemar out of fold", f"p = {paired['p']:.2g}"),
        ]
    return table(("", "A against B"), rows)
