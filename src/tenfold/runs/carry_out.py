"""One run from its record to a finished folder: load, train, calibrate, export, evaluate, report.

The order is the system's: the best model is saved first, then read back from its file and evaluated. What was
measured is then added to the file, whose weights and answers stay the same.
"""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tenfold.data import Store, load_test
from tenfold.data.labelled import Labelled
from tenfold.errors import RunError
from tenfold.files import make_folder, sha256, write_atomic
from tenfold.harness.evaluate import evaluate
from tenfold.metrics import fit_temperature, softmax, threshold_accepting
from tenfold.reading.reader import Reader
from tenfold.runs.page import write_page
from tenfold.runs.parts import Parts, checksums, load_parts
from tenfold.runs.record import Run, new_folder
from tenfold.training.callbacks import Callback, EarlyStopping, History, ModelCheckpoint
from tenfold.training.export import export
from tenfold.training.lesson import lesson
from tenfold.training.loop import Examples, Trainer
from tenfold.training.networks import count_parameters, layer_table
from tenfold.training.recipes import Recipe, replace

ACCEPTANCE = 0.995  # share of the validation images that the confidence threshold lets through
STATED = ("on", "accuracy", "errors", "count", "interval")  # of each result, in the model file

OnStart = Callable[[Run], None]


def begin(
    record: dict[str, Any],
    out: str | Path | None,
    name: str,
    *,
    store: Store | None,
    callbacks: Sequence[Callback],
    on_start: OnStart | None,
) -> Run:
    """A new run. Its images come before its folder, so that a mistyped set leaves nothing behind."""
    clock = _Clock(record["durations"])
    parts = load_parts(record["sets"], final=record["final"], store=store)
    clock.lap("load")
    record["data"] = checksums(parts)
    record["counts"] = {"train": len(parts[0]), "validation": 0 if parts[1] is None else len(parts[1])}
    run = Run(new_folder(out, name), record)
    run.save()
    return carry_out(run, parts, clock, callbacks, on_start)


def go_on(run: Run, *, store: Store | None, callbacks: Sequence[Callback], on_start: OnStart | None) -> Run:
    """An interrupted run, from its last checkpoint if it has one. Raises RunError if its images changed."""
    clock = _Clock(run.record["durations"])
    parts = load_parts(run.record["sets"], final=run.record["final"], store=store)
    clock.lap("load")
    if checksums(parts) != run.record["data"]:
        raise RunError(f"The images that '{run.folder}' was begun with have changed since; train anew.")
    return carry_out(run, parts, clock, callbacks, on_start)


def carry_out(
    run: Run, parts: Parts, clock: "_Clock", callbacks: Sequence[Callback], on_start: OnStart | None
) -> Run:
    """Train, calibrate, save, evaluate and report, from the last checkpoint if there is one."""
    if on_start is not None:
        on_start(run)
    _, validation = parts
    trainer = _train(run, parts, clock, callbacks)
    if validation is not None:
        _calibrate(run, trainer, validation)
    _save_model(run, trainer)
    clock.lap("export")
    test = load_test() if "mnist" in run.record["sets"] else None
    _evaluate(run, validation, test)
    _save_model(run, trainer, measured=run.results)
    clock.lap("evaluate")
    run.record["status"] = "finished"
    run.save()
    write_page(run, validation if test is None else test)
    return run


def _train(run: Run, parts: Parts, clock: "_Clock", callbacks: Sequence[Callback]) -> Trainer:
    record = run.record
    recipe = Recipe.from_dict(record["recipe"])
    training, validation = parts
    taught = lesson(training, recipe, record["seed"])
    if taught is not training:
        clock.lap("render")
    torch.set_num_threads(record["threads"])
    checkpoints = make_folder(run.folder / "checkpoints")
    in_template = Path(str(checkpoints).replace("{", "{{").replace("}", "}}"))  # ModelCheckpoint takes one
    watching: list[Callback] = [History(run.folder / "history.csv"), *callbacks]
    if recipe.patience is not None:
        best = ModelCheckpoint(in_template / "best.safetensors", "val_accuracy", save_best_only=True)
        watching = [EarlyStopping("val_accuracy", patience=recipe.patience), best, *watching]
    last = ModelCheckpoint(in_template / "last.safetensors")
    trainer = Trainer(
        recipe,
        taught,
        validation,
        seed=record["seed"],
        device=record["device"],
        precision=record["precision"],
        callbacks=[*watching, last],
    )
    if (checkpoints / "last.safetensors").exists():
        trainer.load(checkpoints / "last.safetensors")
    try:
        trainer.run()
    finally:
        clock.lap("train")
        run.save()
    record |= _outcome(trainer)
    return trainer


def _outcome(trainer: Trainer) -> dict[str, Any]:
    if trainer.recipe.patience is None:
        stopped = "last"
    else:
        stopped = "early" if trainer.stop else "limit"
    return {
        "epochs": trainer.epoch,
        "kept_epoch": trainer.kept_epoch,
        "stopped": stopped,
        "layers": [[row.name, list(row.shape), row.parameters] for row in layer_table(trainer.network)],
        "parameters": count_parameters(trainer.network),
    }


def _calibrate(run: Run, trainer: Trainer, validation: Labelled) -> None:
    """Fit the temperature on the validation images as the recipe sees digits, the threshold on them alone."""
    recipe = replace(trainer.recipe, views=min(1, trainer.recipe.views), nondigits=0)
    seen = lesson(validation, recipe, run.record["seed"])
    logits = trainer.logits(Examples(seen, trainer.device))
    temperature = round(fit_temperature(logits, seen.labels), 4)
    confidence = softmax(logits[: len(validation)], temperature).max(1)  # of the digits as they are
    run.record["temperature"] = temperature
    run.record["thresholds"] = {"confidence": round(threshold_accepting(confidence, share=ACCEPTANCE), 4)}


def _save_model(run: Run, trainer: Trainer, measured: Mapping[str, Any] | None = None) -> None:
    record = run.record
    model = export(
        trainer.network,
        name=record["recipe"]["name"],
        temperature=record["temperature"],
        thresholds=record["thresholds"],
        recipe={**record["recipe"], "seed": record["seed"], "final": record["final"]},
        data=record["data"],
        measured={part: {key: result[key] for key in STATED} for part, result in (measured or {}).items()},
    )
    write_atomic(run.folder / "model.onnx", model)
    record["model_sha256"] = sha256(model)


def _evaluate(run: Run, validation: Labelled | None, test: Labelled | None) -> None:
    """The saved model, read back from its file, on the validation images and once on the test set."""
    reader = Reader(run.folder, threads=run.record["threads"])
    arrays: dict[str, Any] = {}
    if validation is not None:
        run.results["validation"], probabilities = evaluate(reader, validation)
        arrays |= {"val_labels": validation.labels, "val_probabilities": probabilities}
    if test is not None:
        run.count_opening()
        run.results["test"], probabilities = evaluate(reader, test)
        arrays |= {"labels": test.labels, "probabilities": probabilities}
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    write_atomic(run.folder / "predictions.npz", packed.getvalue())


class _Clock:
    """Seconds by phase; those of an interrupted run add up."""

    def __init__(self, durations: dict[str, float]) -> None:
        self.durations = durations
        self.began = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.durations[phase] = round(self.durations.get(phase, 0.0) + now - self.began, 3)
        self.began = now
