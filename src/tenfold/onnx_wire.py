"""The few ONNX messages of a model file, read strictly from untrusted bytes.

    message = parse(data)                  # metadata and versions; the graph still as bytes
    graph = parse_graph(message.graph)     # nodes and weights, once the metadata says that they are ours

ONNX Runtime's own parser is lenient: it merges repeated fields and skips unknown ones. This reader knows the
fields that `onnx_write.py` writes and refuses all else: external data, subgraphs, functions, custom domains,
packed or repeated singular fields, overlong numbers. It never recurses on input (the deepest message lies
five levels down), checks every length before it is used, copies no weights and stops after `FIELD_LIMIT`
fields, so that 64 MB of tiny fields cannot cost minutes.

Wire format: https://protobuf.dev/programming-guides/encoding; fields: onnx/onnx.proto, release 1.17.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from tenfold.errors import ModelFileError

_T = TypeVar("_T")

FIELD_LIMIT = 100_000  # a network of 100 layers has about 2,000
TEXT_LIMIT = 2**18  # bytes; metadata, the longest, have 6,000 to 30,000, and 20 MB of JSON cost half a minute

VARINT, LENGTH = 0, 2  # the wire types that occur in our messages
INT_ATTRIBUTE, INTS_ATTRIBUTE = 2, 7  # AttributeProto.type
FLOAT, UINT8, INT8, INT32 = 1, 2, 3, 6  # TensorProto.DataType

# Fields that exist in ONNX and that a model file must not have, with what they are.
_FORBIDDEN = {
    ("model", 20): "training information",
    ("model", 25): "functions of its own",
    ("graph", 15): "sparse weights",
    ("node", 7): "operators of another domain",
    ("attribute", 6): "a subgraph",
    ("attribute", 11): "subgraphs",
    ("tensor", 13): "a reference to another file",
    ("tensor", 14): "a reference to another file",
}


@dataclass(frozen=True)
class Tensor:
    """A constant: `raw` is little-endian, row-major and not yet checked against `dims`."""

    name: str
    dims: tuple[int, ...]
    data_type: int
    raw: memoryview


@dataclass(frozen=True)
class Node:
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, int | tuple[int, ...]]


@dataclass(frozen=True)
class Value:
    """An input or output; a dimension is a number or the name of one that is free."""

    name: str
    element_type: int
    dims: tuple[int | str, ...]


@dataclass(frozen=True)
class Graph:
    nodes: tuple[Node, ...]
    initializers: tuple[Tensor, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


@dataclass(frozen=True)
class ModelMessage:
    ir_version: int
    opset: int
    graph: memoryview
    metadata: tuple[tuple[str, str], ...]


def parse(data: bytes) -> ModelMessage:
    """Raises ModelFileError, a sentence without the file's name, for what is not a sound model of ours."""
    if data[:1] != b"\x08":  # the key of ir_version, which every writer puts first
        raise ModelFileError("it is not an ONNX model")
    return _Parser(FIELD_LIMIT).model(memoryview(data))


def parse_graph(data: memoryview, *, field_limit: int = FIELD_LIMIT) -> Graph:
    """Raises ModelFileError, a sentence without the file's name, for what is not a sound graph of ours."""
    return _Parser(field_limit).graph(data)


class _Fields:
    """The fields of one message, by number."""

    def __init__(self, what: str, values: dict[int, list[int | memoryview]]) -> None:
        self.what = what
        self.values = values

    def has(self, number: int) -> bool:
        return number in self.values

    def numbers(self, number: int) -> tuple[int, ...]:
        return tuple(v for v in self.values.get(number, []) if isinstance(v, int))

    def slices(self, number: int) -> tuple[memoryview, ...]:
        return tuple(v for v in self.values.get(number, []) if isinstance(v, memoryview))

    def texts(self, number: int) -> tuple[str, ...]:
        return tuple(_text(v) for v in self.slices(number))

    def number(self, number: int) -> int:
        return self._one(number, self.numbers(number))

    def slice(self, number: int) -> memoryview:
        return self._one(number, self.slices(number))

    def text(self, number: int) -> str:
        return _text(self.slice(number))

    def _one(self, number: int, values: tuple[_T, ...]) -> _T:
        if len(values) != 1:
            count = "no" if not values else "more than one"
            raise ModelFileError(f"its {self.what} has {count} field {number}")
        return values[0]


def _text(data: memoryview) -> str:
    if len(data) > TEXT_LIMIT:
        raise ModelFileError(f"a text in it has {len(data):,} bytes; at most {TEXT_LIMIT:,} are allowed")
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        raise ModelFileError("a text in it is not UTF-8") from None


class _Parser:
    """One method a message; each names the fields it knows with their wire types."""

    def __init__(self, field_limit: int) -> None:
        self.field_limit = field_limit
        self.fields_left = field_limit

    def model(self, data: memoryview) -> ModelMessage:
        fields = self._fields("model", data, {1: VARINT, 2: LENGTH, 7: LENGTH, 8: LENGTH, 14: LENGTH})
        if fields.text(2) != "tenfold":
            raise ModelFileError("it was not written by Tenfold")
        opset = self._fields("operator set", fields.slice(8), {1: LENGTH, 2: VARINT})
        if opset.has(1) and opset.text(1):
            raise ModelFileError("it holds operators of another domain")
        entries = [self._fields("metadata", e, {1: LENGTH, 2: LENGTH}) for e in fields.slices(14)]
        return ModelMessage(
            ir_version=fields.number(1),
            opset=opset.number(2),
            graph=fields.slice(7),
            metadata=tuple((entry.text(1), entry.text(2)) for entry in entries),
        )

    def graph(self, data: memoryview) -> Graph:
        fields = self._fields("graph", data, {1: LENGTH, 2: LENGTH, 5: LENGTH, 11: LENGTH, 12: LENGTH})
        fields.text(2)
        return Graph(
            nodes=tuple(self._node(n) for n in fields.slices(1)),
            initializers=tuple(self._tensor(t) for t in fields.slices(5)),
            inputs=tuple(self._value(v) for v in fields.slices(11)),
            outputs=tuple(self._value(v) for v in fields.slices(12)),
        )

    def _node(self, data: memoryview) -> Node:
        fields = self._fields("node", data, {1: LENGTH, 2: LENGTH, 4: LENGTH, 5: LENGTH})
        attributes = [self._attribute(a) for a in fields.slices(5)]
        if len(dict(attributes)) != len(attributes):
            raise ModelFileError("a node in it has an attribute twice")
        return Node(fields.text(4), fields.texts(1), fields.texts(2), dict(attributes))

    def _attribute(self, data: memoryview) -> tuple[str, int | tuple[int, ...]]:
        fields = self._fields("attribute", data, {1: LENGTH, 3: VARINT, 8: VARINT, 20: VARINT})
        kind = fields.number(20)
        if kind == INT_ATTRIBUTE and not fields.has(8):
            return fields.text(1), fields.number(3)
        if kind == INTS_ATTRIBUTE and not fields.has(3):
            return fields.text(1), fields.numbers(8)
        raise ModelFileError("an attribute in it is neither a whole number nor a list of them")

    def _tensor(self, data: memoryview) -> Tensor:
        fields = self._fields("tensor", data, {1: VARINT, 2: VARINT, 8: LENGTH, 9: LENGTH})
        return Tensor(fields.text(8), fields.numbers(1), fields.number(2), fields.slice(9))

    def _value(self, data: memoryview) -> Value:
        fields = self._fields("value", data, {1: LENGTH, 2: LENGTH})
        kind = self._fields("type", fields.slice(2), {1: LENGTH})
        tensor = self._fields("tensor type", kind.slice(1), {1: VARINT, 2: LENGTH})
        shape = self._fields("shape", tensor.slice(2), {1: LENGTH})
        dims = tuple(self._dimension(d) for d in shape.slices(1))
        return Value(fields.text(1), tensor.number(1), dims)

    def _dimension(self, data: memoryview) -> int | str:
        fields = self._fields("dimension", data, {1: VARINT, 2: LENGTH})
        if fields.has(1) and fields.has(2):
            raise ModelFileError("a dimension in it is given twice")
        return fields.text(2) if fields.has(2) else fields.number(1)

    def _fields(self, what: str, data: memoryview, known: dict[int, int]) -> _Fields:
        values: dict[int, list[int | memoryview]] = {}
        for number, wire_type, value in _split(data):
            self.fields_left -= 1
            if self.fields_left < 0:
                raise ModelFileError(f"it has more than {self.field_limit:,} fields")
            if known.get(number) != wire_type:
                name = _FORBIDDEN.get((what, number), f"field {number} in its {what}")
                raise ModelFileError(f"it holds {name}, which Tenfold does not write")
            values.setdefault(number, []).append(value)
        return _Fields(what, values)


def _split(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """(field number, wire type, value) of each field of one message."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire_type = key >> 3, key & 7
        if number == 0 or wire_type not in (VARINT, LENGTH):
            raise ModelFileError("its bytes are not those of an ONNX model")
        value, position = _varint(data, position)
        if wire_type == VARINT:
            yield number, wire_type, value
            continue
        if value > len(data) - position:
            raise ModelFileError("it is cut off or damaged")
        yield number, wire_type, data[position : position + value]
        position += value


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """(number, position behind it): at most nine bytes, so 0 <= number < 2**63, in its shortest form."""
    number = 0
    for shift in range(0, 63, 7):
        if position >= len(data):
            raise ModelFileError("it is cut off or damaged")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                raise ModelFileError("a number in it is longer than it need be")
            return number, position
    raise ModelFileError("a number in it is negative or too large")
