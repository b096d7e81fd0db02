"""The inside of a model file is what torch computes; maps and neighbours are scikit-learn's."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity
from torch import nn

from tenfold.data.labelled import Labelled
from tenfold.data.mnist import load_training
from tenfold.errors import ShapeError
from tenfold.harness import layers as inner
from tenfold.harness.inside import Look, embedding_map, look, nearest, occlusion, principal_axes
from tenfold.harness.layers import Layers
from tenfold.harness.report.inside import render
from tenfold.model import Model, parse_model
from tenfold.reading.reader import Reader
from tenfold.training.export import export
from tenfold.training.networks import Network

torch.set_num_threads(1)


def network(*layers: nn.Module) -> Network:
    built = Network(*layers).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in built.parameters():
            weights.normal_(0, (1 / max(weights[0].numel(), 1)) ** 0.5, generator=generator)
    return built


CONVOLUTIONAL = network(
    nn.Conv2d(1, 4, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(4, 6, 3),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(726, 10),
)


def model(built: Network) -> Model:
    return parse_model(export(built, name="test"), "test")


@pytest.fixture(scope="module")
def digits() -> Labelled:
    return load_training().take(range(70), "seventy")


@pytest.fixture(scope="module")
def layers() -> Layers:
    return Layers(model(CONVOLUTIONAL))


def forward(images: np.ndarray, upto: int) -> np.ndarray:
    with torch.inference_mode():
        found = CONVOLUTIONAL.layers[:upto](torch.from_numpy(images.copy())[:, None].float() / 255)
    return np.asarray(found.numpy())


def test_filters_and_planes_are_those_of_torch(layers: Layers, digits: Labelled) -> None:
    first = CONVOLUTIONAL.layers[0]
    assert isinstance(first, nn.Conv2d)
    assert layers.filters is not None
    assert np.array_equal(layers.filters, first.weight.detach().numpy())
    planes = layers.planes(digits.images[0])
    assert list(planes) == ["1: 4 planes of 26 x 26", "2: 6 planes of 11 x 11"]
    for found, upto in zip(planes.values(), (2, 5), strict=True):
        assert np.abs(found - forward(digits.images[:1], upto)[0]).max() < 1e-5


def test_embedding_and_logits_are_those_of_torch(layers: Layers, digits: Labelled) -> None:
    assert layers.embedding(digits.images).shape == (70, 726)
    assert np.abs(layers.embedding(digits.images) - forward(digits.images, 6)).max() < 1e-5
    assert np.abs(layers.logits(digits.images) - forward(digits.images, 7)).max() < 1e-4


def test_a_network_without_convolution_has_no_filters(digits: Labelled) -> None:
    linear = Layers(model(network(nn.Flatten(), nn.Linear(784, 10))))
    assert linear.filters is None
    assert linear.planes(digits.images[0]) == {}
    assert np.abs(linear.embedding(digits.images) - digits.images.reshape(70, -1) / 255).max() < 1e-6


def test_a_network_without_relu_shows_its_convolutions(digits: Labelled) -> None:
    plain = Layers(model(network(nn.Conv2d(1, 2, 5), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(72, 10))))
    assert list(plain.planes(digits.images[0])) == ["1: 2 planes of 24 x 24"]


def test_a_huge_embedding_gives_way_to_the_logits(digits: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, wide in ((726, 726), (725, 10)):
        monkeypatch.setattr(inner, "FEATURE_LIMIT", limit)
        assert Layers(model(CONVOLUTIONAL)).embedding(digits.images[:2]).shape == (2, wide)


@pytest.mark.parametrize("length", [1, 127, 128, 300])
def test_values_are_shown_by_names_of_any_length(length: int, layers: Layers, digits: Labelled) -> None:
    given = model(CONVOLUTIONAL)
    file = onnx.load_model_from_string(given.data)
    first, second = file.graph.node[:2]
    old, new = first.output[0], "v" * length
    first.output[0] = second.input[0] = new
    renamed = Layers(replace(given, data=file.SerializeToString()))
    image = digits.images[0]
    assert np.array_equal(renamed.values(image)[new], layers.values(image)[old])


def test_occlusion_is_the_loss_of_log_odds_over_every_square(layers: Layers, digits: Labelled) -> None:
    image, label = digits.images[3], 4

    def evidence(pictures: np.ndarray) -> np.ndarray:
        probabilities = torch.from_numpy(forward(pictures, 7)).double().softmax(1)[:, label]
        return np.asarray(torch.log(probabilities / (1 - probabilities)).numpy())

    for fill in (0, 255):
        total, squares = np.zeros((28, 28)), np.zeros((28, 28))
        places = [np.s_[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] for y in range(28) for x in range(28)]
        changed = np.repeat(image[None], 784, 0)
        for picture, place in zip(changed, places, strict=True):
            picture[place] = fill
        for lost, place in zip(evidence(image[None]) - evidence(changed), places, strict=True):
            total[place] += lost
            squares[place] += 1
        found = occlusion(layers, image, label, fill=fill)
        assert found == pytest.approx(total / squares, abs=1e-4)
        assert found.any()


def test_a_square_over_paper_costs_nothing(layers: Layers) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[20:24, 20:24] = 255
    found = occlusion(layers, image, 1)
    assert not found[:16].any()
    assert found[21, 21] != 0


def test_neighbours_are_those_of_scikit_learn(layers: Layers, digits: Labelled) -> None:
    found = nearest(layers, digits.images[5], digits, count=7)
    features = forward(digits.images, 6)
    similarity = cosine_similarity(features[5:6], features)[0]
    assert found.indices.tolist() == np.argsort(-similarity)[:7].tolist()
    assert found.similarity == pytest.approx(np.sort(similarity)[::-1][:7], abs=1e-5)
    assert found.indices[0] == 5
    assert found.similarity[0] == pytest.approx(1)
    assert np.array_equal(found.labels, digits.labels[found.indices])
    assert np.array_equal(found.images, digits.images[found.indices])
    assert all(a >= b for a, b in pairwise(found.similarity))


@pytest.mark.parametrize("shape", [(40, 6), (12, 50)])
def test_main_axes_are_those_of_scikit_learn(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=shape) * np.linspace(3, 0.1, shape[1]) + 5
    middle, axes, explained = principal_axes(features)
    oracle = PCA(2, svd_solver="full").fit(features)
    assert middle == pytest.approx(oracle.mean_)
    assert explained == pytest.approx(oracle.explained_variance_ratio_)
    assert np.abs(axes @ oracle.components_.T) == pytest.approx(np.eye(2), abs=1e-8)
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in axes)


def test_features_that_are_all_alike_have_no_axes() -> None:
    _, axes, explained = principal_axes(np.ones((5, 3)))
    assert not axes.any()
    assert not explained.any()


def test_the_map_places_the_digit_where_its_twin_lies(layers: Layers, digits: Labelled) -> None:
    found = embedding_map(layers, digits.images[9], digits, count=30)
    assert found.points.shape == (30, 2)
    assert found.here == pytest.approx(found.points[9], abs=1e-4)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, digits: Labelled) -> Look:
    path = tmp_path_factory.mktemp("model") / "test.onnx"
    path.write_bytes(export(CONVOLUTIONAL, name="test"))
    return look(Reader(path, threads=1), digits.images[0], digits)


def test_a_look_answers_as_the_reader_does(found: Look, digits: Labelled) -> None:
    expected = torch.from_numpy(forward(digits.images[:1], 7)).softmax(1)[0].numpy()
    assert found.probabilities == pytest.approx(expected, abs=1e-5)
    assert found.label == expected.argmax()
    assert found.confidence == pytest.approx(expected.max(), abs=1e-5)
    assert found.among == 70


def test_the_page_has_every_part(found: Look) -> None:
    from tests.harness.report.test_run import Page

    page = Page(render(found, "test", "a <digit>", given=5))
    assert {attributes["id"] for tag, attributes in page.tags if tag == "section"} == {
        "answer", "filters", "planes", "evidence", "nearest", "map"
    }  # fmt: skip
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 1 + 4 + (4 + 6) + 2 + 12
    assert all(attributes["alt"] for attributes in pictures)
    assert "a <digit> is read as" in page.text
    assert page.text.count("it is labelled 5") == 1
    assert not {"script", "link"} & {tag for tag, _ in page.tags}


def test_another_picture_is_refused(digits: Labelled) -> None:
    reader = Reader.__new__(Reader)
    images: list[Any] = [np.zeros((28, 29), np.uint8), np.zeros((28, 28))]
    for image in images:
        with pytest.raises(ShapeError, match=r"\[28, 28\]"):
            look(reader, image, digits)
