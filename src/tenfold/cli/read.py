"""`tenfold read`: pictures with any number of digits each."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from tenfold.cli.output import emit, result
from tenfold.cli.pictures import Failures, picture_files
from tenfold.cli.targets import drawing, refuse_over_input

if TYPE_CHECKING:
    from tenfold.reading.page import Reading


def read(
    images: Annotated[
        list[str],  # a Path would make s3:/bucket of s3://bucket
        typer.Argument(metavar="IMAGE", help="Pictures of any number of digits, or folders of them."),
    ],
    model: Model = None,
    digits: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=10_000, help="How many digits a picture shows.")
    ] = None,
    allowed: Annotated[
        str | None, typer.Option(metavar="DIGITS", help="The digits that occur, as in 0123.")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option(metavar="REGEX", help="A regular expression for all digits of a picture.")
    ] = None,
    checksum: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the digits fulfil: luhn.")
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.png", callback=drawing, help="Paint the reading on the picture (one picture)."
        ),
    ] = None,
    threads: Threads = None,
    out: Out = None,
    part_size: PartSize = None,
    engine: Engine = None,
    address: Address = None,
    json: JsonLines = False,
) -> None:
    """Read all digits on each picture, line by line.

    One block a picture: its file and the text. A picture that cannot be read is reported, the others go on,
    and the exit code is 3.

    With --out the answers go into Parquet files, on all cores or a Ray cluster; then IMAGE may also be a
    Parquet or IDX file, or a URI such as s3://bucket/scans.
    """
    from tenfold.errors import DiskError, InputError, UsageError
    from tenfold.reading.expected import Expected
    from tenfold.reading.reader import Reader

    if draw is not None and (len(images) > 1 or os.path.isdir(images[0]) or out is not None):
        raise UsageError("--draw takes one picture, no folder and no --out.")
    refuse_over_input(draw, images)
    expected = Expected(digits, allowed, pattern, checksum)  # a slip in these is no picture's fault
    if out is None:
        refuse_without_out(part_size=part_size, engine=engine, address=address)
    reader = Reader(model, threads=threads)
    if out is not None:
        carry_out(
            "read",
            reader,
            images,
            out,
            expected=expected,
            part_size=part_size,
            threads=threads,
            engine=engine,
            address=address,
            json=json,
        )
        return
    fail = Failures(json=json)
    for image in picture_files(images, fail):
        try:
            found = reader.read(image, digits=digits, allowed=allowed, pattern=pattern, checksum=checksum)
        except (InputError, DiskError) as error:
            fail(str(image), str(error))
            continue
        if draw is not None:
            _draw(image, found, draw)
        _print_json(found) if json else _print_text(found)
    if fail.some:
        raise typer.Exit(3)


def _draw(image: Path, found: "Reading", out: Path) -> None:
    from tenfold.files import write_atomic
    from tenfold.images.decode import read_picture
    from tenfold.reading.draw import draw

    write_atomic(out, draw(read_picture(image), found))


def _print_json(found: "Reading") -> None:
    from dataclasses import asdict

    emit(asdict(found))


def _print_text(found: "Reading") -> None:
    """One line says all of a page with one; below several stands what is unsure, and on which of them."""
    from tenfold.thresholds import LOW

    first, *others = found.text.split("\n")
    note = f"unsure: {found.reason}" if found.unsure else ""
    if others and note:
        digits = iter(found.digits)
        doubtful = [sum(next(digits).unsure for _ in line) for line in (first, *others)]
        places = [str(number) for number, count in enumerate(doubtful, 1) if count]
        of_some = found.reason == LOW  # else of the page as a whole
        others.append(f"{note} in line{'s' * (len(places) > 1)} {', '.join(places)}" if of_some else note)
        note = ""
    head = f"{found.file}  {first or '(no digits)'}{note and '  ' + note}"
    result("\n".join([head, *(f"  {line}" for line in others)]))
