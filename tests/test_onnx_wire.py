"""The strict reader of ONNX messages, held against the `onnx` package."""

import random

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenfold.errors import ModelFileError
from tenfold.onnx_wire import Graph, parse, parse_graph


def proto(data: bytes) -> onnx.ModelProto:
    return onnx.load_model_from_string(data)


def assert_same(graph: Graph, expected: onnx.GraphProto) -> None:
    assert [(n.operator, n.inputs, n.outputs) for n in graph.nodes] == [
        (n.op_type, tuple(n.input), tuple(n.output)) for n in expected.node
    ]
    for node, reference in zip(graph.nodes, expected.node, strict=True):
        attributes = {a.name: helper.get_attribute_value(a) for a in reference.attribute}
        assert node.attributes == {k: tuple(v) if isinstance(v, list) else v for k, v in attributes.items()}
    for tensor, weights in zip(graph.initializers, expected.initializer, strict=True):
        assert (tensor.name, tensor.dims, tensor.data_type) == (weights.name, tuple(weights.dims), 1)
        read = np.frombuffer(tensor.raw, "<f4").reshape(tensor.dims)
        assert np.array_equal(read, numpy_helper.to_array(weights))
    for values, references in ((graph.inputs, expected.input), (graph.outputs, expected.output)):
        for value, reference_value in zip(values, references, strict=True):
            kind = reference_value.type.tensor_type
            dims = tuple(d.dim_param or d.dim_value for d in kind.shape.dim)
            assert (value.name, value.element_type, value.dims) == (
                reference_value.name,
                kind.elem_type,
                dims,
            )


def test_model_file_is_read_as_onnx_reads_it(model_bytes: bytes) -> None:
    message, reference = parse(model_bytes), proto(model_bytes)
    assert (message.ir_version, message.opset) == (reference.ir_version, reference.opset_import[0].version)
    assert message.metadata == tuple((p.key, p.value) for p in reference.metadata_props)
    assert_same(parse_graph(message.graph), reference.graph)


def test_random_graphs_are_read_as_onnx_reads_them() -> None:
    choose = random.Random(0)

    def name() -> str:
        return "".join(choose.choice("abz09_é字/") for _ in range(choose.randint(1, 200)))

    for _ in range(50):
        nodes = [
            helper.make_node(
                name(),
                [name() for _ in range(choose.randint(0, 3))],
                [name() for _ in range(choose.randint(0, 3))],
                one=choose.randrange(2**63),
                many=[choose.randrange(2 ** choose.randint(1, 63)) for _ in range(choose.randint(1, 5))],
            )
            for _ in range(choose.randint(0, 4))
        ]
        shapes = [[choose.randint(0, 5) for _ in range(choose.randint(0, 4))] for _ in range(3)]
        weights = [numpy_helper.from_array(np.full(s, choose.random(), np.float32), name()) for s in shapes]
        values = [
            helper.make_tensor_value_info(name(), TensorProto.FLOAT, ["n", choose.randrange(2**40)])
            for _ in range(4)
        ]
        graph = helper.make_graph(nodes, name(), values[:2], values[2:], weights)
        model = helper.make_model(graph, producer_name="tenfold", ir_version=choose.randint(1, 2**40))
        assert_same(parse_graph(parse(model.SerializeToString()).graph), graph)


def edited(data: bytes, edit: str) -> bytes:
    model = proto(data)
    graph, node = model.graph, model.graph.node[0]
    attribute = node.attribute[0]
    match edit:
        case "producer":
            model.producer_name = "elsewhere"
        case "model doc":
            model.doc_string = "x"
        case "model domain":
            model.domain = "x"
        case "functions":
            model.functions.add().name = "f"
        case "training":
            model.training_info.add()
        case "second opset":
            model.opset_import.append(helper.make_opsetid("custom", 1))
        case "opset domain":
            model.opset_import[0].domain = "custom"
        case "graph doc":
            graph.doc_string = "x"
        case "value info":
            graph.value_info.append(graph.input[0])
        case "sparse":
            graph.sparse_initializer.add()
        case "node domain":
            node.domain = "custom"
        case "overload":
            node.overload = "x"
        case "attribute twice":
            node.attribute.append(attribute)
        case "subgraph":
            node.attribute.append(helper.make_attribute("then_branch", graph))
        case "subgraphs":
            node.attribute.append(helper.make_attribute("branches", [graph]))
        case "float attribute":
            node.attribute.append(helper.make_attribute("alpha", 1.0))
        case "text attribute":
            node.attribute.append(helper.make_attribute("auto_pad", "SAME_UPPER"))
        case "tensor attribute":
            node.attribute.append(helper.make_attribute("value", graph.initializer[0]))
        case "negative attribute":
            node.attribute.append(helper.make_attribute("axis", -1))
        case "attribute type":
            attribute.type = onnx.AttributeProto.INT
        case "external data":
            entry = graph.initializer[0].external_data.add()
            entry.key, entry.value = "location", "/etc/passwd"
        case "data location":
            graph.initializer[0].data_location = TensorProto.EXTERNAL
        case "float data":
            graph.initializer[0].float_data.append(1.0)
        case "segment":
            graph.initializer[0].segment.begin = 1
        case "no raw data":
            graph.initializer[0].ClearField("raw_data")
        case "negative dimension":
            graph.initializer[0].dims[0] = -1
        case "sequence type":
            graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = 1
        case "denotation":
            graph.input[0].type.denotation = "IMAGE"
    changed: bytes = model.SerializeToString()
    assert changed != data
    return changed


EDITS = {
    "producer": "not written by Tenfold",
    "model doc": "field 6 in its model",
    "model domain": "field 4 in its model",
    "functions": "functions of its own",
    "training": "training information",
    "second opset": "more than one field 8",
    "opset domain": "another domain",
    "graph doc": "field 10 in its graph",
    "value info": "field 13 in its graph",
    "sparse": "sparse weights",
    "node domain": "operators of another domain",
    "overload": "field 8 in its node",
    "attribute twice": "an attribute twice",
    "subgraph": "a subgraph",
    "subgraphs": "subgraphs",
    "float attribute": "not those of an ONNX model",
    "text attribute": "field 4 in its attribute",
    "tensor attribute": "field 5 in its attribute",
    "negative attribute": "negative or too large",
    "attribute type": "neither a whole number nor a list",
    "external data": "a reference to another file",
    "data location": "a reference to another file",
    "float data": "field 4 in its tensor",
    "segment": "field 3 in its tensor",
    "no raw data": "no field 9",
    "negative dimension": "negative or too large",
    "sequence type": "field 4 in its type",
    "denotation": "field 6 in its type",
}


@pytest.mark.parametrize(("edit", "message"), EDITS.items())
def test_what_tenfold_does_not_write_is_refused(model_bytes: bytes, edit: str, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        parse_graph(parse(edited(model_bytes, edit)).graph)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an ONNX model"),
        (b"\x08", "cut off"),
        (b"\x08\x88", "cut off"),
        (b"\x08\x88\x00", "longer than it need be"),
        (b"\x08" + b"\xff" * 8 + b"\x7f", "no field 2"),  # 2**63 - 1 is the largest
        (b"\x08" + b"\xff" * 9 + b"\x01", "negative or too large"),
        (b"\x08\x08\x12\x07tenfol", "cut off"),
        (b"\x08\x08\x12\xff\xff\xff\xff\x7f", "cut off"),
        (b"\x08\x08\x12\x02\xff\xfe", "not UTF-8"),
        (b"\x08\x08\x10\x01", "field 2 in its model"),  # a known field of another wire type
        (b"\x08\x08\x00\x00", "not those of an ONNX model"),  # field 0
        (b"\x08\x08\x0b", "not those of an ONNX model"),  # a group
        (b"\x08\x08\x0d\x00\x00\x00\x00", "not those of an ONNX model"),  # a fixed number
    ],
)
def test_unsound_bytes_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        parse(data)


def test_field_limit_at_over_and_default(model_bytes: bytes) -> None:
    graph = parse(model_bytes).graph

    def enough(limit: int) -> bool:
        try:
            parse_graph(graph, field_limit=limit)
        except ModelFileError:
            return False
        return True

    needed = next(limit for limit in range(1, 1000) if enough(limit))
    assert enough(needed + 1)
    with pytest.raises(ModelFileError, match=f"more than {needed - 1} fields"):
        parse_graph(graph, field_limit=needed - 1)
    many = b"\x08\x08\x12\x07tenfold" + b"\x42\x00" * 100_000
    with pytest.raises(ModelFileError, match="more than 100,000 fields"):
        parse(many)


@pytest.mark.parametrize(
    ("length", "message"), [(2**18, "not written by Tenfold"), (2**18 + 1, "at most 262,144 are allowed")]
)
def test_text_limit_at_and_over(length: int, message: str) -> None:
    size = bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
    with pytest.raises(ModelFileError, match=message):
        parse(b"\x08\x08\x12" + size + b"a" * length)
