"""`tenfold train`: from a recipe to a saved, evaluated model and its report."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tenfold.cli.output import Json, Quiet, Threads, accuracy, emit, message, program

DEFAULT_RECIPE = "baseline"


def train(
    recipe: Annotated[
        str, typer.Argument(help="Which recipe; `tenfold recipes` lists them.")
    ] = DEFAULT_RECIPE,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 0,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Digits to train on: mnist, another set or a path. Give it twice to join sets.",
            show_default="mnist",
        ),
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Train on the validation images too, and keep the last epoch.")
    ] = False,
    calibration: Annotated[
        Path | None, typer.Option(help="With --final: the run whose temperature and thresholds are taken.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="auto (bf16 where the processor multiplies it natively), fp32 or bf16.")
    ] = "auto",
    threads: Threads = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; absent or empty.", show_default="runs/RECIPE-SEED")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Take up this interrupted run instead; its own settings hold.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train a recipe on MNIST, keep the best model, evaluate it on the official test set, and write a
    report."""
    from tenfold import runs

    runs.need_torch()
    from tenfold.cli.progress import watchers

    if resume is not None:
        run = runs.resume(resume, callbacks=watchers(quiet))
    else:
        run = runs.train(
            recipe,
            seed=seed,
            data=data or ["mnist"],
            final=final,
            calibration=calibration,
            device=device,
            threads=threads,
            precision=runs.parse_precision(precision),
            out=out,
            callbacks=watchers(quiet),
        )
    runs.write_report(run)
    if json:
        emit({**run.record, "run": str(run.folder)})
    elif not quiet:
        _closing(run.folder, run.record)


def _closing(folder: Path, record: dict[str, Any]) -> None:
    seconds = record["durations"]["train"]
    ended = "stopped early" if record["stopped"] == "early" else "reached its last epoch"
    message(
        f"Trained {record['epochs']} epochs in {seconds:.1f} s; {ended}; kept epoch {record['kept_epoch']}."
    )
    for on, what in (("validation", "validation images"), ("test", "official test set")):
        if on in record["results"]:
            message(f"{what:>18}: {accuracy(record['results'][on])}")
    message(f"""
The model is {folder / "model.onnx"}. Next:
  {program()} predict {folder / "sample.png"} --model {folder}
  {_opener()} {folder / "report.html"}""")


def _opener() -> str:
    import sys

    return {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")
