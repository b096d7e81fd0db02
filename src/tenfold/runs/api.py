"""What is done with runs: train, resume, reproduce, evaluate, report."""

import operator
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold import __version__
from tenfold.environment import machine, versions
from tenfold.errors import RunError, UsageError, need_torch
from tenfold.files import exists, sweep
from tenfold.harness.records.lock import claimed
from tenfold.harness.records.run import FORMAT, Run
from tenfold.runs.record import OnStart, check_free, differences

if TYPE_CHECKING:
    from tenfold.data import Labelled, Store
    from tenfold.data.parts import Sets
    from tenfold.training.callbacks import Callback
    from tenfold.training.recipes import Recipe

SETTINGS = (
    "recipe",
    "seed",
    "sets",
    "final",
    "threads",
    "precision",
    "temperature",
    "thresholds",
    "calibration",
    "start",
)


def train(
    recipe: "str | Path | Recipe | None" = None,
    *,
    seed: int = 0,
    data: "Sets" = ("mnist",),
    final: bool = False,
    calibration: str | Path | None = None,
    start: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    precision: str = "auto",
    out: str | Path | None = None,
    store: "Store | None" = None,
    callbacks: "Sequence[Callback]" = (),
    on_start: OnStart | None = None,
) -> Run:
    """Train a recipe, save its model, evaluate it and write its report; the finished run, with its figures in
    `results["validation"]` and, where it learnt from MNIST, `results["test"]`.

    `recipe` is one, or the name or file of one; None is that of the model to `start` from, or `fast`. `data`
    names one or more sets ("mnist", another set, a path), each parted into training and validation images.
    `final` trains on both parts, keeps the last epoch, and takes temperature and thresholds from the run
    folder `calibration`, which is of the same recipe, sets and start. `start` is a model (shipped name, file
    or run folder) whose weights the training begins with.
    `device` is auto, cpu, cuda or mps; `threads` defaults to the cores at hand; `precision` is fp32, bf16 or
    auto: bf16 where the processor multiplies it natively. `out` must be absent or empty (None: the next free
    runs/RECIPE-SEED). `on_start` is given the run once its folder is there. Whatever is wrong with an
    argument is raised before that.

    Begun by torchrun, the processes train together, and the first alone writes and has the `callbacks`, one
    of which may stop them all; what the others return has no folder and no results.
    """
    need_torch()
    from tenfold.data.parts import names_of
    from tenfold.harness.estimates.trainings import check_threads
    from tenfold.runs.calibration import calibration as taken_calibration
    from tenfold.runs.carry_out import begin
    from tenfold.runs.follow import follow
    from tenfold.runs.start import chosen_recipe, read_start, started
    from tenfold.training.callbacks import check_callbacks
    from tenfold.training.distributed import own_cores, processes, rank
    from tenfold.training.recipes import replace

    if not rank():
        check_free(out)
        check_callbacks(callbacks, validated=not final)

    model = None if start is None else read_start(start)
    chosen = chosen_recipe(recipe, model)
    if final:
        chosen = replace(chosen, patience=None)
    threads = own_cores() if threads is None else _whole("number of threads", threads)
    check_threads("A training", threads)
    sets = names_of(data)
    begun = started(model, chosen)
    settings = {
        "recipe": chosen.to_dict(),
        "seed": _whole("seed", seed),
        "sets": sets,
        "final": final,
        "threads": threads,
        "precision": precision,
        **({"processes": processes()} if processes() > 1 else {}),
        **begun,
        **taken_calibration(calibration, chosen, {"sets": sets, **begun}, model, final=final),
    }
    record = _record(settings, device)
    if rank():
        follow(record, model, store)
        return Run(Path(), record)
    return begin(
        record,
        model,
        out,
        f"{chosen.name}-{seed}",
        store=store,
        callbacks=callbacks,
        on_start=on_start,
    )


def resume(
    folder: str | Path,
    *,
    force: bool = False,
    store: "Store | None" = None,
    callbacks: "Sequence[Callback]" = (),
    on_start: OnStart | None = None,
) -> Run:
    """Take up a run that was interrupted or killed, from the last state that it saved: 30 s before at most.

    The model comes out as that of a run that never stopped, bit for bit. Raises RunError if the run is
    finished, or where the model would come out otherwise: with other versions, another processor, other
    images or a changed recipe. `force` goes on all the same; the record's `resumed` then says what changed.
    """
    need_torch()
    from tenfold.runs.carry_out import CHECKPOINTS, close, go_on
    from tenfold.runs.follow import follow
    from tenfold.runs.page import find_images
    from tenfold.runs.start import start_of
    from tenfold.training.backup import newest
    from tenfold.training.callbacks import check_callbacks
    from tenfold.training.devices import find_device
    from tenfold.training.distributed import processes, rank

    run = Run.load(folder)
    check_callbacks(callbacks, validated=not run.record["final"])
    if rank():
        follow(run.record, start_of(run), store, newest(run.folder / CHECKPOINTS))
        return run
    run.check_sets()
    with claimed(run.folder):
        for place in (run.folder, run.folder / CHECKPOINTS):
            sweep(place, older_than=0)
        if run.finished and exists(run.folder / "report.html"):
            raise RunError(f"The run '{folder}' is finished; there is nothing to resume.")
        if run.finished:  # but killed before its report was there
            close(run, find_images(run))
            return run
        changed = {
            name: values
            for name, values in differences(run.record, _facts(find_device(run.record["device"])))
            if name.startswith("versions.") or name in ("tenfold", "machine.processor")
        }
        if run.record.get("processes", 1) != processes():
            changed["processes"] = (run.record.get("processes", 1), processes())
        return go_on(run, changed, force=force, store=store, callbacks=callbacks, on_start=on_start)


def reproduce(
    folder: str | Path, out: str | Path | None = None, *, callbacks: "Sequence[Callback]" = ()
) -> Run:
    """Repeat a finished run with its own recipe, seed, data, threads and precision, in a folder of its own.
    Callbacks of its own, which its record's `callbacks` names, are not repeated.

    The new record's `reproduces` says of which `run`, whether the model files are `identical`, and what
    `differs` (name -> [before, now]) in versions, machine, device, processes, data and results. It is
    repeated by one process: begun by torchrun, it raises UsageError.
    """
    need_torch()
    from tenfold.training.distributed import processes

    if processes() > 1:
        raise UsageError("A run is repeated by one process; give the command without torchrun.")
    check_free(out)
    from tenfold.runs.carry_out import begin
    from tenfold.runs.start import start_of
    from tenfold.training.callbacks import check_callbacks

    first = Run.load(folder)
    check_callbacks(callbacks, validated=not first.record["final"])
    first.check_finished()
    first.check_sets()
    old = first.record
    record = _record({key: old[key] for key in SETTINGS if key in old}, old["device"])
    name = f"{first.folder.resolve().name}-again"
    second = begin(record, start_of(first), out, name, store=None, callbacks=callbacks, on_start=None)
    second.record["reproduces"] = {
        "run": str(first.folder),
        "identical": old["model_sha256"] == second.record["model_sha256"],
        "differs": {name: [before, now] for name, (before, now) in differences(old, second.record)},
    }
    second.save()
    return second


def evaluate(
    model: str | Path | None = None,
    on: "str | Path | Labelled" = "mnist",
    *,
    threads: int | None = None,
    store: "Store | None" = None,
) -> dict[str, Any]:
    """How well a model (shipped name, file or run folder; None: the shipped default) reads the set `on`: one
    at hand, such as `load_mnist().test`, or the name or path of one.

    What comes back has `accuracy`, `errors`, `count`, `interval` (Wilson, 95 %) and more, as
    `harness.evaluate` says, and `trained_on`, how many of these images the model learnt from; of a
    labels.csv with the column `digits` it has `exact`, `digit_error_rate` and what else `harness.pages`
    gives. Where the model is a run's and `on` the official test set, the run's record counts the opening.
    """
    from tenfold.data import Labelled
    from tenfold.harness.evaluate import evaluate as measure
    from tenfold.harness.pages import evaluate_pages, rows_of_pages
    from tenfold.reading.reader import Reader
    from tenfold.runs.opening import open_set, trained_on

    reader = Reader(model, threads=threads)
    if not isinstance(on, Labelled) and (pages := rows_of_pages(on)) is not None:
        return evaluate_pages(reader, pages, str(on))
    data = open_set(on, model, store)
    return {**measure(reader, data)[0], "trained_on": trained_on(model, reader.metadata, data)}


def write_report(run: Run) -> Path:
    """Write report.html and sample.png, a digit to try the model on, into the folder of a finished run.

    Raises RunError where it did not finish, and where a report is there whose pictures are not to be had now.
    """
    from tenfold.runs.page import find_images, write_page

    run.check_finished()
    images = find_images(run)
    if images is None and run.results and exists(run.folder / "report.html"):
        raise RunError(
            f"The pictures of {' and '.join(run.record['sets'])} are not where they were or have changed, so "
            f"'{run.folder / 'report.html'}' is kept; put them back, or write one without them: --out PAGE."
        )
    return write_page(run, images)


def _whole(name: str, value: int) -> int:
    """As an int, which a record can hold, also of numpy's integers."""
    try:
        return operator.index(value)
    except TypeError:
        raise UsageError(f"The {name} of a training is a whole number, not {value!r}.") from None


def _record(settings: Mapping[str, Any], device: str) -> dict[str, Any]:
    """A new record with no results yet. Raises UsageError for a device or a precision that is not there."""
    import torch

    from tenfold.training.devices import find_device, find_precision

    where = find_device(device)
    return {
        "format": FORMAT,
        "status": "training",
        **settings,
        "precision": find_precision(settings["precision"], torch.device(where)),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        **_facts(where),
        "durations": {},
        "results": {},
        "test_openings": 0,
    }


def _facts(device: str) -> dict[str, Any]:
    return {"tenfold": __version__, "device": device, "machine": machine(), "versions": versions()}
