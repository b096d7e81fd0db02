"""`tenfold train`: what a learner sees, what is refused, and how an interrupted training goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tenfold.files import sha256
from tenfold.training.callbacks import Callback
from tenfold.training.loop import Trainer

pytestmark = pytest.mark.usefixtures("small")

QUICK = ("--threads", 1, "--precision", "fp32")


def test_a_training_shows_its_epochs_its_result_and_what_to_type_next(digits: Path, tenfold: Any) -> None:
    found = tenfold("train", "small", "--data", digits, *QUICK)
    assert found.code == 0
    first, second = found.out.splitlines()
    assert first.startswith("Trained 3 epochs in ")
    assert "; reached its last epoch; kept epoch " in first
    assert second.startswith(" validation images: ")
    assert " errors in 20; 95 % interval " in second
    lines = found.err.splitlines()
    assert lines[0] == "Training 'small' on 220 images, validating on 20; cpu, fp32."
    assert [line[:9] for line in lines[1:4]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all(" loss " in line and " val_accuracy " in line for line in lines[1:4])
    folder = Path("runs/small-0")
    assert f"  tenfold predict {folder / 'sample.png'} --model {folder}" in lines
    assert lines[-1].endswith(f" {folder / 'report.html'}")
    again = tenfold("predict", folder / "sample.png", "--model", folder)
    assert again.code == 0


def test_json_is_the_record_alone(digits: Path, tenfold: Any) -> None:
    found = tenfold("train", "small", "--data", digits, *QUICK, "--seed", 4, "--out", "here", "--json")
    document = json.loads(found.out)
    assert found.code == 0
    assert found.out.count("\n") == 1
    assert document.pop("run") == "here"
    assert document == json.loads(Path("here/run.json").read_text())
    assert document["seed"] == 4
    assert "epoch 3/3" in found.err


def test_quiet_is_silent(digits: Path, tenfold: Any) -> None:
    found = tenfold("train", "small", "--data", digits, *QUICK, "--quiet")
    assert (found.code, found.out, found.err) == (0, "", "")
    assert Path("runs/small-0/report.html").exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["basline"], 2, "There is no recipe 'basline'. Did you mean 'baseline'?"),
        (["--data", "mnits"], 2, "There is no data set 'mnits'. Did you mean 'mnist'?"),
        (["--data", "no/such/folder"], 3, "does not exist"),
        (["--device", "gpu"], 2, "There is no device 'gpu' here"),
        (["--precision", "fp61"], 2, "There is no precision 'fp61'."),
        (["--calibration", "x"], 2, "only with --final"),
        (["--final", "--calibration", "x"], 3, "'x' is not a run folder"),
        (["--resume", "x"], 3, "'x' is not a run folder"),
        (["--resume", "x", "--seed", 0], 2, "--resume keeps the run's own settings; leave out: seed."),
        (["--resume", "x", "--final"], 2, "leave out: final."),
    ],
)
def test_what_is_mistyped_gets_one_sentence_and_leaves_no_folder(
    words: list[Any], code: int, sentence: str, tenfold: Any, tmp_path: Path
) -> None:
    found = tenfold("train", *words)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith("tenfold: ")
    assert found.err.count("\n") == 1
    assert sentence in found.err
    assert list(tmp_path.iterdir()) == []


class Interrupt(Callback):
    def on_step_end(self, trainer: Trainer, loss: Any) -> None:  # noqa: ARG002
        if trainer.epoch == 1:
            raise KeyboardInterrupt


def test_ctrl_c_says_how_to_go_on_and_nothing_is_lost(
    digits: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ("train", "small", "--data", digits, *QUICK)
    assert tenfold(*whole, "--out", "whole", "--quiet").code == 0
    with monkeypatch.context() as patch:
        patch.setattr("tenfold.cli.progress.Lines", Interrupt)
        found = tenfold(*whole)
    assert found.code == 130
    assert found.out == ""
    assert found.err == (
        "\nThe epochs that were done are kept. Go on with:\n  tenfold train --resume runs/small-0\n"
    )
    refused = tenfold(*whole, "--out", "runs/small-0")
    assert refused.code == 2
    assert "go on with --resume runs/small-0" in refused.err
    found = tenfold("train", "--resume", "runs/small-0")
    assert found.code == 0
    assert "epoch 2/3" in found.err
    assert "epoch 1/3" not in found.err
    models = [Path(folder, "model.onnx").read_bytes() for folder in ("whole", "runs/small-0")]
    assert sha256(models[0]) == sha256(models[1])


def test_an_interruption_before_the_first_epoch_says_so(
    digits: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tenfold.training.loop.Trainer.run", begin)
    found = tenfold("train", "small", "--data", digits, *QUICK)
    assert found.code == 130
    assert found.err.startswith("\nNo epoch was done yet. Go on with:\n  tenfold train --resume ")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_terminated_training_ends_with_143_and_keeps_its_last_epoch(digits: Path) -> None:
    saved = Path("out/checkpoints/last.safetensors")
    process = subprocess.Popen(
        [sys.executable, "-m", "tenfold", "train", "--data", str(digits), "--threads", "1", "--out", "out"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not saved.exists():
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate()
    assert (process.returncode, out) == (143, "")
    assert err.endswith("tenfold train --resume out\n")
    assert "Traceback" not in err
    assert saved.exists()
    assert not Path("out/model.onnx").exists()
    assert {path.name for path in saved.parent.iterdir()} == {"best.safetensors", "last.safetensors"}
