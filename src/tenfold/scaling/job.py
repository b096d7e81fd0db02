"""A job: pictures without end -> a folder of Parquet files of answers, that can be interrupted at any time.

    job = Job("predict", Reader(), ["scans/"], out="answers")
    job.carry_out()                       {"pictures": 1000000, "failed": 3, "unsure": 812, ...}

`out` holds `part-000000.parquet` and so on, in the order of the inputs, with one row for each picture, and
`_job.json`, which says what they are answers to. Each file is written whole, so what is there is done: the
same job on the same folder goes on with the rest. Other inputs, another model or other settings are refused.
"""

import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tenfold import __version__
from tenfold.errors import OutputExistsError, RunError, UsageError
from tenfold.reading.expected import Expected
from tenfold.reading.reader import Reader
from tenfold.scaling.answering import Command, Done, Task
from tenfold.scaling.inputs import Part, digested, listing, plan
from tenfold.scaling.local import answer_parts
from tenfold.scaling.places import Place, need_pyarrow

FORMAT = 1
RECORD = "_job.json"  # readers of Parquet folders pass over what begins with an underscore
RECORD_LIMIT = 1 << 24  # bytes
PART_SIZE: dict[Command, int] = {"predict": 10_000, "read": 200}  # pictures: some seconds of work
MOST_A_PART = 1_000_000
SAME = {  # what decides about the answers -> how a message names it
    "command": "command",
    "model": "model",
    "inputs": "input",
    "listing": "state of its inputs",
    "part_size": "--part-size",
    "expected": "knowledge of the digits",
    "tenfold": "version of Tenfold",
}

Engine = Callable[[Task, Iterable[Part], int | None], Generator[Done]]
Progress = Callable[[Done], None]


@dataclass(frozen=True)
class Job:
    """What is to be answered and where to.

    `inputs` and `out` are paths or URIs; `part_size` is the number of pictures in one file of answers and in
    one piece of work (None: PART_SIZE). Raises MissingExtraError without pyarrow, UsageError for no inputs, a
    size out of range, or an output inside of an input.
    """

    command: Command
    reader: Reader
    inputs: Sequence[str]
    out: str
    expected: Expected = field(default_factory=Expected)
    part_size: int | None = None

    def __post_init__(self) -> None:
        need_pyarrow()
        if not self.inputs:
            raise UsageError("A job needs at least one input: a folder, a Parquet or an IDX file.")
        if self.part_size is not None and not 1 <= self.part_size <= MOST_A_PART:
            raise UsageError(f"A part has 1 to {MOST_A_PART:,} pictures, not {self.part_size:,}.")
        if callable(self.expected.checksum):
            raise UsageError("A job takes a checksum by its name, so that it is known when the job goes on.")
        out = Place.at(self.out)
        for given in self.inputs:
            place = Place.at(given)
            if out.remote == place.remote and Path(out.path).is_relative_to(place.path):
                raise UsageError(f"The answers would go into '{given}', which is read; choose another --out.")

    def carry_out(
        self,
        engine: Engine = answer_parts,
        *,
        workers: int | None = None,
        progress: Progress | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """Answer what is not answered yet; the finished record, with its counts under "results".

        `engine` is `local.answer_parts` or `cluster.answer_parts`; `workers` are the parts at once (None: as
        many as there are cores). `progress` is told each part that is done, `tell` a sentence on
        each folder with pictures of a kind that is not read.
        Raises DataError for inputs that are absent or hold no pictures, OutputExistsError for a folder of
        something else, RunError for one of another job or inputs that change meanwhile, ResourceError.
        """
        out = Place.at(self.out)
        record = self._begin(out, tell)
        size = record["part_size"]
        digest = hashlib.sha256()
        parts = plan(digested(listing(self.inputs), digest), size)
        task = Task(self.command, self.reader, self.expected, self.out, os.getcwd())
        totals = {"parts": 0, "kept": 0, "pictures": 0, "failed": 0, "unsure": 0}
        try:
            with closing(engine(task, parts, workers)) as answers:
                for done in answers:
                    _add(totals, done)
                    if progress is not None:
                        progress(done)
        finally:
            out.sweep()
        if digest.hexdigest() != record["listing"]:
            raise RunError("The inputs changed while they were read; choose another --out and begin again.")
        kept = totals.pop("kept")
        finished = {**record, "status": "finished", "results": totals}
        out.write(RECORD, _text(finished))
        return {**finished, "kept": kept}

    def _begin(self, out: Place, tell: Callable[[str], None] | None) -> dict[str, Any]:
        """The record of a new folder, or of the one that was begun by the same job."""
        record = {
            "format": FORMAT,
            "tenfold": __version__,
            "status": "running",
            "command": self.command,
            "model": self.reader.model.sha256,
            "model_name": self.reader.model.name,
            "inputs": list(self.inputs),
            "listing": self._listing(tell),
            "part_size": self.part_size or PART_SIZE[self.command],
            "expected": {name: value for name, value in asdict(self.expected).items() if value is not None},
        }
        if out.exists(RECORD):
            _must_match(out, _load(out), record, sized=self.part_size is not None)
            return {**record, "part_size": _load(out)["part_size"]}
        if not out.is_free():
            raise OutputExistsError(f"'{self.out}' exists and is not an empty folder; choose another --out.")
        out.make()
        out.write(RECORD, _text(record))
        return record

    def _listing(self, tell: Callable[[str], None] | None) -> str:
        """A checksum of all files' names, sizes and times; that no more of them is read keeps it quick."""
        digest = hashlib.sha256()
        for _ in digested(listing(self.inputs, tell), digest):
            pass
        return digest.hexdigest()


def _add(totals: dict[str, int], done: Done) -> None:
    for name, value in zip(totals, (1, done.kept, done.pictures, done.failed, done.unsure), strict=True):
        totals[name] += value


def _load(out: Place) -> dict[str, Any]:
    data = out.read(RECORD, RECORD_LIMIT, RunError, "The record")
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or record.get("format") != FORMAT or not _sound_size(record):
        raise RunError(f"'{out.shown(RECORD)}' is not the record of a job in format {FORMAT}.")
    return record


def _sound_size(record: dict[str, Any]) -> bool:
    size = record.get("part_size")
    return isinstance(size, int) and 1 <= size <= MOST_A_PART


def _must_match(out: Place, old: dict[str, Any], new: dict[str, Any], *, sized: bool) -> None:
    other = [name for key, name in SAME.items() if old.get(key) != new[key] and (sized or key != "part_size")]
    if "input" in other:
        other = [name for name in other if name != "state of its inputs"]
    if other:
        raise RunError(
            f"'{out.given}' holds a job with another {' and another '.join(other)}; choose another --out."
        )


def _text(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=1) + "\n"
