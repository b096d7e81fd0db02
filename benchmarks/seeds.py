"""The accuracy of a recipe: n seeds, each trained and evaluated once; mean, interval and every run.

    python benchmarks/seeds.py baseline --seeds 5          each keeps the epoch that validation images chose
    python benchmarks/seeds.py fast --seeds 10 --final     frozen recipe, all 60,000, last step
    python benchmarks/seeds.py best --seeds 5 --final --keep kept --committee

Each seed is one `tenfold train` in a process of its own. Its record and its history go to
results/RECIPE[-final]/seed-N.json as soon as it is done; seeds that are there are not trained again, so a
broken-off benchmark goes on where it was. `tenfold train RECIPE --seed N` gives the same bits again on the
same machine. With `--keep FOLDER` the runs stay, as FOLDER/RECIPE[-final]/seed-N, and one that was broken off
is resumed. `--committee` measures committees of them too: see committees.py.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from committees import SETS, percent_wrong, sha256_of
from committees import measure as measure_committees
from committees import table as committee_table
from results import RESULTS, circumstances, load, markdown_table, save, write_table

from tenfold.data import load_test
from tenfold.files import sha256
from tenfold.metrics import t_interval


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--threads", type=int, default=0, help="of each training; all cores if left out")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the runs there, with their models")
    parser.add_argument("--committee", action="store_true", help="of the runs in --keep FOLDER")
    arguments = parser.parse_args()
    if arguments.committee and arguments.keep is None:
        parser.error("--committee needs the models: --keep FOLDER")
    name = arguments.recipe + ("-final" if arguments.final else "")
    for seed in range(arguments.seeds):
        kept = None if arguments.keep is None else arguments.keep / name / f"seed-{seed}"
        if not done(load(f"{name}/seed-{seed}"), kept):
            save(f"{name}/seed-{seed}", measure(arguments, seed, kept))
    if arguments.committee:
        join([arguments.keep / name / f"seed-{seed}" for seed in range(arguments.seeds)], name)
    write_table(f"seeds {name}", table(name))


def join(runs: list[Path], name: str) -> None:
    """Measure the committee of `runs`, unless that was done: the test set is opened once for it."""
    record = load(f"{name}/committee")
    if record is None or record["members"] != [sha256_of(run) for run in runs]:
        shas = "".join(sha256_of(run) for run in runs).encode()
        folder = runs[0].parent / f"committee-{sha256(shas)[:8]}"
        save(f"{name}/committee", measure_committees(runs, folder))


def done(record: dict[str, Any] | None, kept: Path | None) -> bool:
    """Whether the seed is recorded, and the model that the record is of is kept where one is to be."""
    if record is None or kept is None:
        return record is not None
    model = kept / "model.onnx"
    return model.exists() and sha256(model.read_bytes()) == record["model_sha256"]


def measure(asked: argparse.Namespace, seed: int, kept: Path | None) -> dict[str, Any]:
    """One run, in the folder `kept` or in one that is thrown away: its record."""
    options = ["--final"] if asked.final else []
    if asked.threads:
        options += ["--threads", str(asked.threads)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = kept or Path(scratch) / "run"
        train([asked.recipe, "--seed", str(seed), *options], folder)
        return record_of(folder)


def train(arguments: list[str], folder: Path) -> None:
    """A finished run in `folder`: trained, resumed, or there already."""
    if (folder / "run.json").exists():
        if json.loads((folder / "run.json").read_text())["status"] == "finished":
            return
        arguments = ["--resume", str(folder)]
    else:
        arguments = [*arguments, "--out", str(folder)]
    command = [sys.executable, "-m", "tenfold", "train", *arguments, "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def record_of(folder: Path) -> dict[str, Any]:
    """What the run's own record says, its history, and the test images it gets wrong."""
    record = json.loads((folder / "run.json").read_text())
    answers = np.load(folder / "predictions.npz")
    with open(folder / "history.csv", newline="") as file:
        history = list(csv.DictReader(file))
    wrong = np.flatnonzero(answers["probabilities"].argmax(1) != load_test().labels).tolist()
    kept = (
        "seed",
        "final",
        "threads",
        "precision",
        "epochs",
        "kept_epoch",
        "stopped",
        "parameters",
        "model_sha256",
    )
    return {
        **{key: record[key] for key in kept},
        "train_seconds": record["durations"]["train"],
        "results": record["results"],
        "wrong": wrong,
        "history": history,
    }


def table(name: str) -> str:
    """Of all seeds that are there: mean, standard deviation, t interval, extremes, n; and the clean 9,985."""
    paths = sorted((RESULTS / name).glob("seed-*.json"), key=lambda path: int(path.stem.split("-")[1]))
    records = [json.loads(path.read_text()) for path in paths]
    rows = [
        _row(images, [percent_wrong(r["wrong"], left_out) for r in records])
        for images, left_out in SETS.items()
    ]
    head = ["test images", "mean error %", "95 % interval", "sd", "min", "max", "seeds"]
    seconds = sorted(r["train_seconds"] for r in records)
    first = records[0]
    kept = (
        "all 60,000, last step" if first["final"] else "55,000; the epoch that 5,000 validation images chose"
    )
    command = f"python benchmarks/seeds.py {name.removesuffix('-final')} --seeds {len(records)}"
    committees = load(f"{name}/committee")
    return "\n\n".join(
        [
            f"### Recipe `{name.removesuffix('-final')}`: {first['parameters']:,} parameters, {kept}",
            markdown_table(head, rows),
            *(
                []
                if committees is None
                else ["The mean of their probabilities:", committee_table(committees)]
            ),
            f"Training took {seconds[len(seconds) // 2]:.1f} s (median; {seconds[0]:.1f} to "
            f"{seconds[-1]:.1f}), threads: {first['threads']}, {first['precision']}. "
            f"The interval is Student's t over seeds. {circumstances(first)} "
            f"`{command}{' --final' if first['final'] else ''}"
            f"{' --threads 1' if first['threads'] == 1 else ''}"
            f"{' --keep FOLDER --committee' if committees else ''}`",
        ]
    )


def _row(images: str, errors: list[float]) -> list[str]:
    mean = t_interval(errors)
    middle = [f"{mean.mean:.3f}", f"{mean.low:.3f} to {mean.high:.3f}", f"{np.std(errors, ddof=1):.3f}"]
    return [images, *middle, f"{min(errors):.2f}", f"{max(errors):.2f}", str(len(errors))]


if __name__ == "__main__":
    main()
