"""What the page says of a network's inside is what the network computes."""

import base64
from pathlib import Path

import numpy as np
import pytest

from tenfold.data.mnist import load_test
from tenfold.harness.committee import build
from tenfold.model import list_models, parse_model, read_model, resolve
from tenfold.serving.site_layers import Field, Inside

DIGITS = load_test().images[:4]


@pytest.fixture(scope="module", params=[*list_models(), "small"])
def inside(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Inside:
    if request.param != "small":
        return Inside(read_model(resolve(request.param)))
    path = tmp_path_factory.mktemp("small") / "small.onnx"
    path.write_bytes(request.getfixturevalue("model_bytes"))
    return Inside(read_model(path))


@pytest.mark.parametrize("label", [0, 7])
def test_the_map_adds_up_to_the_evidence(inside: Inside, label: int, request: pytest.FixtureRequest) -> None:
    """Up to the last layer's bias, which is the same for every digit, and to the rounding of integers."""
    rest = []
    for digit in DIGITS:
        values = inside.values(digit)
        found = inside.evidence(values, label)
        assert found is not None
        assert np.shape(found["values"]) == (found["height"], found["width"])
        logits = values["logits"][0].astype(np.float64)
        rest.append(logits[label] - np.delete(logits, label).mean() - np.sum(found["values"]))
    assert np.ptp(rest) < (0.05 if "int8" in request.node.name else 0.02)  # rows are rounded to 0.0001


def test_a_cell_sees_its_field_and_nothing_else(inside: Inside) -> None:
    """One pixel is changed: only cells whose field holds it answer, and in each layer some do."""
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    heard: dict[str, bool] = {}
    y, x = 9, 16
    for image in (noise, *DIGITS):
        other = image.copy()
        other[y, x] ^= 128
        before, after = inside.values(image), inside.values(other)
        for name, field in inside.fields.items():
            if name not in before:  # the picture itself
                continue
            changed = (before[name][0] != after[name][0]).any(0)
            rows, columns = (field.first + field.step * np.arange(size) for size in changed.shape)
            in_rows, in_columns = (
                (start <= at) & (at < start + field.size) for start, at in ((rows, y), (columns, x))
            )
            seen = in_rows[:, None] & in_columns
            assert not (changed & ~seen).any(), name
            heard[name] = heard.get(name, False) or bool(changed[seen].any())
    assert heard
    assert [name for name, some in heard.items() if not some] == []


def test_the_baseline_has_the_fields_and_weights_of_its_layers() -> None:
    model = read_model(resolve("baseline"))
    inside = Inside(model)
    weights = [step["weights"] for step in inside.steps(inside.values(DIGITS[0]))]
    assert weights == [320, 0, 18_496, 0, 16_010, 0]
    assert sum(weights) == model.metadata.parameters
    fields = list(inside.fields.values())
    assert fields[:7] == [
        Field(0, 1, 1),
        Field(0, 1, 3),
        Field(0, 1, 3),
        Field(0, 2, 4),
        Field(0, 2, 8),
        Field(0, 2, 8),
        Field(0, 4, 10),
    ]


def test_the_steps_are_the_layers_with_their_values(inside: Inside) -> None:
    values = inside.values(DIGITS[0])
    steps = inside.steps(values)
    assert [step["operators"] for step in steps] == [layer["operators"] for layer in inside.layers]
    assert steps[0]["operators"][0] == "Conv"
    assert steps[-1]["operators"] == ["Div", "Softmax"]
    assert steps[-1]["numbers"] == pytest.approx(values["probabilities"][0], abs=1e-5)
    for step in steps:
        if "planes" in step:
            planes = np.frombuffer(base64.b64decode(step["planes"]), np.uint8).reshape(step["shape"])
            real = step["low"] + planes.astype(np.float64) * (step["high"] - step["low"]) / 255
            assert any(
                np.allclose(real, v[0], atol=(step["high"] - step["low"]) / 500)
                for v in values.values()
                if v.shape[1:] == real.shape
            )


def test_what_the_last_layer_sees_without_places_has_no_map(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from tenfold.training.export import export
    from tenfold.training.networks import Network

    with torch.random.fork_rng():
        network = Network(
            torch.nn.Conv2d(1, 2, 28),
            torch.nn.Flatten(),
            torch.nn.Linear(2, 6),
            torch.nn.ReLU(),
            torch.nn.Linear(6, 10),
        )
    path = tmp_path / "flat.onnx"
    path.write_bytes(export(network, name="flat", temperature=1.0))
    inside = Inside(read_model(path))
    assert inside.evidence(inside.values(DIGITS[0]), 7) is None


def test_of_a_committee_the_first_network_is_shown_and_then_the_mean() -> None:
    members = [read_model(resolve(name)) for name in ("fast", "baseline")]
    inside, alone = Inside(parse_model(build(members, name="both"), "both")), Inside(members[0])
    values = inside.values(DIGITS[0])
    steps, expected = inside.steps(values), alone.steps(alone.values(DIGITS[0]))
    assert steps[:-1] == expected
    assert (steps[-1]["operators"], steps[-1]["shape"]) == (["Committee"], [10])
    assert np.allclose(steps[-1]["numbers"], values["probabilities"][0], atol=1e-6)
    assert [layer["operators"] for layer in inside.layers] == [step["operators"] for step in steps]
    assert inside.evidence(values, 7) is None
