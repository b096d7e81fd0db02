"""`tenfold train --track` and `tenfold runs track`, read back by TensorBoard's own reader."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.training.test_track import agree, expected, read

pytestmark = pytest.mark.usefixtures("small")


def test_a_training_is_tracked_and_a_finished_run_later(digits: Path, tenfold: Any) -> None:
    words = ("--data", digits, "--threads", 1, "--precision", "fp32", "--out", "deep/first")
    found = tenfold("train", "small", *words, "--track", "logs", "--json", "--quiet")
    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out)["status"] == "finished"
    found = tenfold("runs", "track", "deep/first", "--to", "later")
    assert (found.code, found.out) == (0, f"{Path('later/first')}\n")
    assert found.err == "\nLook at them with:\n  tensorboard --logdir later\n"
    for logs in ("logs", "later"):
        for part in ("train", "validation"):
            agree(read(Path(logs, "first", part)), expected(Path("deep/first/history.csv"), part))
    found = tenfold("runs", "track", "deep/first", "--to", "later", "--json")
    assert json.loads(found.out) == {"tracked": [str(Path("later/first"))]}


def test_without_tensorboard_nothing_is_begun(
    digits: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenfold.training.track.find_spec", lambda _: None)
    found = tenfold("train", "small", "--data", digits, "--track", "logs")
    assert (found.code, found.out) == (2, "")
    sentence = (
        "Writing for TensorBoard needs the extra 'track'; in the project's folder: pip install '.[track]'"
    )
    assert found.err == f"tenfold: {sentence}\n"
    assert not Path("runs").exists()
    assert not Path("logs").exists()


def test_what_is_no_run_leaves_nothing(tenfold: Any, tmp_path: Path) -> None:
    found = tenfold("runs", "track", tmp_path, "--to", "logs")
    assert (found.code, found.out) == (3, "")
    assert "has no run.json" in found.err
    assert not Path("logs").exists()
