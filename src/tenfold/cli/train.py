"""`tenfold train`: from a recipe to a saved, evaluated model and its report."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from tenfold.cli.completion import model_names, recipe_names
from tenfold.cli.downloads import fetching
from tenfold.cli.options import Data, Json, Quiet, Threads
from tenfold.cli.output import accuracy, command, emit, message, quoted, result
from tenfold.cli.trainings import FEW_STEPS
from tenfold.errors import ResourceError, UsageError

OPENERS = {"darwin": "open", "win32": "start"}  # xdg-open elsewhere
PARTS = {"validation": "validation images", "test": "official test set"}

Recipe = Annotated[
    str | None,
    typer.Argument(
        metavar="RECIPE",
        help="A recipe by name or file, fast if left out; `tenfold recipes` lists them.",
        show_default=False,
        autocompletion=recipe_names,
    ),
]
Change = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=VALUE",
        help="Train the recipe with another value, such as epochs=60; `tenfold explore fields` lists the "
        "fields. Give it once for each; the recipe is then called RECIPE-changed.",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=0, help="All that is random follows from it; 0 if left out.", show_default=False
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="MODEL",
        help="Begin with the weights of this model: a shipped name, a model file or a run. With no RECIPE it "
        "goes on by that of the model, at a 30th of its learning rate.",
        show_default=False,
        autocompletion=model_names,
    ),
]
Final = Annotated[
    bool,
    typer.Option(
        "--final",
        help="Train on the validation images too; keep the last epoch. Never unsure without --calibration or "
        "--from.",
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option(metavar="RUN", help="With --final: take temperature and thresholds from this run."),
]
Device = Annotated[
    str | None, typer.Option(metavar="NAME", help="cpu, cuda, mps or auto, the default.", show_default=False)
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="fp32, bf16 or auto, the default: bf16 where the processor has it.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The run's folder, absent or empty; runs/RECIPE-SEED if left out.",
        show_default=False,
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option(metavar="RUN", help="Take up this interrupted run instead, with its own settings."),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="With --resume: go on also where versions, images or the recipe have changed."
    ),
]
Track = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write the metrics for TensorBoard too: tensorboard --logdir DIR.",
        show_default=False,
    ),
]


class Command(TyperCommand):
    """Who gives a recipe's field as an option, such as --epochs 3, is told how it is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as slip:  # Typer has a Click of its own, whose error for this it does not export
            option: str = getattr(slip, "option_name", "")
            name = option.strip("-").replace("-", "_")
            if name and _is_field(name):
                raise UsageError(
                    f"{option} is no option but a field of the recipe: --change {name}=VALUE."
                ) from None
            raise


def train(
    recipe: Recipe = None,
    change: Change = None,
    seed: Seed = None,
    data: Data = None,
    start: From = None,
    final: Final = False,
    calibration: Calibration = None,
    device: Device = None,
    precision: Precision = None,
    threads: Threads = None,
    out: Out = None,
    resume: Resume = None,
    force: Force = False,
    track: Track = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train a recipe, then evaluate and save the model.

    The last epoch is kept or, of a recipe with patience such as baseline, the best on the validation images.
    The model is saved, evaluated on the official test set if it learnt from MNIST, and a report is written. A
    training that was interrupted or killed goes on with --resume.
    """
    from tenfold import runs
    from tenfold.errors import need_torch

    need_torch()
    from tenfold.cli.progress import watching
    from tenfold.training.distributed import rank
    from tenfold.training.track import TensorBoard

    # what is left out keeps the default that `runs.train` has
    named = {
        "recipe": _changed(recipe, start, change) if change else recipe,
        "seed": seed,
        "data": data or None,
        "start": start,
        "final": final or None,
        "calibration": calibration,
        "device": device,
        "precision": precision,
        "threads": threads,
        "out": out,
    }
    settings: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if resume is not None and settings:
        left = ", ".join("from" if name == "start" else name for name in settings)
        raise UsageError(f"--resume keeps the run's own settings; leave out: {left}.")
    if force and resume is None:
        raise UsageError("--force goes with --resume RUN.")
    tracking = [] if track is None else [TensorBoard(track)]
    if rank():  # the first of torchrun's processes speaks for all
        quiet, json = True, False
    started: list[runs.Run] = []

    def begun(run: runs.Run) -> None:
        started.append(run)
        for board in tracking:
            board.log_dir = board.log_dir / run.folder.resolve().name
        if resume is not None and not quiet:
            message("\n".join(run.record["resumed"][-1]))
        elif "start" in run.record and not quiet:
            message(f"Beginning with the weights of '{run.record['start']['model']}'.")

    with _told_how_to_go_on(started), fetching(quiet=quiet) as store, watching(quiet) as callbacks:
        watched: dict[str, Any] = {
            "store": store,
            "callbacks": [*callbacks, *tracking],
            "on_start": begun,
        }
        if resume is None:
            run = runs.train(**settings, **watched)
        else:
            run = runs.resume(resume, force=force, **watched)
    if json:
        emit({**run.record, "run": str(run.folder)})
    elif not quiet:
        _closing(run.folder, run.record)


def _is_field(name: str) -> bool:
    from tenfold.errors import need_torch

    need_torch()
    from tenfold.harness.explore.fields import fields_of, short_name
    from tenfold.training.recipes import find_recipe

    return name in map(short_name, fields_of(find_recipe("fast")))


def _changed(recipe: str | None, start: str | None, changes: list[str]) -> Any:
    """The recipe with other values, under a name that says so."""
    from tenfold.harness.explore.fields import read_change
    from tenfold.runs.start import chosen_recipe, read_start
    from tenfold.training.recipes import replace

    if others := [change for change in changes if "=" not in change]:
        raise UsageError(f"--change takes FIELD=VALUE, such as epochs=60, not '{others[0]}'.")
    base = chosen_recipe(recipe, None if start is None else read_start(start))
    return replace(read_change(base, " ".join(changes)).recipe, name=f"{base.name}-changed")


@contextmanager
def _told_how_to_go_on(started: list[Any]) -> Iterator[None]:
    """A training that is interrupted, terminated or out of disk or memory keeps what is saved: say so."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, ResourceError, OSError, MemoryError):
        for run in started:
            saved = any((run.folder / "checkpoints").glob("last-*.safetensors"))
            kept = "What was learnt is saved." if saved else "Nothing was learnt yet."
            message(f"\n{kept} Go on with:\n  {command('train', '--resume', run.folder)}")
        raise


def _closing(folder: Path, record: dict[str, Any]) -> None:
    from tenfold.harness.records.run import calibrated_by
    from tenfold.runs.opening import flattered
    from tenfold.thresholds import fitted_on_few

    ended = {"early": "stopped early", "limit": "reached its last epoch", "last": "kept the last epoch"}
    kept = "" if record["stopped"] == "last" else f"; kept epoch {record['kept_epoch']}"
    epochs = "1 epoch" if record["epochs"] == 1 else f"{record['epochs']} epochs"
    result(f"Trained {epochs} in {record['durations']['train']:.1f} s; {ended[record['stopped']]}{kept}.")
    _tell_of_few_steps(record)
    for part, what in PARTS.items():
        if part in record["results"]:
            found = record["results"][part]
            result(f"{what:>18}: {accuracy(found)}")
            if part == "validation" and "start" in record:
                result(f"{'at first':>18}: {accuracy(record['start']['validation'])}")
            if learnt := record.get("trained_on", {}).get(part):
                message(flattered(learnt, found["count"], found["on"]))
    _tell_of_a_loss(record)
    if (giver := calibrated_by(record)) is not None:
        told = f"are those of '{giver}', fitted with its own weights"
        if not record["thresholds"]:
            told = f"are not fitted, as there are none of '{giver}': it is never unsure"
        message(f"tenfold: Temperature and thresholds {told}.")
    elif few := fitted_on_few(record["counts"]["validation"]):
        message(f"tenfold: {few}")
    message(f"\nThe model is {folder / 'model.onnx'}. Next:")
    sample = folder / "sample.png"
    if sample.exists():
        message("  " + command("predict", sample, "--model", folder))
    message("  " + quoted(OPENERS.get(sys.platform, "xdg-open"), folder / "report.html"))


def _tell_of_a_loss(record: dict[str, Any]) -> None:
    """Whoever names a recipe is given its learning rate, by which much is unlearnt."""
    before, now = (each.get("validation") for each in (record.get("start", {}), record["results"]))
    if before and now["errors"] > before["errors"]:
        start, slower = record["start"]["model"], record["recipe"]["learning_rate"] / 10
        message(
            f"tenfold: It reads these images worse than '{start}', with which it began; learn more slowly, "
            f"--change learning_rate={slower:.2g}, or from more images."
        )


def _tell_of_few_steps(record: dict[str, Any]) -> None:
    steps, epochs = record.get("steps", FEW_STEPS), record["epochs"]
    if steps >= FEW_STEPS or "start" in record:
        return
    few = "1 step is" if steps == 1 else f"{steps} steps are"
    longer = f", or for longer: --change epochs={-(-FEW_STEPS * epochs // steps)}"
    message(
        f"tenfold: {few} few to learn from: train on more images, such as MNIST's besides (--data mnist)"
        f"{'' if record['stopped'] == 'early' else longer}."
    )
