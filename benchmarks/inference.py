"""How many digits a second each shipped model classifies, and how long one takes: the network alone.

    python -m venv keras && keras/bin/pip install keras tensorflow-cpu pillow
    python -m venv openvino && openvino/bin/pip install openvino
    python benchmarks/inference.py --keras keras/bin/python --openvino openvino/bin/python [--rounds 5]

Beside Keras `predict` on the baseline net, and OpenVINO on our own files; by turns in one run, medians over
the rounds. "at once" is `Reader.probabilities` of the 10,000 test images on all cores; the batches are calls
of one ONNX Runtime session on one core. Peers left out leave their column out.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from results import load, markdown_table, measured, save, write_table

from tenfold import Reader
from tenfold.data import load_test
from tenfold.data.mnist import EMBEDDED
from tenfold.data.preprocess import preprocess
from tenfold.model import list_models, open_session, resolve
from tenfold.onnx_check import INPUT, OUTPUTS

PEERS = Path(__file__).parent / "peers"
BATCHES = (1, 16, 32, 64, 256, 1000)
SINGLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keras", help="the Python of Keras's environment")
    parser.add_argument("--openvino", help="the Python of OpenVINO's environment")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(options.rounds):
        if options.keras:
            keras(options.keras, found)
        for name in list_models():
            ours(name, found)
            if options.openvino:
                command = [options.openvino, str(PEERS / "openvino_reader.py"), str(resolve(name))]
                found[f"{name} openvino"].append(output(command)["per_second"])
    save("inference", {"rounds": options.rounds, "found": {key: median(v) for key, v in found.items()}})
    write_table("inference", table())


def ours(name: str, found: dict[str, list[float]]) -> None:
    """One round of one model: images a second at once and by batch, and the milliseconds of one image."""
    pictures = load_test().images
    reader = Reader(name)
    reader.probabilities(pictures)
    found[f"{name} at once"].append(per_second(lambda: reader.probabilities(pictures), len(pictures)))
    session, ready = open_session(reader.model), preprocess(pictures)
    for batch in BATCHES:
        some = ready[: min(len(ready), 100 * batch)]
        calls = [some[start : start + batch] for start in range(0, len(some), batch)]

        def run(calls: list[Any] = calls) -> None:
            for call in calls:
                session.run(OUTPUTS, {INPUT: call})

        run()
        found[f"{name} batch {batch}"].append(per_second(run, len(some)))
    times = []
    for index in range(SINGLES):
        began = time.perf_counter()
        session.run(OUTPUTS, {INPUT: ready[index : index + 1]})
        times.append(1e3 * (time.perf_counter() - began))
    for share in (50, 99):
        found[f"{name} p{share}"].append(float(np.percentile(times, share)))


def per_second(run: Any, images: int) -> float:
    began, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < 0.5:
        run()
        done += images
    return done / spent


def keras(python: str, found: dict[str, list[float]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        model = str(Path(scratch) / "peer.keras")
        command = [python, str(PEERS / "keras_baseline.py"), "train", str(EMBEDDED), model, "--epochs", "1"]
        peer = output(command)
    found["keras at once"].append(peer["predict_per_second"])
    found["keras p50"].append(peer["predict_one_ms"])


def output(command: list[str]) -> Any:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def table() -> str:
    record = load("inference")
    assert record is not None
    found: dict[str, float] = record["found"]
    names = [name for name in list_models() if f"{name} at once" in found]
    has_openvino = any(key.endswith("openvino") for key in found)
    base = found.get("keras at once")
    head = ["model", "parameters", "at once, images/s", "beside Keras", "one image, p50 / p99 ms"]
    rows = []
    for name in names:
        at_once = found[f"{name} at once"]
        rows.append(
            [
                f"`{name}`",
                f"{Reader(name).metadata.parameters:,}",
                f"{at_once:,.0f}",
                f"{at_once / base:.1f}" if base else "",
                f"{found[f'{name} p50']:.3f} / {found[f'{name} p99']:.3f}",
                *(f"{found[f'{name} batch {batch}']:,.0f}" for batch in BATCHES),
                *([f"{found[f'{name} openvino']:,.0f}"] if has_openvino else []),
            ]
        )
    if base:
        blank = [""] * (len(BATCHES) + has_openvino)
        rows.append(
            [
                "Keras `predict`, baseline net",
                "34,826",
                f"{base:,.0f}",
                "1.0",
                f"{found['keras p50']:.1f}",
                *blank,
            ]
        )
    rounds = "One round." if record["rounds"] == 1 else f"Medians of {record['rounds']} rounds, by turns."
    head += [f"batch {batch}, one core" for batch in BATCHES] + ["OpenVINO, all cores"] * has_openvino
    return "\n\n".join(
        [
            "### Classifying ready 28 x 28 pictures: the network alone",
            markdown_table(head, rows),
            f"{rounds} Keras predicts in batches of 256. {measured(record)}",
        ]
    )


if __name__ == "__main__":
    main()
