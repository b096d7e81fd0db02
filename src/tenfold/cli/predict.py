"""`tenfold predict`: pictures of one digit each. Files and whole folders, in bounded memory."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold.cli.output import Json, Threads, emit, message, percent

if TYPE_CHECKING:
    from tenfold.reading.reader import Prediction

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff"}  # looked for in folders


def predict(
    images: Annotated[list[Path], typer.Argument(help="Pictures of one digit each, or folders of them.")],
    model: Annotated[
        str | None,
        typer.Option(help="A shipped model, a model file or a run folder.", show_default="shipped"),
    ] = None,
    threads: Threads = None,
    csv_: Annotated[bool, typer.Option("--csv", help="Print a CSV table with a header.")] = False,
    json: Json = False,
) -> None:
    """Read the digit on each picture: its label, how sure the model is, and whether to trust it."""
    from tenfold.reading.reader import Failure, Reader

    if csv_ and json:
        raise typer.BadParameter("--csv and --json exclude each other.")
    reader = Reader(model, threads=threads)
    show = _print_csv() if csv_ else _print_json if json else _print_line
    failed = 0
    for result in reader.predict_files(_files(images)):
        if isinstance(result, Failure):
            failed += 1
            message(f"tenfold: {result.error}")
            if json:
                emit({"file": result.file, "error": result.error})
        else:
            show(result)
    if failed:
        raise typer.Exit(3)


def _files(paths: list[Path]) -> Iterator[Path]:
    """Files as given; of a folder, its pictures and those of its folders, in order."""
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if not found:
                message(f"tenfold: The folder '{path}' holds no pictures ({' '.join(sorted(SUFFIXES))}).")
            yield from found
        else:
            yield path


def _print_line(result: "Prediction") -> None:
    note = f"  unsure: {result.reason}" if result.unsure else ""
    print(f"{result.file}  {result.label}  {percent(result.confidence)}{note}", flush=True)


def _print_json(result: "Prediction") -> None:
    from dataclasses import asdict

    emit(asdict(result))


class _print_csv:  # noqa: N801 - used as the functions beside it
    def __init__(self) -> None:
        self.table = csv.writer(sys.stdout, lineterminator="\n")
        self.table.writerow(
            ["file", "label", "confidence", "unsure", "reason", *(f"p{n}" for n in range(10))]
        )

    def __call__(self, result: "Prediction") -> None:
        chances = [f"{p:.6f}" for p in result.probabilities]
        unsure = str(result.unsure).lower()
        self.table.writerow(
            [result.file, result.label, f"{result.confidence:.6f}", unsure, result.reason, *chances]
        )
