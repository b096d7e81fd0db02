"""One part of a job -> one file of answers: what every worker does, in a process here or on a cluster.

    done = answer(task, Attempt(part))         part-000017.parquet, written whole

A picture that cannot be read is a row with its `error`. A file that is there already is whole, and is kept.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from tenfold.errors import TenfoldError
from tenfold.reading.expected import Expected
from tenfold.reading.reader import Failure, Prediction, Reader
from tenfold.scaling.inputs import Part
from tenfold.scaling.pictures import Item, chunks
from tenfold.scaling.places import Place

if TYPE_CHECKING:
    import pyarrow

    from tenfold.images.segment import Page

Command = Literal["predict", "read"]
Announce = Callable[[int], None]

DEADLY = "The process that read this picture was ended twice, perhaps for want of memory."
_DEATHS_A_PICTURE = 2


class Task(NamedTuple):
    """What all parts of a job share. `folder` is where relative paths start."""

    command: Command
    reader: Reader
    expected: Expected
    out: str
    folder: str


@dataclass(frozen=True)
class Attempt:
    """A part, and what is known from workers that ended in it: how many, and at which pictures.

    Once one has ended, the part is read picture by picture, each announced; the picture at which two ended is
    not tried again.
    """

    part: Part
    deaths: int = 0
    deadly: Counter[int] = field(default_factory=Counter)

    def after_death(self, at: int | None) -> "Attempt":
        return replace(self, deaths=self.deaths + 1, deadly=self.deadly + Counter([] if at is None else [at]))

    def is_deadly(self, at: int) -> bool:
        return self.deadly[at] >= _DEATHS_A_PICTURE


class Done(NamedTuple):
    """A part with its file of answers. `kept`: the file was there already."""

    part: int
    pictures: int
    failed: int
    unsure: int
    kept: bool


def file_name(index: int) -> str:
    return f"part-{index:06d}.parquet"


def answer(task: Task, attempt: Attempt, announce: Announce | None = None) -> Done:
    """Write the answers to a part, or find them written.

    Raises DiskError and NetworkError; what is wrong with a picture is in its row.
    """
    import pyarrow as pa
    from pyarrow import parquet

    part, place = attempt.part, Place.at(task.out, task.folder)
    if (done := _written(place, part)) is not None:
        return done
    items = _items(task, attempt, announce)
    rows = [row for chunk in items for row in _ANSWERS[task.command](task, chunk)]
    failed = sum(row["error"] is not None for row in rows)
    done = Done(part.index, len(rows), failed, sum(bool(row["unsure"]) for row in rows), False)
    facts = {name: str(value) for name, value in done._asdict().items() if name != "kept"}
    table = pa.Table.from_pylist(rows, schema(task.command).with_metadata(facts))
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    place.write(file_name(part.index), sink.getvalue().to_pybytes())
    return done


def schema(command: Command) -> "pyarrow.Schema":
    """The columns of a file of answers; where `error` is not null, those between are."""
    import pyarrow as pa

    label, share, box = pa.int8(), pa.float32(), pa.list_(pa.int32())
    digit = pa.struct([("label", label), ("confidence", share), ("unsure", pa.bool_()), ("box", box)])
    answers = {
        "predict": [("label", label), ("confidence", share)],
        "read": [("text", pa.string()), ("digits", pa.list_(digit))],
    }
    begin, end = (
        [("file", pa.string()), ("row", pa.int64())],
        [("unsure", pa.bool_()), ("reason", pa.string())],
    )
    return pa.schema([*begin, *answers[command], *end, ("error", pa.string())])


def _written(place: Place, part: Part) -> Done | None:
    """What the file of a part says, if it is there and whole; a damaged one is made anew."""
    from pyarrow import lib, parquet

    name = file_name(part.index)
    if not place.exists(name):
        return None
    try:
        with place.open(name) as stream:
            found = parquet.ParquetFile(stream)
            facts = found.schema_arrow.metadata or {}
            part_of, pictures, failed, unsure = (int(facts[key.encode()]) for key in Done._fields[:-1])
            whole = found.metadata.num_rows == pictures == len(part) and part_of == part.index
    except (lib.ArrowException, OSError, KeyError, ValueError):
        return None
    return Done(part.index, pictures, failed, unsure, kept=True) if whole else None


def _items(task: Task, attempt: Attempt, announce: Announce | None) -> Iterator[list[Item]]:
    """The chunks; after a death single pictures, announced before they are read."""
    pieces = chunks(attempt.part, task.folder)
    if announce is None:
        yield from pieces
        return
    for at, item in enumerate(item for piece in pieces for item in piece):
        if attempt.is_deadly(at):
            yield [item._replace(content=Failure(item.file, DEADLY))]
        else:
            announce(at)
            yield [item]


def _predict(task: Task, chunk: Sequence[Item]) -> Iterator[dict[str, Any]]:
    digits = [_tried(_digit, item) for item in chunk]
    good = [digit for digit in digits if not isinstance(digit, Failure)]
    answers = iter(task.reader.probabilities(np.stack(good)) if good else ())
    for item, digit in zip(chunk, digits, strict=True):
        if isinstance(digit, Failure):
            yield _row(item, error=digit.error)
            continue
        found: Prediction = task.reader.prediction(next(answers), blank=not digit.any())
        yield _row(
            item, label=found.label, confidence=found.confidence, unsure=found.unsure, reason=found.reason
        )


def _read(task: Task, chunk: Sequence[Item]) -> Iterator[dict[str, Any]]:
    for item in chunk:
        found = _tried(lambda item: task.reader.read_page(_page(item), task.expected), item)
        if isinstance(found, Failure):
            yield _row(item, error=found.error)
            continue
        digits = [
            {"label": d.label, "confidence": d.confidence, "unsure": d.unsure, "box": list(d.box)}
            for d in found.digits
        ]
        yield _row(item, text=found.text, digits=digits, unsure=found.unsure, reason=found.reason)


_ANSWERS: dict[Command, Callable[[Task, Sequence[Item]], Iterator[dict[str, Any]]]] = {
    "predict": _predict,
    "read": _read,
}


def _row(item: Item, **answer: Any) -> dict[str, Any]:
    return {"file": item.file, "row": item.row, "unsure": None, "error": None, **answer}


def _tried(work: Callable[[Item], Any], item: Item) -> Any:
    """What `work` makes of a picture, or a Failure: of millions, no single one ends the job."""
    if isinstance(item.content, Failure):
        return item.content
    try:
        return work(item)
    except TenfoldError as error:
        return Failure(item.file, str(error))
    except MemoryError:
        return Failure(item.file, "There is not enough memory for this picture.")
    except Exception as error:
        return Failure(item.file, f"The picture cannot be read, by a fault of ours ({type(error).__name__}).")


def _digit(item: Item) -> Any:
    from tenfold.images import read_digit, to_mnist

    content: Any = item.content
    return read_digit(content) if isinstance(content, bytes) else to_mnist(content)


def _page(item: Item) -> "Page":
    from tenfold.images.segment import segment, segment_file

    content: Any = item.content
    return segment_file(content) if isinstance(content, bytes) else segment(content)
