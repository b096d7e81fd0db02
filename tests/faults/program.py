"""A small training in a process of its own, to be killed and taken up again.

    python program.py baseline DIGITS OUT SECONDS     saved each SECONDS; goes on where OUT is a run
    python program.py crash DIGITS FOLDER STRIDE      dies at every STRIDE-th system call of its saves

The second prints a JSON list: for each crash the call it died at, and what came of it when it went on.
"""

import csv
import importlib
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tenfold.files import sha256
from tenfold.runs import resume, train
from tenfold.training.backup import Backup
from tenfold.training.drawn import drawing
from tenfold.training.networks import Baseline
from tenfold.training.recipes import RECIPES, Recipe, replace

CALLS = ("open", "chmod", "write", "fsync", "close", "replace", "unlink", "mkdir")
DIED = 77
SMALL = Recipe("small", "a few steps", Baseline(), epochs=2, batch_size=50, patience=2, views=1)


def begin_or_go_on(digits: Path, out: Path, recipe: Recipe = SMALL) -> None:
    if (out / "run.json").exists():
        resume(out)
    else:
        train(recipe, seed=3, data=[str(digits)], threads=1, precision="fp32", out=out)


def ended(out: Path) -> dict[str, Any]:
    """All that two equal runs share: every file but for seconds, dates and what was resumed."""
    rows = list(csv.DictReader((out / "history.csv").read_text().splitlines()))
    assert all(float(row.pop("seconds")) > 0 for row in rows)
    record = json.loads((out / "run.json").read_text())
    kept = ("status", "epochs", "kept_epoch", "stopped", "temperature", "thresholds", "results", "data")
    return {
        "model": sha256((out / "model.onnx").read_bytes()),
        "answers": sha256((out / "predictions.npz").read_bytes()),
        "history": rows,
        "record": {name: record[name] for name in kept},
        "files": sorted(str(path.relative_to(out)) for path in out.rglob("*")),
    }


def in_a_child(work: Callable[[], None]) -> int:
    """The exit code of a fork of this process that does `work`."""
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)  # OpenMP's other threads are not in a fork, and would be waited for
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(last: int) -> list[str]:
    """From now on this process counts its system calls and ends before call number `last`."""
    made: list[str] = []

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            made.append(name)
            if len(made) == last:
                os._exit(DIED)
            return real(*arguments, **named)

        return call

    for name in CALLS:
        setattr(os, name, wrap(name, getattr(os, name)))
    return made


def crash(digits: Path, folder: Path, stride: int) -> list[dict[str, Any]]:
    """Index 0 is the training that nothing happened to."""
    out = folder / "run"
    assert in_a_child(lambda: begin_or_go_on(digits, out)) == 0
    found = [{"at": 0, "ended": ended(out)}]
    at = 1
    while True:
        shutil.rmtree(out)

        def dying(at: int = at) -> None:
            die_at(at)
            begin_or_go_on(digits, out)

        if (code := in_a_child(dying)) == 0:
            return found
        assert code == DIED
        whole = (out / "report.html").exists()  # it died after all was done
        assert whole or in_a_child(lambda: begin_or_go_on(digits, out)) == 0
        found.append({"at": at, "ended": ended(out)})
        at += stride


def main(what: str, digits: Path, out: Path, number: float) -> None:
    torch.set_num_threads(1)
    if what == "baseline":
        Backup.every = number
        begin_or_go_on(digits, out, replace(RECIPES["baseline"], epochs=5))
        return
    # what a training imports, once and not in every child
    for module in (
        "cv2",
        "onnxruntime",
        "torch._dynamo",
        "tenfold.runs.carry_out",
        "tenfold.training.drawn.render",
    ):
        importlib.import_module(module)
    Backup.every = 0.0
    drawing.PART = 30
    print(json.dumps(crash(digits, out, int(number))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
