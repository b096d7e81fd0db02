"""Trainings in processes of their own: these end with the one that began them, and run nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import multiprocessing, sys
from tenfold.data import load_training
from tenfold.harness.estimates.crossval import crossval
from tenfold.harness.records.record import Watcher
from tenfold.training.networks import Baseline
from tenfold.training.recipes import Recipe

class Tell(Watcher):
    def begin(self, found, done, total, at_once):
        print("done", done, flush=True)
    def fit(self, found, fit, done):
        print(*[process.pid for process in multiprocessing.active_children()], flush=True)

if __name__ == "__main__":
    recipe = Recipe("small", "a few steps", Baseline(), epochs=1, batch_size=50)
    data = load_training().take(range(800), "some digits")
    crossval(recipe, data, folds=8, threads=2, out=sys.argv[1], watcher=Tell())
"""


def start(folder: Path) -> subprocess.Popen[str]:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    return subprocess.Popen([sys.executable, program, folder / "cv"], stdout=subprocess.PIPE, text=True)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
def test_killed_at_any_moment_it_leaves_no_process_and_loses_no_finished_fold(tmp_path: Path) -> None:
    with start(tmp_path) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "done 0\n"
        workers = [int(word) for word in first.stdout.readline().split()]
        first.send_signal(signal.SIGKILL)
    assert len(workers) == 2
    deadline = time.monotonic() + 60
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [worker for worker in workers if is_running(worker)] == []
    kept = len(list((tmp_path / "cv" / "folds").glob("*.npz")))
    assert kept >= 1
    with start(tmp_path) as second:
        out, _ = second.communicate(timeout=300)
    assert second.returncode == 0
    assert out.startswith(f"done {kept}\n")
    assert (tmp_path / "cv" / "oof.npz").exists()


UNGUARDED = PROGRAM.replace('if __name__ == "__main__":', "if True:").replace("folds=8", "folds=2")


def test_a_script_without_a_guard_is_run_once(tmp_path: Path) -> None:
    """Spawned processes ran the script again, which began its own cross-validation in each, and hung."""
    (tmp_path / "program.py").write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, "program.py", "cv"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("done 0") == 1
    assert (tmp_path / "cv" / "oof.npz").exists()
