"""Runs: train, resume, reproduce, evaluate, report. The command line is a thin skin over this room.

    run = train("baseline", seed=0)              # runs/baseline-0
    run.results["test"]["accuracy"]
    Reader(run.folder).predict(["seven.png"])

A run folder holds `model.onnx`, `checkpoints/`, `history.csv`, `predictions.npz`, `run.json`, `report.html`
and `sample.png`. The model file has no date, duration or path in it, so a run that is repeated on the same
machine gives the same bytes.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tenfold import __version__
from tenfold.environment import cores, machine, versions
from tenfold.errors import MissingExtraError, RunError, UnknownNameError, UsageError
from tenfold.files import write_atomic
from tenfold.runs.record import FORMAT, RECORD, Run, new_folder

if TYPE_CHECKING:
    from tenfold.training.callbacks import Callback
    from tenfold.training.loop import Precision
    from tenfold.training.recipes import Recipe

__all__ = ["Run", "evaluate", "need_torch", "parse_precision", "reproduce", "resume", "train", "write_report"]


def train(
    recipe: "str | Recipe" = "baseline",
    *,
    seed: int = 0,
    data: Sequence[str] = ("mnist",),
    final: bool = False,
    calibration: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    precision: "Precision | None" = None,
    out: str | Path | None = None,
    callbacks: "Sequence[Callback]" = (),
) -> Run:
    """Train a recipe, keep and save the best model, and evaluate it. Returns the finished run.

    `data` names one or more sets ("mnist", another set, a path), each parted into training and validation
    images. `final` trains on both parts, keeps the last epoch, and takes temperature and thresholds from
    the run folder `calibration`. `device` is auto, cpu, cuda or mps; `threads` defaults to the cores at
    hand; `precision` None is bf16 where the processor multiplies it natively. `out` must be absent or empty
    (None: the next free runs/RECIPE-SEED).
    """
    need_torch()
    from tenfold.runs.carry_out import carry_out
    from tenfold.training.recipes import find_recipe, replace

    chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
    if final:
        chosen = replace(chosen, patience=None)
    elif calibration is not None:
        raise UsageError("A calibration is taken from another run only with --final; otherwise it is fitted.")
    fitted = (
        Run.load(calibration).record if calibration is not None else {"temperature": 1.0, "thresholds": {}}
    )
    record = {
        "format": FORMAT,
        "tenfold": __version__,
        "recipe": chosen.to_dict(),
        "seed": seed,
        "sets": list(data),
        "final": final,
        "threads": threads or cores(),
        "precision": precision,
        "temperature": fitted["temperature"],
        "thresholds": fitted["thresholds"],
        **_here(device),
    }
    return carry_out(Run(new_folder(out, f"{chosen.name}-{seed}"), record), callbacks)


def resume(folder: str | Path, *, callbacks: "Sequence[Callback]" = ()) -> Run:
    """Take up a run that was interrupted, after the last epoch that it saved. Raises RunError if it is
    finished."""
    need_torch()
    from tenfold.runs.carry_out import carry_out

    run = Run.load(folder)
    if run.finished:
        raise RunError(f"The run '{folder}' is finished; there is nothing to resume.")
    if run.record["versions"] != versions():
        raise RunError(
            f"The run '{folder}' was begun with other versions ({_listed(run.record['versions'])}) than are "
            f"installed ({_listed(versions())}), and going on would not give the same model; train anew."
        )
    return carry_out(run, callbacks)


def reproduce(
    folder: str | Path, out: str | Path | None = None, *, callbacks: "Sequence[Callback]" = ()
) -> Run:
    """Repeat a finished run with its own recipe, seed, data, threads and precision, in a folder of its own.

    The new record's `reproduces` says of which `run`, whether the model files are `identical`, and what
    `differs` (name -> [before, now]) in machine, versions, device, data and results.
    """
    need_torch()
    from tenfold.runs.carry_out import carry_out

    first = Run.load(folder)
    if not first.finished:
        raise RunError(f"The run '{folder}' did not finish; there is nothing to compare with.")
    old = first.record
    record = {key: value for key, value in old.items() if key != "reproduces"} | _here(old["device"])
    second = carry_out(Run(new_folder(out, f"{first.folder.resolve().name}-again"), record), callbacks)
    compared = ("data", "machine", "versions", "device", "results")
    second.record["reproduces"] = {
        "run": str(first.folder),
        "identical": old["model_sha256"] == second.record["model_sha256"],
        "differs": {k: [old[k], second.record[k]] for k in compared if old[k] != second.record[k]},
    }
    second.save()
    return second


def evaluate(
    model: str | Path | None = None,
    on: str | Path = "mnist",
    *,
    threads: int | None = None,
    offline: bool = False,
) -> dict[str, Any]:
    """How well a model (shipped name, file or run folder; None: the shipped default) reads the set `on`.

    See `harness.evaluate` for what comes back. Where `model` is a run folder and `on` the official test
    set, the run's record counts the opening.
    """
    from tenfold.data import Store, load_set
    from tenfold.harness.evaluate import evaluate as measure
    from tenfold.reading.reader import Reader

    reader = Reader(model, threads=threads)
    data = load_set(on, store=Store(offline=offline))
    if on == "mnist" and model is not None and (Path(model) / RECORD).exists():
        Run.load(model).count_opening()
    return measure(reader, data)[0]


def write_report(run: Run) -> Path:
    """Write report.html and sample.png, a digit to try the model on, into the folder of a finished run."""
    import cv2

    from tenfold.data import load_set, load_test
    from tenfold.harness import report

    images = load_test() if "test" in run.results else None
    if images is None and run.record["sets"] == ["mnist"]:
        images = load_set("mnist-validation")
    if images is not None:
        write_atomic(run.folder / "sample.png", cv2.imencode(".png", images.images[0])[1].tobytes())
    return report.write_report(run.folder, images)


def need_torch() -> None:
    """Raises MissingExtraError where the extra `train` is not installed."""
    if any(find_spec(package) is None for package in ("torch", "onnx", "safetensors")):
        raise MissingExtraError("Training", "train")


def parse_precision(name: str) -> "Precision | None":
    """ "auto" is None: what the processor is made for. Raises UnknownNameError."""
    if name == "auto":
        return None
    if name in ("fp32", "bf16"):
        return cast("Precision", name)
    raise UnknownNameError("precision", name, ("auto", "fp32", "bf16"))


def _here(device: str) -> dict[str, Any]:
    """What a record says of this machine and moment, with no results yet."""
    return {
        "status": "training",
        "device": _device(device),
        "machine": machine(),
        "versions": versions(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "durations": {},
        "results": {},
        "test_openings": 0,
    }


def _device(name: str) -> str:
    """`name` if it is there; "auto" is cuda where there is one, and the CPU elsewhere. Raises UsageError."""
    import torch

    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return "cuda" if present["cuda"] else "cpu"
    if not present.get(name):
        there = ", ".join(device for device, is_there in present.items() if is_there)
        raise UsageError(f"There is no device '{name}' here; there are: auto, {there}.")
    return name


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
