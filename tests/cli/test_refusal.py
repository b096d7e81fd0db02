"""`tenfold refusal`: sets by name and path, and a sentence for those that hold digits."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tenfold.data import load_training
from tenfold.data.labelled import Labelled


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 validation digits, 20 pictures of each drawn set."""
    from tenfold.data import load_set
    from tenfold.harness.refusal import picture_set

    def load(name: str, **rest: Any) -> Labelled:
        return load_training().take(range(20), name) if name == "mnist-validation" else load_set(name, **rest)

    monkeypatch.setattr("tenfold.runs.opening.load_set", load)
    monkeypatch.setattr("tenfold.runs.opening.picture_set", lambda name: picture_set(name, count=20))


def test_without_a_set_it_takes_the_drawn_ones(model_file: Path, tenfold: Any) -> None:
    found = tenfold("refusal", model_file, "--json")
    result = json.loads(found.out)
    assert (found.code, found.err) == (0, "")
    assert [row["set"] for row in result["against"]] == ["blanks", "noise", "scribbles"]
    assert (result["on"], result["count"]) == ("mnist-validation", 20)
    assert len(result["choices"]) == 3


def test_a_path_and_an_error_of_the_users_own(model_file: Path, digits: Path, tenfold: Any) -> None:
    own = Path("mnist-like.npz")
    shutil.copy(digits, own)
    words = ["refusal", model_file, "--against", own, "--against", "noise"]
    words += ["--error", "0.25", "--error", "0.99"]
    result = json.loads(tenfold(*words, "--json").out)
    assert [row["count"] for row in result["against"]] == [240, 20]
    assert [row["error"] for row in result["choices"]] == [0.25, 0.99]
    choice = result["choices"][1]
    low, high = choice["interval"]
    lines = tenfold(*words).out.splitlines()
    assert lines[-3].startswith("errors up to  threshold chosen on these digits  digits accepted  errors ")
    assert f" {choice['errors']}  {100 * low:.2f} to {100 * high:.2f} %" in lines[-1]
    assert lines[0] == "20 digits of mnist-validation against other pictures, by confidence"
    assert lines[-2].split()[:2] == ["25.00", "%"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--against", "usps"], 2, "'usps' holds digits"),
        (["--against", "mnist"], 2, "'mnist' holds digits"),
        (["--against", "scribble"], 2, "'scribble'"),
        (["--against", "no/such.npz"], 3, "does not exist"),
        (["--against", "kmnist", "--offline"], 4, "downloads are off"),
        (["--error", "1.5"], 3, "a share from 0 to below 1"),
        (["--error", "much"], 2, "--error"),
    ],
)
def test_what_is_wrong_is_told(
    words: list[str],
    code: int,
    sentence: str,
    model_file: Path,
    tenfold: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tenfold.data.sources.cache_folder", lambda: tmp_path / "cache")
    found = tenfold("refusal", model_file, *words)
    assert (found.code, found.out) == (code, "")
    assert sentence in found.err


def test_of_a_run_the_result_stays_with_it(model_file: Path, tmp_path: Path, tenfold: Any) -> None:
    run = tmp_path / "run"
    run.mkdir()
    model_file.rename(run / "model.onnx")
    (run / "run.json").write_text("{}")
    found = json.loads(tenfold("refusal", run, "--against", "blanks", "--json").out)
    kept = json.loads((run / "refusal.json").read_text())
    assert kept.items() <= found.items()
    assert kept["trained_on"] == 0
