"""The one door through which a command shows a labelled set to a model: the official test set is counted."""

from pathlib import Path

from tenfold.data import Store, load_set
from tenfold.data.labelled import Labelled
from tenfold.model import resolve
from tenfold.runs.record import RECORD, Run


def open_set(on: str | Path, model: str | Path | None, store: Store | None = None) -> Labelled:
    """The images of `load_set(on)`; where they are the official test set and `model` is a run's, its record
    counts one more opening. Raises as `load_set` and `Run.load` do."""
    data = load_set(on, store=store or Store())
    folder = resolve(model).parent
    if str(on) == "mnist" and (folder / RECORD).exists():
        Run.load(folder).count_opening()
    return data
