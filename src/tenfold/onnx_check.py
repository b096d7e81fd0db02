"""Is this graph one of ours, and small enough to run? `check(message)` tells before ONNX Runtime sees a byte.

An operator, an attribute or a type outside the table is refused. Each node's output size is computed from
its inputs, so a file of 200 bytes cannot ask for gigabytes or hours: the limits are on all intermediate
values and on all multiplications of one image. The baseline net has 67,390 and 2.5 million.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ModelFileError
from tenfold.onnx_wire import Graph, ModelMessage, Node, Tensor, parse_graph

IR_VERSION = 8  # read by every ONNX Runtime since 1.13
OPSET = 17
INPUT = "images"
OUTPUTS = ("probabilities", "logits")
IMAGE_SHAPE = (1, 28, 28)
CLASSES = 10

NODE_LIMIT = 1_000
VALUE_LIMIT = 8_000_000  # intermediate floats per image, all layers together: 32 MB
MULTIPLICATION_LIMIT = 2_000_000_000  # per image

_FLOAT = 1  # TensorProto.DataType
_SPATIAL_LIMIT = 1_024  # kernel, stride, pad, dilation, group: far above use, far below overflow

Shape = tuple[int, ...]  # of one image: the free batch axis is left out


@dataclass(frozen=True)
class _Call:
    """One node and the shapes of its inputs: `data` of computed values, `weights` of constants."""

    node: Node
    data: tuple[Shape, ...]
    weights: tuple[Shape, ...]

    def integer(self, name: str, default: int) -> int:
        value = self.node.attributes.get(name, default)
        _require(isinstance(value, int), f"its {self.node.operator} has a wrong {name}")
        assert isinstance(value, int)
        return value

    def integers(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        value = self.node.attributes.get(name, default)
        good = isinstance(value, tuple) and len(value) == len(default)
        _require(good, f"its {self.node.operator} has a wrong {name}")
        assert isinstance(value, tuple)
        _require(
            max(value) <= _SPATIAL_LIMIT, f"its {self.node.operator} has {name} above {_SPATIAL_LIMIT:,}"
        )
        return value


@dataclass(frozen=True)
class _Operator:
    """Shape rule, number of computed and of constant inputs, and the attributes it may have."""

    rule: Callable[[_Call], tuple[Shape, int]]  # output shape and multiplications
    inputs: tuple[tuple[int, int], ...]
    attributes: frozenset[str] = frozenset()


def check(
    message: ModelMessage,
    *,
    node_limit: int = NODE_LIMIT,
    value_limit: int = VALUE_LIMIT,
    multiplication_limit: int = MULTIPLICATION_LIMIT,
) -> None:
    """Raises ModelFileError, a sentence without the file's name, where it is not ours or too costly."""
    _require(message.ir_version == IR_VERSION, f"its IR version is {message.ir_version}, not {IR_VERSION}")
    _require(message.opset == OPSET, f"its operator set is {message.opset}, not {OPSET}")
    graph = parse_graph(message.graph)
    _check_signature(graph)
    count = len(graph.nodes)
    _require(count <= node_limit, f"it has {count:,} nodes; at most {node_limit:,} are allowed")
    weights = _check_weights(graph.initializers)
    shapes = _check_nodes(graph.nodes, weights, value_limit, multiplication_limit)
    complete = all(shapes.get(name) == (CLASSES,) for name in OUTPUTS)
    _require(complete, "it does not give ten probabilities and logits")
    used = {name for node in graph.nodes for name in node.inputs} | set(OUTPUTS)
    _require(used == set(shapes) | set(weights), "it holds values that nothing uses")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ModelFileError(otherwise)


def _check_signature(graph: Graph) -> None:
    signature = [(v.name, v.element_type, v.dims) for v in (*graph.inputs, *graph.outputs)]
    wanted: list[tuple[str, int, tuple[int | str, ...]]] = [(INPUT, _FLOAT, ("n", *IMAGE_SHAPE))]
    wanted += [(name, _FLOAT, ("n", CLASSES)) for name in OUTPUTS]
    _require(
        len(graph.inputs) == 1 and signature == wanted,
        "its input is not images float32 [n, 1, 28, 28] or its outputs not probabilities, logits [n, 10]",
    )


def _check_weights(tensors: tuple[Tensor, ...]) -> dict[str, Shape]:
    weights: dict[str, Shape] = {}
    for tensor in tensors:
        name = repr(tensor.name[:40])  # it may hold anything
        _require(tensor.name not in weights and tensor.name != INPUT, "two values in it have the same name")
        _require(tensor.data_type == _FLOAT, f"its weights {name} are not float32")
        good = len(tensor.dims) <= 4 and min(tensor.dims, default=1) > 0
        _require(
            good and 4 * math.prod(tensor.dims) == len(tensor.raw),
            f"its weights {name} have a wrong size",
        )
        _require(_finite(tensor.raw), f"its weights {name} are not all finite numbers")
        weights[tensor.name] = tensor.dims
    return weights


def _finite(raw: memoryview) -> bool:
    values: NDArray[np.float32] = np.frombuffer(raw, "<f4")
    return bool(np.isfinite(values).all())


def _check_nodes(
    nodes: tuple[Node, ...], weights: dict[str, Shape], value_limit: int, multiplication_limit: int
) -> dict[str, Shape]:
    """Shapes of all values that are computed, with their costs added up on the way."""
    shapes: dict[str, Shape] = {INPUT: IMAGE_SHAPE}
    values = multiplications = 0
    for node in nodes:
        shape, cost = _infer(node, shapes, weights)
        (output,) = node.outputs
        _require(output not in shapes and output not in weights, "two values in it have the same name")
        shapes[output] = shape
        values += math.prod(shape)
        multiplications += cost
        _require(values <= value_limit, f"it needs more than {value_limit:,} intermediate values an image")
        too_costly = f"it needs more than {multiplication_limit:,} multiplications an image"
        _require(multiplications <= multiplication_limit, too_costly)
    return shapes


def _infer(node: Node, shapes: dict[str, Shape], weights: dict[str, Shape]) -> tuple[Shape, int]:
    """Output shape of one image and its multiplications. Computed inputs come first, constant ones behind."""
    operator = OPERATORS.get(node.operator)
    if operator is None:
        raise ModelFileError(f"it uses the operator {node.operator[:40]!r}, which Tenfold does not write")
    data = tuple(shapes[name] for name in node.inputs if name in shapes)
    constants = tuple(weights[name] for name in node.inputs if name in weights)
    ordered = all(name in shapes for name in node.inputs[: len(data)])
    known = len(data) + len(constants) == len(node.inputs) and ordered
    _require(known and len(node.outputs) == 1, f"its {node.operator} has inputs or outputs that do not exist")
    _require(
        (len(data), len(constants)) in operator.inputs, f"its {node.operator} has a wrong number of inputs"
    )
    _require(
        set(node.attributes) <= operator.attributes,
        f"its {node.operator} has an attribute Tenfold does not write",
    )
    return operator.rule(_Call(node, data, constants))


def _windows(call: _Call, plane: Shape, kernel: Shape) -> Shape:
    """Height and width of what a sliding window gives."""
    strides = call.integers("strides", (1, 1))
    dilations = call.integers("dilations", (1, 1))
    pads = call.integers("pads", (0, 0, 0, 0))
    _require(
        min(*strides, *dilations, *kernel) > 0, f"its {call.node.operator} has a window or a step of zero"
    )
    size = tuple(
        (plane[i] + pads[i] + pads[i + 2] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1
        for i in (0, 1)
    )
    _require(min(size) > 0, f"its {call.node.operator} has a window larger than the plane")
    return size


def _conv(call: _Call) -> tuple[Shape, int]:
    (x,), kernel = call.data, call.weights[0]
    group = call.integer("group", 1)
    fits = len(x) == 3 and len(kernel) == 4 and 0 < group <= _SPATIAL_LIMIT
    fits = fits and kernel[1] * group == x[0] and kernel[0] % group == 0
    fits = fits and call.weights[1:] in ((), ((kernel[0],),))
    fits = fits and call.integers("kernel_shape", kernel[2:]) == kernel[2:]
    _require(fits, "its Conv does not fit its input")
    plane = _windows(call, x[1:], kernel[2:])
    return (kernel[0], *plane), math.prod(kernel) * math.prod(plane)


def _pool(call: _Call) -> tuple[Shape, int]:
    (x,) = call.data
    kernel = call.integers("kernel_shape", (0, 0))
    pads = call.integers("pads", (0, 0, 0, 0))
    fits = len(x) == 3 and all(pad < kernel[i % 2] for i, pad in enumerate(pads))
    _require(
        fits and call.integer("count_include_pad", 0) in (0, 1),
        f"its {call.node.operator} does not fit its input",
    )
    plane = _windows(call, x[1:], kernel)
    return (x[0], *plane), x[0] * math.prod(kernel) * math.prod(plane)


def _global_pool(call: _Call) -> tuple[Shape, int]:
    (x,) = call.data
    _require(len(x) == 3, f"its {call.node.operator} does not fit its input")
    return (x[0], 1, 1), math.prod(x)


def _gemm(call: _Call) -> tuple[Shape, int]:
    (x,), weights = call.data, call.weights[0]
    fits = len(x) == 1 and len(weights) == 2 and weights[1:] == x and call.integer("transB", 0) == 1
    _require(fits and call.weights[1:] in ((), (weights[:1],)), "its Gemm does not fit its input")
    return weights[:1], math.prod(weights)


def _elementwise(call: _Call) -> tuple[Shape, int]:
    """x with a second value of the same shape, or with a constant that is spread over it."""
    x = call.data[0]
    other = call.data[1] if len(call.data) == 2 else call.weights[0]
    spread = len(other) <= len(x) and all(
        a in (1, b) for a, b in zip(reversed(other), reversed(x), strict=False)
    )
    _require(
        other == x or (len(call.data) == 1 and spread), f"its {call.node.operator} does not fit its inputs"
    )
    return x, math.prod(x)


def _same(call: _Call) -> tuple[Shape, int]:
    return call.data[0], math.prod(call.data[0])


def _softmax(call: _Call) -> tuple[Shape, int]:
    _require(len(call.data[0]) == 1 and call.integer("axis", -1) == 1, "its Softmax is not over the classes")
    return _same(call)


def _flatten(call: _Call) -> tuple[Shape, int]:
    _require(call.integer("axis", 1) == 1, "its Flatten is not of each image")
    return (math.prod(call.data[0]),), 0


def _concat(call: _Call) -> tuple[Shape, int]:
    first, second = call.data
    fits = len(first) == len(second) and first[1:] == second[1:] and call.integer("axis", 0) == 1
    _require(fits, "its Concat does not fit its inputs")
    return (first[0] + second[0], *first[1:]), 0


_WINDOW = frozenset({"kernel_shape", "strides", "pads"})
_ONE, _TWO, _WITH_CONSTANT = (1, 0), (2, 0), (1, 1)
_WITH_WEIGHTS = ((1, 1), (1, 2))

OPERATORS = {
    "Add": _Operator(_elementwise, (_TWO, _WITH_CONSTANT)),
    "AveragePool": _Operator(_pool, (_ONE,), _WINDOW | {"count_include_pad"}),
    "Concat": _Operator(_concat, (_TWO,), frozenset({"axis"})),
    "Conv": _Operator(_conv, _WITH_WEIGHTS, _WINDOW | {"dilations", "group"}),
    "Div": _Operator(_elementwise, (_WITH_CONSTANT,)),
    "Flatten": _Operator(_flatten, (_ONE,), frozenset({"axis"})),
    "Gemm": _Operator(_gemm, _WITH_WEIGHTS, frozenset({"transB"})),
    "GlobalAveragePool": _Operator(_global_pool, (_ONE,)),
    "GlobalMaxPool": _Operator(_global_pool, (_ONE,)),
    "Log": _Operator(_same, (_ONE,)),
    "MaxPool": _Operator(_pool, (_ONE,), _WINDOW),
    "Mul": _Operator(_elementwise, (_WITH_CONSTANT,)),
    "Relu": _Operator(_same, (_ONE,)),
    "Softmax": _Operator(_softmax, (_ONE,), frozenset({"axis"})),
}
