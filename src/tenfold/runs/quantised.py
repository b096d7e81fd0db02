"""A trained model in 8-bit integers: calibrated on training images, judged on validation images, then saved.

    made = quantise("runs/fast-0")                 # fast-0-int8.onnx in the working folder
    Reader(made.path).predict(["seven.png"])

It must make nearly as few errors as the floats do, or it is not written. A model that was trained on the
validation images makes few there either way: it is by the difference that it is judged. The test set stays
closed. No torch is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.data import Store
from tenfold.data.labelled import Labelled
from tenfold.data.parts import load_parts
from tenfold.errors import ModelFileError, OutputExistsError
from tenfold.files import exists, is_folder, write_atomic
from tenfold.harness.evaluate import evaluate
from tenfold.harness.quantise import quantise as rounded
from tenfold.harness.quantise import with_measured
from tenfold.model import Model, parse_model, read_model, resolve
from tenfold.reading.reader import Reader
from tenfold.runs.opening import trained_on
from tenfold.runs.record import stated

CALIBRATION = 1_000  # training images, spread evenly over all
MORE, AMONG = 3, 5_000  # errors more that it may make, of so many images


@dataclass(frozen=True)
class Quantised:
    """The new model, where it was written, and what was measured of both on the images `on`.

    `results` maps "float32" and "int8" to what `harness.evaluate` says of them, `sizes` to their bytes.
    """

    path: Path
    model: Model
    on: str
    results: Mapping[str, Mapping[str, Any]]
    sizes: Mapping[str, int]


def quantise(
    model: str | Path,
    *,
    data: str = "mnist",
    out: str | Path | None = None,
    force: bool = False,
    threads: int | None = None,
    store: Store | None = None,
) -> Quantised:
    """Make of `model` (shipped name, model file or run folder) one of 8-bit integers, in a file of its own.

    `data` is parted as for a training: the one part calibrates, the other judges. `out` must not exist (None:
    NAME-int8.onnx in the working folder). Where it makes more than 3 errors more of 5,000, ModelFileError
    is raised and nothing is written, unless `force`. Raises besides UsageError for a model that is quantised
    already, OutputExistsError, ModelFileError, DiskError, and as `load_parts` does for the data.
    """
    path = Path(out) if out is not None else Path(f"{_name(model)}-int8.onnx")
    if exists(path):
        raise OutputExistsError(f"'{path}' exists; choose another --out.")
    floats = read_model(resolve(model))
    training, validation = load_parts([data], final=False, store=store)
    assert validation is not None
    images = calibrating(training)
    how = {"from": floats.sha256, "on": training.name, "images": len(images)}
    made = parse_model(
        rounded(
            floats,
            images,
            name=f"{floats.name}-int8",
            recipe={"quantised": how},
            data={training.name: training.checksum},
        ),
        str(path),
    )
    models = {"float32": floats, "int8": made}
    results = {
        precision: evaluate(Reader.of(each, threads=threads), validation)[0]
        for precision, each in models.items()
    }
    _judge(results, len(validation), floats.source, force)
    if not trained_on(model, floats.metadata, validation):
        measured = {"validation": stated(results["int8"])}
        made = parse_model(with_measured(made, measured), str(path))
    write_atomic(path, made.data)
    sizes = {"float32": len(floats.data), "int8": len(made.data)}
    return Quantised(path, made, validation.name, results, sizes)


def calibrating(training: Labelled) -> NDArray[np.uint8]:
    """CALIBRATION of its images, or all if there are fewer: uint8 [n, 28, 28]."""
    count = min(CALIBRATION, len(training))
    return training.images[np.arange(count) * len(training) // count]


def _name(model: str | Path) -> str:
    """What the user calls it, without its ending."""
    path = Path(model)
    return path.resolve().name if is_folder(path) else path.stem


def _judge(results: Mapping[str, Mapping[str, Any]], count: int, source: str, force: bool) -> None:
    more = results["int8"]["errors"] - results["float32"]["errors"]
    allowed = -(-MORE * count // AMONG)
    if more > allowed and not force:
        raise ModelFileError(
            f"In 8-bit integers '{source}' makes {more:,} errors more of {count:,} validation images, and "
            f"{allowed} would be allowed; nothing is written without --force."
        )
