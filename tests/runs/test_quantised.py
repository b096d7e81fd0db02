"""A model of 8-bit integers is made on training images, judged on validation images, and else not written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tenfold.data import load_training, split
from tenfold.data.labelled import Labelled
from tenfold.data.mnist import SETS
from tenfold.errors import DiskError, ModelFileError, OutputExistsError, UnknownNameError, UsageError
from tenfold.harness.evaluate import evaluate as measure
from tenfold.model import read_model
from tenfold.reading.reader import Reader
from tenfold.runs import evaluate, quantised
from tenfold.runs.quantised import quantise
from tenfold.training.export import export
from tenfold.training.networks import Network


@pytest.fixture(autouse=True)
def validation(monkeypatch: pytest.MonkeyPatch) -> Labelled:
    """200 of MNIST's digits, and 2,200 to calibrate on."""
    training = load_training().take(range(2_400), "mnist-training")
    monkeypatch.setattr("tenfold.data.mnist.VALIDATION", 200)
    for module in ("tenfold.data.sets", "tenfold.data.parts"):
        monkeypatch.setattr(f"{module}.load_training", lambda: training)
    return split(training).validation


@pytest.fixture
def linear(tmp_path: Path) -> Path:
    """The mean of each digit, as weights: nine in ten are right."""
    return saved(tmp_path / "linear.onnx", data={"mnist-train": "ab" * 32})


def saved(path: Path, **said: Any) -> Path:
    training = load_training()
    layer = nn.Linear(784, 10)
    means = np.stack([training.images[:2_400][training.labels[:2_400] == d].mean(0) for d in range(10)]) / 255
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(means.reshape(10, 784)))
        layer.bias.copy_(torch.from_numpy(-(means**2).sum((1, 2)) / 2))
    path.write_bytes(
        export(
            Network(nn.Flatten(), layer),
            name="linear",
            temperature=0.1,
            thresholds={"confidence": 0.3},
            recipe={"name": "linear"},
            **said,
        )
    )
    return path


def test_it_is_written_with_what_was_measured_and_reads(linear: Path, validation: Labelled) -> None:
    made = quantise(linear)
    assert made.path == Path("linear-int8.onnx")
    model = read_model(made.path)
    assert model.data == made.model.data
    floats = read_model(linear)
    assert made.sizes == {"float32": len(floats.data), "int8": len(model.data)}
    assert 2 * len(model.data) < len(floats.data)
    said = model.metadata
    assert (said.name, said.precision) == ("linear-int8", "int8")
    assert said.recipe["quantised"] == {"from": floats.sha256, "on": "mnist-train", "images": 1_000}
    assert (said.temperature, said.thresholds) == (0.1, {"confidence": 0.3})
    for precision, file in (("float32", linear), ("int8", made.path)):
        found = evaluate(file, "mnist-validation")
        assert found == {**made.results[precision], "on": "mnist-validation", "trained_on": False}
    assert said.measured["validation"]["errors"] == made.results["int8"]["errors"]
    assert made.results["int8"]["nll"] == pytest.approx(made.results["float32"]["nll"], abs=0.02)
    exact = Reader(linear).probabilities(validation.images)
    assert 0 < np.abs(Reader(made.path).probabilities(validation.images) - exact).max() < 0.2


def test_what_a_final_model_makes_of_images_that_it_learnt_is_not_its_accuracy(tmp_path: Path) -> None:
    made = quantise(saved(tmp_path / "final.onnx", data={"mnist-training": SETS["mnist-training"]}))
    assert made.model.metadata.measured == {}
    assert made.results["int8"]["count"] == 200


def test_the_same_model_gives_the_same_bytes(linear: Path) -> None:
    first, second = quantise(linear), quantise(linear, out="another.onnx", threads=1)
    assert first.path.read_bytes() == second.path.read_bytes()


def test_a_run_gives_its_name(linear: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "linear-0"
    run.mkdir(parents=True)
    linear.rename(run / "model.onnx")
    assert quantise(run).path == Path("linear-0-int8.onnx")
    assert quantise(f"{run}/model.onnx").path == Path("model-int8.onnx")


@pytest.mark.parametrize(("more", "written"), [(-5, True), (1, True), (2, False)])
def test_more_errors_than_its_share_are_refused_and_can_be_forced(
    linear: Path, monkeypatch: pytest.MonkeyPatch, more: int, written: bool
) -> None:
    """3 of 5,000 are 0.12 of 200, and one is allowed at least."""

    def measured(reader: Reader, data: Labelled) -> Any:
        found, answers = measure(reader, data)
        return {**found, "errors": 20 + more * (reader.metadata.precision == "int8")}, answers

    monkeypatch.setattr(quantised, "evaluate", measured)
    if written:
        assert quantise(linear).path.exists()
        return
    sentence = "makes 2 errors more of 200 validation images, and 1 would be allowed; nothing is written"
    with pytest.raises(ModelFileError, match=sentence):
        quantise(linear)
    assert not Path("linear-int8.onnx").exists()
    assert quantise(linear, force=True).path.exists()


def test_what_cannot_be_done_is_one_leaf_and_leaves_nothing(linear: Path, tmp_path: Path) -> None:
    made = quantise(linear).path
    before = sorted(tmp_path.rglob("*"))
    cases: list[tuple[type[Exception], str | Path, dict[str, Any]]] = [
        (OutputExistsError, linear, {}),
        (OutputExistsError, linear, {"out": linear}),
        (UsageError, made, {"out": "again.onnx"}),
        (UnknownNameError, "nobody", {}),
        (UnknownNameError, linear, {"out": "x.onnx", "data": "nothing"}),
        (ModelFileError, tmp_path / "absent.onnx", {}),
        (DiskError, linear, {"out": tmp_path / "no" / "folder.onnx"}),
    ]
    for error, model, said in cases:
        with pytest.raises(error):
            quantise(model, **said)
        assert sorted(tmp_path.rglob("*")) == before
