"""/openapi.json: what the service takes and gives, with examples that tests send and compare.

Written by hand: one made from the code would repeat what the code does, also where it is wrong.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tenfold import __version__
from tenfold.serving.openapi_v1 import PATHS_V1, SCHEMAS_V1
from tenfold.serving.openapi_v2 import PATHS_V2, SCHEMAS_V2
from tenfold.serving.settings import Settings

Document = dict[str, Any]
REFUSALS = {
    "400": "The request is malformed; the sentence says what is expected.",
    "401": "A token is needed.",
    "403": "Asked through a foreign host name or by a page of another site.",
    "404": "There is no such model, version or address.",
    "408": "The request did not arrive in time.",
    "413": "The body or the picture is too large.",
    "415": "The body is of a kind that is not taken.",
    "431": "The head of the request is too large.",
    "501": "The body comes in a transfer coding that is not understood.",
    "503": "The service is at its limit or about to end.",
}
ALWAYS = ("400", "401", "403", "408", "413", "431", "501", "503")


def document(settings: Settings) -> Document:
    """The whole description, OpenAPI 3.1."""
    paths = {path: _complete(item) for path, item in {**PATHS_V1, **PATHS_V2}.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tenfold",
            "version": __version__,
            "description": f"Handwritten digits, read. A picture may have {settings.image_bytes:,} bytes and "
            f"{settings.pixels:,} pixels, a request to infer {settings.batch:,} images.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS_V1, **SCHEMAS_V2},
            "responses": {code: _refusal(code, sentence) for code, sentence in REFUSALS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}] if settings.token else [],
    }


def _complete(item: Document) -> Document:
    """`item` with the refusals that any request may meet."""
    return {method: _operation(method, operation) for method, operation in item.items()}


def _operation(method: str, operation: Document) -> Document:
    refusals = {code: {"$ref": f"#/components/responses/{code}"} for code in ALWAYS}
    if method == "post":
        refusals["415"] = {"$ref": "#/components/responses/415"}
    if any(parameter["name"] == "model" for parameter in operation.get("parameters", [])):
        refusals["404"] = {"$ref": "#/components/responses/404"}
    return {**operation, "responses": {**refusals, **operation["responses"]}}


def _refusal(code: str, sentence: str) -> Document:
    found: Document = {
        "description": sentence,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if code == "503":
        found["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
    return found


def routes(settings: Settings) -> list[BaseRoute]:
    content = json.dumps(document(settings), indent=1).encode()

    async def answer(_: Request) -> Response:
        return Response(content, media_type="application/json")

    return [Route("/openapi.json", answer, methods=["GET"])]
