"""The bytes of a model file from a graph: the other way of `onnx_wire`.

    encode(parse_graph(message.graph), text) == data       of every model file

Fields go out in the order of their numbers, as protobuf's own deterministic writer puts them.
"""

from typing import Any

import numpy as np

from tenfold.model import KEY
from tenfold.onnx_check import IR_VERSION, LAYOUTS, OPSET
from tenfold.onnx_wire import FLOAT, INT_ATTRIBUTE, INTS_ATTRIBUTE, LENGTH, VARINT, Graph, Node, Tensor, Value


def encode(graph: Graph, metadata: str) -> bytes:
    """A ModelProto that holds `graph` and the text `metadata`."""
    return b"".join(
        [
            field(1, IR_VERSION),
            field(2, b"tenfold"),
            field(7, _graph(graph)),
            field(8, field(1, b"") + field(2, OPSET)),
            field(14, field(1, KEY.encode()) + field(2, metadata.encode())),
        ]
    )


def constant(name: str, values: Any, data_type: int = FLOAT) -> Tensor:
    """The other way of `onnx_check.array_of`."""
    array = np.asarray(values).astype(LAYOUTS[data_type][1])
    return Tensor(name, array.shape, data_type, memoryview(array.tobytes()))


def field(number: int, value: int | bytes | memoryview) -> bytes:
    """One field: a number that is not negative, or bytes with their length before them."""
    if isinstance(value, int):
        return _varint(number << 3 | VARINT) + _varint(value)
    return b"".join([_varint(number << 3 | LENGTH), _varint(len(value)), value])


def _varint(number: int) -> bytes:
    coded = bytearray()
    while number > 127:
        coded.append(number & 127 | 128)
        number >>= 7
    return bytes([*coded, number])


def _graph(graph: Graph) -> bytes:
    return b"".join(
        [
            *(field(1, _node(node)) for node in graph.nodes),
            field(2, b"tenfold"),
            *(field(5, _tensor(tensor)) for tensor in graph.initializers),
            *(field(11, _value(value)) for value in graph.inputs),
            *(field(12, _value(value)) for value in graph.outputs),
        ]
    )


def _node(node: Node) -> bytes:
    return b"".join(
        [
            *(field(1, name.encode()) for name in node.inputs),
            *(field(2, name.encode()) for name in node.outputs),
            field(4, node.operator.encode()),
            *(field(5, _attribute(name, value)) for name, value in node.attributes.items()),
        ]
    )


def _attribute(name: str, value: int | tuple[int, ...]) -> bytes:
    if isinstance(value, int):
        return field(1, name.encode()) + field(3, value) + field(20, INT_ATTRIBUTE)
    numbers = b"".join(field(8, number) for number in value)
    return field(1, name.encode()) + numbers + field(20, INTS_ATTRIBUTE)


def _tensor(tensor: Tensor) -> bytes:
    dims = b"".join(field(1, size) for size in tensor.dims)
    return dims + field(2, tensor.data_type) + field(8, tensor.name.encode()) + field(9, tensor.raw)


def _value(value: Value) -> bytes:
    dims = [
        field(1, field(2, size.encode()) if isinstance(size, str) else field(1, size)) for size in value.dims
    ]
    kind = field(1, value.element_type) + field(2, b"".join(dims))
    return field(1, value.name.encode()) + field(2, field(1, kind))
