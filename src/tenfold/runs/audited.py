"""The answers that a label audit may use: those of models to images they were not trained on."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from tenfold.data import Store
from tenfold.data.labelled import Labelled
from tenfold.data.sets import set_names
from tenfold.errors import RunError, UsageError
from tenfold.files import exists, is_folder
from tenfold.harness.estimates import crossval_record
from tenfold.harness.estimates.crossval_record import Crossval
from tenfold.harness.evaluate import evaluate
from tenfold.harness.records.facts import read_facts
from tenfold.harness.records.run import RECORD, Run
from tenfold.kinds import DIGITS
from tenfold.reading.reader import Reader
from tenfold.runs.opening import open_set, seen_by
from tenfold.runs.page import find_images, find_whole


class Answered(NamedTuple):
    on: str
    labels: NDArray[Any]  # [n]
    probabilities: NDArray[Any]  # [n, 10]
    images: Labelled | None
    """the pictures in the same order, where they are at hand"""
    left_out: int = 0
    """images of the set that the model learnt from: it would agree with their labels, right or wrong"""


def read_answers(folder: str | Path) -> Answered:
    """Of a cross-validation the out-of-fold answers, averaged over its repeats; of a run those to the test
    set, or to its validation images where the test set was not opened.

    Reading what was answered before is no new opening of the test set. Raises RunError for a folder that is
    neither, or is damaged or unfinished.
    """
    folder = Path(folder)
    if exists(folder / crossval_record.RECORD):
        return _out_of_fold(Crossval.load(folder))
    if not exists(folder / RECORD):
        raise RunError(
            f"'{folder}' is neither a run nor a cross-validation nor a set: it has no {RECORD}, no "
            "labels.csv and no folders named 0 to 9."
        )
    images = find_images(Run.load(folder))
    answers = read_facts(folder, images).answers
    if answers is None:
        raise RunError(f"The run '{folder}' has no answers to images that it was not trained on.")
    return Answered(answers.on, answers.labels, answers.probabilities, images)


def is_answered(name: str | Path) -> bool:
    """Whether it is the folder of a run or a cross-validation, or no set either."""
    folder = Path(name)
    if not exists(folder):
        return str(name) not in set_names()
    if any(exists(folder / record) for record in (RECORD, crossval_record.RECORD)):
        return True
    return is_folder(folder) and not any(exists(folder / each) for each in ("labels.csv", *DIGITS))


def answer(
    on: str | Path,
    model: str | Path | None = None,
    *,
    threads: int | None = None,
    store: Store | None = None,
) -> Answered:
    """Those of `model` (None: the shipped default) to the images of the set `on` that it did not learn from.

    Raises UsageError where it learnt from all of them, and as `Reader`, `open_set` and `evaluate` do.
    """
    reader = Reader(model, threads=threads)
    data = open_set(on, model, store)
    seen = seen_by(model, reader.metadata, data)
    if seen.all():
        raise UsageError(
            f"The model was trained on the images of '{data.name}', so it agrees with wrong labels too; name "
            f"another --model, or audit a cross-validation: tenfold crossval fast --data {on}"
        )
    if seen.any():
        files = data.files or [f"{data.name}[{i}]" for i in range(len(data))]
        data = replace(data, files=tuple(files)).take(~seen, data.name)
    return Answered(data.name, data.labels, evaluate(reader, data)[1], data, int(seen.sum()))


def _out_of_fold(found: Crossval) -> Answered:
    answers = found.out_of_fold()
    ((name, checksum),) = found.record["data"].items()
    images = find_whole(found.record.get("sets") or ["mnist"])
    if images is not None and images.checksum != checksum:
        images = None
    return Answered(name, answers.labels, answers.probabilities.mean(0), images)
