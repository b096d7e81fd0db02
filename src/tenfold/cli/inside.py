"""`tenfold inside`: one digit on its way through a model."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.options import Json, ModelArgument
from tenfold.cli.output import emit, percent, result
from tenfold.cli.targets import page, refuse_over_input
from tenfold.errors import UsageError

AMONG = 10_000  # training digits that the nearest are sought among

Digit = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=0, max=4_999, help="Which of mnist-validation; 0 if left out.", show_default=False
    ),
]
Picture = Annotated[
    Path | None, typer.Option("--image", metavar="PICTURE", help="A picture of one digit instead.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="PAGE.html",
        callback=page,
        help="The HTML page; inside.html, in the run's folder if it is a run.",
        show_default=False,
    ),
]


def inside(
    model: ModelArgument = None,
    digit: Digit = None,
    image: Picture = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Look inside a model with one digit.

    A page of the first filters, the feature maps, the evidence for the answer, the nearest training digits
    and a map of the embedding.
    """
    from tenfold.data import load_training, split
    from tenfold.harness.html.page import write_page
    from tenfold.harness.inside import look
    from tenfold.harness.report.inside import render
    from tenfold.images import read_digit
    from tenfold.reading.reader import Reader

    if image is not None and digit is not None:
        raise UsageError("--digit and --image exclude each other.")
    refuse_over_input(out, [] if image is None else [image])
    chosen = None if image is None else read_digit(image)
    reader = Reader(model)
    training, validation = split(load_training())
    name, given = str(image), None
    if chosen is None:
        number = digit or 0
        name, given = f"digit {number} of {validation.name}", int(validation.labels[number])
        chosen = validation.images[number]
    found = look(reader, chosen, training.take(range(AMONG), training.name))
    folder = Path(model) if model is not None and Path(model).is_dir() else Path()
    path = write_page(out or folder / "inside.html", render(found, reader.model.name, name, given))
    if json:
        emit(
            {
                "digit": name,
                "given": given,
                "label": found.label,
                "confidence": found.confidence,
                "probabilities": found.probabilities.tolist(),
                "layers": {name: list(planes.shape) for name, planes in found.planes.items()},
                "nearest": [
                    {"index": int(index), "label": int(label), "similarity": float(similarity)}
                    for index, label, similarity in zip(
                        found.nearest.indices, found.nearest.labels, found.nearest.similarity, strict=True
                    )
                ],
                "page": str(path),
            }
        )
        return
    labelled = "" if given is None else f", labelled {given}"
    result(f"{name}{labelled}: read as {found.label}, {percent(found.confidence)} sure")
    result(
        f"the {len(found.nearest.labels)} nearest training digits: {' '.join(map(str, found.nearest.labels))}"
    )
    result(str(path))
