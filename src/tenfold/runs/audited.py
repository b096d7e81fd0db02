"""The answers that a label audit may use: those of models to images they were not trained on."""

from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.errors import RunError
from tenfold.harness import crossval_record
from tenfold.harness.crossval_record import Crossval
from tenfold.harness.facts import read_facts
from tenfold.harness.run_record import RECORD, Run
from tenfold.runs.page import find_images, find_whole


class Answered(NamedTuple):
    on: str
    labels: NDArray[Any]  # [n]
    probabilities: NDArray[Any]  # [n, 10]
    images: Labelled | None
    """the pictures in the same order, where they are at hand"""


def read_answers(folder: str | Path) -> Answered:
    """Of a cross-validation the out-of-fold answers, averaged over its repeats; of a run those to the test
    set, or to its validation images where the test set was not opened.

    Reading what was answered before is no new opening of the test set. Raises RunError for a folder that is
    neither, or is damaged or unfinished.
    """
    folder = Path(folder)
    if (folder / crossval_record.RECORD).exists():
        return _out_of_fold(Crossval.load(folder))
    if not (folder / RECORD).exists():
        raise RunError(f"'{folder}' is neither a run nor a cross-validation: it has no {RECORD}.")
    images = find_images(Run.load(folder))
    answers = read_facts(folder, images).answers
    if answers is None:
        raise RunError(f"The run '{folder}' has no answers to images that it was not trained on.")
    return Answered(answers.on, answers.labels, answers.probabilities, images)


def _out_of_fold(found: Crossval) -> Answered:
    answers = found.out_of_fold()
    ((name, checksum),) = found.record["data"].items()
    images = find_whole(found.record.get("sets") or ["mnist"])
    if images is not None and images.checksum != checksum:
        images = None
    return Answered(name, answers.labels, answers.probabilities.mean(0), images)
