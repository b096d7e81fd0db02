"""A model file in 8-bit integers: about a quarter of the size, and more images a second on larger ones.

    data = quantise(read_model("fast.onnx"), images, name="fast-int8")      images uint8 [n, 28, 28]

The graph stays, and pairs of QuantizeLinear and DequantizeLinear say where a value is rounded: before and
after each convolution and each maximum pool, and before the last layer, whose logits stay floats. ONNX
Runtime makes integer kernels of that. The range of a value is what `images` drive it to. Temperature and
thresholds are carried over: validation images show no difference in NLL, and some were fitted on pages.

Weights take 7 of their 8 bits, which costs no accuracy: the product of uint8 and int8 is added up in 16 bits
on processors without VNNI, where two products of 8 bits each may be cut off, and two of 7 never are. So all
processors give the same sums.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ShapeError, UsageError
from tenfold.harness.layers import Layers, batches
from tenfold.model import Metadata, Model, parse_model, probabilities, seal, unchecked_session
from tenfold.onnx_check import INPUT, array_of
from tenfold.onnx_wire import FLOAT, INT8, INT32, UINT8, Graph, Node, Tensor, parse, parse_graph
from tenfold.onnx_write import constant, encode

LARGEST_WEIGHT = 63  # 7 bits and their sign's
LARGEST_VALUE = 255
LARGEST_BIAS = 2**30  # leaves room in 32 bits for what is added to it
SMALLEST_SCALE = 1e-15  # the product of two is far from underflow

_ROUNDED = ("Conv", "MaxPool", "Gemm")  # what has integer kernels worth having

Images = NDArray[np.uint8]  # [n, 28, 28], ink bright


def quantise(
    model: Model,
    images: Images,
    *,
    name: str,
    recipe: Mapping[str, Any] | None = None,
    data: Mapping[str, str] | None = None,
) -> bytes:
    """The bytes of the model file; `recipe` and `data` are added to what the model says of them.

    Its golden answers are its own, in this machine's kernels. Raises UsageError for a model that is
    quantised already, or that has nothing to quantise, and ShapeError where there are no images.
    """
    if not len(images):
        raise ShapeError("A model is quantised by what it makes of images; there are none.")
    if model.metadata.precision != "float32":
        raise UsageError(f"'{model.source}' is a model of 8-bit integers already.")
    graph = parse_graph(parse(model.data).graph)
    places = _Places(graph)
    if not places.rounded:
        raise UsageError(f"'{model.source}' has no layer to quantise.")
    rounded = _Rounding(graph, places.steps(_ranges(model, places.rounded, images))).graph()
    metadata = replace(
        model.metadata,
        name=name,
        precision="int8",
        recipe={**model.metadata.recipe, **(recipe or {})},
        data={**model.metadata.data, **(data or {})},
        measured={},
    )
    return _with_own_answers(rounded, metadata)


def with_measured(
    model: Model, measured: Mapping[str, Any], thresholds: Mapping[str, float] | None = None
) -> bytes:
    """The same model file, which then says what was `measured` of it, and has other `thresholds` if given."""
    about = model.metadata
    metadata = replace(about, measured=dict(measured), thresholds=dict(thresholds or about.thresholds))
    return _sealed(parse_graph(parse(model.data).graph), metadata)


def _with_own_answers(graph: Graph, metadata: Metadata) -> bytes:
    """With golden answers: those of the floats may be off by more than another processor's integers are."""
    session = unchecked_session(parse_model(_sealed(graph, metadata), metadata.name, kind=None))
    exact = probabilities(session, metadata.golden_images).astype(np.float64).round(6)
    return _sealed(graph, replace(metadata, golden_probabilities=exact))


def _sealed(graph: Graph, metadata: Metadata) -> bytes:
    text = metadata.to_json()
    return seal(encode(graph, text), text)


def _ranges(model: Model, names: list[str], images: Images) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each for all `images`; of the images themselves, 0 to 1."""
    layers, found = Layers(model), {INPUT: (0.0, 1.0)}
    computed = [name for name in names if name != INPUT]
    for batch in batches(images):
        for name, values in zip(computed, layers.run(computed, batch), strict=True):
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, float(values.min())), max(high, float(values.max()))
    return found


class _Places:
    """Where a graph's values are rounded."""

    def __init__(self, graph: Graph) -> None:
        self._makers = {node.outputs[0]: node for node in graph.nodes}
        self._takers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in node.inputs:
                self._takers.setdefault(name, []).append(node)
        self.rounded: list[str] = []
        """names, in the order in which they are computed"""
        wanted = set()
        for node in graph.nodes:
            if node.operator in _ROUNDED:
                wanted.add(node.inputs[0])
            if node.operator in ("Conv", "MaxPool"):
                wanted.add(self._result(node))
        computed = [INPUT, *self._makers]
        self.rounded = [name for name in computed if name in wanted]

    def _result(self, node: Node) -> str:
        """What it gives; with a ReLU that alone takes it, what that gives: both become one kernel."""
        (name,) = node.outputs
        taker = self._only_taker(name)
        return taker.outputs[0] if taker is not None and taker.operator == "Relu" else name

    def _only_taker(self, name: str) -> Node | None:
        takers = self._takers.get(name, [])
        return takers[0] if len(takers) == 1 else None

    def steps(self, ranges: dict[str, tuple[float, float]]) -> dict[str, tuple[np.float32, int]]:
        """Scale and zero point of each."""
        found: dict[str, tuple[np.float32, int]] = {}
        for name in self.rounded:
            pooled = self._pooled(name)
            if pooled in found:  # a maximum is one of the numbers that it was chosen from
                found[name] = found[pooled]
                continue
            low, high = ranges[name]
            low = 0.0 if self._cut_off(name) else low
            scale = np.float32(max((high - low) / LARGEST_VALUE, SMALLEST_SCALE))
            found[name] = scale, round(-low / float(scale))
        return found

    def _pooled(self, name: str) -> str:
        """What a maximum pool was given, if it or the ReLU behind it gave `name`."""
        node = self._makers.get(name)
        if node is not None and node.operator == "Relu":
            node = self._makers.get(node.inputs[0])
        return node.inputs[0] if node is not None and node.operator == "MaxPool" else ""

    def _cut_off(self, name: str) -> bool:
        """Whether a ReLU makes nothing of all that is below zero, at once or after a maximum pool."""
        taker = self._only_taker(name)
        if taker is None or taker.operator not in ("Relu", "MaxPool"):
            return False
        return taker.operator == "Relu" or self._cut_off(taker.outputs[0])


class _Rounding:
    """The graph with its values rounded by `steps`, and its weights too where they meet rounded values."""

    def __init__(self, graph: Graph, steps: Mapping[str, tuple[np.float32, int]]) -> None:
        self._whole = graph
        self._steps = steps
        self._given = {tensor.name: tensor for tensor in graph.initializers}
        self._nodes: list[Node] = []
        self._weights: dict[str, Tensor] = {}

    def graph(self) -> Graph:
        self._round(INPUT)
        for node in self._whole.nodes:
            data, *others = node.inputs
            if node.operator in ("Conv", "Gemm"):
                others = self._round_weights(data, *others)
            else:
                self._weights.update({name: self._given[name] for name in others if name in self._given})
            inputs = tuple(f"{name}.near" if name in self._steps else name for name in (data, *others))
            self._nodes.append(replace(node, inputs=inputs))
            self._round(node.outputs[0])
        return replace(self._whole, nodes=tuple(self._nodes), initializers=tuple(self._weights.values()))

    def _round(self, name: str) -> None:
        """`name`.near is `name` rounded to one of 256 numbers."""
        if name not in self._steps:
            return
        scale, zero = self._steps[name]
        how = (self._weight(f"{name}.scale", scale, FLOAT), self._weight(f"{name}.zero", zero, UINT8))
        self._nodes.append(Node("QuantizeLinear", (name, *how), (f"{name}.int8",), {}))
        self._nodes.append(Node("DequantizeLinear", (f"{name}.int8", *how), (f"{name}.near",), {}))

    def _round_weights(self, data: str, weights: str, *bias: str) -> list[str]:
        """A scale for each channel, with which its bias fits: that has the scale of the products."""
        step = float(self._steps[data][0])
        floats = self._floats(weights)
        scales = np.abs(floats).reshape(len(floats), -1).max(1) / LARGEST_WEIGHT
        for name in bias:
            scales = np.maximum(scales, np.abs(self._floats(name)) / (step * LARGEST_BIAS))
        rounded = np.maximum(scales, SMALLEST_SCALE).astype(np.float32)
        of_products = (rounded * step).astype(np.float32)
        return [
            self._codes(weights, rounded, INT8),
            *(self._codes(name, of_products, INT32) for name in bias),
        ]

    def _codes(self, name: str, scales: NDArray[np.float32], kind: int) -> str:
        """`name`.near is the constant `name` rounded to whole numbers of `scales`."""
        floats = self._floats(name)
        codes = np.rint(floats / scales.astype(np.float64).reshape(-1, *[1] * (floats.ndim - 1)))
        inputs = [self._weight(name, codes, kind), self._weight(f"{name}.scale", scales, FLOAT)]
        if kind == INT8:  # may be left out, but ONNX Runtime 1.20 then takes one for all channels, and fails
            inputs.append(self._weight(f"{name}.zero", np.zeros(len(scales)), kind))
        self._nodes.append(Node("DequantizeLinear", tuple(inputs), (f"{name}.near",), {"axis": 0}))
        return f"{name}.near"

    def _floats(self, name: str) -> NDArray[np.float64]:
        return array_of(self._given[name]).astype(np.float64)

    def _weight(self, name: str, values: Any, kind: int) -> str:
        self._weights[name] = constant(name, values, kind)
        return name
