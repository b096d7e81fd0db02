"""What is written is what protobuf writes, byte for byte."""

import onnx
import pytest

from tenfold.model import list_models, read_model, resolve
from tenfold.onnx_wire import parse, parse_graph
from tenfold.onnx_write import encode, field


@pytest.mark.parametrize("name", [*list_models(), "small"])
def test_a_model_file_is_written_again_to_the_same_bytes(name: str, model_bytes: bytes) -> None:
    data = model_bytes if name == "small" else read_model(resolve(name)).data
    message = parse(data)
    ((_, text),) = message.metadata
    assert encode(parse_graph(message.graph), text) == data


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**31, 2**62])
def test_numbers_are_written_as_protobuf_writes_them(number: int) -> None:
    tensor = onnx.TensorProto(dims=[number])
    assert field(1, number) == tensor.SerializeToString()
