"""A training that is killed, at whatever moment, ends after `resume` as if nothing had been."""

import csv
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data import load_training
from tenfold.files import sha256

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are of POSIX")

PROGRAM = Path(__file__).parent / "program.py"
KILLS = 20


def write_digits(path: Path, count: int) -> Path:
    data = load_training().take(range(count), "digits")
    np.savez(path, images=data.images, labels=data.labels)
    return path


def start(*words: Any) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), *map(str, words)]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=quiet)


def crashes(digits: Path, folder: Path, stride: int) -> list[dict[str, Any]]:
    out, err = start("crash", digits, folder, stride).communicate()
    assert err == ""
    found: list[dict[str, Any]] = json.loads(out)
    return found


@pytest.mark.parametrize("stride", [71, pytest.param(1, marks=pytest.mark.slow)])
def test_a_training_that_dies_at_a_system_call_of_its_saves_ends_as_if_it_had_not(
    tmp_path: Path, stride: int
) -> None:
    """From the making of its folder to its report, each step saved: the same model, answers, history (but for
    its seconds), results and files, and nothing more. The slow test dies at every single call."""
    whole, *resumed = crashes(write_digits(tmp_path / "digits.npz", 110), tmp_path, stride)
    assert len(resumed) >= 250 // stride
    assert [died["at"] for died in resumed if died["ended"] != whole["ended"]] == []


def facts(out: Path) -> tuple[str, list[dict[str, str]]]:
    rows = list(csv.DictReader((out / "history.csv").read_text().splitlines()))
    assert all(float(row.pop("seconds")) > 0 for row in rows)
    return sha256((out / "model.onnx").read_bytes()), rows


@pytest.mark.slow
def test_twenty_kills_at_random_moments_leave_the_same_model(tmp_path: Path) -> None:
    """The baseline on 6,600 digits, saved each half second. Each third training is killed again, and again,
    while it goes on; the moments lie anywhere from the start of Python to the report."""
    digits = write_digits(tmp_path / "digits.npz", 7_200)
    began = time.monotonic()
    process = start("baseline", digits, tmp_path / "whole", 0.5)
    _, err = process.communicate()
    assert process.returncode == 0, err
    lasted = time.monotonic() - began
    whole = facts(tmp_path / "whole")
    moments = random.Random(0)
    taken_up = 0
    for number in range(KILLS):
        out = tmp_path / f"killed-{number}"
        for share in (1.0,) if number % 3 else (1.0, 0.6, 0.6):
            process = start("baseline", digits, out, 0.5)
            time.sleep(moments.uniform(0.2, share * lasted))
            process.kill()
            process.communicate()
        process = start("baseline", digits, out, 0.5)
        _, err = process.communicate()
        assert process.returncode == 0 or "nothing to resume" in err
        assert facts(out) == whole, f"kill {number}"
        taken_up += len(json.loads((out / "run.json").read_text()).get("resumed", []))
    assert taken_up >= KILLS // 2
