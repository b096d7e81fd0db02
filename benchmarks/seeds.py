"""The accuracy of a recipe: n seeds, each trained and evaluated once; mean, interval and every run.

    python benchmarks/seeds.py baseline --seeds 5          each keeps the epoch that validation images chose
    python benchmarks/seeds.py fast --seeds 10 --final     frozen recipe, all 60,000, last step

Each seed is one `tenfold train` in a process of its own. Its record and its history go to
results/RECIPE[-final]/seed-N.json as soon as it is done; seeds that are there are not trained again, so a
broken-off benchmark goes on where it was. `tenfold train RECIPE --seed N` gives the same bits again on the
same machine.
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
from results import RESULTS, circumstances, load, markdown_table, save, write_table

from tenfold.data import load_test
from tenfold.metrics import t_interval

# Test images whose given label fails human review (Northcutt et al. 2021, votes of 5 people each)
DISPUTED = [947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--final", action="store_true")
    arguments = parser.parse_args()
    name = arguments.recipe + ("-final" if arguments.final else "")
    for seed in range(arguments.seeds):
        if load(f"{name}/seed-{seed}") is None:
            save(f"{name}/seed-{seed}", train(arguments.recipe, seed, arguments.final))
    write_table(f"seeds {name}", table(name))


def train(recipe: str, seed: int, final: bool) -> dict[str, Any]:
    """One run: what its record says, its history, and the test images it gets wrong."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        command = [
            sys.executable,
            "-m",
            "tenfold",
            "train",
            recipe,
            "--seed",
            str(seed),
            "--out",
            str(folder),
        ]
        subprocess.run(
            [*command, "--json", *(["--final"] if final else [])], check=True, stdout=subprocess.DEVNULL
        )
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
    official = [len(r["wrong"]) / 100 for r in records]
    clean = [100 * len(set(r["wrong"]) - set(DISPUTED)) / (10_000 - len(DISPUTED)) for r in records]
    rows = [_row("official 10,000", official), _row("without the 15 disputed labels", clean)]
    head = ["test images", "mean error %", "95 % interval", "sd", "min", "max", "seeds"]
    seconds = sorted(r["train_seconds"] for r in records)
    first = records[0]
    kept = (
        "all 60,000, last step" if first["final"] else "55,000; the epoch that 5,000 validation images chose"
    )
    command = f"python benchmarks/seeds.py {name.removesuffix('-final')} --seeds {len(records)}"
    return "\n\n".join(
        [
            f"### Recipe `{name.removesuffix('-final')}`: {first['parameters']:,} parameters, {kept}",
            markdown_table(head, rows),
            f"Training took {seconds[len(seconds) // 2]:.1f} s (median; {seconds[0]:.1f} to "
            f"{seconds[-1]:.1f}), {first['threads']} threads, {first['precision']}. "
            f"The interval is Student's t over seeds. {circumstances(first)} "
            f"`{command}{' --final' if first['final'] else ''}`",
        ]
    )


def _row(images: str, errors: list[float]) -> list[str]:
    mean = t_interval(errors)
    middle = [f"{mean.mean:.3f}", f"{mean.low:.3f} to {mean.high:.3f}", f"{np.std(errors, ddof=1):.3f}"]
    return [images, *middle, f"{min(errors):.2f}", f"{max(errors):.2f}", str(len(errors))]


if __name__ == "__main__":
    main()
