"""Requests and answers of the Open Inference Protocol: JSON, with tensors inside or as raw bytes behind it.

The header Inference-Header-Content-Length tells where the JSON ends. Raw bytes are little-endian float32 in
row-major order.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.responses import Response

from tenfold.onnx_check import IMAGE_SHAPE, INPUT, OUTPUTS
from tenfold.serving.answers import RefusedError, json_answer
from tenfold.serving.catalogue import VERSION
from tenfold.serving.strict_json import numbers, parse, text

Tensor = NDArray[np.float32]
IMAGE_SIZE = int(np.prod(IMAGE_SHAPE))


@dataclass(frozen=True)
class Asked:
    """A request to infer: its images float32 [n, 1, 28, 28] in 0..1, and each output with whether it is
    wanted as raw bytes."""

    id: str | None
    images: Tensor
    outputs: Mapping[str, bool]


def parse_request(body: bytes, header_length: str | None, batch: int) -> Asked:
    """Raises RefusedError, which names the field and what it must be."""
    head, raw = _parted(body, header_length)
    document = parse(head)
    id_ = document.get("id")
    if id_ is not None:
        text(id_, "id")
    parameters = _object(document.get("parameters"), "parameters")
    binary = _flag(parameters, "binary_data_output")
    images = _images(document.get("inputs"), raw, batch)
    return Asked(id_, images, _outputs(document.get("outputs"), binary))


def write_answer(asked: Asked, model: str, values: Mapping[str, Tensor]) -> Response:
    """The outputs asked for, in that order."""
    document: dict[str, Any] = {"model_name": model, "model_version": VERSION}
    if asked.id is not None:
        document["id"] = asked.id
    document["outputs"] = outputs = []
    raw = []
    for name, binary in asked.outputs.items():
        value = values[name]
        output: dict[str, Any] = {"name": name, "datatype": "FP32", "shape": list(value.shape)}
        if binary:
            data = np.ascontiguousarray(value, "<f4").tobytes()
            output["parameters"] = {"binary_data_size": len(data)}
            raw.append(data)
        else:
            output["data"] = value.ravel().tolist()
        outputs.append(output)
    if not raw:
        return json_answer(document)
    head = json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii")
    length = {"inference-header-content-length": str(len(head))}
    return Response(b"".join([head, *raw]), headers=length, media_type="application/octet-stream")


def _parted(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    if header_length is None:
        return body, b""
    number = header_length.isascii() and header_length.isdecimal() and len(header_length) < 10
    length = int(header_length) if number else -1
    if not 0 <= length <= len(body):
        raise RefusedError(400, "Inference-Header-Content-Length must be the length of the JSON in the body.")
    return body[:length], body[length:]


def _images(inputs: object, raw: bytes, batch: int) -> Tensor:
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise RefusedError(400, f"inputs must be a list of one tensor, '{INPUT}'.")
    (tensor,) = inputs
    if tensor.get("name") != INPUT:
        raise RefusedError(400, f"The input's name must be '{INPUT}'.")
    if tensor.get("datatype") != "FP32":
        raise RefusedError(400, f"The datatype of '{INPUT}' must be FP32.")
    count = _count(tensor.get("shape"), batch)
    parameters = _object(tensor.get("parameters"), "parameters")
    if "binary_data_size" in parameters:
        values = _from_bytes(tensor, parameters["binary_data_size"], raw, count)
    else:
        if raw:
            raise RefusedError(
                400, "There are bytes behind the JSON that no input's binary_data_size claims."
            )
        values = _from_json(tensor.get("data"), count)
    if not (values.min() >= 0 and values.max() <= 1):  # so written, NaN is refused too
        raise RefusedError(400, f"The data of '{INPUT}' must lie in 0 to 1, with ink bright.")
    return values


def _count(shape: object, batch: int) -> int:
    good = isinstance(shape, list) and len(shape) == 4 and all(type(length) is int for length in shape)
    if not good or shape[1:] != list(IMAGE_SHAPE):  # type: ignore[index]
        raise RefusedError(400, f"The shape of '{INPUT}' must be [n, {', '.join(map(str, IMAGE_SHAPE))}].")
    count: int = shape[0]  # type: ignore[index]
    if not 1 <= count <= batch:
        raise RefusedError(400, f"A request may hold 1 to {batch:,} images.")
    return count


def _from_bytes(tensor: dict[str, Any], size: object, raw: bytes, count: int) -> Tensor:
    if "data" in tensor:
        raise RefusedError(400, f"'{INPUT}' must come as data or as raw bytes, not as both.")
    if type(size) is not int or size != len(raw) or size != 4 * count * IMAGE_SIZE:
        raise RefusedError(
            400, f"binary_data_size must be the {4 * count * IMAGE_SIZE:,} bytes of the shape."
        )
    return np.frombuffer(raw, "<f4").reshape(count, *IMAGE_SHAPE)


def _from_json(data: object, count: int) -> Tensor:
    values = numbers(data, {int, float}, "data")
    if values.size != count * IMAGE_SIZE or values.shape not in ((values.size,), (count, *IMAGE_SHAPE)):
        raise RefusedError(
            400, f"data must hold {count * IMAGE_SIZE:,} numbers, flat or nested as the shape."
        )
    with np.errstate(over="ignore"):  # what becomes infinite is out of range
        return values.reshape(count, *IMAGE_SHAPE).astype(np.float32)


def _outputs(outputs: object, binary: bool) -> dict[str, bool]:
    """All of them where none is named."""
    if outputs is None or outputs == []:
        return dict.fromkeys(OUTPUTS, binary)
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise RefusedError(400, "outputs must be a list of objects.")
    wanted: dict[str, bool] = {}
    for output in outputs:
        name = output.get("name")
        if name not in OUTPUTS or name in wanted:
            raise RefusedError(400, f"The outputs are {' and '.join(OUTPUTS)}, each named at most once.")
        parameters = _object(output.get("parameters"), "parameters")
        if "classification" in parameters:
            raise RefusedError(400, "The classification extension is not offered; ask for the probabilities.")
        wanted[name] = _flag(parameters, "binary_data") if "binary_data" in parameters else binary
    return wanted


def _object(value: object, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError(400, f"{what} must be an object.")
    return value


def _flag(parameters: dict[str, Any], name: str) -> bool:
    value = parameters.get(name, False)
    if not isinstance(value, bool):
        raise RefusedError(400, f"{name} must be true or false.")
    return value
