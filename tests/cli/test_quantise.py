"""`tenfold quantise`: a shipped model in 8-bit integers, which the other commands then take."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data import load_training
from tenfold.model import list_models
from tenfold.runs import quantised

SHAPES = {"float32": "158 kB", "int8": "48 kB"}


@pytest.fixture(autouse=True)
def _few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    training = load_training().take(range(2_400), "mnist-training")
    monkeypatch.setattr("tenfold.data.parts.load_training", lambda: training)
    monkeypatch.setattr("tenfold.data.mnist.VALIDATION", 200)


def test_a_shipped_model_is_quantised_and_used(tenfold: Any, digits: Path) -> None:
    made = tenfold("quantise", "fast")
    assert made.code == 0
    first, head, *rows = made.out.splitlines()
    assert first == "On the 200 images of mnist-validation:"
    assert head.split() == ["numbers", "size", "errors", "accuracy", "NLL"]
    assert [row.split()[0] for row in rows] == list(SHAPES)
    assert [size in row for size, row in zip(SHAPES.values(), rows, strict=True)] == [True, True]
    assert made.err.endswith("Next:\n  tenfold evaluate fast-int8.onnx\n")
    found = json.loads(tenfold("evaluate", "fast-int8.onnx", "--on", digits, "--json").out)
    assert (found["count"], found["errors"] < 3) == (240, True)


def test_json_is_what_was_measured(tenfold: Any) -> None:
    made = tenfold("quantise", "fast", "--out", "small.onnx", "--threads", "1", "--json")
    found = json.loads(made.out)
    assert made.err == ""
    assert (found["model"], found["name"], found["on"]) == ("small.onnx", "fast-int8", "mnist-validation")
    assert set(found["results"]) == set(found["bytes"]) == set(SHAPES)
    assert found["bytes"]["int8"] == Path("small.onnx").stat().st_size


def test_what_refuses_it_is_one_sentence(tenfold: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tenfold("quantise", "fast")
    monkeypatch.setattr(quantised, "MORE", -1_000)
    for words, code, sentence in [
        (["fast"], 2, "'fast-int8.onnx' exists; choose another --out."),
        (["fast-int8.onnx", "--out", "x.onnx"], 2, "is a model of 8-bit integers already"),
        (["fats"], 2, "There is no model 'fats'. Did you mean 'fast'?"),
        (["fast", "--out", "x.onnx"], 3, "nothing is written without --force"),
    ]:
        found = tenfold("quantise", *words)
        assert (found.code, found.out, sentence in found.err) == (code, "", True)
        assert found.err.count("\n") == 1
    assert not Path("x.onnx").exists()
    assert tenfold("quantise", "fast", "--out", "x.onnx", "--force").code == 0


def test_shipped_with_the_others_it_is_taken_by_name(
    tenfold: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenfold("quantise", "fast")
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy("fast-int8.onnx", folder)
    monkeypatch.setattr("tenfold.model.MODELS", folder)
    assert list_models() == ["fast-int8"]
    assert "fast-int8" in tenfold("models").out
    np.savez("one.npz", images=load_training().images[:1], labels=load_training().labels[:1])
    assert json.loads(tenfold("evaluate", "fast-int8", "--on", "one.npz", "--json").out)["errors"] == 0
