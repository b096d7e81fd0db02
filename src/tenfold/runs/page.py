"""report.html of a finished run, and sample.png beside it: a digit to try the model on. No torch."""

from pathlib import Path

from tenfold.data import load_test
from tenfold.data.labelled import Labelled
from tenfold.data.parts import checksums, load_parts
from tenfold.errors import TenfoldError
from tenfold.files import write_atomic
from tenfold.harness.records.run import Run
from tenfold.harness.report import run as report
from tenfold.images.png import write_png


def write_page(run: Run, images: Labelled | None) -> Path:
    """`images` are those of the answers shown: of the test set, or else of validation."""
    if images is not None:
        write_atomic(run.folder / "sample.png", write_png(images.images[0]))
    return report.write_report(run.folder, images)


def find_images(run: Run) -> Labelled | None:
    """The images of the run's answers, or None where they are not to be had any more."""
    return load_test() if "test" in run.results else find_validation(run)


def find_validation(run: Run) -> Labelled | None:
    """The run's validation images, or None where they are not to be had any more."""
    try:
        parts = load_parts(run.record["sets"], final=run.record["final"])
    except TenfoldError:  # a set that was moved or is offline must not stand in the way of a report
        return None
    # a run of before does not name the sets that its parts are joined of
    return parts[1] if run.record["data"].items() <= checksums(parts).items() else None


def find_whole(sets: list[str]) -> Labelled | None:
    """All training images of `sets`, or None where they are not to be had any more."""
    try:
        return load_parts(sets, final=True)[0]
    except TenfoldError:
        return None
