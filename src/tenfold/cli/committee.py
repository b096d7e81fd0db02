"""`tenfold committee`: several trained models as one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold.cli.completion import model_names
from tenfold.cli.options import Json, Threads
from tenfold.cli.output import accuracy, command, emit, message, result

if TYPE_CHECKING:
    from tenfold.runs.committee import Committee

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        help="Two or more run folders, model files or shipped models.",
        show_default=False,
        autocompletion=model_names,
    ),
]
Name = Annotated[str, typer.Option(metavar="NAME", help="What the new model calls itself.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="The folder, absent or empty; runs/NAME if left out.", show_default=False
    ),
]


def committee(
    models: Models,
    name: Name = "committee",
    out: Out = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Join trained models to one that averages their answers.

    It gives the mean of their probabilities, and is one model file, in a folder that evaluate, predict,
    compare and the others take like a run's. How sure it must be is fitted on MNIST's 5,000 validation
    images, if no member learnt from them. The test set stays closed.
    """
    from tenfold.runs.committee import committee as join

    made = join(models, name=name, out=out, threads=threads)
    if json:
        emit({**made.record, "committee": str(made.folder)})
        return
    result(f"A committee of {len(models)} models with {made.record['parameters']:,} parameters together.")
    if "validation" in made.record["results"]:
        result(f"validation images: {accuracy(made.record['results']['validation'])}")
    result(_sure(made))
    message(f"\nThe model is {made.folder / 'model.onnx'}. Next:")
    message("  " + command("evaluate", made.folder))


def _sure(made: "Committee") -> str:
    given = {key: made.record["thresholds"].get(key) for key in ("confidence", "likeness")}
    below = " or ".join(f"{key} {value:.4f}" for key, value in given.items() if value is not None)
    if made.record["calibration"] != "members":
        on, temperature = made.record["calibration"], made.record["temperature"]
        if temperature == 1:
            return f"Unsure below {below}, fitted on {on}; its members' temperatures stay."
        return f"Unsure below {below} after a temperature of {temperature:.4f}, fitted on {on}."
    why = "not all members kept MNIST's validation images from their training, so nothing is fitted"
    if not below:
        return f"Never unsure: {why}, and not every member has a threshold."
    return f"Unsure below {below}, the highest of its members' thresholds: {why}."
