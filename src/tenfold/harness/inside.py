"""A look inside a model with one digit: what each layer makes of it, what it rests on, what it is like.

    found = look(Reader("runs/baseline-0"), image, load_training())      image uint8 [28, 28], ink bright
    plt.imshow(two_colours(found.covered, found.image))                  in a notebook: see `pictures.py`
    plt.imshow(sheet(found.nearest.images, columns=6), cmap="gray_r")

All is computed from the model file, so a shipped model can be looked into as well as a run. It takes some
seconds, most of them for the training digits.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.errors import ShapeError
from tenfold.harness.layers import Layers
from tenfold.reading.reader import Reader

PATCH = 5  # pixels a side of what is covered: wider than a stroke
NEAREST = 12
MAPPED = 1_000  # training digits on the map

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The training digits that are most alike to the model, most alike first."""

    indices: NDArray[np.int64]  # [k], in the training set
    labels: NDArray[np.uint8]  # [k]
    similarity: Floats  # [k], cosine of the embeddings, -1..1
    images: Image  # [k, 28, 28]


@dataclass(frozen=True, eq=False)
class Map:
    """Training digits and the chosen one, their embeddings seen from where they differ most (PCA)."""

    points: Floats  # [n, 2]
    labels: NDArray[np.uint8]  # [n]
    here: Floats  # [2]
    explained: Floats  # [2]: share of the variance along each axis


@dataclass(frozen=True, eq=False)
class Look:
    image: Image  # [28, 28]
    probabilities: NDArray[np.float32]  # [10]
    filters: NDArray[np.float32] | None  # [k, 1, h, w]
    planes: dict[str, NDArray[np.float32]]  # layer -> [c, h, w]
    networks: int
    """more than one in a committee, of which `filters` and `planes` are the first's"""
    covered: Floats
    """[28, 28]: by how much the evidence for the answer falls if this place is paper, in nats"""
    inked: Floats
    """[28, 28]: the same if this place is full of ink"""
    among: int
    """training digits that the nearest were chosen from"""
    nearest: Neighbours
    map: Map

    @property
    def label(self) -> int:
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        return float(self.probabilities.max())


def look(reader: Reader, image: Image, training: Labelled) -> Look:
    """A look at how `reader` reads `image` uint8 [28, 28], beside the digits of `training`.

    Raises ShapeError for another image.
    """
    if image.dtype != np.uint8 or image.shape != (28, 28):
        raise ShapeError(
            f"One digit to look at must be uint8 [28, 28], not {image.dtype} {list(image.shape)}."
        )
    layers = Layers(reader.model)
    probabilities = reader.probabilities(image[None])[0]
    label = int(probabilities.argmax())
    return Look(
        image,
        probabilities,
        layers.filters,
        layers.planes(image),
        layers.networks,
        occlusion(layers, image, label),
        occlusion(layers, image, label, fill=255),
        len(training),
        nearest(layers, image, training),
        embedding_map(layers, image, training),
    )


def occlusion(layers: Layers, image: Image, label: int, *, fill: int = 0) -> Floats:
    """[28, 28]: how much evidence for `label` each pixel's place carries, in nats of log-odds.

    A square of PATCH x PATCH around every pixel is set to `fill` in turn (0 is paper, 255 ink). A pixel
    gets the mean loss over the squares that cover it; what is negative spoke against the label.
    """
    side, reach = len(image), PATCH // 2
    masks = np.zeros((side * side, side, side), bool)
    for place, mask in enumerate(masks):
        y, x = divmod(place, side)
        mask[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = True
    changed = np.where(masks, np.uint8(fill), image)
    lost = _log_odds(layers.logits(image[None]), label) - _log_odds(layers.logits(changed), label)
    return np.asarray(np.tensordot(lost, masks, 1) / masks.sum(0))


def _log_odds(logits: NDArray[np.float32], label: int) -> Floats:
    """log p / (1 - p) of `label`, from logits [n, 10] and so without the rounding of p = 1: [n]."""
    others = np.delete(logits.astype(np.float64), label, 1)
    most = others.max(1)
    return np.asarray(logits[:, label] - most - np.log(np.exp(others - most[:, None]).sum(1)))


def nearest(layers: Layers, image: Image, training: Labelled, *, count: int = NEAREST) -> Neighbours:
    """The `count` images of `training` whose embeddings point most nearly the way of `image`'s."""
    wanted = _unit(layers.embedding(image[None]))[0]
    chunks = (training.images[start : start + 1_000] for start in range(0, len(training), 1_000))
    similarity = np.concatenate([_unit(layers.embedding(chunk)) @ wanted for chunk in chunks])
    order = np.argsort(-similarity, kind="stable")[:count]
    return Neighbours(order, training.labels[order], similarity[order], training.images[order])


def _unit(features: NDArray[np.float32]) -> Floats:
    lengths = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, 1e-12))


def embedding_map(layers: Layers, image: Image, training: Labelled, *, count: int = MAPPED) -> Map:
    """The first `count` images of `training`, and `image`, on the two main axes of the embedding."""
    chosen = slice(0, count)
    features = layers.embedding(training.images[chosen])
    middle, axes, explained = principal_axes(features)
    here = (layers.embedding(image[None])[0] - middle) @ axes.T
    return Map((features - middle) @ axes.T, training.labels[chosen], here, explained)


def principal_axes(features: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Of `features` [n, d]: mean [d], two main axes [2, d] of unit length, their shares of the variance [2].

    By way of the inner products [n, n], as d may be large. The largest entry of an axis is positive.
    """
    values = np.asarray(features, np.float64)
    middle = values.mean(0)
    centred = values - middle
    variances, mixes = np.linalg.eigh(centred @ centred.T)
    axes = mixes[:, :-3:-1].T @ centred
    axes /= np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12)
    peaks = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
    axes *= np.where(peaks < 0, -1, 1)
    return middle, axes, variances[:-3:-1].clip(0) / max(float(variances.sum()), 1e-12)
