"""`tenfold evaluate`: how well a model reads a labelled set."""

from typing import Annotated

import typer

from tenfold.cli.output import Json, Offline, Threads, accuracy, emit, percent

Model = Annotated[
    str | None, typer.Argument(help="A shipped model, a model file or a run folder.", show_default="shipped")
]


def evaluate(
    model: Model = None,
    on: Annotated[
        str, typer.Option(help="mnist (the official 10,000), mnist-validation, another set, or a path.")
    ] = "mnist",
    threads: Threads = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Measure a model on a labelled set: accuracy with its interval, errors, calibration."""
    from tenfold import runs

    result = runs.evaluate(model, on, threads=threads, offline=offline)
    if json:
        emit(result)
        return
    print(f"{result['on']}: {accuracy(result)}")
    print(f"calibration: NLL {result['nll']:.4f}, ECE {result['ece']:.4f}")
    if "accepted" in result and result["accuracy_accepted"] is not None:
        print(
            f"sure of {percent(result['accepted'])}; right on {percent(result['accuracy_accepted'])} of them"
        )
