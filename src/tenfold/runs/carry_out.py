"""One run from its record to a finished folder: load, train, calibrate, export, evaluate, report.

The order is the system's: the best model is saved first, then read back from its file and evaluated. What was
measured is then added to the file, whose weights and answers stay the same.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.data import Store, load_test
from tenfold.data.labelled import Labelled
from tenfold.data.parts import Parts, checksums, counts, load_parts, load_whole, parts_of
from tenfold.environment import differences
from tenfold.errors import DiskError, RunError
from tenfold.files import make_folder, sha256, write_atomic
from tenfold.harness.evaluate import evaluate
from tenfold.harness.records.arrays import pack_arrays
from tenfold.harness.records.lock import claimed
from tenfold.harness.records.run import Run
from tenfold.metrics import fit_temperature
from tenfold.model import Model, parse_model
from tenfold.reading.looks import HEARD, SECOND_LOOK, SECOND_OPINION, SURE
from tenfold.reading.reader import Reader
from tenfold.runs.calibration import kept
from tenfold.runs.page import write_page
from tenfold.runs.record import ACCEPTANCE, Clock, OnStart, new_folder, stated
from tenfold.runs.start import START, keep_start, learnt_from, marks_of_start, start_of
from tenfold.runs.trainer import set_out, stopping, trainer_of
from tenfold.thresholds import FEW, fit_thresholds
from tenfold.training.backup import Backup, Found, newest
from tenfold.training.callbacks import Callback, History, ModelCheckpoint, epoch_seconds
from tenfold.training.distributed import joined
from tenfold.training.export import export
from tenfold.training.interruption import Interruption
from tenfold.training.lesson import lesson
from tenfold.training.loop import Examples, Trainer, torch_as_it_was
from tenfold.training.networks import count_parameters, layer_table
from tenfold.training.recipes import Recipe, replace
from tenfold.training.state import listed

CHECKPOINTS = "checkpoints"
DRAWN = "drawn"  # the pictures that a recipe draws, as long as the run is not finished
SET = ("recipe", "seed", "precision", "threads")  # what a record and a checkpoint both say


def begin(
    record: dict[str, Any],
    start: Model | None,
    out: str | Path | None,
    name: str,
    *,
    store: Store | None,
    callbacks: Sequence[Callback],
    on_start: OnStart | None,
) -> Run:
    """A new run, which begins with the model `start` if there is one. Its images come before its folder, so
    that a mistyped set leaves nothing behind."""
    clock = Clock(record["durations"])
    whole = load_whole(record["sets"], store)
    parts = parts_of(record["sets"], whole, final=record["final"])
    clock.lap("load")
    record["data"] = checksums(parts)
    record["counts"] = counts(parts)
    run = Run(new_folder(out, name), record)
    _note(record, callbacks)
    with claimed(run.folder):
        if start is not None:
            keep_start(run.folder, start, whole)
        run.save()
        return carry_out(run, parts, start, clock, callbacks, on_start)


def go_on(
    run: Run,
    changed: Mapping[str, tuple[Any, Any]],
    *,
    force: bool,
    store: Store | None,
    callbacks: Sequence[Callback],
    on_start: OnStart | None,
) -> Run:
    """An interrupted run, from its newest sound checkpoint if it has one.

    `changed` says what is not as it was of versions and machine; images and settings are compared here.
    Raises RunError where anything changed, unless `force`.
    """
    clock = Clock(run.record["durations"])
    start = start_of(run)
    found = newest(run.folder / CHECKPOINTS)
    parts = load_parts(run.record["sets"], final=run.record["final"], store=store)
    clock.lap("load")
    changed = {**changed, **dict(differences({"data": run.record["data"]}, {"data": checksums(parts)}))}
    if found is not None:
        changed |= dict(differences(*({key: tree[key] for key in SET} for tree in (found.tree, run.record))))
    if changed and not force:
        raise RunError(
            f"Going on with '{run.folder}' would not give the same model: {listed(changed)}. "
            "--force goes on all the same."
        )
    if found is None:
        notes = ["Begun anew, as nothing was learnt yet."]
    else:
        notes = [*found.damaged, f"Taken up after step {found.tree['step']:,}."]
        clock.durations["train"] = max(clock.durations.get("train", 0.0), _spent(run, found))
    if changed:
        notes.append(f"Not the same training any more: {listed(changed)}.")
        run.record |= {"data": checksums(parts), "counts": counts(parts)}
    run.record.setdefault("resumed", []).append(notes)
    _note(run.record, callbacks)
    run.save()
    return carry_out(run, parts, start, clock, callbacks, on_start, found, force=bool(changed))


@torch_as_it_was()
def carry_out(
    run: Run,
    parts: Parts,
    start: Model | None,
    clock: Clock,
    callbacks: Sequence[Callback],
    on_start: OnStart | None,
    found: Found | None = None,
    *,
    force: bool = False,
) -> Run:
    """Train, calibrate, save, evaluate and report, from the checkpoint that was found if there is one."""
    if on_start is not None:
        on_start(run)
    _, validation = parts
    trainer = _train(run, parts, start, clock, callbacks, found, force=force)
    if validation is not None:
        _calibrate(run, trainer, start, validation)
    _save_model(run, trainer)
    clock.lap("export")
    test = load_test() if "mnist" in run.record["sets"] else None
    _evaluate(run, parts, start, test)
    learnt = run.record.get("trained_on", {})  # a model file states no figure that flatters it
    _save_model(run, trainer, {part: found for part, found in run.results.items() if not learnt.get(part)})
    clock.lap("evaluate")
    run.record["status"] = "finished"
    run.save()
    close(run, validation if test is None else test)
    return run


def close(run: Run, images: Labelled | None) -> None:
    """What is left to do for a run that is recorded as finished. The report comes last."""
    shutil.rmtree(run.folder / DRAWN, ignore_errors=True)
    write_page(run, images)


def _train(
    run: Run,
    parts: Parts,
    start: Model | None,
    clock: Clock,
    callbacks: Sequence[Callback],
    found: Found | None,
    *,
    force: bool,
) -> Trainer:
    record = run.record
    recipe = Recipe.from_dict(record["recipe"])
    training, validation = parts
    taught = lesson(training, recipe, record["seed"], run.folder / DRAWN, record["threads"])
    if taught is not training:
        clock.lap("render")
    with joined(record["device"]) as group, Interruption() as interruption:
        backup = Backup(
            make_folder(run.folder / CHECKPOINTS), interruption, after=None if found is None else found.path
        )
        watching = [*_watching(run, recipe), *callbacks, backup]
        trainer = trainer_of(record, taught, validation, watching, group)
        set_out(trainer, start, found, force=force)
        if found is not None and force:
            backup.restart(trainer)
        try:
            trainer.run()
        except BaseException:
            clock.lap("train")
            with suppress(DiskError):  # a disk that is full was met before, and that is what to tell
                run.save()
            raise
    clock.lap("train")
    record |= _outcome(trainer)
    run.save()
    return trainer


def _note(record: dict[str, Any], callbacks: Sequence[Callback]) -> None:
    """The names of the user's own callbacks, which a run that is repeated does not have."""
    names = [
        type(each).__name__ for each in callbacks if not type(each).__module__.startswith("tenfold.cli.")
    ]
    if names:
        record["callbacks"] = sorted({*record.get("callbacks", ()), *names})


def _watching(run: Run, recipe: Recipe) -> list[Callback]:
    watching = stopping(recipe)
    if watching:
        in_template = Path(str(run.folder / CHECKPOINTS).replace("{", "{{").replace("}", "}}"))
        best = ModelCheckpoint(in_template / "best.safetensors", "val_accuracy", save_best_only=True)
        watching.append(best)
    return [*watching, History(run.folder / "history.csv")]


def _outcome(trainer: Trainer) -> dict[str, Any]:
    chosen = trainer.recipe.patience is not None or trainer.kept_epoch < trainer.epoch
    return {
        "epochs": trainer.epoch,
        "steps": trainer.step,
        "kept_epoch": trainer.kept_epoch,
        "stopped": "early" if trainer.stop else "limit" if chosen else "last",
        "layers": [[row.name, list(row.shape), row.parameters] for row in layer_table(trainer.network)],
        "parameters": count_parameters(trainer.network),
    }


def _calibrate(run: Run, trainer: Trainer, start: Model | None, validation: Labelled) -> None:
    """Fit the temperature on validation images as the recipe sees digits, the thresholds on them alone; of
    few that the model it began with had not learnt, keep that model's."""
    if start is not None:
        others = ~np.isin(validation.marks, marks_of_start(run, start))
        if others.sum() < FEW:
            run.record |= kept(start, run.record)
            return
        validation = validation.take(others, validation.name)
    recipe = replace(trainer.recipe, views=min(1, trainer.recipe.views), nondigits=0)
    seen = lesson(validation, recipe, run.record["seed"], processes=run.record["threads"])
    logits = trainer.logits(Examples(seen, trainer.device))
    run.record["temperature"] = round(fit_temperature(logits, seen.labels), 4)
    # what learns from MNIST alone is not helped
    thresholds = {SECOND_LOOK: SURE, SECOND_OPINION: HEARD} if recipe.views else {}
    run.record["thresholds"] = thresholds
    reader = Reader.of(parse_model(_model(run, trainer), str(run.folder)), threads=run.record["threads"])
    thresholds |= fit_thresholds(
        reader.probabilities(validation.images), share=ACCEPTANCE, spreads=trainer.recipe.nondigits > 0
    )


def _save_model(run: Run, trainer: Trainer, measured: Mapping[str, Any] | None = None) -> None:
    model = _model(run, trainer, measured)
    write_atomic(run.folder / "model.onnx", model)
    run.record["model_sha256"] = sha256(model)


def _model(run: Run, trainer: Trainer, measured: Mapping[str, Any] | None = None) -> bytes:
    record = run.record
    return export(
        trainer.network,
        name=record["recipe"]["name"],
        temperature=record["temperature"],
        thresholds=record["thresholds"],
        recipe={**record["recipe"], "seed": record["seed"], "final": record["final"], **_began(record)},
        data=learnt_from(record),
        measured={part: stated(result) for part, result in (measured or {}).items()},
    )


def _began(record: Mapping[str, Any]) -> dict[str, str]:
    return {START: record[START]["model_sha256"]} if START in record else {}


def _evaluate(run: Run, parts: Parts, start: Model | None, test: Labelled | None) -> None:
    """The saved model, read back from its file, on the validation images and once on the test set; and how
    many of those are training images as well, which MNIST alone has none of."""
    reader = Reader(run.folder, threads=run.record["threads"])
    arrays: dict[str, Any] = {}
    training, validation = parts
    if run.record["sets"] != ["mnist"] or start:
        learnt = training.marks
        if start is not None:
            learnt = np.union1d(learnt, marks_of_start(run, start))
        measured = [(part, data) for part, data in (("validation", validation), ("test", test)) if data]
        run.record["trained_on"] = {p: int(np.isin(d.marks, learnt).sum()) for p, d in measured}
        arrays["trained_on"] = learnt
    if validation is not None:
        run.results["validation"], probabilities = evaluate(reader, validation)
        arrays |= {"val_labels": validation.labels, "val_probabilities": probabilities}
        if start is not None:
            before = evaluate(Reader(run.folder / START, threads=run.record["threads"]), validation)[0]
            run.record[START]["validation"] = stated(before)
    if test is not None:
        run.count_opening()
        run.results["test"], probabilities = evaluate(reader, test)
        arrays |= {"labels": test.labels, "probabilities": probabilities}
    write_atomic(run.folder / "predictions.npz", pack_arrays(arrays))


def _spent(run: Run, found: Found) -> float:
    """Seconds of training up to the checkpoint, as far as a process that was killed has left them."""
    epochs = epoch_seconds(run.folder / "history.csv").items()
    return float(found.tree["seconds"]) + sum(s for epoch, s in epochs if epoch <= found.tree["epoch"])
