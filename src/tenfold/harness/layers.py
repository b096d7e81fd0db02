"""What a model file computes on its way: the first filters, every layer's planes, the embedding. No torch.

    layers = Layers(read_model("runs/baseline-0/model.onnx"))
    layers.filters                          float32 [32, 1, 3, 3]
    layers.planes(image)                    {"1: 32 planes of 26 x 26": float32 [32, 26, 26], ...}
    layers.embedding(images)                float32 [n, 1600]: what the last layer decides by

Of a file of 8-bit integers it shows what is computed as it is rounded, and the weights as the numbers that
they stand for: `graph` is the network as it was, without the operators that round.

Protobuf joins a message that follows another: a graph appended to the file, with nothing but more outputs,
adds them to the model's own. So this works on a checked file, without its checkpoint.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tenfold.data.preprocess import preprocess
from tenfold.harness.committee import first_network, networks
from tenfold.model import Model, open_session
from tenfold.onnx_check import INPUT, OUTPUTS, array_of
from tenfold.onnx_wire import Graph, Node, Tensor, parse, parse_graph
from tenfold.onnx_write import constant, field

BATCH = 32
FEATURE_LIMIT = 16_384  # of an embedding; where the last layer sees more, the logits stand in

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]  # [n, 28, 28], ink bright


class Layers:
    """The inside of a checked model. Raises as `open_session` does."""

    def __init__(self, model: Model) -> None:
        given = parse_graph(parse(model.data).graph)
        self.graph: Graph = without_rounding(given)
        self._rounded = rounded_values(given)
        self.networks = networks(self.graph)
        """more than one in a committee, of which `filters` and `planes` are the first's"""
        self.first: tuple[Node, ...] = first_network(self.graph)
        self._values = [name for node in self.graph.nodes for name in node.outputs]
        own = {value.name for value in self.graph.outputs}
        wanted = [self._rounded.get(name, name) for name in self._values]
        added = b"".join(_output(name) for name in wanted if name not in own)
        self._session = open_session(replace(model, data=model.data + added), threads=1)

    @cached_property
    def filters(self) -> Floats | None:
        """The weights [k, 1, h, w] of the first convolution, as it sees pixels; None without one."""
        for node in self.first:
            if node.operator == "Conv":
                weights = {tensor.name: tensor for tensor in self.graph.initializers}[node.inputs[1]]
                return array_of(weights).astype(np.float32)
        return None

    def planes(self, image: Images) -> dict[str, Floats]:
        """The planes [c, h, w] after each ReLU (or each convolution, where there is none) for one image."""
        shown = self._planes_after("Relu") or self._planes_after("Conv")
        found = self.run(shown, image[None])
        return {
            f"{number}: {len(planes)} planes of {planes.shape[1]} x {planes.shape[2]}": planes
            for number, (planes,) in enumerate((value for value in found if value.ndim == 4), 1)
        }

    def values(self, image: Images) -> dict[str, Floats]:
        """All that is computed for one image [28, 28], by the name in the graph, each [1, ...]."""
        return dict(zip(self._values, self.run(self._values, image[None]), strict=True))

    def logits(self, images: Images) -> Floats:
        """[n, 10], before temperature."""
        return np.concatenate([self.run(["logits"], batch)[0] for batch in batches(images)])

    def embedding(self, images: Images) -> Floats:
        """What the last layer decides by, [n, d] with d up to FEATURE_LIMIT."""
        return np.concatenate([self.run([self._features], batch)[0] for batch in batches(images)])

    @cached_property
    def _features(self) -> str:
        last = self._maker("logits")
        name = last.inputs[0]
        if last.operator != "Gemm" or name not in self._values:
            return "logits"
        (value,) = self.run([name], np.zeros((1, 28, 28), np.uint8))
        return name if value.ndim == 2 and value.shape[1] <= FEATURE_LIMIT else "logits"

    def _planes_after(self, operator: str) -> list[str]:
        names = [node.outputs[0] for node in self.first if node.operator == operator]
        return [name for name in names if name != "logits"]

    def _maker(self, name: str) -> Node:
        return next(node for node in self.graph.nodes if name in node.outputs)

    def run(self, names: list[str], images: Images) -> list[Floats]:
        """The values of that name for `images`, rounded where the next layer takes them so."""
        if not names:  # ONNX Runtime takes none for all
            return []
        wanted = [self._rounded.get(name, name) for name in names]
        found: list[Floats] = self._session.run(wanted, {INPUT: preprocess(images)})
        return found


def rounded_values(graph: Graph) -> dict[str, str]:
    """The names of what values are rounded to, by the values' own."""
    makers = {node.outputs[0]: node for node in graph.nodes}
    found = {}
    for node in graph.nodes:
        maker = makers.get(node.inputs[0]) if node.operator == "DequantizeLinear" else None
        if maker and maker.operator == "QuantizeLinear" and node.outputs[0] not in OUTPUTS:
            found[maker.inputs[0]] = node.outputs[0]
    return found


def without_rounding(graph: Graph) -> Graph:
    """The same network in floats: no value is rounded, and weights are those that the integers stand for."""
    tensors = {tensor.name: tensor for tensor in graph.initializers}
    meant: dict[str, str] = {}  # what an operator that rounds gives, by the name of what it was given
    nodes, weights = [], {}
    for node in graph.nodes:
        first = node.inputs[0]
        rounds = node.operator in ("QuantizeLinear", "DequantizeLinear")
        if not rounds or node.outputs[0] in OUTPUTS:  # a stranger's file may round those too
            inputs = tuple(meant.get(name, name) for name in node.inputs)
            nodes.append(replace(node, inputs=inputs))
            weights.update(
                {name: tensors[name] for name in inputs if name in tensors and name not in weights}
            )
            continue
        meant[node.outputs[0]] = meant.get(first, first)
        if first in tensors:
            weights[first] = _as_floats(tensors[first], tensors[node.inputs[1]])
    return replace(graph, nodes=tuple(nodes), initializers=tuple(weights.values()))


def _as_floats(codes: Tensor, scales: Tensor) -> Tensor:
    """Integers [o, ...] with a scale for each o."""
    values = array_of(codes)
    return constant(codes.name, values * array_of(scales).reshape(-1, *[1] * (values.ndim - 1)))


def batches(images: Images) -> Iterator[Images]:
    yield from (images[start : start + BATCH] for start in range(0, len(images), BATCH))


def _output(name: str) -> bytes:
    """A ModelProto that holds a graph that holds one output of that name (fields 7, 12 and 1)."""
    return field(7, field(12, field(1, name.encode())))
