"""The part of the OpenAPI description under /v1."""

from typing import Any

from tenfold.serving.api import MOST_DIGITS

Document = dict[str, Any]


def answered(schema: str, description: str, example: Any) -> Document:
    """A 200 whose JSON follows `schema`."""
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"200": {"description": description, "content": {"application/json": content}}}


def parameter(name: str, description: str, schema: Document, place: str = "query") -> Document:
    found = {"name": name, "in": place, "description": description, "schema": schema}
    return {**found, "required": True} if place == "path" else found


FRACTION = {"type": "number", "minimum": 0, "maximum": 1}
DIGIT = {"type": "integer", "minimum": 0, "maximum": 9}
COUNT = {"type": "integer", "minimum": 0}
_GREY = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0, "maximum": 255}}
_COLOUR = {
    "type": "array",
    "minItems": 1,
    "items": {**_GREY, "minItems": 3, "maxItems": 3},
}


def _object(properties: Document) -> Document:
    """All of `properties` are there, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _nullable(kind: str) -> Document:
    return {"type": [kind, "null"]}


SCHEMAS_V1: Document = {
    "Error": _object({"error": {"type": "string", "description": "One sentence."}}),
    "Pixels": _object(
        {
            "pixels": {
                "description": "Rows of grey values, or of [red, green, blue]; either polarity.",
                "anyOf": [
                    {"type": "array", "minItems": 1, "items": _GREY},
                    {"type": "array", "minItems": 1, "items": _COLOUR},
                ],
            }
        }
    ),
    "Prediction": _object(
        {
            "file": {"type": "null"},
            "label": DIGIT,
            "confidence": {**FRACTION, "description": "The calibrated probability of the label."},
            "unsure": {"type": "boolean"},
            "reason": {**_nullable("string"), "description": "Why it is unsure."},
            "probabilities": {"type": "array", "items": FRACTION, "minItems": 10, "maxItems": 10},
        }
    ),
    "Reading": _object(
        {
            "file": {"type": "null"},
            "text": {"type": "string", "pattern": "^[0-9\n]*$", "description": "A line break between lines."},
            "digits": {"type": "array", "items": {"$ref": "#/components/schemas/Digit"}},
            "unsure": {"type": "boolean"},
            "reason": _nullable("string"),
        }
    ),
    "Digit": _object(
        {
            "label": DIGIT,
            "confidence": FRACTION,
            "unsure": {"type": "boolean"},
            "box": {
                "type": "array",
                "items": COUNT,
                "minItems": 4,
                "maxItems": 4,
                "description": "x, y, width and height in pixels of the upright picture.",
            },
            "alternatives": {
                "type": "array",
                "items": {"type": "array", "prefixItems": [DIGIT, FRACTION], "minItems": 2, "maxItems": 2},
                "description": "Other labels with their probabilities.",
            },
        }
    ),
    "Models": _object({"models": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}),
    "Model": _object(
        {
            "name": {"type": "string"},
            "default": {"type": "boolean"},
            "reads": {"const": "single digits"},
            "parameters": COUNT,
            "bytes": COUNT,
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "measured": {"type": "object", "description": "What was measured, by set."},
        }
    ),
}

_MODEL = parameter("model", "A name of /v1/models; the default if left out.", {"type": "string"})
PIXELS_EXAMPLE = {"pixels": [[0, 0, 0, 0], [0, 255, 255, 0], [0, 0, 255, 0], [0, 0, 255, 0], [0, 0, 255, 0]]}
_FILE: Document = {"schema": {"type": "string", "format": "binary", "minLength": 1}}
_PICTURE: Document = {
    "required": True,
    "description": "A picture's file (PNG, JPEG, BMP, WebP, GIF, TIFF), or JSON with its pixels.",
    "content": {
        "image/*": _FILE,
        "application/octet-stream": _FILE,
        "application/json": {"schema": {"$ref": "#/components/schemas/Pixels"}, "example": PIXELS_EXAMPLE},
    },
}
_PREDICTION_EXAMPLE = {
    "file": None,
    "label": 7,
    "confidence": 0.9982,
    "unsure": False,
    "reason": None,
    "probabilities": [0.0, 0.0002, 0.0003, 0.0001, 0.0004, 0.0, 0.0, 0.9982, 0.0, 0.0008],
}
_READING_EXAMPLE = {
    "file": None,
    "text": "7",
    "digits": [
        {
            "label": 7,
            "confidence": 0.9982,
            "unsure": False,
            "box": [12, 8, 31, 44],
            "alternatives": [[9, 0.01]],
        }
    ],
    "unsure": False,
    "reason": None,
}
_MODEL_EXAMPLE = {
    "name": "reader-int8",
    "default": True,
    "reads": "single digits",
    "parameters": 346218,
    "bytes": 361311,
    "sha256": "ab" * 32,
    "measured": {"test": {"accuracy": 0.9962, "count": 10000, "errors": 38}},
}

PATHS_V1: Document = {
    "/v1/predict": {
        "post": {
            "operationId": "predict",
            "summary": "The digit on a picture",
            "parameters": [_MODEL],
            "requestBody": _PICTURE,
            "responses": answered("Prediction", "What `tenfold predict --json` prints.", _PREDICTION_EXAMPLE),
        }
    },
    "/v1/read": {
        "post": {
            "operationId": "read",
            "summary": "All digits on a picture",
            "parameters": [
                _MODEL,
                parameter("digits", "How many there are.", {**COUNT, "maximum": MOST_DIGITS}),
                parameter("allowed", "Those that occur.", {"type": "string", "pattern": "^[0-9]{1,10}$"}),
                parameter("checksum", "What they fulfil.", {"enum": ["luhn"]}),
            ],
            "requestBody": _PICTURE,
            "responses": answered("Reading", "What `tenfold read --json` prints.", _READING_EXAMPLE),
        }
    },
    "/v1/models": {
        "get": {
            "operationId": "models",
            "summary": "The models and what was measured",
            "responses": answered("Models", "The default first.", {"models": [_MODEL_EXAMPLE]}),
        }
    },
}
