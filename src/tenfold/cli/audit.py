"""`tenfold audit`: labels that are likely to be wrong."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli.completion import model_names, set_names
from tenfold.cli.downloads import fetching
from tenfold.cli.options import MODEL_HELP, Json, Offline, Threads
from tenfold.cli.output import emit, message, percent, result, table
from tenfold.cli.targets import page
from tenfold.errors import UsageError

Of = Annotated[
    str,
    typer.Argument(
        metavar="FOLDER",
        help="A finished run or cross-validation; or a set of labelled pictures, by name or path.",
        show_default=False,
        autocompletion=set_names,
    ),
]
OtherModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help=f"Of a set: {MODEL_HELP}",
        show_default=False,
        autocompletion=model_names,
    ),
]
Top = Annotated[int, typer.Option(metavar="N", min=1, max=1_000, help="How many labels to show.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="PAGE.html",
        callback=page,
        help="The HTML page; audit.html in the folder if left out, audit-SET.html here of a set.",
        show_default=False,
    ),
]


def audit(
    of: Of,
    model: OtherModel = None,
    top: Top = 50,
    out: Out = None,
    threads: Threads = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Show the labels most likely to be wrong.

    Of a cross-validation, those of the training images; of a run, those of the test images, or of the
    validation images where it did not train on MNIST. Of a set, those of all its images, by a model that did
    not learn from them. The page has the pictures with their given and their suggested label.
    """
    from tenfold.harness.audit import audit as examine
    from tenfold.harness.html.page import write_page
    from tenfold.harness.records.kept import keep_result
    from tenfold.harness.report.audit import render
    from tenfold.model import resolve
    from tenfold.runs.audited import answer, is_answered, read_answers

    folder = Path(of) if is_answered(of) else None
    if folder is not None:
        if model is not None:
            raise UsageError(f"'{of}' has the answers of its own model; leave out --model.")
        answers, name = read_answers(folder), folder.resolve().name
    else:
        with fetching(offline) as store:
            answers = answer(of, model, threads=threads, store=store)
        name = resolve(model).stem if model is None else Path(model).resolve().name
    if answers.left_out:
        total = answers.left_out + len(answers.labels)
        message(
            f"tenfold: Left out, as the model learnt from them and agrees with wrong labels too: "
            f"{answers.left_out:,} of {total:,} images of {answers.on}."
        )
    files = () if answers.images is None else answers.images.files
    found = examine(answers.labels, answers.probabilities, answers.on, top=top, files=files)
    if folder is not None:
        keep_result(folder, "audit", found.to_dict())
    place = Path(f"audit-{answers.on}.html") if folder is None else folder / "audit.html"
    path = write_page(out or place, render(found, name, answers.images))
    if answers.images is None:
        message(
            "tenfold: The images audited are not where they were or have changed since; the page has none."
        )
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
        f"{found.confident:,} of them surely; listed by how much surer it is of the other label"
    )
    message(f"The page is {path}.")
