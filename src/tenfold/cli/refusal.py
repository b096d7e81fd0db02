"""`tenfold refusal`: does a model know what is no digit?"""

from typing import Annotated

import typer

from tenfold.cli.downloads import fetching
from tenfold.cli.options import Json, ModelArgument, Offline, Threads
from tenfold.cli.output import emit, message, percent, result, table

Others = Annotated[
    list[str] | None,
    typer.Option(
        "--against",
        metavar="SET",
        help="blanks, noise, scribbles, fashion-mnist, kmnist, emnist-letters or the path of a labelled set. "
        "Give it again for more; the first three if left out.",
        show_default=False,
    ),
]
Errors = Annotated[
    list[float] | None,
    typer.Option(
        "--error",
        metavar="SHARE",
        help="Errors to allow among accepted digits, such as 0.005, for a threshold chosen on the validation "
        "digits. Give it again for more.",
        show_default=False,
    ),
]


def refusal(
    model: ModelArgument = None,
    against: Others = None,
    error: Errors = None,
    threads: Threads = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Measure how a model refuses what is no digit.

    AUROC and false positives at 95 % of the validation digits accepted, and the threshold that leaves a
    chosen error among those, with the interval of that error, by the score that the model refuses by: its
    likeness to a digit, or its confidence.
    """
    from tenfold.harness.records.kept import keep_result
    from tenfold.harness.refusal import DRAWN, ERRORS
    from tenfold.harness.refusal import refusal as measure
    from tenfold.reading.reader import Reader
    from tenfold.runs.opening import flattered, open_set, other_pictures, trained_on

    reader = Reader(model, threads=threads)
    with fetching(offline) as store:
        others = {name: other_pictures(name, store) for name in against or DRAWN}
    digits = open_set("mnist-validation", model)
    found = measure(reader, digits, others, errors=error or ERRORS)
    if learnt := trained_on(model, reader.metadata, digits):
        message(flattered(learnt, len(digits), digits.name))
    kept = found.to_dict() | {"trained_on": learnt}
    keep_result(model, "refusal", kept)
    if json:
        emit(kept)
        return
    rows = [
        (name, f"{m.count:,}", percent(m.auroc), percent(m.fpr95), _share(m.accepted))
        for name, m in found.against.items()
    ]
    result(f"{found.count:,} digits of {found.on} against other pictures, by {found.score}")
    headings = ["set", "images", "AUROC", "FPR at 95 %", "accepted"]
    result(table(headings, rows, right=headings[1:]))
    if found.threshold is not None:
        own = f"the model's {found.score} {found.threshold:.4f}"
        result(f"'accepted' is at {own}, where {_share(found.accepted)} of the digits are")
    lines = [
        (
            percent(c.error),
            f"{c.threshold:.4f}",
            percent(c.accepted),
            f"{c.errors:,}",
            "-" if c.interval is None else f"{100 * c.interval[0]:.2f} to {percent(c.interval[1])}",
            *map(percent, c.others.values()),
        )
        for c in found.choices
    ]
    chosen = "threshold chosen on these digits"
    headings = ["errors up to", chosen, "digits accepted", "errors", "95 % interval", *found.against]
    result("\n" + table(headings, lines, right=headings))


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)
