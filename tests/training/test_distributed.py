"""Several processes train as one does: the same losses, the same weights on each, and one of them writes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.group import places, run_group, start_group

from tenfold.data.mnist import load_training
from tenfold.errors import UsageError
from tenfold.runs import Run
from tenfold.runs.follow import follow
from tenfold.training.backup import NAMES
from tenfold.training.distributed import ALONE, Group
from tenfold.training.layers import Dropout
from tenfold.training.recipes import RECIPES, replace, write_recipe

# float32 adds up in another order: two processes stay this close to one over the 20 steps here
LOSS_TOLERANCE = 1e-5
WEIGHT_TOLERANCE = 1e-6

PROGRAM = """
import hashlib, json, sys
import torch
from pathlib import Path
from dataclasses import replace
from tenfold.data.mnist import load_training
from tenfold.training.augment import Augmentation
from tenfold.training.callbacks import Callback, EarlyStopping, History
from tenfold.training.distributed import joined
from tenfold.training.loop import Trainer
from tenfold.training.recipes import RECIPES

class Losses(Callback):
    values = []
    def on_step_end(self, trainer, loss):
        self.values.append(loss.item())

name, seeds, folder, count = sys.argv[1], sys.argv[2].split(","), sys.argv[3], int(sys.argv[4])
torch.set_num_threads(1)
with joined() as group:
    settings = {"epochs": 3, "batch_size": 50, "patience": None, "shown": count * 3 // 4}
    recipe = replace(RECIPES[name], augmentation=Augmentation(shift=1), **settings)
    digits = load_training()
    losses, history = Losses(), History()
    trainer = Trainer(
        recipe,
        digits.take(range(count), "some"),
        digits.take(range(50000, 50000 + count // 10), "others"),
        seed=int(seeds[group.rank % len(seeds)]),
        precision="fp32",
        callbacks=[EarlyStopping(patience=5), losses, history],
        group=group,
    )
    trainer.run()
    state = trainer.weights()
    found = {
        "losses": losses.values,
        "digest": hashlib.sha256(b"".join(v.numpy().tobytes() for v in state.values())).hexdigest(),
        "weights": {key: value.double().norm().item() for key, value in state.items()},
        "rows": [{key: row[key] for key in row if key != "seconds"} for row in history.rows],
    }
    with open(f"{folder}/{group.size}-{group.rank}.json", "w") as file:
        json.dump(found, file)
names = [task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")]
assert not [name for name in names if "gloo" in name], names  # such a thread aborts the process at its end
"""


def train_as(
    size: int, recipe: str, folder: Path, *, seed: int = 3, count: int = 400
) -> list[dict[str, Any]]:
    ended = run_group(["-c", PROGRAM, recipe, str(seed), str(folder), str(count)], size, folder)
    assert [process.returncode for process in ended] == [0] * size, "".join(end.stderr for end in ended)
    return [json.loads((folder / f"{size}-{rank}.json").read_text()) for rank in range(size)]


def test_two_processes_give_the_loss_curve_of_one(tmp_path: Path) -> None:
    """Dropout and distortions included: each digit's are drawn for the whole batch."""
    (alone,) = train_as(1, "baseline", tmp_path)
    first, second = train_as(2, "baseline", tmp_path)
    assert len(first["losses"]) == 8 + 6 + 6
    assert first["losses"] == pytest.approx(alone["losses"], abs=LOSS_TOLERANCE)
    assert first["weights"] == pytest.approx(alone["weights"], rel=WEIGHT_TOLERANCE)
    for row, other in zip(first["rows"], alone["rows"], strict=True):
        assert row == pytest.approx(other, abs=LOSS_TOLERANCE)
    assert alone["losses"][-1] < 0.8 * alone["losses"][0]
    assert (second["digest"], second["losses"]) == (first["digest"], first["losses"])


def test_with_batch_norm_all_processes_hold_the_same_weights_and_statistics(tmp_path: Path) -> None:
    first, second = train_as(2, "fast", tmp_path)
    assert second["digest"] == first["digest"]
    assert second["rows"] == first["rows"]
    assert first["rows"][-1]["val_loss"] < first["rows"][0]["val_loss"]


@pytest.mark.slow
def test_with_batch_norm_errors_stay_within_the_spread_of_seeds(tmp_path: Path) -> None:
    """Each process normalises by its own share: another training, and no worse one."""
    errors = {
        size: [
            1 - train_as(size, "fast", tmp_path, seed=seed, count=5000)[0]["rows"][-1]["val_accuracy"]
            for seed in range(5)
        ]
        for size in (1, 2)
    }
    spread = np.std(errors[1] + errors[2], ddof=1)
    assert abs(np.mean(errors[1]) - np.mean(errors[2])) < 2 * spread * np.sqrt(2 / 5)
    assert max(errors[1] + errors[2]) < 0.1


def test_processes_that_begin_otherwise_are_told(tmp_path: Path) -> None:
    ended = run_group(["-c", PROGRAM, "baseline", "3,4", str(tmp_path), "400"], 2, tmp_path)
    assert all("The processes do not begin the same training" in process.stderr for process in ended)
    assert not list(tmp_path.glob("*.json"))


def test_all_draw_by_as_many_processes_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """By one they would take longer than the first waits for them."""
    drawn: dict[str, Any] = {}

    def lesson(*_: Any, **settings: Any) -> None:
        drawn.update(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr("tenfold.runs.follow.lesson", lesson)
    record = {
        "recipe": RECIPES["reader"].to_dict(),
        "sets": ["mnist"],
        "final": True,
        "seed": 0,
        "threads": 3,
    }
    with pytest.raises(KeyboardInterrupt):
        follow(record, None, None)
    assert drawn["processes"] == 3


TRAIN = ("-m", "tenfold", "train")


def small_training(folder: Path, count: int, epochs: int) -> list[str]:
    """The words of a command that trains on few digits; both files are in `folder`."""
    digits = load_training().take(range(count), "digits")
    np.savez(folder / "digits.npz", images=digits.images, labels=digits.labels)
    recipe = replace(RECIPES["baseline"], name="small", epochs=epochs, batch_size=40, patience=None)
    write_recipe(folder / "small.json", recipe)
    return [*TRAIN, "small.json", "--data", "digits.npz", "--precision", "fp32"]


def test_the_command_trains_in_all_processes_and_one_of_them_writes(tmp_path: Path) -> None:
    """Processes of their own: an end in an abort would be seen here alone."""
    words = [sys.executable, *small_training(tmp_path, 240, 2), "--out", "run"]
    started = [
        subprocess.Popen(words, cwd=tmp_path, env={**os.environ, **place}, stdout=-1, stderr=-1, text=True)
        for place in places(2)
    ]
    (out, err), others = (process.communicate(timeout=120) for process in started)
    assert [process.returncode for process in started] == [0, 0], err + others[1]
    assert "Trained 2 epochs" in out
    assert others == ("", "")
    run = Run.load(tmp_path / "run")
    assert run.finished
    assert run.record["processes"] == 2
    assert (tmp_path / "run" / "model.onnx").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.npz", "run", "small.json"]


STOPPED = """
import sys, tenfold
from tenfold.training.callbacks import Callback

class Stop(Callback):
    def on_epoch_end(self, trainer, logs):
        trainer.stop = True

run = tenfold.train(sys.argv[1], data=[sys.argv[2]], precision="fp32", out="run", callbacks=[Stop()])
"""


def test_a_callback_of_the_first_process_stops_all(tmp_path: Path) -> None:
    *_, recipe, _, digits, _, _ = small_training(tmp_path, 240, 3)
    ended = run_group(["-c", STOPPED, recipe, digits], 2, tmp_path)
    assert [process.returncode for process in ended] == [0, 0], ended[0].stderr + ended[1].stderr
    record = Run.load(tmp_path / "run").record
    assert (record["epochs"], record["stopped"], record["callbacks"]) == (1, "early", ["Stop"])


def test_a_training_whose_processes_are_killed_ends_as_if_they_had_not_been(tmp_path: Path) -> None:
    words = small_training(tmp_path, 800, 4)
    whole = run_group([*words, "--out", "whole"], 2, tmp_path)
    assert [process.returncode for process in whole] == [0, 0], whole[0].stderr
    killed = start_group([*words, "--out", "killed"], 2, tmp_path)
    while not any((tmp_path / "killed" / "checkpoints" / name).exists() for name in NAMES):
        assert killed[0].process.is_alive()
        time.sleep(0.01)
    for member in killed:
        member.process.kill()
        member.process.join()
    assert not Run.load(tmp_path / "killed").finished
    resumed = run_group([*TRAIN, "--resume", "killed"], 2, tmp_path)
    assert [process.returncode for process in resumed] == [0, 0], resumed[0].stderr
    assert "Taken up after step" in Run.load(tmp_path / "killed").record["resumed"][0][0]
    ended, whole_model = (tmp_path / run / "model.onnx" for run in ("killed", "whole"))
    assert ended.read_bytes() == whole_model.read_bytes()


def test_dropout_of_a_part_is_the_part_of_dropout() -> None:
    whole = torch.ones(10, 1600)
    layer = Dropout(0.5)
    torch.manual_seed(1)
    expected = layer(whole)
    for first, end in ((0, 3), (3, 10)):
        layer.part = (first, 10)
        torch.manual_seed(1)
        assert torch.equal(layer(whole[first:end]), expected[first:end])


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_parts_of_a_batch_make_the_batch(size: int) -> None:
    images, labels = torch.arange(10.0), torch.arange(10)
    network = torch.nn.Sequential(Dropout(0.5))
    parts = [Group(rank, size).share(network, images, labels) for rank in range(size)]
    assert torch.equal(torch.cat([part for part, _ in parts]), images)
    assert torch.equal(torch.cat([part for _, part in parts]), labels)
    turns = sorted(turn for rank in range(size) for turn in Group(rank, size).turns(range(10)))
    assert turns == list(range(10))


def test_a_batch_is_not_shared_by_more_processes_than_it_has_images() -> None:
    with pytest.raises(UsageError, match="3 images cannot be shared by 4"):
        Group(0, 4).share(torch.nn.Sequential(), torch.zeros(3), torch.zeros(3))


def test_alone_nothing_is_exchanged() -> None:
    network = torch.nn.Linear(2, 2)
    sums = torch.tensor([1.0, 2.0])
    assert ALONE.combine(network, sums) is sums
    assert ALONE.total(1.5, 2) == (1.5, 2)
    ALONE.agree("anything")
