"""Is this graph one of ours, and small enough to run? `check(message)` tells before ONNX Runtime sees a byte.

An operator, an attribute or a type outside the table is refused. Each node's output size is computed from
its inputs, so a file of 200 bytes cannot ask for gigabytes or hours: the limits are on all intermediate
values and on all multiplications of one image. The baseline net has 67,390 and 2.5 million.

A file of 8-bit integers is the same graph with pairs of QuantizeLinear and DequantizeLinear in it: what is
computed is rounded to uint8, weights are int8 and biases int32, and no other operator meets an integer.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import ModelFileError
from tenfold.kinds import DIGIT, Kind, checked
from tenfold.onnx_operators import OPERATORS, Call, Value, require
from tenfold.onnx_wire import FLOAT, INT8, INT32, UINT8, Graph, ModelMessage, Node, Tensor, parse_graph

IR_VERSION = 8  # read by every ONNX Runtime since 1.13
OPSET = 17
INPUT = "images"
OUTPUTS = ("probabilities", "logits")
IMAGE_SHAPE = checked(DIGIT.image)
CLASSES = len(DIGIT.classes)

NODE_LIMIT = 1_000
VALUE_LIMIT = 8_000_000  # intermediate floats per image, all layers together: 32 MB
MULTIPLICATION_LIMIT = 2_000_000_000  # per image

PRECISIONS = ("float32", "int8")

# Of constants by their type: the kind of Value, and how numpy calls the bytes.
LAYOUTS = {FLOAT: ("F", "<f4"), UINT8: ("U", "|u1"), INT8: ("B", "|i1"), INT32: ("I", "<i4")}
_SCALES = float(np.finfo(np.float32).tiny), 1e28  # an inverse, and any int32 times it, is a number


def check(
    message: ModelMessage,
    precision: str = "float32",
    kind: Kind = DIGIT,
    /,
    *,
    node_limit: int = NODE_LIMIT,
    value_limit: int = VALUE_LIMIT,
    multiplication_limit: int = MULTIPLICATION_LIMIT,
) -> None:
    """Raises ModelFileError, a sentence without the file's name, where it is not ours or too costly.

    `precision` is one of PRECISIONS: "float32" has no integers, "int8" has some. `kind` says what it is given
    and answers.
    """
    require(message.ir_version == IR_VERSION, f"its IR version is {message.ir_version}, not {IR_VERSION}")
    require(message.opset == OPSET, f"its operator set is {message.opset}, not {OPSET}")
    graph = parse_graph(message.graph)
    _check_signature(graph, kind)
    count = len(graph.nodes)
    require(count <= node_limit, f"it has {count:,} nodes; at most {node_limit:,} are allowed")
    values = {INPUT: Value("f", checked(kind.image))}
    _add_constants(values, graph.initializers, precision)
    _add_computed(values, graph.nodes, value_limit, multiplication_limit)
    complete = all(values.get(name) == Value("f", checked(kind.answer)) for name in OUTPUTS)
    require(complete, f"it does not give {kind.answers}")
    used = {name for node in graph.nodes for name in node.inputs} | set(OUTPUTS)
    require(used == set(values), "it holds values that nothing uses")
    integers = any(value.kind not in "fF" for value in values.values())
    require(integers == (precision == "int8"), f"its values are not those of {precision}")


def _check_signature(graph: Graph, kind: Kind) -> None:
    signature = [(v.name, v.element_type, v.dims) for v in (*graph.inputs, *graph.outputs)]
    wanted: list[tuple[str, int, tuple[int | str, ...]]] = [(INPUT, FLOAT, ("n", *kind.image))]
    wanted += [(name, FLOAT, ("n", *kind.answer)) for name in OUTPUTS]
    given, gives = (", ".join(map(str, ("n", *shape))) for shape in (kind.image, kind.answer))
    require(
        len(graph.inputs) == 1 and signature == wanted,
        f"its input is not images float32 [{given}] or its outputs not probabilities, logits [{gives}]",
    )


def _add_constants(values: dict[str, Value], tensors: tuple[Tensor, ...], precision: str) -> None:
    allowed = LAYOUTS if precision == "int8" else {FLOAT: LAYOUTS[FLOAT]}
    for tensor in tensors:
        name = repr(tensor.name[:40])  # it may hold anything
        require(tensor.name not in values, "two values in it have the same name")
        require(tensor.data_type in allowed, f"its weights {name} are not those of {precision}")
        kind, layout = allowed[tensor.data_type]
        size = np.dtype(layout).itemsize
        good = len(tensor.dims) <= 4 and min(tensor.dims, default=1) > 0
        require(
            good and size * math.prod(tensor.dims) == len(tensor.raw),
            f"its weights {name} have a wrong size",
        )
        array: NDArray[Any] = np.frombuffer(tensor.raw, layout)
        require(bool(np.isfinite(array).all()), f"its weights {name} are not all finite numbers")
        values[tensor.name] = Value(kind, tensor.dims, _role(array))


def array_of(tensor: Tensor) -> NDArray[Any]:
    """The numbers of a checked constant, read-only."""
    return np.frombuffer(tensor.raw, LAYOUTS[tensor.data_type][1]).reshape(tensor.dims)


def _role(array: NDArray[Any]) -> str:
    if array.dtype.kind != "f":
        return "" if array.any() else "zeros"
    low, high = _SCALES
    return "scales" if low <= float(array.min()) and float(array.max()) <= high else ""


def _add_computed(
    values: dict[str, Value], nodes: tuple[Node, ...], value_limit: int, multiplication_limit: int
) -> None:
    """All that the nodes give, with their costs added up on the way."""
    count = multiplications = 0
    for node in nodes:
        value, cost = _infer(node, values)
        (output,) = node.outputs
        require(output not in values, "two values in it have the same name")
        values[output] = value
        count += math.prod(value.shape)
        multiplications += cost
        require(count <= value_limit, f"it needs more than {value_limit:,} intermediate values an image")
        too_costly = f"it needs more than {multiplication_limit:,} multiplications an image"
        require(multiplications <= multiplication_limit, too_costly)


def _infer(node: Node, values: Mapping[str, Value]) -> tuple[Value, int]:
    """What it gives for one image, and its multiplications. Computed inputs come first, constants behind."""
    operator = OPERATORS.get(node.operator)
    if operator is None:
        raise ModelFileError(f"it uses the operator {node.operator[:40]!r}, which Tenfold does not write")
    known = all(name in values for name in node.inputs) and len(node.outputs) == 1
    require(known, f"its {node.operator} has inputs or outputs that do not exist")
    inputs = [values[name] for name in node.inputs]
    given = operator.kinds.get("".join(value.kind for value in inputs))
    if given is None:
        raise ModelFileError(f"its {node.operator} has inputs of a wrong number or kind")
    require(
        set(node.attributes) <= operator.attributes,
        f"its {node.operator} has an attribute Tenfold does not write",
    )
    data = tuple(value.shape for value in inputs if value.kind.islower())
    shape, cost = operator.rule(Call(node, data, tuple(v for v in inputs if v.kind.isupper())))
    return Value(given, shape), cost
