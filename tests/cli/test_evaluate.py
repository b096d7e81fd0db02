"""`tenfold evaluate`: figures in words and as JSON, and sets that are none."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.cli.output import accuracy


def test_json_has_the_promised_keys(model_file: Path, digits: Path, tenfold: Any) -> None:
    found = tenfold("evaluate", model_file, "--on", digits, "--json")
    result = json.loads(found.out)
    assert (found.code, found.err) == (0, "")
    assert {"accuracy", "errors", "count", "interval", "accepted", "accuracy_accepted"} <= set(result)
    assert result["accuracy"] == (240 - result["errors"]) / 240
    low, high = result["interval"]
    assert 0 <= low <= result["accuracy"] <= high <= 1


def test_the_figures_come_in_three_lines(model_file: Path, digits: Path, tenfold: Any) -> None:
    result = json.loads(tenfold("evaluate", model_file, "--on", digits, "--json").out)
    found = tenfold("evaluate", model_file, "--on", digits)
    first, second, third = found.out.splitlines()
    assert first == f"digits: {accuracy(result)}"
    assert second.startswith("calibration: NLL ")
    assert third.startswith("sure of ")


def test_it_says_when_the_model_was_trained_on_the_images(tenfold: Any) -> None:
    found = tenfold("evaluate", "fast", "--on", "mnist-validation", "--json")
    told = "tenfold: The model was trained on the images of mnist-validation: these figures flatter it.\n"
    assert (found.code, found.err) == (0, told)
    assert json.loads(found.out)["trained_on"]


def test_a_folder_per_class_is_a_set(model_file: Path, tmp_path: Path, tenfold: Any) -> None:
    import cv2

    image = np.zeros((28, 28), np.uint8)
    cv2.line(image, (14, 4), (14, 24), 255, 3)
    (tmp_path / "mine" / "1").mkdir(parents=True)
    (tmp_path / "mine" / "1" / "a.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    found = tenfold("evaluate", model_file, "--on", tmp_path / "mine", "--json")
    assert found.code == 0
    assert json.loads(found.out)["count"] == 1


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--on", "mnits"], 2, "Did you mean 'mnist'?"),
        (["--on", "no/such.npz"], 3, "does not exist"),
        (["--on", "kmnist", "--offline"], 4, "downloads are off"),
    ],
)
def test_a_set_that_is_none_gets_one_sentence(
    words: list[str],
    code: int,
    sentence: str,
    model_file: Path,
    tenfold: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tenfold.data.sources.cache_folder", lambda: tmp_path / "cache")
    found = tenfold("evaluate", model_file, *words)
    assert (found.code, found.out) == (code, "")
    assert found.err.count("\n") == 1
    assert sentence in found.err
