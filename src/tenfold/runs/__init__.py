"""Runs: train, resume, reproduce, evaluate, report. The command line is a thin skin over this room.

    run = train("baseline", seed=0)              # runs/baseline-0
    run.results["test"]["accuracy"]
    Reader(run.folder).predict(["seven.png"])

A run folder holds `model.onnx`, `checkpoints/`, `history.csv`, `predictions.npz`, `run.json`, `report.html`
and `sample.png`, and in `start/` the model that it began with, if it did. The model file has no date,
duration or path in it, so a run that is repeated on the same machine gives the same bytes.
"""

from tenfold.harness.records.run import Run
from tenfold.runs.api import evaluate, reproduce, resume, train, write_report

__all__ = ["Run", "evaluate", "reproduce", "resume", "train", "write_report"]
