"""A training that begins with the weights of a saved model, and not with random ones.

    trainer = Trainer(recipe, training, validation)
    begin_with(trainer, read_model("runs/reader-0/model.onnx"))
    trainer.run()

A model file has no BatchNorm: `merge` put it into the layer before. Here each is found again from what a
sample of the training images gives, so that the network answers as the model does and goes on learning as
one with BatchNorm.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tenfold.data.preprocess import preprocess
from tenfold.errors import UsageError
from tenfold.model import GOLDEN_TOLERANCE, Model
from tenfold.onnx_check import array_of
from tenfold.onnx_wire import parse, parse_graph
from tenfold.training.loop import Trainer, torch_as_it_was
from tenfold.training.networks import Network
from tenfold.training.order import permutation
from tenfold.training.recipes import Recipe

SAMPLE = 4096  # training images that tell what a BatchNorm sees
FAINTEST = 1e-3  # standard deviation of a channel, below which it says nothing


def begin_with(trainer: Trainer, model: Model) -> None:
    """Give the trainer's network the weights of `model`. Raises as `check_start` does."""
    chosen = permutation(trainer.seed, 0, len(trainer.training))[:SAMPLE].to(trainer.device)
    _begin(trainer.recipe, trainer.network, model, trainer.training.batch(chosen)[0])


@torch_as_it_was()
def check_start(recipe: Recipe, model: Model) -> None:
    """Raises UsageError for a model whose layers are not those of the recipe's network, as those of another
    are not, nor symmetric ones, which a model file has no more; and for one in 8-bit integers."""
    _begin(recipe, recipe.network.build(), model, torch.from_numpy(preprocess(model.metadata.golden_images)))


@torch.no_grad()
def _begin(recipe: Recipe, network: Network, model: Model, images: Tensor) -> None:
    if model.metadata.precision != "float32":
        raise UsageError(
            f"'{model.source}' holds 8-bit integers, which do not learn; begin with the model it was made of."
        )
    golden = torch.from_numpy(preprocess(model.metadata.golden_images)).to(images.device)
    try:
        _take(network.eval(), _weights(model), images)
        answers = (network(golden) / model.metadata.temperature).softmax(1).cpu().numpy()
        fits = abs(answers - model.metadata.golden_probabilities).max() <= GOLDEN_TOLERANCE
    except ValueError:  # another number of layers, or of weights in one
        fits = False
    if not fits:
        raise UsageError(
            f"A training of '{recipe.name}' cannot begin with '{model.source}', whose layers are not those of"
            " the recipe's network."
        )


def _weights(model: Model) -> list[list[Tensor]]:
    """Weight and bias of each convolution and dense layer of the file, in order."""
    graph = parse_graph(parse(model.data).graph)
    arrays = {each.name: torch.from_numpy(array_of(each).astype(np.float32)) for each in graph.initializers}
    layers = [node for node in graph.nodes if node.operator in ("Conv", "Gemm")]
    return [[arrays[name] for name in node.inputs[1:]] for node in layers]


def _take(network: Network, weights: list[list[Tensor]], x: Tensor) -> None:
    """Give the layers their `weights`, while `x`, images float32 [n, 1, 28, 28], goes through them. What a
    layer with BatchNorm gives is brought to a variance of 1, as if it were new."""
    left, folded = iter(weights), 1
    made: nn.Conv2d | nn.Linear | None = None
    shift = x.new_zeros(1)
    for layer in network.layers:
        if isinstance(layer, nn.PixelUnshuffle):
            folded = layer.downscale_factor
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            made, (weight, *bias) = layer, next(left, [x])
            unfolds = weight.ndim == 4 and not any(side % folded for side in weight.shape[2:])
            _copy(layer.weight, F.pixel_unshuffle(weight, folded) if unfolds else weight)
            folded, shift = 1, bias[0].to(x.device) if bias else x.new_zeros(len(weight))
            if layer.bias is not None:
                _copy(layer.bias, shift)
                shift = torch.zeros_like(shift)
        elif isinstance(layer, nn.BatchNorm2d) and made is not None:
            x = _take_norm(layer, made, shift, x)
        x = layer(x)
    if next(left, None) is not None:
        raise ValueError


def _take_norm(norm: nn.BatchNorm2d, before: nn.Conv2d | nn.Linear, shift: Tensor, x: Tensor) -> Tensor:
    """Let `norm` only add `shift` [c], and the layer `before` give a variance of 1; its `x` [n, c, h, w],
    anew."""
    deviation = x.std((0, 2, 3)).clamp(min=FAINTEST)
    for each in before.parameters():
        each.div_(deviation.reshape(-1, *[1] * (each.ndim - 1)))
    x = x / deviation[:, None, None]
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
    _copy(norm.running_mean, mean)
    _copy(norm.running_var, variance)
    _copy(norm.weight, deviation * (variance + norm.eps).sqrt())
    _copy(norm.bias, shift + deviation * mean)
    return x


def _copy(to: Tensor | None, values: Tensor) -> None:
    if to is None or to.shape != values.shape:
        raise ValueError
    to.copy_(values)
