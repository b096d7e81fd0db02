"""`tenfold audit`: labels that are likely to be wrong."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.options import Json
from tenfold.cli.output import emit, message, percent, result, table

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="A finished run or cross-validation.", show_default=False)
]
Top = Annotated[int, typer.Option(metavar="N", min=1, max=1_000, help="How many labels to show.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="PAGE", help="The HTML page; audit.html in the folder if left out.", show_default=False
    ),
]


def audit(folder: Folder, top: Top = 50, out: Out = None, json: Json = False) -> None:
    """Show the labels most likely to be wrong.

    Of a cross-validation, those of the training images; of a run, those of the test images, or of the
    validation images where it did not train on MNIST. The page has the pictures with their given and their
    suggested label.
    """
    from tenfold.harness.audit import audit as examine
    from tenfold.harness.audit_page import render
    from tenfold.harness.kept import keep_result
    from tenfold.harness.page import write_page
    from tenfold.runs.audited import read_answers

    answers = read_answers(folder)
    files = () if answers.images is None else answers.images.files
    found = examine(answers.labels, answers.probabilities, answers.on, top=top, files=files)
    keep_result(folder, "audit", found.to_dict())
    path = write_page(out or folder / "audit.html", render(found, folder.resolve().name, answers.images))
    if json:
        emit(found.to_dict() | {"page": str(path)})
        return
    rows = [
        (
            s.file or f"{s.index:,}",
            str(s.given),
            str(s.suggested),
            percent(s.probability_given),
            percent(s.probability_suggested),
        )
        for s in found.suspects
    ]
    headings = ["image", "given", "suggested", "sure of given", "sure of suggested"]
    result(table(headings, rows, right=headings))
    result(
        f"{found.on}: {found.disagreements:,} of {found.count:,} labels are answered otherwise, "
        f"{found.confident:,} of them surely"
    )
    message(f"The page is {path}.")
