"""A model of 8-bit integers answers nearly as the floats it was made of, from one file like any other."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from tenfold.data import load_training
from tenfold.errors import ModelFileError, ShapeError, UsageError
from tenfold.harness import quantise as quantising
from tenfold.harness.committee import build
from tenfold.harness.layers import Layers
from tenfold.harness.quantise import quantise, with_measured
from tenfold.model import Model, open_session, parse_model
from tenfold.onnx_check import INPUT
from tenfold.onnx_wire import FLOAT, INT8, parse, parse_graph
from tenfold.training.export import export
from tenfold.training.layers import GlobalPool, Residual
from tenfold.training.networks import Network

torch.set_num_threads(1)

IMAGES = load_training().images[:200]


def drawn(seed: int, *layers: nn.Module, **said: Any) -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Network(*layers)
    return parse_model(export(network, name=f"m{seed}", recipe={"seed": seed}, **said), f"m{seed}.onnx")


@pytest.fixture(scope="module")
def models() -> list[Model]:
    """Pools before and after a ReLU, none, of means; a residual; no bias; values on both sides of zero."""
    return [
        drawn(0, nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, bias=False),
              nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(150, 10)),
        drawn(1, nn.PixelUnshuffle(2), nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(),
              Residual(nn.Conv2d(6, 6, 3, padding=1)), nn.MaxPool2d(2), GlobalPool(), nn.Linear(12, 10)),
        drawn(2, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(196, 20), nn.ReLU(),
              nn.Linear(20, 10, bias=False), temperature=0.4),
    ]  # fmt: skip


def answers(model: Model) -> np.ndarray:
    (found,) = open_session(model).run(["logits"], {INPUT: (IMAGES / np.float32(255))[:, None]})
    return np.asarray(found)


def rounded(model: Model, **said: Any) -> Model:
    return parse_model(quantise(model, IMAGES, name="small", **said), "small.onnx")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_it_answers_nearly_as_the_floats(models: list[Model], number: int) -> None:
    exact = answers(models[number])
    found = answers(rounded(models[number]))
    assert 0 < np.abs(found - exact).max() < 0.05 * (exact.max() - exact.min())


@pytest.mark.parametrize("number", [0, 1, 2])
def test_integer_kernels_answer_as_the_graph_says(models: list[Model], number: int) -> None:
    """With its operators carried out one by one, in floats, as ONNX defines them."""
    model = rounded(models[number])
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.data, options, providers=["CPUExecutionProvider"])
    (plain,) = session.run(["logits"], {INPUT: (IMAGES / np.float32(255))[:, None]})
    off = np.abs(plain - answers(model)).max(1)
    assert np.median(off) < 1e-5  # a sum half-way between two whole numbers may fall either way
    assert off.max() < 0.02 * (plain.max() - plain.min())


def test_the_graph_is_sound_onnx_and_its_weights_are_integers_of_seven_bits(models: list[Model]) -> None:
    for model in models:
        found = rounded(model)
        onnx.checker.check_model(onnx.load_model_from_string(found.data), full_check=True)
        tensors = parse_graph(parse(found.data).graph).initializers
        integers = [tensor for tensor in tensors if tensor.data_type == INT8]
        codes = {tensor.name: np.frombuffer(tensor.raw, np.int8) for tensor in integers}
        largest = {name: int(np.abs(each).max()) for name, each in codes.items()}
        assert set(largest.values()) == {0, 63}
        assert {name.removesuffix(".zero") for name in largest if not largest[name]} == {
            name for name in largest if largest[name]
        }
        assert [t.name for t in tensors if t.data_type == FLOAT and np.prod(t.dims) > 20] == []


def test_it_keeps_what_the_model_says_and_adds_how_it_was_made() -> None:
    model = parse_model(
        export(
            Network(nn.Flatten(), nn.Linear(784, 10)),
            name="linear",
            temperature=1.5,
            thresholds={"confidence": 0.4},
            recipe={"name": "linear"},
            data={"mnist-train": "ab" * 32},
            measured={"test": {"accuracy": 0.9}},
        ),
        "linear.onnx",
    )
    found = rounded(model, recipe={"quantised": {"images": 200}}, data={"mine": "cd" * 32}).metadata
    assert (found.name, found.precision, found.parameters) == ("small", "int8", 7850)
    assert (found.temperature, found.thresholds) == (1.5, {"confidence": 0.4})
    assert found.recipe == {"name": "linear", "quantised": {"images": 200}}
    assert found.data == {"mnist-train": "ab" * 32, "mine": "cd" * 32}
    assert found.measured == {}
    again = parse_model(with_measured(rounded(model), {"validation": {"errors": 3}}), "small.onnx")
    assert again.metadata.measured == {"validation": {"errors": 3}}
    assert np.array_equal(answers(again), answers(rounded(model)))


def test_the_same_model_and_images_give_the_same_bytes(models: list[Model]) -> None:
    assert quantise(models[0], IMAGES, name="a") == quantise(models[0], IMAGES, name="a")
    assert quantise(models[0], IMAGES[:20], name="a") != quantise(models[0], IMAGES, name="a")


def test_answers_that_are_off_by_more_than_a_rounding_are_found(models: list[Model]) -> None:
    model = rounded(models[0])
    said = model.metadata
    for by, sound in ((0.0, True), (0.008, True), (0.012, False)):
        golden = said.golden_probabilities + by
        data = quantising._sealed(
            parse_graph(parse(model.data).graph), replace(said, golden_probabilities=golden)
        )
        if sound:
            open_session(parse_model(data, "other"))
            continue
        with pytest.raises(ModelFileError, match="does not give the answers it was saved with"):
            open_session(parse_model(data, "other"))


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e20])
def test_channels_that_are_silent_or_loud_are_numbers(value: float) -> None:
    """Weights of `value` beside a bias that must still count."""
    conv = nn.Conv2d(1, 2, 28)
    with torch.no_grad():
        conv.weight[0] = value
        conv.weight[1] = 0.01
        conv.bias = nn.Parameter(torch.tensor([0.5, -0.25]))
    model = drawn(0, conv, nn.Flatten(), nn.Linear(2, 10))
    exact, found = answers(model), answers(rounded(model))
    assert np.isfinite(found).all()
    assert np.abs(found - exact).max() < 0.05 * max(1, np.abs(exact).max())


def test_what_cannot_be_quantised_is_one_sentence(
    models: list[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"'small\.onnx' is a model of 8-bit integers already"):
        quantise(rounded(models[0]), IMAGES, name="again")
    pooled = drawn(3, nn.ReLU(), GlobalPool(), nn.Linear(2, 10))
    monkeypatch.setattr(quantising, "_ROUNDED", ("Conv",))
    with pytest.raises(UsageError, match=r"'m3\.onnx' has no layer to quantise"):
        quantise(pooled, IMAGES, name="none")


def test_the_inside_is_that_of_the_network_as_it_was(models: list[Model]) -> None:
    """The layers' names and shapes, and filters and planes that are nearly the same."""
    for model in models[:2]:
        plain, found = Layers(model), Layers(rounded(model))
        assert [node.operator for node in found.graph.nodes] == [node.operator for node in plain.graph.nodes]
        assert [node.inputs for node in found.graph.nodes] == [node.inputs for node in plain.graph.nodes]
        for before, after in zip(
            plain.planes(IMAGES[0]).items(), found.planes(IMAGES[0]).items(), strict=True
        ):
            assert before[0] == after[0]
            assert np.abs(before[1] - after[1]).max() < 0.1
        assert plain.filters is not None
        assert found.filters is not None
        assert np.abs(plain.filters - found.filters).max() <= np.abs(plain.filters).max() / 63
        assert plain.embedding(IMAGES[:3]).shape == found.embedding(IMAGES[:3]).shape


def test_a_committee_of_integers_and_floats(models: list[Model]) -> None:
    members = [rounded(models[0]), models[1]]
    committee = parse_model(build(members, name="both"), "both.onnx")
    assert committee.metadata.precision == "int8"
    assert answers(committee).shape == (200, 10)
    assert Layers(committee).networks == 2


def test_without_images_nothing_is_quantised(models: list[Model]) -> None:
    with pytest.raises(ShapeError, match=r"images; there are none\.$"):
        quantise(models[0], IMAGES[:0], name="small")
