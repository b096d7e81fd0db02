"""`tenfold train`: what a learner sees, what is refused, and how an interrupted training goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data import load_set
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


def test_a_training_goes_on_from_a_model_with_another_value(digits: Path, tenfold: Any) -> None:
    tenfold("train", "small", "--data", digits, *QUICK)
    found = tenfold("train", "--from", "runs/small-0", "--change", "epochs=1", "--data", digits, *QUICK)
    assert found.code == 0
    assert found.err.startswith(
        "Beginning with the weights of 'runs/small-0'.\nTraining 'small-tuned-changed' on"
    )
    assert "epoch 1/1 " in found.err
    assert "flatter" not in found.err
    assert "Temperature and thresholds are those of 'runs/small-0', fitted with its own weights." in found.err
    assert "          at first: " in found.out
    assert "few to learn from" not in found.err


def test_a_training_that_spoils_the_model_says_so(digits: Path, tenfold: Any) -> None:
    tenfold("train", "small", "--data", digits, "--change", "epochs=12", *QUICK)
    spoil = ("--from", "runs/small-changed-0", "--change", "learning_rate=0.3", "--data", digits, *QUICK)
    found = tenfold("train", *spoil)
    assert "It reads these images worse than 'runs/small-changed-0', with which it began; learn" in found.err
    assert "--change learning_rate=0.03, or from more images." in found.err


def test_validation_images_among_the_training_images_are_told(digits: Path, tenfold: Any) -> None:
    held_out = load_set(digits).split(20).validation
    np.savez("again.npz", images=held_out.images, labels=held_out.labels)
    found = tenfold("train", "small", "--data", digits, "--data", "again.npz", *QUICK)
    told = (
        "was trained on 19 of the 21 images of digits-validation+again-validation: these figures flatter it"
    )
    assert (found.code, found.err.count(told)) == (0, 1)


def test_digits_that_there_are_no_images_of_are_told(digits: Path, tenfold: Any) -> None:
    data = load_set(digits)
    some = np.isin(data.labels, [1, 2, 3, 4, 5, 6, 8])
    np.savez("some.npz", images=data.images[some], labels=data.labels[some])
    lines = tenfold("train", "small", "--data", "some.npz", *QUICK).err.splitlines()
    assert (
        lines[1] == "There is no image of 0, 7, 9 to learn from; the model will take them for other digits."
    )


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
        (["--resume", "x", "--from", "fast"], 2, "leave out: from."),
        (["--from", "fats"], 2, "There is no model 'fats'. Did you mean 'fast'?"),
        (
            ["baseline", "--from", "fast"],
            2,
            "'baseline' cannot begin with 'fast', whose layers are not those",
        ),
        (["--from", "fast", "--change", "epochs=no"], 2, "epochs"),
        (["--force"], 2, "--force goes with --resume RUN."),
        (["--batch-size", 8], 2, "--batch-size is no option but a field of the recipe: --change batch_size"),
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
    """Sends `signals` to this program in the middle of epoch 2, between the steps 9 and 10 of 18."""

    signals: tuple[signal.Signals, ...] = ()

    def on_step_end(self, trainer: Trainer, loss: Any) -> None:  # noqa: ARG002
        if trainer.step == 9:
            for number in self.signals:
                signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_training_is_saved_says_how_to_go_on_and_ends_as_if_it_had_not_been(
    digits: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    whole = ("train", "small", "--data", digits, *QUICK)
    assert tenfold(*whole, "--out", "whole", "--quiet").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(Interrupt, "signals", (number,))
        patch.setattr("tenfold.cli.progress.Lines", Interrupt)
        found = tenfold(*whole)
    assert (found.code, found.out) == (128 + number, "")
    assert found.err == "\nWhat was learnt is saved. Go on with:\n  tenfold train --resume runs/small-0\n"
    refused = tenfold(*whole, "--out", "runs/small-0")
    assert refused.code == 2
    assert "go on with --resume runs/small-0" in refused.err
    for words in (("audit", "runs/small-0"), ("compare", "runs/small-0", "whole")):
        told = "'runs/small-0' did not finish; go on with it first: tenfold train --resume runs/small-0"
        found = tenfold(*words)
        assert (found.code, told in found.err) == (3, True)
    found = tenfold("train", "--resume", "runs/small-0")
    assert found.code == 0
    assert found.err.startswith("Taken up after step 9.\nTraining 'small' ")
    assert "epoch 2/3" in found.err
    assert "epoch 1/3" not in found.err
    models = [Path(folder, "model.onnx").read_bytes() for folder in ("whole", "runs/small-0")]
    assert sha256(models[0]) == sha256(models[1])
    again = tenfold("train", "--resume", "runs/small-0")
    assert (again.code, "nothing to resume" in again.err) == (3, True)


def test_a_second_interruption_does_not_wait_for_the_first(
    digits: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Interrupt, "signals", (signal.SIGTERM, signal.SIGINT))
    monkeypatch.setattr("tenfold.cli.progress.Lines", Interrupt)
    assert tenfold("train", "small", "--data", digits, *QUICK).code == 130
    monkeypatch.setattr(Interrupt, "signals", ())
    found = tenfold("train", "--resume", "runs/small-0")
    assert found.err.startswith("Taken up after step 6.\n")  # the end of the epoch before


def test_what_has_changed_is_listed_and_forced_only_by_name(
    digits: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Interrupt, "signals", (signal.SIGINT,))
    monkeypatch.setattr("tenfold.cli.progress.Lines", Interrupt)
    assert tenfold("train", "small", "--data", digits, *QUICK).code == 130
    monkeypatch.setattr(Interrupt, "signals", ())
    record = Path("runs/small-0/run.json")
    document = json.loads(record.read_text())
    document["recipe"] |= {"epochs": 4, "batch_size": 20}
    document["versions"]["numpy"] = "1.0"
    record.write_text(json.dumps(document))
    listed = "recipe.batch_size was 32 and is 20; recipe.epochs was 3 and is 4"
    found = tenfold("train", "--resume", "runs/small-0")
    assert found.code == 3
    assert found.err.startswith(
        "tenfold: Going on with 'runs/small-0' would not give the same model: versions.numpy was 1.0 and is "
    )
    assert found.err.endswith(f"; {listed}. --force goes on all the same.\n")
    found = tenfold("train", "--resume", "runs/small-0", "--force")
    assert found.code == 0
    notes = json.loads(record.read_text())["resumed"]
    assert [len(entry) for entry in notes] == [2]
    assert notes[0][0] == "Taken up after step 9."
    assert notes[0][1].startswith("Not the same training any more: versions.numpy was 1.0")
    assert listed in notes[0][1]
    assert found.err.startswith("\n".join(notes[0]))
    assert found.out.startswith("Trained 4 epochs ")


def test_an_interruption_before_the_first_epoch_says_so(
    digits: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tenfold.training.loop.Trainer.run", begin)
    found = tenfold("train", "small", "--data", digits, *QUICK)
    assert found.code == 130
    assert found.err.startswith("\nNothing was learnt yet. Go on with:\n  tenfold train --resume ")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_terminated_program_ends_with_143_and_keeps_what_was_learnt(digits: Path) -> None:
    checkpoints = Path("out/checkpoints")
    settings = ("--data", digits, "--threads", "1", "--out", "out")
    process = subprocess.Popen(
        [sys.executable, "-m", "tenfold", "train", "baseline", *settings],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not any(checkpoints.glob("last-*")):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate()
    assert (process.returncode, out) == (143, "")
    assert err.endswith("tenfold train --resume out\n")
    assert "Traceback" not in err
    assert not Path("out/model.onnx").exists()
    names = {path.name for path in checkpoints.iterdir()}
    assert {"last-0.safetensors"} <= names <= {"best.safetensors", "last-0.safetensors", "last-1.safetensors"}


def test_a_training_of_few_steps_says_so_and_how_to_make_more(digits: Path, tenfold: Any) -> None:
    found = tenfold("train", "small", "--data", digits, *QUICK)
    told = (
        "tenfold: 18 steps are few to learn from: train on more images, such as MNIST's besides "
        "(--data mnist), or for longer: --change epochs=34.\n"
    )
    assert (found.code, found.err.count(told)) == (0, 1)
    longer = ("--change", "epochs=2", "--change", "batch_size=1", "--json")
    record = json.loads(tenfold("train", "small", "--data", digits, *longer, *QUICK).out)
    assert (record["run"], record["epochs"], record["steps"]) == ("runs/small-changed-0", 2, 440)
    assert record["recipe"]["batch_size"] == 1


def test_what_cannot_be_changed_leaves_nothing(tenfold: Any) -> None:
    for words, sentence in (
        (["small", "--change", "epcohs=9"], "Did you mean 'epochs'"),
        (["small", "--change", "fast"], "--change takes FIELD=VALUE, such as epochs=60, not 'fast'"),
        (["--resume", "runs/x", "--change", "epochs=9"], "keeps the run's own settings; leave out: recipe"),
    ):
        found = tenfold("train", *words)
        assert (found.code, found.out, len(found.err.splitlines())) == (2, "", 1)
        assert sentence in found.err
    assert not Path("runs").exists()


def test_thresholds_that_were_fitted_on_few_images_are_told_so_here_and_in_the_report(
    digits: Path, tenfold: Any
) -> None:
    told = "rest on the least sure hundredth of 20 validation images, fewer than ten"
    found = tenfold("train", "small", "--data", digits, *QUICK)
    assert found.err.count(told) == Path("runs/small-0/report.html").read_text("utf-8").count(told) == 1
    assert told not in tenfold("train", "small", "--data", digits, "--final", *QUICK).err


def test_a_set_that_was_named_from_another_folder_is_told(digits: Path, tenfold: Any, tmp_path: Path) -> None:
    Path("mine.npz").write_bytes(digits.read_bytes())
    assert tenfold("train", "small", "--data", "mine.npz", "-q", *QUICK).code == 0
    run = (tmp_path / "runs" / "small-0").resolve()
    record = json.loads((run / "run.json").read_text())
    (tmp_path / "else").mkdir()
    os.chdir(tmp_path / "else")
    found = tenfold("reproduce", run)
    told = f"The run '{run}' was trained on 'mine.npz', a path from the folder where it was begun"
    assert (found.code, told in found.err) == (3, True)
    (run / "run.json").write_text(json.dumps({**record, "status": "training"}))
    found = tenfold("train", "--resume", run)
    assert (found.code, told in found.err) == (3, True)
