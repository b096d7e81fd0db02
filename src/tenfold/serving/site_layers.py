"""A network from inside, for the page: each layer's values for a digit, and where the answer comes from.

    inside = Inside(model)
    values = inside.values(digit)             uint8 [28, 28], ink bright
    inside.evidence(values, label=3)          a class activation map
    inside.steps(values)                      the layers, as a learner meets them
                                              (of a committee the first network's, then the mean of all)

The last layer adds up what it finds, so its evidence for a digit can be split exactly by the place where it
was found. That is one pass of 0.3 ms where covering each place in turn takes 784.
"""

import base64
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.harness.layers import Layers
from tenfold.model import Model
from tenfold.onnx_check import INPUT, array_of
from tenfold.onnx_wire import Node

Values = dict[str, NDArray[np.float32]]

COMMITTEE = "Committee"  # in the place of operators
_WINDOWS = ("Conv", "MaxPool", "AveragePool")
_GLOBAL = ("GlobalMaxPool", "GlobalAveragePool")
_BEGIN = {*_WINDOWS, *_GLOBAL, "Flatten", "Gemm", "Div", "Softmax"}  # others go on with the step before
_TOGETHER = {_GLOBAL, _GLOBAL[::-1], ("Flatten", "Gemm"), ("Div", "Softmax")}


@dataclass(frozen=True)
class Field:
    """What a cell sees: the one at place i of a row or column the pixels first + i * step, and `size` - 1
    more."""

    first: int
    step: int
    size: int


class Inside:
    """Raises as `open_session` does."""

    def __init__(self, model: Model) -> None:
        self._layers = Layers(model)
        self._nodes = self._layers.graph.nodes
        self._weights = {tensor.name: tensor for tensor in self._layers.graph.initializers}
        self._makers = {node.outputs[0]: node for node in self._nodes}

    def values(self, digit: NDArray[np.uint8]) -> Values:
        """All that the network computes for `digit` uint8 [28, 28], by name, each float32 [1, ...]."""
        return self._layers.values(digit)

    def evidence(self, values: Values, label: int) -> dict[str, Any] | None:
        """Where the evidence for `label` against the mean of the others comes from: rows of nats before
        temperature, and the field of their cells. None where the last layer does not see places."""
        sources = self._sources
        if not sources:
            return None
        weights = self._last_weights
        contrast = weights[label] - np.delete(weights, label, 0).mean(0)
        parts = np.split(contrast, np.cumsum([_length(values[name], kind) for kind, name in sources])[:-1])
        found = sum(
            _by_place(values[name][0], part, kind) for (kind, name), part in zip(sources, parts, strict=True)
        )
        rows = np.round(np.asarray(found, np.float64), 4)
        return {
            "height": rows.shape[0],
            "width": rows.shape[1],
            "values": rows.tolist(),
            **asdict(self.fields[sources[0][1]]),
        }

    def steps(self, values: Values) -> list[dict[str, Any]]:
        """Each step of the network with its operators, shape and values: `planes` as bytes in base64 that
        stand for `low` to `high`, or `numbers`."""
        return [self._step(nodes, values) for nodes in self._stages]

    @cached_property
    def layers(self) -> list[dict[str, Any]]:
        """The steps without values: operators and shape of each."""
        values = self.values(np.zeros((28, 28), np.uint8))
        return [
            {"operators": self._operators(nodes), "shape": _shape(values[nodes[-1].outputs[0]])}
            for nodes in self._stages
        ]

    def _step(self, nodes: list[Node], values: Values) -> dict[str, Any]:
        name = nodes[-1].outputs[0]
        value = values[name][0]
        step: dict[str, Any] = {
            "operators": self._operators(nodes),
            "shape": _shape(values[name]),
            "weights": sum(
                len(self._weights[i].raw) // 4
                for node in nodes
                if node.operator in ("Conv", "Gemm")
                for i in node.inputs
                if i in self._weights
            ),
        }
        if nodes[0].operator in _WINDOWS and name in self.fields:
            step["kernel"], step["stride"], _, _ = self._window(nodes[0])
        if name not in self.fields:
            return {**step, "numbers": np.round(value.ravel().astype(np.float64), 6).tolist()}
        low, high = min(0.0, float(value.min())), max(0.0, float(value.max()))
        planes = np.round((value - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)
        field = asdict(self.fields[name])
        return {**step, "low": low, "high": high, "field": field, "planes": in_base64(planes)}

    @cached_property
    def _stages(self) -> list[list[Node]]:
        """The nodes, those together that a learner meets as one."""
        stages: list[list[Node]] = []
        for node in self._layers.first:
            last = stages[-1][-1].operator if stages else ""
            if not stages or (node.operator in _BEGIN and (last, node.operator) not in _TOGETHER):
                stages.append([])
            stages[-1].append(node)
        others = list(self._nodes[len(self._layers.first) :])
        return [*stages, others] if others else stages

    def _operators(self, nodes: list[Node]) -> list[str]:
        """COMMITTEE for the other networks and the mean of all."""
        ends_all = self._layers.networks > 1 and nodes[-1] is self._nodes[-1]
        return [COMMITTEE] if ends_all else [node.operator for node in nodes]

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Of every value that has places; planes are square, and so are windows."""
        fields = {INPUT: Field(0, 1, 1)}
        for node in self._nodes:
            known = [fields[name] for name in node.inputs if name in fields]
            if node.operator in _WINDOWS:
                kernel, stride, pad, dilation = self._window(node)
                (b,) = known
                reach = (kernel - 1) * dilation * b.step
                fields[node.outputs[0]] = Field(b.first - pad * b.step, b.step * stride, b.size + reach)
            elif known and node.operator not in (*_GLOBAL, "Flatten"):
                first = min(field.first for field in known)
                last = max(field.first + field.size for field in known)
                fields[node.outputs[0]] = Field(first, known[0].step, last - first)
        return fields

    def _window(self, node: Node) -> tuple[int, int, int, int]:
        """Kernel, stride, padding before and dilation, of one axis."""

        def first(name: str, default: int) -> int:
            value = node.attributes.get(name, (default,))
            return value[0] if isinstance(value, tuple) else value

        kernel = (
            self._weights[node.inputs[1]].dims[2] if node.operator == "Conv" else first("kernel_shape", 1)
        )
        return kernel, first("strides", 1), first("pads", 0), first("dilations", 1)

    @cached_property
    def _sources(self) -> list[tuple[str, str]]:
        """What the last layer weighs, in its order: how planes were pooled, and their name. Empty where it
        weighs something else, or planes of several kinds."""
        last = self._makers["logits"]
        found = self._trace(last.inputs[0]) if last.operator == "Gemm" else []
        return found if len({name for _, name in found}) == 1 else []

    def _trace(self, name: str) -> list[tuple[str, str]]:
        node = self._makers.get(name)
        if node is None:
            return []
        if node.operator in _GLOBAL:
            return [(node.operator, node.inputs[0])]
        if node.operator == "Concat":
            parts = [self._trace(part) for part in node.inputs]
            return [source for part in parts for source in part] if all(parts) else []
        if node.operator == "Flatten":
            inner = node.inputs[0]
            return [("", inner)] if inner in self.fields else self._trace(inner)
        return []

    @cached_property
    def _last_weights(self) -> NDArray[np.float64]:
        tensor = self._weights[self._makers["logits"].inputs[1]]
        return array_of(tensor).astype(np.float64)


def _by_place(planes: NDArray[np.float32], weights: NDArray[np.float64], pooled: str) -> NDArray[np.float64]:
    """What `planes` [c, h, w], pooled or not, add to a sum with `weights`, by place: [h, w]."""
    height, width = planes.shape[1:]
    if not pooled:
        return np.asarray((planes * weights.reshape(planes.shape)).sum(0))
    if pooled == "GlobalAveragePool":
        return np.asarray(np.tensordot(weights, planes, 1) / (height * width))
    found = np.zeros(height * width)
    flat = planes.reshape(len(planes), -1)
    np.add.at(found, flat.argmax(1), weights * flat.max(1))
    return found.reshape(height, width)


def _length(value: NDArray[np.float32], pooled: str) -> int:
    return int(value.shape[1] if pooled else value[0].size)


def _shape(value: NDArray[np.float32]) -> list[int]:
    return list(value.shape[1:])


def in_base64(data: NDArray[np.uint8]) -> str:
    return base64.b64encode(data.tobytes()).decode()
