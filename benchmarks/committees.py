"""Committees of a recipe's seeds on the test set: the one of all, and the mean over all of three.

    found = measure([Path("kept/best-final/seed-0"), ...], Path("kept/best-final/committee"))

The one of all is the model file that `tenfold committee` writes; it opens the test set once, and its record
counts that. Those of three are means of what the runs answered when they were evaluated: they open nothing.
Their mean is over all there are: none is chosen.
"""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from results import markdown_table

from tenfold.data import load_test
from tenfold.metrics import wilson
from tenfold.reading import Reader
from tenfold.runs.committee import Committee, committee
from tenfold.runs.opening import open_set

FEW = 3
# Test images whose given label fails human review (Northcutt et al. 2021, votes of 5 people each)
DISPUTED = [947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729]
SETS: dict[str, list[int]] = {"official 10,000": [], "without the 15 disputed labels": DISPUTED}


def percent_wrong(wrong: list[int], left_out: list[int]) -> float:
    """Of the 10,000 test images without those that are `left_out`."""
    return 100 * len(set(wrong) - set(left_out)) / (10_000 - len(left_out))


def sha256_of(run: Path) -> str:
    return str(json.loads((run / "run.json").read_text())["model_sha256"])


def measure(runs: list[Path], folder: Path) -> dict[str, Any]:
    """The record of the committee of all `runs`, made in `folder`, and of all committees of FEW of them."""
    there = (folder / "committee.json").exists()  # of a measurement that was broken off
    made = Committee.load(folder) if there else committee(runs, name=folder.parent.name, out=folder)
    test = open_set("mnist", folder)
    answers = Reader(folder).probabilities(test.images)
    saved = [np.load(run / "predictions.npz")["probabilities"] for run in runs]
    difference = float(np.abs(answers - np.mean(saved, axis=0)).max())
    if made.record["temperature"] == 1 and difference > 1e-4:
        raise SystemExit(f"The committee is not the mean of its members: off by {difference:g}.")
    return {
        "members": [sha256_of(run) for run in runs],
        "parameters": made.record["parameters"],
        "model_sha256": made.record["model_sha256"],
        "wrong": _wrong(answers),
        "few": [
            {"of": chosen, "wrong": _wrong(np.mean([saved[seed] for seed in chosen], axis=0))}
            for chosen in combinations(range(len(runs)), FEW)
            if len(runs) > FEW
        ],
    }


def table(record: dict[str, Any]) -> str:
    """The one of all with Wilson's interval over images; the mean of those of FEW, and their range."""
    count, few = len(record["members"]), record["few"]
    rows = []
    for images, left_out in SETS.items():
        error = percent_wrong(record["wrong"], left_out)
        total = 10_000 - len(left_out)
        low, high = wilson(round(error * total / 100), total)
        interval = f"{100 * low:.3f} to {100 * high:.3f}"
        rows.append([f"committee of {count}", images, f"{error:.3f}", interval, "-", "1"])
    for images, left_out in SETS.items() if few else ():
        errors = [percent_wrong(one["wrong"], left_out) for one in few]
        extremes = f"{min(errors):.2f} to {max(errors):.2f}"
        rows.append([f"committees of {FEW}", images, f"{np.mean(errors):.3f}", "-", extremes, str(len(few))])
    head = ["committee", "test images", "mean error %", "95 % over images", "min to max", "committees"]
    return markdown_table(head, rows)


def _wrong(probabilities: NDArray[Any]) -> list[int]:
    found: list[int] = np.flatnonzero(probabilities.argmax(1) != load_test().labels).tolist()
    return found
