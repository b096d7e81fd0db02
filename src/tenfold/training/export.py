"""Trained network -> model file, the graph written layer by layer; same weights, same bytes.

    data = export(network, name="baseline", temperature=1.3, recipe={...}, ...)
    write_atomic(path, data)

`merge.py` first takes BatchNorm and Dropout out; then each layer adds its nodes to the graph, and ONNX
Runtime's answers are held against torch's. A new layer type needs one function in `_EMITTERS` and, if its
operator is new, one row in `onnx_operators.OPERATORS`.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.errors import DivergedError, ModelFileError, ShapeError, UnknownNameError, UsageError
from tenfold.kinds import DIGIT, Kind
from tenfold.model import (
    GOLDEN_TOLERANCE,
    Metadata,
    Model,
    open_session,
    parse_model,
    probabilities,
    seal,
)
from tenfold.onnx_check import IMAGE_SHAPE, INPUT, OUTPUTS
from tenfold.onnx_wire import FLOAT, Graph, Node, Value
from tenfold.onnx_wire import Tensor as Constant
from tenfold.onnx_write import constant, encode
from tenfold.training.layers import Conv2d, GlobalPool, Residual
from tenfold.training.merge import Affine, merge
from tenfold.training.networks import Network, count_parameters


def export(
    network: Network,
    *,
    name: str,
    temperature: float = 1.0,
    thresholds: Mapping[str, float] | None = None,
    recipe: Mapping[str, Any] | None = None,
    data: Mapping[str, str] | None = None,
    measured: Mapping[str, Any] | None = None,
    golden_images: NDArray[np.uint8] | None = None,
    kind: Kind = DIGIT,
) -> bytes:
    """The bytes of a model file: probabilities = softmax(logits / temperature).

    `golden_images` uint8 [k, 28, 28] are stored with their answers, computed in float64, to be checked at
    each load (at most 16; None: four drawn patterns); those of another `kind` have its shape. `network` is
    left as it was. Raises UsageError for what is no `Network` and UnknownNameError for a layer that cannot be
    written, ShapeError for a network that does not map [n, 1, 28, 28] to [n, 10], or as the kind says,
    DivergedError for weights that are not numbers and ModelFileError where ONNX Runtime and torch in float32
    differ by more than GOLDEN_TOLERANCE.
    """
    if not isinstance(network, Network):
        raise UsageError(
            f"A {type(network).__name__} cannot be written to a model file; a Network of layers can, as in "
            "tenfold.training.networks.Network(layer, layer, ...)."
        )
    images = golden_patterns() if golden_images is None else np.ascontiguousarray(golden_images)
    frozen = copy.deepcopy(network).cpu().float().eval()
    exact = _probabilities(copy.deepcopy(frozen).double(), images, temperature, kind)
    if not np.isfinite(exact).all():
        raise DivergedError(f"The model '{name}' cannot be saved: its answers are not numbers.")
    metadata = Metadata(
        name=name,
        temperature=float(temperature),
        parameters=count_parameters(network),
        golden_images=images,
        golden_probabilities=exact.round(6),  # so that the last bits of a processor do not change the file
        thresholds=dict(thresholds or {}),
        recipe=dict(recipe or {}),
        data=dict(data or {}),
        measured=dict(measured or {}),
        kind=kind,
    )
    text = metadata.to_json()
    graph = _graph(merge(list(frozen.layers)), metadata.temperature, kind)
    sealed = seal(encode(graph, text), text)
    _compare(parse_model(sealed, name, kind), _probabilities(frozen, images, temperature, kind))
    return sealed


def golden_patterns() -> NDArray[np.uint8]:
    """Four drawn figures [4, 28, 28], alike on every machine: a ring, a bar, a cross and a blank."""
    y, x = np.mgrid[-27:28:2, -27:28:2]
    ring = 255 - np.abs(y * y + x * x - 200)
    bar = 255 - 12 * np.abs(x + y // 4) * (np.abs(y) < 20) - 255 * (np.abs(y) >= 20)
    cross = 255 - 20 * np.minimum(np.abs(x - y), np.abs(x + y)) - 255 * (np.abs(y) >= 18)
    return np.stack([ring, bar, cross, 0 * x]).clip(0, 255).astype(np.uint8)


def _probabilities(
    network: Network, images: NDArray[np.uint8], temperature: float, kind: Kind
) -> NDArray[Any]:
    dtype = next((p.dtype for p in network.parameters()), torch.float32)
    with torch.inference_mode():
        logits = network(torch.tensor(images)[:, None].to(dtype) / 255)
        if logits.shape != (len(images), *kind.golden_answer):
            wanted = ", ".join(map(str, kind.golden_answer))
            raise ShapeError(
                f"The network gives {list(logits.shape)} for {len(images)} images, not [n, {wanted}]."
            )
        answers: NDArray[Any] = (logits / temperature).softmax(1).numpy()
    return answers


def _compare(model: Model, expected: NDArray[Any]) -> None:
    session = open_session(model, threads=1)  # compares with the answers in float64
    found = probabilities(session, model.metadata.golden_images)
    if not np.abs(found - expected).max() <= GOLDEN_TOLERANCE:
        raise ModelFileError(f"The model '{model.name}' answers in ONNX Runtime otherwise than in torch.")


# Each layer type has one function that adds its nodes to the graph and returns the name of its output.


class _Graph:
    """Nodes and weights in the order they were added, each with a number for a name."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.weights: list[Constant] = []

    def weight(self, values: Tensor) -> str:
        self.weights.append(constant(f"w{len(self.weights)}", values.detach().to(torch.float32).numpy()))
        return self.weights[-1].name

    def node(self, operator: str, *inputs: str, **attributes: int | tuple[int, ...]) -> str:
        output = f"v{len(self.nodes)}"
        whole = {  # numpy's numbers, with which a layer may be built, are written as Python's
            name: tuple(map(int, value)) if isinstance(value, tuple) else int(value)
            for name, value in sorted(attributes.items())
        }
        self.nodes.append(Node(operator, inputs, (output,), whole))
        return output

    def name_last(self, output: str) -> None:
        self.nodes[-1] = replace(self.nodes[-1], outputs=(output,))

    def channels(self, value: str) -> int:
        """Of a plane: those of the last convolution before it, or the image's."""
        for node in reversed(self.nodes):
            if node.outputs[0] == value:
                value = node.inputs[0]
                if node.operator == "Conv":
                    return next(w.dims[0] for w in self.weights if w.name == node.inputs[1])
        return IMAGE_SHAPE[0]


def _graph(layers: list[nn.Module], temperature: float, kind: Kind) -> Graph:
    made = _Graph()
    _emit_all(made, layers, INPUT)
    made.name_last("logits")
    scaled = made.node("Div", "logits", made.weight(torch.tensor([temperature], dtype=torch.float64)))
    made.node("Softmax", scaled, axis=1)
    made.name_last("probabilities")
    images = Value(INPUT, FLOAT, ("n", *kind.image))
    answers = tuple(Value(name, FLOAT, ("n", *kind.answer)) for name in OUTPUTS)
    return Graph(tuple(made.nodes), tuple(made.weights), (images,), answers)


def _emit_all(graph: _Graph, layers: list[nn.Module], x: str) -> str:
    for layer in layers:
        emit = _EMITTERS.get(type(layer))
        if emit is None:
            names = {kind.__name__ for kind in (*_EMITTERS, nn.BatchNorm2d, nn.Dropout) if kind is not Affine}
            raise UnknownNameError("exportable layer", type(layer).__name__, names)
        x = emit(graph, layer, x)
    return x


def _conv(graph: _Graph, conv: nn.Conv2d, x: str) -> str:
    _plain(conv, padding_mode="zeros")
    weights = [graph.weight(conv.weight)] + ([] if conv.bias is None else [graph.weight(conv.bias)])
    return graph.node(
        "Conv",
        x,
        *weights,
        kernel_shape=conv.kernel_size,
        strides=conv.stride,
        pads=_conv_pads(conv),
        dilations=conv.dilation,
        group=conv.groups,
    )


def _conv_pads(conv: nn.Conv2d) -> tuple[int, ...]:
    """Top, left, bottom, right."""
    if conv.padding == "same":
        total = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        return (total[0] // 2, total[1] // 2, total[0] - total[0] // 2, total[1] - total[1] // 2)
    return (0, 0, 0, 0) if isinstance(conv.padding, str) else conv.padding * 2


def _linear(graph: _Graph, linear: nn.Linear, x: str) -> str:
    weights = [graph.weight(linear.weight)] + ([] if linear.bias is None else [graph.weight(linear.bias)])
    return graph.node("Gemm", x, *weights, transB=1)


def _relu(graph: _Graph, _: nn.ReLU, x: str) -> str:
    return graph.node("Relu", x)


def _silu(graph: _Graph, _: nn.SiLU, x: str) -> str:
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def _max_pool(graph: _Graph, pool: nn.MaxPool2d, x: str) -> str:
    _plain(pool, ceil_mode=False, return_indices=False)
    if _pair(pool.dilation) != (1, 1):
        raise UsageError("A MaxPool2d with dilation cannot be written to a model file.")
    return graph.node("MaxPool", x, **_pool_window(pool))


def _average_pool(graph: _Graph, pool: nn.AvgPool2d, x: str) -> str:
    _plain(pool, ceil_mode=False, divisor_override=None)
    return graph.node("AveragePool", x, **_pool_window(pool), count_include_pad=int(pool.count_include_pad))


def _pool_window(pool: nn.MaxPool2d | nn.AvgPool2d) -> dict[str, tuple[int, ...]]:
    kernel, stride, padding = _pair(pool.kernel_size), _pair(pool.stride), _pair(pool.padding)
    return {"kernel_shape": kernel, "strides": stride, "pads": padding * 2}


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _flatten(graph: _Graph, flatten: nn.Flatten, x: str) -> str:
    _plain(flatten, start_dim=1, end_dim=-1)
    return graph.node("Flatten", x, axis=1)


def _global_pool(graph: _Graph, _: GlobalPool, x: str) -> str:
    pools = [graph.node("GlobalMaxPool", x), graph.node("GlobalAveragePool", x)]
    return graph.node("Flatten", graph.node("Concat", *pools, axis=1), axis=1)


def _pixel_unshuffle(graph: _Graph, unshuffle: nn.PixelUnshuffle, x: str) -> str:
    """A convolution that picks one pixel each: its planes are in torch's order, unlike SpaceToDepth's."""
    r, channels = unshuffle.downscale_factor, graph.channels(x)
    picks = torch.eye(r * r).reshape(r * r, 1, r, r).repeat(channels, 1, 1, 1)
    return graph.node("Conv", x, graph.weight(picks), kernel_shape=(r, r), strides=(r, r), group=channels)


def _residual(graph: _Graph, residual: Residual, x: str) -> str:
    return graph.node("Add", x, _emit_all(graph, list(residual.body), x))


def _affine_nodes(graph: _Graph, affine: Affine, x: str) -> str:
    return graph.node("Add", graph.node("Mul", x, graph.weight(affine.scale)), graph.weight(affine.shift))


def _plain(layer: nn.Module, **settings: Any) -> None:
    for setting, value in settings.items():
        if getattr(layer, setting) != value:
            kind = type(layer).__name__
            raise UsageError(
                f"A {kind} with {setting}={getattr(layer, setting)} cannot be written to a model file."
            )


_EMITTERS: dict[type[nn.Module], Callable[[_Graph, Any, str], str]] = {
    Affine: _affine_nodes,
    GlobalPool: _global_pool,
    Residual: _residual,
    Conv2d: _conv,
    nn.AvgPool2d: _average_pool,
    nn.Conv2d: _conv,
    nn.Flatten: _flatten,
    nn.Linear: _linear,
    nn.MaxPool2d: _max_pool,
    nn.PixelUnshuffle: _pixel_unshuffle,
    nn.ReLU: _relu,
    nn.SiLU: _silu,
}
