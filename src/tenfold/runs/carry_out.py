"""One run from its record to a finished folder: load, train, calibrate, export, evaluate. New, resumed or
repeated.

The order is the system's: the best model is saved first, then read back from its file and evaluated.
"""

import io
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from tenfold.data import load_set, load_test, load_training, split
from tenfold.data.labelled import Labelled, Split, combine
from tenfold.errors import UsageError
from tenfold.files import make_folder, sha256, write_atomic
from tenfold.harness.evaluate import evaluate
from tenfold.metrics import fit_temperature, softmax, threshold_accepting
from tenfold.reading.reader import Reader
from tenfold.runs.record import Run
from tenfold.training.callbacks import Callback, EarlyStopping, History, ModelCheckpoint
from tenfold.training.export import export
from tenfold.training.loop import Trainer, native_precision
from tenfold.training.networks import count_parameters, layer_table
from tenfold.training.recipes import Recipe

ACCEPTANCE = 0.995  # share of the validation images that the confidence threshold lets through


def carry_out(run: Run, callbacks: Sequence[Callback]) -> Run:
    """Do all that the record of `run` asks for, from its last checkpoint if it has one, and finish the
    record."""
    clock = _Clock(run.record["durations"])
    training, validation = _parts(run.record["sets"], run.record["final"])
    run.record["data"] = {part.name: part.checksum for part in (training, validation) if part is not None}
    run.record["counts"] = {
        "train": len(training),
        "validation": 0 if validation is None else len(validation),
    }
    clock.lap("load")
    trainer = _train(run, training, validation, callbacks)
    clock.lap("train")
    _save_model(run, trainer, validation)
    clock.lap("export")
    _evaluate(run, validation)
    clock.lap("evaluate")
    run.record["status"] = "finished"
    run.save()
    return run


def _train(
    run: Run, training: Labelled, validation: Labelled | None, callbacks: Sequence[Callback]
) -> Trainer:
    record = run.record
    recipe = Recipe.from_dict(record["recipe"])
    record["precision"] = record["precision"] or native_precision(torch.device(record["device"]))
    run.save()
    torch.set_num_threads(record["threads"])
    checkpoints = make_folder(run.folder / "checkpoints")
    last = ModelCheckpoint(checkpoints / "last.safetensors")
    # `last` comes last, so that its file holds what the others know after the epoch
    watching = [History(run.folder / "history.csv"), *callbacks, last]
    if recipe.patience is not None:
        best = ModelCheckpoint(checkpoints / "best.safetensors", "val_accuracy", save_best_only=True)
        watching = [EarlyStopping("val_accuracy", patience=recipe.patience), best, *watching]
    trainer = Trainer(
        recipe,
        training,
        validation,
        seed=record["seed"],
        device=record["device"],
        precision=record["precision"],
        callbacks=watching,
    )
    if (checkpoints / "last.safetensors").exists():
        trainer.load(checkpoints / "last.safetensors")
    trainer.run()
    record |= {
        "epochs": trainer.epoch,
        "kept_epoch": trainer.kept_epoch,
        "stopped": "early" if trainer.stop else "limit",
        "layers": [
            [layer.name, list(layer.shape), layer.parameters] for layer in layer_table(trainer.network)
        ],
        "parameters": count_parameters(trainer.network),
    }
    return trainer


def _save_model(run: Run, trainer: Trainer, validation: Labelled | None) -> None:
    """Fit the temperature and the threshold on the validation images, then write the model file."""
    record = run.record
    if trainer.validation is not None and validation is not None:
        logits = trainer.logits(trainer.validation)
        record["temperature"] = round(fit_temperature(logits, validation.labels), 4)
        confidence = softmax(logits, record["temperature"]).max(1)
        record["thresholds"] = {"confidence": round(threshold_accepting(confidence, share=ACCEPTANCE), 4)}
    model = export(
        trainer.network,
        name=record["recipe"]["name"],
        temperature=record["temperature"],
        thresholds=record["thresholds"],
        recipe={**record["recipe"], "seed": record["seed"], "final": record["final"]},
        data=record["data"],
    )
    write_atomic(run.folder / "model.onnx", model)
    record["model_sha256"] = sha256(model)


def _evaluate(run: Run, validation: Labelled | None) -> None:
    """The saved model, read back from its file, on the validation images and once on the official test
    set."""
    reader = Reader(run.folder, threads=run.record["threads"])
    arrays: dict[str, Any] = {}
    if validation is not None:
        run.results["validation"], probabilities = evaluate(reader, validation)
        arrays |= {"val_labels": validation.labels, "val_probabilities": probabilities}
    if "mnist" in run.record["sets"]:
        test = load_test()
        run.count_opening()
        run.results["test"], probabilities = evaluate(reader, test)
        arrays |= {"labels": test.labels, "probabilities": probabilities}
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    write_atomic(run.folder / "predictions.npz", packed.getvalue())


def _parts(sets: Sequence[str], final: bool) -> tuple[Labelled, Labelled | None]:
    """The training and the validation images of all `sets`; a final training has no validation images."""
    if not sets:
        raise UsageError("Training needs at least one set of digits: --data mnist, for example.")
    if final:
        return _joined([load_set(name, "train") for name in sets]), None
    parts = [split(load_training()) if name == "mnist" else load_set(name, "train").split() for name in sets]
    return Split(_joined([part.train for part in parts]), _joined([part.validation for part in parts]))


def _joined(sets: Sequence[Labelled]) -> Labelled:
    return sets[0] if len(sets) == 1 else combine("+".join(part.name for part in sets), *sets)


class _Clock:
    """Seconds by phase; those of an interrupted run add up."""

    def __init__(self, durations: dict[str, float]) -> None:
        self.durations = durations
        self.began = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.durations[phase] = round(self.durations.get(phase, 0.0) + now - self.began, 3)
        self.began = now
