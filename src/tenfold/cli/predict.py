"""`tenfold predict`: pictures of one digit each. Files and whole folders, in bounded memory."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold.cli.batch import (
    Address,
    Engine,
    Out,
    PartSize,
    carry_out,
    refuse_without_out,
)
from tenfold.cli.options import JsonLines, Model, Threads
from tenfold.cli.output import emit, message, percent, result
from tenfold.cli.pictures import Failures, picture_files
from tenfold.cli.targets import page, refuse_over_input

if TYPE_CHECKING:
    from tenfold.reading.explain import Explanation
    from tenfold.reading.reader import Prediction, Reader

EXPLAINED = 100  # pictures on a page
CSV_HEADER = ["file", "label", "confidence", "unsure", "reason", *(f"p{digit}" for digit in range(10))]


def predict(
    images: Annotated[
        list[str],  # a Path would make s3:/bucket of s3://bucket
        typer.Argument(metavar="IMAGE", help="Pictures of one digit each, or folders of them."),
    ],
    model: Model = None,
    threads: Threads = None,
    out: Out = None,
    part_size: PartSize = None,
    engine: Engine = None,
    address: Address = None,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="PAGE.html",
            callback=page,
            help="Show on a page, and in words, how each answer came about.",
        ),
    ] = None,
    csv_: Annotated[bool, typer.Option("--csv", help="Print a CSV table with a header.")] = False,
    json: JsonLines = False,
) -> None:
    """Read the digit on each picture.

    One line a picture: its file, the digit, how sure the model is and, if it is not sure enough, why. A
    picture that cannot be read is reported, the others go on, and the exit code is 3.

    With --out the answers go into Parquet files, on all cores or a Ray cluster; then IMAGE may also be a
    Parquet or IDX file, or a URI such as s3://bucket/scans.
    """
    from tenfold.errors import UsageError
    from tenfold.reading.many import predict_many
    from tenfold.reading.reader import Failure, Reader

    if csv_ and (json or out is not None):
        raise UsageError(f"--csv and --{'json' if json else 'out'} exclude each other.")
    if explain is not None and (csv_ or out is not None):
        raise UsageError(f"--explain and --{'csv' if csv_ else 'out'} exclude each other.")
    if out is None:
        refuse_without_out(part_size=part_size, engine=engine, address=address)
    reader = Reader(model, threads=threads)
    if out is not None:
        carry_out(
            "predict",
            reader,
            images,
            out,
            part_size=part_size,
            threads=threads,
            engine=engine,
            address=address,
            json=json,
        )
        return
    if csv_:
        result(_csv(CSV_HEADER))
    show = _print_csv if csv_ else _print_json if json else _print_line
    fail = Failures(json=json)
    files = picture_files(images, fail)
    if explain is not None:
        _explain(reader, files, fail, explain, json=json)
    for found in predict_many(reader, files):
        if isinstance(found, Failure):
            fail(found.file, found.error)
        else:
            show(found)
    if fail.some:
        raise typer.Exit(3)


def _explain(reader: "Reader", files: Iterator[Path], fail: Failures, out: Path, *, json: bool) -> None:
    from dataclasses import asdict
    from itertools import islice

    from tenfold.errors import DiskError, InputError, UsageError
    from tenfold.harness.html.page import write_page
    from tenfold.harness.report.explain import render
    from tenfold.reading.explain import Explanation, explain

    chosen = list(islice(files, EXPLAINED + 1))
    if len(chosen) > EXPLAINED:
        raise UsageError(f"--explain shows at most {EXPLAINED} pictures on its page; give fewer.")
    refuse_over_input(out, chosen)
    found: list[Explanation] = []
    for file in chosen:
        try:
            found.append(explain(reader, file))
        except (InputError, DiskError) as error:
            fail(str(file), str(error))
            continue
        if json:
            emit(asdict(found[-1].prediction) | {"explain": found[-1].document()})
        else:
            _print_line(found[-1].prediction)
            _print_steps(found[-1])
    if found:
        write_page(out, render(found, reader.model.name))
        message(f"The page is {out}.")


def _print_steps(found: "Explanation") -> None:
    rest = ", ".join(f"{digit} {percent(chance)}" for digit, chance in found.top)
    rows = [
        ("seen", found.seen),
        ("made", found.made),
        ("again", found.again),
        ("top", rest),
        ("unsure", found.why),
    ]
    for name, words in rows:
        if words is not None:
            result(f"  {name:<7} {words}")


def _print_line(found: "Prediction") -> None:
    note = f"  unsure: {found.reason}" if found.unsure else ""
    result(f"{found.file}  {found.label}  {percent(found.confidence)}{note}")


def _print_json(found: "Prediction") -> None:
    emit(vars(found))  # it is flat, and dataclasses.asdict takes long to find that out


def _print_csv(found: "Prediction") -> None:
    chances = [f"{chance:.6f}" for chance in found.probabilities]
    unsure = str(found.unsure).lower()
    result(_csv([found.file, found.label, f"{found.confidence:.6f}", unsure, found.reason, *chances]))


def _csv(cells: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)  # with no terminator it would not quote line breaks
    return line.getvalue().removesuffix("\r\n")
