"""What a run folder says: run.json, history.csv and predictions.npz, read, checked and held together.

    facts = read_facts(Path("runs/baseline-0"))
    facts.test.predicted

Files of a run may come from anybody: reads are bounded, nothing is unpickled, and whatever is damaged, absent
or of another run is a RunError that names the file.
"""

import csv
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import RunError
from tenfold.files import exists, read_bounded
from tenfold.harness.records.arrays import LIMIT, unpack_arrays
from tenfold.harness.records.run import RECORD, Run

if TYPE_CHECKING:
    from tenfold.data.labelled import Labelled

NUMBERS = ("kept_epoch", "parameters", "temperature", "test_openings")
COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")
HISTORY_LIMIT = 1 << 22  # bytes


@dataclass(frozen=True)
class Answers:
    """A model's probabilities float64 [n, 10] for the labelled set `on`, with its labels int64 [n]."""

    role: Literal["test", "validation"]
    on: str
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    images: NDArray[np.uint8] | None = None
    """raw pixels [n, 28, 28], ink bright"""
    files: tuple[str, ...] = ()
    """where each image came from, as `Labelled` has it"""
    shown: str = ""
    """which images: the name of the test set, or the checksum of those of validation"""

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        return np.asarray(self.probabilities.argmax(1))

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        return np.asarray(self.probabilities.max(1))

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        return np.asarray(self.predicted == self.labels)


@dataclass(frozen=True)
class Facts:
    name: str
    """the folder's"""
    record: dict[str, Any]
    """run.json"""
    history: dict[str, NDArray[np.float64]]
    """COLUMNS of history.csv, one value an epoch; what was not measured is NaN, as `val_loss` and
    `val_accuracy` are for a run without validation images"""
    test: Answers | None
    validation: Answers | None

    @property
    def answers(self) -> Answers | None:
        """Those that the report is about: of the test set, or of validation where that was not opened."""
        return self.test or self.validation

    @property
    def temperature(self) -> float | None:
        return _number(self.record.get("temperature"))

    @property
    def thresholds(self) -> dict[str, float]:
        """Those below which the model says that it is unsure: see `thresholds.unsure`."""
        found = self.record.get("thresholds")
        numbers = {key: _number(value) for key, value in found.items()} if isinstance(found, dict) else {}
        return {key: value for key, value in numbers.items() if value is not None}

    def trained_on(self, answers: Answers) -> int:
        """How many of the images of `answers` are among the training images."""
        known = self.record.get("trained_on")
        return int((isinstance(known, dict) and _number(known.get(answers.role))) or 0)


def read_facts(run: Path, images: "Labelled | None" = None) -> Facts:
    """The facts of the run folder `run`; `images` are the pictures of its main answers, in the same order.

    Raises RunError for a folder that is damaged or incomplete, or images that are not those of the run.
    """
    run = Path(run)
    found = Run.load(run)
    found.check_finished()
    record = found.record
    _check(run / RECORD, record)
    history = _read_history(run / "history.csv", record["kept_epoch"])
    path = run / "predictions.npz"
    arrays = unpack_arrays(_read(path, LIMIT), path)
    return Facts(
        run.resolve().name,
        record,
        history,
        _answers(run, arrays, record, "test", images),
        _answers(run, arrays, record, "validation", None if "labels" in arrays else images),
    )


def _read(path: Path, limit: int) -> bytes:
    if not exists(path):
        raise RunError(f"The run '{path.parent}' is damaged: it has no {path.name}.")
    return read_bounded(path, limit, RunError)


def _check(path: Path, record: dict[str, Any]) -> None:
    layers = record.get("layers", [])
    sound = {
        "counts": isinstance(record.get("counts"), dict),
        "layers": isinstance(layers, list) and all(isinstance(row, list) and len(row) == 3 for row in layers),
        **{key: key not in record or _number(record[key]) is not None for key in NUMBERS},
    }
    for key, is_sound in sound.items():
        if not is_sound:
            raise RunError(f"'{path}' is damaged: it has no sound '{key}'.")


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and abs(value) < 1e15 else None


def _read_history(path: Path, kept: float) -> dict[str, NDArray[np.float64]]:
    try:
        rows = list(csv.DictReader(io.StringIO(_read(path, HISTORY_LIMIT).decode())))
        history = {key: np.array([float(row.get(key) or "nan") for row in rows]) for key in COLUMNS}
    except (ValueError, csv.Error):
        raise RunError(f"'{path}' is not sound: it needs numbers in columns.") from None
    if not rows:
        raise RunError(f"'{path}' holds no epoch.")
    for key in ("epoch", "loss", "accuracy"):
        if not np.isfinite(history[key]).all():
            raise RunError(f"'{path}' has an epoch without a finite '{key}'.")
    if kept not in history["epoch"]:
        raise RunError(f"'{path}' lacks epoch {kept:g}, which run.json says was kept.")
    return history


def _answers(
    run: Path,
    arrays: dict[str, NDArray[Any]],
    record: dict[str, Any],
    role: Literal["test", "validation"],
    images: "Labelled | None",
) -> Answers | None:
    prefix = "" if role == "test" else "val_"
    labels, probabilities = arrays.get(f"{prefix}labels"), arrays.get(f"{prefix}probabilities")
    if labels is None and probabilities is None:
        return None
    path = run / "predictions.npz"
    if labels is None or probabilities is None:
        raise RunError(f"'{path}' has labels or probabilities of the {role} set, and not both.")
    if labels.ndim != 1 or labels.dtype.kind == "f" or probabilities.shape != (len(labels), 10):
        raise RunError(f"'{path}' has {role} arrays of the wrong shape.")
    if not len(labels) or labels.min() < 0 or labels.max() > 9:
        raise RunError(f"'{path}' has {role} labels that are not digits.")
    if not ((probabilities >= 0) & (probabilities <= 1.001)).all():
        raise RunError(f"'{path}' has {role} probabilities that are not in 0..1.")
    result = record["results"].get(role)
    on = str(result.get("on", role)) if isinstance(result, dict) else role
    answers = Answers(
        role,
        on,
        labels.astype(np.int64),
        probabilities.astype(np.float64),
        None if images is None else images.images,
        () if images is None else images.files,
        on if role == "test" else str(record["data"].get(on, on)),
    )
    if images is not None and not np.array_equal(images.labels, labels):
        raise RunError(
            f"The pictures of '{images.name}' are not those that the run '{run}' was evaluated on."
        )
    errors = result.get("errors") if isinstance(result, dict) else None
    if errors is not None and errors != int((~answers.correct).sum()):
        raise RunError(f"'{path}' and run.json disagree on the {role} errors: they are not of one run.")
    return answers
