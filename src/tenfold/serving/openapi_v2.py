"""The part of the OpenAPI description under /v2: the Open Inference Protocol."""

from typing import Any

from tenfold.onnx_check import CLASSES, IMAGE_SHAPE, INPUT, OUTPUTS
from tenfold.serving.catalogue import VERSION
from tenfold.serving.openapi_v1 import answered, parameter

Document = dict[str, Any]
_STRING = {"type": "string"}
_NUMBER = {"type": "number"}
_PARAMETERS = {"type": "object"}
_NAME = {"const": INPUT}
_SHAPE = {
    "type": "array",
    "prefixItems": [{"type": "integer", "minimum": 1}, *({"const": side} for side in IMAGE_SHAPE)],
    "minItems": 4,
    "maxItems": 4,
}


def _object(required: Document, optional: Document | None = None) -> Document:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def _array(items: Document) -> Document:
    return {"type": "array", "items": items}


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


_TENSOR_METADATA = _object(
    {"name": _STRING, "datatype": {"const": "FP32"}, "shape": _array({"type": "integer"})}
)
SCHEMAS_V2: Document = {
    "Live": _object({"live": {"type": "boolean"}}),
    "Ready": _object({"ready": {"type": "boolean"}}),
    "Server": _object({"name": _STRING, "version": _STRING, "extensions": _array(_STRING)}),
    "ModelReady": _object({"name": _STRING, "ready": {"type": "boolean"}}),
    "ModelMetadata": _object(
        {
            "name": _STRING,
            "versions": _array(_STRING),
            "platform": _STRING,
            "inputs": _array(_TENSOR_METADATA),
            "outputs": _array(_TENSOR_METADATA),
        }
    ),
    "InferRequest": _object(
        {
            "inputs": {
                **_array(
                    _object(
                        {"name": _NAME, "datatype": {"const": "FP32"}, "shape": _SHAPE},
                        {
                            "data": {
                                "description": "Numbers in 0 to 1, ink bright; flat, or nested as the shape.",
                                "type": "array",
                            },
                            "parameters": {
                                "type": "object",
                                "properties": {"binary_data_size": {"type": "integer", "minimum": 0}},
                            },
                        },
                    )
                ),
                "minItems": 1,
                "maxItems": 1,
            }
        },
        {
            "id": {"type": "string", "maxLength": 256},
            "parameters": {"type": "object", "properties": {"binary_data_output": {"type": "boolean"}}},
            "outputs": _array(
                _object(
                    {"name": {"enum": list(OUTPUTS)}},
                    {
                        "parameters": {
                            "type": "object",
                            "properties": {"binary_data": {"type": "boolean"}},
                        }
                    },
                )
            ),
        },
    ),
    "InferAnswer": _object(
        {
            "model_name": _STRING,
            "model_version": _STRING,
            "outputs": _array(
                _object(
                    {
                        "name": {"enum": list(OUTPUTS)},
                        "datatype": {"const": "FP32"},
                        "shape": _array({"type": "integer"}),
                    },
                    {"data": _array(_NUMBER), "parameters": _PARAMETERS},
                )
            ),
        },
        {"id": _STRING},
    ),
}

_MODEL = parameter("model", "A name of /v1/models.", _STRING, "path")
_VERSION = parameter("version", f"The only one is {VERSION}.", _STRING, "path")
_LENGTH = parameter(
    "Inference-Header-Content-Length",
    "Where the JSON ends in a body that goes on with raw tensors.",
    {"type": "integer", "minimum": 0},
    "header",
)
_METADATA_EXAMPLE = {
    "name": "reader-int8",
    "versions": [VERSION],
    "platform": "onnxruntime_onnx",
    "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, *IMAGE_SHAPE]}],
    "outputs": [{"name": name, "datatype": "FP32", "shape": [-1, CLASSES]} for name in OUTPUTS],
}
_INFER_EXAMPLE = {
    "id": "first",
    "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [1, *IMAGE_SHAPE], "data": [0.0] * 784}],
    "outputs": [{"name": "probabilities"}],
}
_ANSWER_EXAMPLE = {
    "model_name": "reader-int8",
    "model_version": VERSION,
    "id": "first",
    "outputs": [
        {"name": "probabilities", "datatype": "FP32", "shape": [1, CLASSES], "data": [0.1] * CLASSES}
    ],
}
_BINARY: Document = {"schema": {"type": "string", "format": "binary"}}


def _get(operation: str, summary: str, parameters: list[Document], responses: Document) -> Document:
    found = {"operationId": operation, "summary": summary, "responses": responses}
    return {"get": {**found, "parameters": parameters} if parameters else found}


def _ready(schema: str, example: Document) -> Document:
    """As `answered`, and the same shape or a refusal where it is not ready."""
    either = {"anyOf": [_ref(schema), _ref("Error")]}
    not_ready = {"description": "Not ready.", "content": {"application/json": {"schema": either}}}
    return {**answered(schema, "Ready.", example), "503": not_ready}


def _model_paths(path: str, suffix: str, parameters: list[Document]) -> Document:
    infer_answer = answered("InferAnswer", "The outputs asked for.", _ANSWER_EXAMPLE)
    infer_answer["200"]["content"]["application/octet-stream"] = _BINARY
    return {
        path: _get(
            f"modelMetadata{suffix}",
            "What a model takes and gives",
            parameters,
            answered("ModelMetadata", "Names, types and shapes.", _METADATA_EXAMPLE),
        ),
        f"{path}/ready": _get(
            f"modelReady{suffix}",
            "Does the model answer?",
            parameters,
            _ready("ModelReady", {"name": "reader-int8", "ready": True}),
        ),
        f"{path}/infer": {
            "post": {
                "operationId": f"infer{suffix}",
                "summary": "Probabilities and logits of 28 x 28 images",
                "parameters": [*parameters, _LENGTH],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": _ref("InferRequest"), "example": _INFER_EXAMPLE},
                        "application/octet-stream": _BINARY,
                    },
                },
                "responses": infer_answer,
            }
        },
    }


PATHS_V2: Document = {
    "/v2": _get(
        "server",
        "Name, version and extensions",
        [],
        answered(
            "Server",
            "The server.",
            {"name": "tenfold", "version": "0.1.0", "extensions": ["binary_tensor_data"]},
        ),
    ),
    "/v2/health/live": _get("live", "Does it run?", [], answered("Live", "It runs.", {"live": True})),
    "/v2/health/ready": _get("ready", "Does it answer?", [], _ready("Ready", {"ready": True})),
    **_model_paths("/v2/models/{model}", "", [_MODEL]),
    **_model_paths("/v2/models/{model}/versions/{version}", "OfVersion", [_MODEL, _VERSION]),
}
