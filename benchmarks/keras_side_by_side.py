"""The same net in Keras and here, by turns in one run: seconds per epoch, and one picture from a cold start.

    python -m venv keras && keras/bin/pip install keras tensorflow-cpu pillow
    python benchmarks/keras_side_by_side.py --keras keras/bin/python [--rounds 3] [--epochs 5] [--whole]

Epochs have 55,000 training and 5,000 validation images in batches of 128 on both sides. Each round trains
Keras, then Tenfold (bf16 where the processor has it, then fp32), and starts each program fresh on one PNG;
the table has medians. --whole measures only this: the whole program in Keras with its 15 epochs, and
`tenfold train`, from the start of the process to the saved and evaluated model (without the report).
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from results import load, markdown_table, measured, save, write_table

from tenfold.data.mnist import EMBEDDED
from tenfold.runs import train
from tenfold.training.recipes import find_recipe, replace

PEER = Path(__file__).parent / "peers" / "keras_baseline.py"
COLD_STARTS = 5
WHOLE_EPOCHS, WHOLE_ROUNDS = 15, 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keras", required=True, help="the Python of Keras's environment")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--whole", action="store_true")
    arguments = parser.parse_args()
    if arguments.whole:
        save("keras_whole", whole(arguments.keras))
        write_table("keras whole", whole_table())
        return
    seconds: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        for index in range(arguments.rounds):
            one_round(arguments.keras, arguments.epochs, Path(scratch) / str(index), seconds)
    save("keras_side_by_side", {"epochs": arguments.epochs, "seconds": seconds})
    write_table("keras side by side", table(seconds))


def one_round(keras: str, epochs: int, folder: Path, seconds: dict[str, list[float]]) -> None:
    folder.mkdir()
    model = str(folder / "peer.keras")
    peer = output([keras, str(PEER), "train", str(EMBEDDED), model, "--epochs", str(epochs)])
    seconds["epoch, Keras"] += peer["epoch_seconds"][1:]  # the first one compiles
    recipe = replace(find_recipe("baseline"), epochs=epochs)
    for precision in ("auto", "fp32"):
        run = train(recipe, precision=precision, out=folder / precision)
        with open(run.folder / "history.csv", newline="") as file:
            here = [float(row["seconds"]) for row in csv.DictReader(file)]
        seconds[f"epoch, Tenfold {precision}"] += here[1:]
    sample = str(folder / "auto" / "sample.png")
    for _ in range(COLD_STARTS):
        seconds["cold start, Keras"].append(timed([keras, str(PEER), "predict", model, sample]))
        seconds["cold start, Tenfold"].append(timed([sys.executable, "-m", "tenfold", "predict", sample]))


def whole(keras: str) -> dict[str, Any]:
    """Seconds and test accuracy of one Keras program between trainings of `fast`."""
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(WHOLE_ROUNDS):
            if seed == WHOLE_ROUNDS // 2:
                epochs = ["--epochs", str(WHOLE_EPOCHS)]
                peer = output([keras, str(PEER), "train", str(EMBEDDED), f"{scratch}/peer.keras", *epochs])
                found["Keras"].append(peer["wall"])
                found["Keras accuracy"].append(peer["accuracy"])
            folder = Path(scratch) / str(seed)
            command = [sys.executable, "-m", "tenfold", "train", "fast", "--seed", str(seed)]
            wall = timed([*command, "--out", str(folder)])
            run = json.loads((folder / "run.json").read_text())
            report, finished = ((folder / name).stat().st_mtime for name in ("report.html", "run.json"))
            found["Tenfold"].append(wall - (report - finished))  # the report is written last
            found["Tenfold accuracy"].append(run["results"]["test"]["accuracy"])
    return dict(found)


def whole_table() -> str:
    record = load("keras_whole")
    assert record is not None
    keras, ours = record["Keras"][0], median(record["Tenfold"])
    rows = [
        [
            f"Keras, baseline net, {WHOLE_EPOCHS} epochs",
            f"{keras:.1f} s",
            "1",
            f"{record['Keras accuracy'][0]:.2%}",
        ],
        [
            "`tenfold train fast`",
            f"{ours:.1f} s ({min(record['Tenfold']):.1f} to {max(record['Tenfold']):.1f})",
            f"1/{keras / ours:.1f}",
            " ".join(f"{value:.2%}" for value in record["Tenfold accuracy"]),
        ],
    ]
    return "\n\n".join(
        [
            "### The whole program, from its start to the saved and evaluated model",
            markdown_table(["", "wall time", "ratio", "test accuracy"], rows),
            f"One run of Keras between {WHOLE_ROUNDS} of `fast` (55,000 images), of which the median counts; "
            f"the report is left out. {measured(record)}",
        ]
    )


def output(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def table(seconds: dict[str, list[float]]) -> str:
    rows = []
    for what, peer, ours in (
        ("one epoch, precision chosen by the processor", "epoch, Keras", "epoch, Tenfold auto"),
        ("one epoch, fp32", "epoch, Keras", "epoch, Tenfold fp32"),
        ("one PNG from a cold start, whole process", "cold start, Keras", "cold start, Tenfold"),
    ):
        a, b = median(seconds[peer]), median(seconds[ours])
        rows.append([what, f"{a:.2f} s", f"{b:.2f} s", f"{b / a:.2f}"])
    record = load("keras_side_by_side")
    assert record is not None
    return "\n\n".join(
        [
            "### The baseline net beside Keras 3 on TensorFlow, same machine, by turns",
            markdown_table(["", "Keras", "Tenfold", "ratio"], rows),
            f"Medians over {len(seconds['epoch, Keras'])} epochs and {len(seconds['cold start, Keras'])} "
            f"starts; the first epoch of each training is left out. {measured(record)}",
        ]
    )


if __name__ == "__main__":
    main()
