"""`--engine` and `--out`: work on a Ray cluster, and predict and read as jobs over millions of pictures."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold.cli.output import CLEAR, emit, live, message, result, told_how_to_go_on
from tenfold.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from tenfold.harness.estimates import trainings
    from tenfold.reading.expected import Expected
    from tenfold.reading.reader import Reader
    from tenfold.scaling import job
    from tenfold.scaling.answering import Command, Done

ENGINES = ("local", "ray")
REFRESH = 0.2  # seconds between two lines of progress

Out = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Answer into a folder of Parquet files, a path or URI; given again, the same command goes on.",
        show_default=False,
    ),
]
PartSize = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="With --out: pictures in one file; 10,000 for predict, 200 for read.",
        show_default=False,
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="local (processes of this machine) or ray.",
        show_default=False,
        autocompletion=lambda: list(ENGINES),
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="With --engine ray: the cluster; RAY_ADDRESS, or one of this machine, if left out.",
        show_default=False,
    ),
]


def refuse_without_out(**options: Any) -> None:
    """What only a job takes is a slip without --out."""
    for name, value in options.items():
        if value is not None:
            raise UsageError(f"--{name.replace('_', '-')} goes with --out DIR.")


def on_ray(engine: str | None, address: str | None) -> bool:
    """Raises UnknownNameError for another engine, UsageError for an address that nobody needs."""
    if engine is not None and engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)
    if address is not None and engine != "ray":
        raise UsageError("--address goes with --engine ray.")
    return engine == "ray"


@contextmanager
def trainings_on(engine: str | None, address: str | None) -> Iterator["trainings.Engine | None"]:
    """What carries out the trainings of a command: None for processes of this machine."""
    if not on_ray(engine, address):
        yield None
        return
    from tenfold.scaling.cluster import cluster, train_as_told

    with cluster(address):
        yield train_as_told


@contextmanager
def _parts_on(engine: str | None, address: str | None) -> Iterator["job.Engine"]:
    from tenfold.scaling import cluster, local

    if not on_ray(engine, address):
        yield local.answer_parts
        return
    with cluster.cluster(address):
        yield cluster.answer_parts


def carry_out(
    command: "Command",
    reader: "Reader",
    inputs: Sequence[str],
    out: str,
    *,
    expected: "Expected | None" = None,
    part_size: int | None,
    threads: int | None,
    engine: str | None,
    address: str | None,
    json: bool,
) -> None:
    """Run the job and say what came of it. Exits with 3 if pictures failed."""
    from tenfold.reading.expected import Expected
    from tenfold.scaling.job import Job

    on_ray(engine, address)  # a slip in these comes before the job is looked at
    work = Job(command, reader, inputs, out, expected or Expected(), part_size)
    done: list[Done] = []
    with (
        _parts_on(engine, address) as answer_parts,
        told_how_to_go_on(done, "files"),
        _counting(done) as count,
    ):
        began = time.perf_counter()
        found = work.carry_out(
            answer_parts,
            workers=threads,
            progress=count,
            tell=lambda sentence: message(f"tenfold: {sentence}"),
        )
    if json:
        emit({**found, "out": out})
    else:
        result(_summary(found, out, time.perf_counter() - began))
    if found["results"]["failed"]:
        raise typer.Exit(3)


@contextmanager
def _counting(parts: "list[Done]") -> Iterator[Any]:
    """What adds to the `parts` that are done; how many pictures, and how many a second, in a terminal."""
    in_terminal = sys.stderr.isatty()
    began = shown = time.perf_counter()
    pictures = answered = 0

    def count(done: "Done") -> None:
        nonlocal shown, pictures, answered
        parts.append(done)
        pictures += done.pictures
        answered += 0 if done.kept else done.pictures
        now = time.perf_counter()
        if in_terminal and now - shown >= REFRESH:
            shown = now
            rate = answered / (now - began)
            live(f"\r{pictures:,} pictures, {rate:,.0f} a second ")

    try:
        yield count
    finally:
        if in_terminal:
            live(CLEAR)


def _summary(found: dict[str, Any], out: str, seconds: float) -> str:
    results = found["results"]
    noun = "picture" if results["pictures"] == 1 else "pictures"
    files = "1 file" if results["parts"] == 1 else f"{results['parts']:,} files"
    kept = f", {found['kept']:,} of them from before" if found["kept"] else ""
    failed = f", {results['failed']:,} could not be read" if results["failed"] else ""
    return (
        f"{results['pictures']:,} {noun} in {files}{kept}, {seconds:.1f} s; "
        f"{results['unsure']:,} unsure{failed}."
        f"\nThe answers are in {out}: file, row, the answer, unsure, reason, error."
    )
