"""The answers that a label audit may use: those of models to images they were not trained on."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenfold.data import Store
from tenfold.data.labelled import Labelled
from tenfold.data.sets import set_names
from tenfold.errors import RunError, UsageError
from tenfold.files import exists, is_folder
from tenfold.harness.estimates import crossval_record
from tenfold.harness.estimates.crossval_record import Crossval
from tenfold.harness.evaluate import evaluate
from tenfold.harness.records.facts import Answers, read_facts
from tenfold.harness.records.run import RECORD, Run
from tenfold.kinds import DIGITS
from tenfold.model import read_model, resolve
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
    """Of a cross-validation the out-of-fold answers, averaged over its repeats; of a run those to the images
    of the test set that it did not learn from, or of validation where the test set was not opened.

    Reading what was answered before is no new opening of the test set. Raises RunError for a folder that is
    neither, or is damaged or unfinished; UsageError for a run that learnt from all of the images, or from
    some and the pictures, which would tell, are not at hand.
    """
    folder = Path(folder)
    if exists(folder / crossval_record.RECORD):
        return _out_of_fold(Crossval.load(folder))
    if not exists(folder / RECORD):
        raise RunError(
            f"'{folder}' is neither a run nor a cross-validation nor a set: it has no {RECORD}, no "
            "labels.csv and no folders named 0 to 9."
        )
    run = Run.load(folder)
    images = find_images(run)
    facts = read_facts(folder, images)
    answers = facts.answers
    if answers is None:
        raise RunError(f"The run '{folder}' has no answers to images that it was not trained on.")
    if facts.trained_on(answers):
        return _of_unseen(run, answers, images)
    return Answered(answers.on, answers.labels, answers.probabilities, images)


def _of_unseen(run: Run, answers: Answers, images: Labelled | None) -> Answered:
    instead = _otherwise(run.record["sets"])
    if images is None:
        raise UsageError(
            f"The run '{run.folder}' was trained on some of its {answers.role} images, and their pictures, "
            f"which would tell on which, are not where they were or have changed since; {instead}"
        )
    seen = seen_by(run.folder, read_model(resolve(run.folder)).metadata, images)
    left = _unseen(images, seen, instead)
    return Answered(answers.on, left.labels, answers.probabilities[~seen], left, int(seen.sum()))


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
    left = _unseen(data, seen, f"name another --model, or {_otherwise([on])}")
    return Answered(left.name, left.labels, evaluate(reader, left)[1], left, int(seen.sum()))


def _unseen(data: Labelled, seen: NDArray[np.bool_], instead: str) -> Labelled:
    """The images of `data` that are not `seen`, bool [n], each called as it was among all; UsageError, with
    what to do `instead`, where none is left."""
    if seen.all():
        raise UsageError(
            f"The model was trained on the images of '{data.name}', so it agrees with wrong labels too; "
            f"{instead}"
        )
    if not seen.any():
        return data
    return replace(data, files=data.called).take(~seen, data.name)


def _otherwise(sets: Sequence[str | Path]) -> str:
    words = [f"--data {name}" for name in sets]
    return " ".join(["audit a cross-validation: tenfold crossval fast", *words])


def _out_of_fold(found: Crossval) -> Answered:
    answers = found.out_of_fold()
    ((name, checksum),) = found.record["data"].items()
    images = find_whole(found.record.get("sets") or ["mnist"])
    if images is not None and images.checksum != checksum:
        images = None
    return Answered(name, answers.labels, answers.probabilities.mean(0), images)
