"""A run folder without training: 400 test and 200 validation answers, about one in twenty of them wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.metrics import softmax, summary

HISTORY = """\
epoch,step,learning_rate,loss,accuracy,val_loss,val_accuracy,seconds
1,7,0.001,0.9,0.71,0.31,0.9,1.5
2,14,0.001,0.3,0.92,0.2,0.94,1.4
3,21,0.001,0.2,0.95,0.22,0.935,1.4
"""


class RunFolder:
    """What a run's files hold; `write` makes them. Tests change the parts before they write."""

    def __init__(self) -> None:
        self.history: str | None = HISTORY
        self.arrays: dict[str, NDArray[Any]] = {}
        rng = np.random.default_rng(0)
        for prefix, count in (("", 400), ("val_", 200)):
            labels = rng.permutation(np.arange(count) % 10).astype(np.uint8)
            logits = 1.5 * rng.normal(size=(count, 10)) + 5 * np.eye(10)[labels]
            self.arrays[f"{prefix}labels"] = labels
            self.arrays[f"{prefix}probabilities"] = softmax(logits).astype(np.float32)
        self.images = Labelled(
            "mnist", rng.integers(0, 256, (400, 28, 28), np.uint8), self.arrays["labels"].copy()
        )
        self.record: dict[str, Any] = {
            "format": 1,
            "tenfold": "0.1.0",
            "status": "finished",
            "recipe": {"name": "baseline", "summary": "of every lesson", "network": {"kind": "baseline"}},
            "seed": 7,
            "sets": ["mnist"],
            "final": False,
            "device": "cpu",
            "threads": 1,
            "precision": "fp32",
            "data": {"mnist-train": "ab" * 32},
            "counts": {"train": 900, "validation": 200},
            "machine": {"processor": "a processor", "cores": 2},
            "versions": {"python": "3.11.2"},
            "durations": {"train": 125.7, "evaluate": 0.25},
            "epochs": 3,
            "kept_epoch": 2,
            "stopped": "early",
            "model_sha256": "cd" * 32,
            "parameters": 330,
            "temperature": 0.95,
            "thresholds": {"confidence": 0.6},
            "layers": [["conv 3x3, 32", [32, 26, 26], 320], ["flatten", [1600], 10]],
            "results": {
                "test": summary(self.arrays["probabilities"], self.arrays["labels"], "mnist"),
                "validation": summary(self.arrays["val_probabilities"], self.arrays["val_labels"], "held"),
            },
            "test_openings": 1,
        }

    def write(self, folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        (folder / "run.json").write_text(json.dumps(self.record))
        np.savez_compressed(folder / "predictions.npz", allow_pickle=True, **self.arrays)
        if self.history is not None:
            (folder / "history.csv").write_text(self.history)
        return folder


@pytest.fixture
def run() -> RunFolder:
    return RunFolder()
