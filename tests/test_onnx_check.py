"""Which graphs may run: sizes held against onnx's own shape inference, and each refusal."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenfold import onnx_check
from tenfold.errors import ModelFileError
from tenfold.kinds import LINE, LONGEST
from tenfold.onnx_wire import parse

Edit = Callable[[onnx.ModelProto], object]


def checked(model: onnx.ModelProto, **limits: int) -> None:
    onnx_check.check(parse(model.SerializeToString()), "float32", **limits)


def weights(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def graph_of(*nodes: onnx.NodeProto, constants: list[onnx.TensorProto]) -> onnx.ModelProto:
    """`nodes` between the images and the value "planes", and a small classifier behind them."""
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 28, 28])
    answers = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 10]) for n in ("probabilities", "logits")
    ]
    end = [
        helper.make_node("Conv", ["planes", "classes"], ["narrow"]),
        helper.make_node("GlobalMaxPool", ["narrow"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"], axis=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph([*nodes, *end], "g", [images], answers, constants)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, producer_name="tenfold", ir_version=8, opset_imports=[opset])


def conv(channels: int, kernel: int, **attributes: Any) -> onnx.ModelProto:
    node = helper.make_node("Conv", ["images", "w", "b"], ["planes"], **attributes)
    constants = [
        weights("w", channels, 1, kernel, kernel),
        weights("b", channels),
        weights("classes", 10, channels, 1, 1),
    ]
    return graph_of(node, constants=constants)


def pool(operator: str, **attributes: Any) -> onnx.ModelProto:
    node = helper.make_node(operator, ["images"], ["planes"], **attributes)
    return graph_of(node, constants=[weights("classes", 10, 1, 1, 1)])


@pytest.mark.parametrize(
    "model",
    [
        conv(3, 5),
        conv(4, 3, strides=[2, 3], pads=[1, 0, 2, 1]),
        conv(2, 3, dilations=[2, 3], kernel_shape=[3, 3], group=1),
        conv(1, 28),
        pool("MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        pool("MaxPool", kernel_shape=[3, 5], pads=[1, 2, 1, 2]),
        pool("AveragePool", kernel_shape=[5, 4], strides=[3, 1], pads=[1, 0, 0, 3], count_include_pad=1),
        pool("GlobalAveragePool"),
        pool("Relu"),
    ],
)
def test_sizes_are_those_that_onnx_infers(model: onnx.ModelProto) -> None:
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    shapes = [v.type.tensor_type.shape.dim for v in (*inferred.graph.value_info, *inferred.graph.output)]
    values = sum(int(np.prod([d.dim_value for d in shape[1:]])) for shape in shapes)
    checked(model, value_limit=values)
    with pytest.raises(ModelFileError, match=f"more than {values - 1:,} intermediate values"):
        checked(model, value_limit=values - 1)


def test_multiplications_are_counted_and_limited() -> None:
    model = conv(4, 3)  # 4 x 26 x 26 x 9, then 1 x 1 to 10 planes, their pool and the softmax
    needed = 4 * 26 * 26 * 9 + 10 * 4 * 26 * 26 + 10 * 26 * 26 + 10
    checked(model, multiplication_limit=needed)
    with pytest.raises(ModelFileError, match=f"more than {needed - 1:,} multiplications"):
        checked(model, multiplication_limit=needed - 1)


def test_node_limit() -> None:
    checked(conv(1, 1), node_limit=5)
    with pytest.raises(ModelFileError, match="5 nodes; at most 4 are allowed"):
        checked(conv(1, 1), node_limit=4)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (conv(8, 1, pads=[1024, 1024, 1024, 1024]), "intermediate values"),
        (conv(1, 1, pads=[2**62, 0, 0, 0]), "its Conv has pads above 1,024"),
        (conv(1, 1, strides=[0, 1]), "a step of zero"),
        (conv(1, 3, dilations=[1, 20]), "larger than the plane"),
        (conv(1, 29), "larger than the plane"),
        (conv(1, 3, kernel_shape=[3, 2]), "does not fit its input"),
        (conv(1, 3, kernel_shape=[3]), "a wrong kernel_shape"),
        (conv(2, 3, group=2), "does not fit its input"),
        (conv(2, 3, group=0), "does not fit its input"),
        (conv(2, 3, group=[1]), "a wrong group"),
        (conv(2, 3, storage_order=1), "an attribute Tenfold does not write"),
        (pool("MaxPool"), "does not fit its input"),
        (pool("MaxPool", kernel_shape=[2, 2], pads=[2, 0, 0, 0]), "does not fit its input"),
        (pool("AveragePool", kernel_shape=[2, 2], count_include_pad=2), "does not fit its input"),
        (pool("MaxPool", kernel_shape=[2, 2], ceil_mode=1), "an attribute Tenfold does not write"),
        (pool("Loop"), "the operator 'Loop'"),
        (pool("x" * 5000), f"the operator '{'x' * 40}'"),
        (pool("Softmax", axis=1), "not over the classes"),
        (pool("Flatten", axis=0), "not of each image"),
        (pool("Gemm"), "a wrong number or kind"),
        (pool("Concat", axis=1), "a wrong number or kind"),
    ],
)
def test_wrong_or_costly_nodes_are_refused(model: onnx.ModelProto, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        checked(model)


def add_node(*arguments: Any, **attributes: Any) -> Edit:
    return lambda model: model.graph.node.append(helper.make_node(*arguments, **attributes))


def add_weights(*arguments: Any) -> Edit:
    return lambda model: model.graph.initializer.append(weights(*arguments))


def fill(value: float, last_only: bool) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        array = numpy_helper.to_array(tensor).copy()
        array.flat[-1 if last_only else slice(None)] = value
        tensor.raw_data = array.tobytes()

    return edit


def retype(kind: Any) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(kind), tensor.name))

    return edit


def resize(*dims: int) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(dims)
        if 0 in dims:
            model.graph.initializer[0].raw_data = b""

    return edit


def rename(value: Callable[[onnx.GraphProto], Any], name: str) -> Edit:
    return lambda model: setattr(value(model.graph), "name", name)


def put(target: Callable[[onnx.ModelProto], Any], field: str, value: object) -> Edit:
    return lambda model: setattr(target(model), field, value)


def dimension(index: int, **values: Any) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        (name, value) = next(iter(values.items()))
        setattr(model.graph.input[0].type.tensor_type.shape.dim[index], name, value)

    return edit


EDITS: dict[str, tuple[Edit, str]] = {
    "NaN": (fill(float("nan"), True), "not all finite"),
    "infinity": (fill(float("inf"), False), "not all finite"),
    "double": (retype(np.float64), "not those of float32"),
    "half": (retype(np.float16), "not those of float32"),
    "short": (lambda m: setattr(m.graph.initializer[0], "raw_data", bytes(4)), "a wrong size"),
    "huge": (resize(2**62, 2**62, 2**62, 2**62), "a wrong size"),
    "zero": (resize(0, 1, 3, 3), "a wrong size"),
    "deep": (resize(4, 1, 3, 3, 1), "a wrong size"),
    "weights twice": (add_weights("w", 1), "the same name"),
    "weights named as input": (add_weights("images", 1), "the same name"),
    "weights unused": (add_weights("more", 1), "nothing uses"),
    "weights missing": (lambda m: m.graph.initializer.pop(), "do not exist"),
    "node unused": (add_node("Relu", ["images"], ["more"]), "nothing uses"),
    "node before its input": (add_node("Relu", ["later"], ["more"]), "do not exist"),
    "node from itself": (add_node("Relu", ["more"], ["more"]), "do not exist"),
    "output twice": (add_node("Relu", ["images"], ["logits"]), "the same name"),
    "output named as weights": (add_node("Relu", ["images"], ["w"]), "the same name"),
    "a name that would change the terminal": (
        lambda m: m.graph.node.append(helper.make_node("\x1b[2J\n", ["images"], ["more"])),
        r"operator '\\x1b\[2J\\n'",
    ),
    "two outputs": (add_node("MaxPool", ["images"], ["a", "b"], kernel_shape=[1, 1]), "do not exist"),
    "no outputs": (add_node("Relu", ["images"], []), "do not exist"),
    "omitted input": (add_node("Conv", ["images", "w", ""], ["more"]), "do not exist"),
    "computed weights": (add_node("Conv", ["images", "planes"], ["more"]), "a wrong number or kind"),
    "constant input": (add_node("Relu", ["w"], ["more"]), "a wrong number or kind"),
    "wide addition": (add_node("Add", ["logits", "w"], ["more"]), "does not fit its inputs"),
    "unequal addition": (add_node("Add", ["logits", "images"], ["more"]), "does not fit its inputs"),
    "unequal concat": (add_node("Concat", ["logits", "images"], ["more"], axis=1), "does not fit its inputs"),
    "gemm untransposed": (add_node("Gemm", ["logits", "w"], ["more"]), "does not fit its input"),
    "input renamed": (rename(lambda g: g.input[0], "pictures"), "its input is not"),
    "output renamed": (rename(lambda g: g.output[1], "scores"), "its input is not"),
    "input twice": (lambda m: m.graph.input.append(m.graph.input[0]), "its input is not"),
    "output more": (lambda m: m.graph.output.append(m.graph.output[0]), "its input is not"),
    "input size": (dimension(2, dim_value=29), "its input is not"),
    "input batch": (dimension(0, dim_value=1), "its input is not"),
    "input free": (dimension(1, dim_param="n"), "its input is not"),
    "input type": (
        put(lambda m: m.graph.input[0].type.tensor_type, "elem_type", TensorProto.DOUBLE),
        "its input is not",
    ),
    "no output": (lambda m: m.graph.node.pop(), "ten probabilities and logits"),
    "new operator set": (put(lambda m: m.opset_import[0], "version", 18), "operator set is 18"),
    "new IR": (put(lambda m: m, "ir_version", 9), "IR version is 9"),
}


@pytest.mark.parametrize(("edit", "message"), EDITS.values(), ids=EDITS.keys())
def test_graphs_that_are_not_ours_are_refused(edit: Edit, message: str) -> None:
    model = conv(4, 3)
    checked(model)
    edit(model)
    with pytest.raises(ModelFileError, match=message):
        checked(model)


def line_graph(last: int = 5, answer: str = "w / 2") -> onnx.ModelProto:
    """A network of whole lines as small as one can be: eleven classes for every second column."""
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 40, "w"])
    answers = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 11, 1, answer])
        for n in ("probabilities", "logits")
    ]
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["rows"], strides=[8, 2]),
        helper.make_node("MaxPool", ["rows"], ["logits"], kernel_shape=[last, 1]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(nodes, "g", [images], answers, [weights("w", 11, 1, 8, 2)])
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, producer_name="tenfold", ir_version=8, opset_imports=[opset])


def test_a_network_of_lines_is_checked_for_the_longest_one() -> None:
    def cost(multiplications: int) -> None:
        message = parse(line_graph().SerializeToString())
        onnx_check.check(message, "float32", LINE, multiplication_limit=multiplications)

    columns = LONGEST // 2
    needed = 11 * 16 * 5 * columns + 11 * 5 * columns + 11 * columns
    cost(needed)
    with pytest.raises(ModelFileError, match=f"more than {needed - 1:,} multiplications"):
        cost(needed - 1)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (line_graph(last=4), "not over the classes"),  # two rows of answers, one below the other
        (line_graph(answer="w"), r"logits \[n, 11, 1, w / 2\]"),
        (conv(4, 3), r"not images float32 \[n, 1, 40, w\]"),
    ],
)
def test_what_is_no_network_of_lines_is_refused(model: onnx.ModelProto, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        onnx_check.check(parse(model.SerializeToString()), "float32", LINE)


def constant(name: str, values: Any, kind: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, kind), name)


def integers() -> onnx.ModelProto:
    """A convolution of rounded images with int8 weights and an int32 bias, and its rounded planes."""
    nodes = [
        helper.make_node("QuantizeLinear", ["images", "s", "z"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "s", "z"], ["near"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["weights"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "bs"], ["bias"], axis=0),
        helper.make_node("Conv", ["near", "weights", "bias"], ["planes"]),
    ]
    constants = [
        constant("w", np.ones((4, 1, 3, 3)), np.int8),
        constant("b", np.ones(4), np.int32),
        constant("s", 1 / 255, np.float32),
        constant("z", 0, np.uint8),
        constant("ws", np.full(4, 0.01), np.float32),
        constant("wz", np.zeros(4), np.int8),
        constant("bs", np.full(4, 0.01), np.float32),
        weights("classes", 10, 4, 1, 1),
    ]
    return graph_of(*nodes, constants=constants)


def tensor(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    (found,) = (each for each in model.graph.initializer if each.name == name)
    assert isinstance(found, onnx.TensorProto)
    return found


def become(name: str, values: Any, kind: Any) -> Edit:
    return lambda model: tensor(model, name).CopyFrom(constant(name, values, kind))


def inputs(place: int, *names: str) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        del model.graph.node[place].input[:]
        model.graph.node[place].input.extend(names)

    return edit


def attributes(place: int, **values: Any) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        del model.graph.node[place].attribute[:]
        model.graph.node[place].attribute.extend(helper.make_attribute(k, v) for k, v in values.items())

    return edit


INTEGER_EDITS: dict[str, tuple[Edit, str]] = {
    "int8 cut off": (lambda m: setattr(tensor(m, "w"), "raw_data", bytes(35)), "a wrong size"),
    "int32 as long as int8": (lambda m: setattr(tensor(m, "b"), "raw_data", bytes(4)), "a wrong size"),
    "int16": (become("w", np.ones((4, 1, 3, 3)), np.int16), "not those of int8"),
    "int64": (become("b", np.ones(4), np.int64), "not those of int8"),
    "unsigned weights": (
        become("w", np.ones((4, 1, 3, 3)), np.uint8),
        "DequantizeLinear has inputs of a wrong",
    ),
    "signed zero point": (become("z", 0, np.int8), "QuantizeLinear has inputs of a wrong number or kind"),
    "zero points": (become("z", [0], np.uint8), "a wrong scale or zero point"),
    "scales for one": (become("s", [1.0], np.float32), "a wrong scale or zero point"),
    "a scale of zero": (become("s", 0, np.float32), "a wrong scale or zero point"),
    "a scale below zero": (become("s", -1, np.float32), "a wrong scale or zero point"),
    "a scale without an inverse": (become("s", 1e-40, np.float32), "a wrong scale or zero point"),
    "a scale beyond numbers": (become("s", 1e30, np.float32), "a wrong scale or zero point"),
    "a scale that is no number": (become("s", float("nan"), np.float32), "not all finite"),
    "one scale of zero": (become("ws", [1, 1, 0, 1], np.float32), "wrong scales"),
    "too few scales": (become("ws", [1, 1, 1], np.float32), "wrong scales"),
    "one scale for weights": (become("ws", 1, np.float32), "wrong scales"),
    "scales in two dimensions": (become("ws", [[1] * 4], np.float32), "wrong scales"),
    "scales of another axis": (attributes(2, axis=1), "wrong scales"),
    "scales of no axis": (attributes(2), "wrong scales"),
    "an axis for one scale": (attributes(1, axis=0), "an attribute Tenfold does not write"),
    "an axis where there is none": (attributes(0, axis=0), "an attribute Tenfold does not write"),
    "another type": (attributes(0, output_dtype=2), "an attribute Tenfold does not write"),
    "blocks": (attributes(2, axis=0, block_size=2), "an attribute Tenfold does not write"),
    "no zero point": (inputs(0, "images", "s"), "a wrong number or kind"),
    "unsigned zero points of weights": (inputs(2, "w", "ws", "z"), "a wrong number or kind"),
    "no zero points of weights": (inputs(2, "w", "ws"), "a wrong number or kind"),
    "zero points that are not zero": (become("wz", [0, 0, 0, 1], np.int8), "wrong scales or zero points"),
    "one zero point for weights": (become("wz", 0, np.int8), "wrong scales or zero points"),
    "too many zero points": (become("wz", np.zeros(5), np.int8), "wrong scales or zero points"),
    "weights as scales": (inputs(2, "w", "w"), "a wrong number or kind"),
    "computed scale": (inputs(1, "codes", "images", "z"), "a wrong number or kind"),
    "rounded twice": (inputs(1, "codes", "codes", "z"), "a wrong number or kind"),
    "floats dequantised": (inputs(1, "images", "s", "z"), "a wrong number or kind"),
    "constants quantised": (inputs(0, "w", "s", "z"), "a wrong number or kind"),
    "a convolution of codes": (
        inputs(4, "codes", "weights", "bias"),
        "Conv has inputs of a wrong number or kind",
    ),
    "a convolution with codes": (inputs(4, "near", "w", "bias"), "Conv has inputs of a wrong number or kind"),
    "bias of codes": (inputs(4, "near", "weights", "b"), "Conv has inputs of a wrong number or kind"),
    "other codes": (add_node("Relu", ["codes"], ["more"]), "a wrong number or kind"),
    "weights dequantised again": (
        add_node("DequantizeLinear", ["weights", "ws", "wz"], ["more"], axis=0),
        "wrong number",
    ),
    "codes unused": (add_node("QuantizeLinear", ["images", "s", "z"], ["more"]), "nothing uses"),
    "output of codes": (add_node("QuantizeLinear", ["logits", "s", "z"], ["logits"]), "the same name"),
}


@pytest.mark.parametrize(("edit", "message"), INTEGER_EDITS.values(), ids=INTEGER_EDITS.keys())
def test_graphs_of_integers_that_are_not_ours_are_refused(edit: Edit, message: str) -> None:
    model = integers()
    onnx_check.check(parse(model.SerializeToString()), "int8")
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    edit(model)
    with pytest.raises(ModelFileError, match=message):
        onnx_check.check(parse(model.SerializeToString()), "int8")


def test_integers_are_for_files_that_say_so() -> None:
    with pytest.raises(ModelFileError, match="'w' are not those of float32"):
        checked(integers())
    with pytest.raises(ModelFileError, match="its values are not those of int8"):
        onnx_check.check(parse(conv(4, 3).SerializeToString()), "int8")


def test_codes_and_their_floats_count_as_values_and_work() -> None:
    """Two roundings of 784, 4 planes of 26 x 26, and weights that take four times the room once unpacked."""
    message = parse(integers().SerializeToString())
    end = 10 * 26 * 26 + 10 + 10 + 10
    values = 2 * 784 + 36 + 4 + 4 * 26 * 26 + end
    onnx_check.check(message, "int8", value_limit=values)
    with pytest.raises(ModelFileError, match="intermediate values"):
        onnx_check.check(message, "int8", value_limit=values - 1)
    needed = 2 * 784 + 36 + 4 + 4 * 26 * 26 * 9 + 10 * 4 * 26 * 26 + 10 * 26 * 26 + 10
    onnx_check.check(message, "int8", multiplication_limit=needed)
    with pytest.raises(ModelFileError, match="multiplications"):
        onnx_check.check(message, "int8", multiplication_limit=needed - 1)
