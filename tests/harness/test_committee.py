"""A committee answers with the mean of what its members answer, in one file, and refuses what is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logsumexp, softmax
from torch import nn

from tenfold.data import load_training
from tenfold.errors import ModelFileError, UsageError
from tenfold.harness import committee as joining
from tenfold.harness.committee import build
from tenfold.harness.inside import look
from tenfold.harness.layers import Layers
from tenfold.harness.report.inside import render
from tenfold.model import Model, open_session, parse_model
from tenfold.onnx_check import INPUT
from tenfold.reading.reader import Reader
from tenfold.training.export import export
from tenfold.training.layers import GlobalPool, Residual
from tenfold.training.networks import Network

torch.set_num_threads(1)


def member(seed: int, *layers: nn.Module, temperature: float = 1.0, **said: Any) -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        built = Network(*(layers or (nn.Flatten(), nn.Linear(784, 10))))
        for weights in built.parameters():
            nn.init.normal_(weights, 0, 0.3)
    recipe = {"name": "drawn", "seed": seed}
    data = export(built, name=f"m{seed}", temperature=temperature, recipe=recipe, **said)
    return parse_model(data, f"m{seed}.onnx")


@pytest.fixture(scope="module")
def three() -> list[Model]:
    """Of three shapes: with a residual, with a global pool, without a bias."""
    return [
        member(0, nn.Conv2d(1, 3, 5), Residual(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()), GlobalPool(),
               nn.Linear(6, 10), temperature=0.5),
        member(1, nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(676, 10)),
        member(2, nn.Flatten(), nn.Linear(784, 10, bias=False), temperature=3.0, data={"mine": "ab" * 32}),
    ]  # fmt: skip


def answers(model: Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    probabilities, logits = open_session(model).run(["probabilities", "logits"], {INPUT: images})
    return probabilities, logits


@pytest.mark.parametrize("temperature", [1.0, 0.6, 2.0])
def test_it_answers_with_the_mean_of_its_members(three: list[Model], temperature: float) -> None:
    images = np.random.default_rng(0).random((9, 1, 28, 28), np.float32)
    found, logits = answers(parse_model(build(three, name="all", temperature=temperature), "all"), images)
    each = [
        log_softmax(answers(one, images)[1].astype(np.float64) / one.metadata.temperature, axis=1)
        for one in three
    ]
    expected = logsumexp(each, axis=0) - np.log(3)
    assert np.abs(logits - np.maximum(expected, np.log(1e-30))).max() < 1e-4
    assert np.abs(found - softmax(expected / temperature, axis=1)).max() < 1e-5


def test_what_is_certain_stays_a_number() -> None:
    """Members so sure that all other probabilities round to 0."""
    sure = [member(seed, temperature=1e-3) for seed in (0, 1)]
    found, logits = answers(
        parse_model(build(sure, name="sure"), "sure"), np.ones((1, 1, 28, 28), np.float32)
    )
    assert np.isfinite(logits).all()
    assert found.sum() == pytest.approx(1)


def test_it_says_who_its_members_are(three: list[Model]) -> None:
    said = parse_model(build(three, name="all", thresholds={"confidence": 0.5}), "all").metadata
    assert said.parameters == sum(one.metadata.parameters for one in three)
    assert [one["sha256"] for one in said.recipe["members"].values()] == [one.sha256 for one in three]
    assert [one["seed"] for one in said.recipe["members"].values()] == [0, 1, 2]
    assert (said.name, said.thresholds, said.data) == ("all", {"confidence": 0.5}, {"mine": "ab" * 32})


def test_the_same_members_give_the_same_bytes(three: list[Model]) -> None:
    assert build(three, name="all") == build(three, name="all")
    assert build(three, name="all") != build(three[::-1], name="all")


def test_sets_of_one_name_are_all_named() -> None:
    data = [{"mine": "ab" * 32}, {"mine": "cd" * 32}, {"mine": "cd" * 32, "other": "ef" * 32}]
    members = [member(seed, data=each) for seed, each in enumerate(data)]
    said = parse_model(build(members, name="all"), "all").metadata.data
    assert said == {"mine": "ab" * 32, "mine (2)": "cd" * 32, "other": "ef" * 32}


def test_members_with_golden_answers_to_other_images() -> None:
    other = np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)
    members = [member(0), member(1, golden_images=other)]
    model = parse_model(build(members, name="all"), "all")
    assert np.array_equal(model.metadata.golden_images, members[0].metadata.golden_images)
    answers(model, np.zeros((1, 1, 28, 28), np.float32))  # opened, so the golden answers are right


def test_what_makes_no_committee_is_refused(three: list[Model]) -> None:
    whole = parse_model(build(three, name="all"), "all.onnx")
    for members, sentence in [
        (three[:1], "at least two"),
        ([three[0], three[1], three[0]], "'m0.onnx' and 'm0.onnx' are the same model"),
        ([three[0], whole], "'all.onnx' is a committee itself"),
    ]:
        with pytest.raises(UsageError, match=sentence):
            build(members, name="none")


def test_too_large_a_committee_is_refused(three: list[Model], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "SIZE_LIMIT", len(build(three, name="all")))
    build(three, name="all")
    with pytest.raises(ModelFileError, match=r"of these 3 models is too large .* at most"):
        build(three, name="longer")


def test_a_look_inside_shows_the_first_network_and_the_evidence_of_all(three: list[Model]) -> None:
    """Of a later member in the first place, as the first of `three` has fewer planes."""
    model = parse_model(build([three[1], three[0]], name="all"), "all")
    layers, alone = Layers(model), Layers(three[1])
    image = load_training().images[0]
    assert (layers.networks, alone.networks) == (2, 1)
    assert np.array_equal(layers.filters, alone.filters)  # type: ignore[arg-type]
    (found,), (expected,) = layers.planes(image).values(), alone.planes(image).values()
    assert np.array_equal(found, expected)
    assert layers.logits(image[None]).shape == layers.embedding(image[None]).shape == (1, 10)


def test_the_page_of_a_look_says_that_it_is_a_committee(three: list[Model], tmp_path: Path) -> None:
    path = tmp_path / "all.onnx"
    path.write_bytes(build(three, name="all"))
    digits = load_training().take(range(20), "twenty")
    page = render(look(Reader(path), digits.images[0], digits), "all", "digit 0")
    assert "a committee of 3 networks" in page
