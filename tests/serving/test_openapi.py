"""The description is valid OpenAPI, complete, and every answer is as it says."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from jsonschema import Draft202012Validator
from tests.serving.conftest import Running

from tenfold.serving.settings import Settings

Document = dict[str, Any]
HIDDEN = {"/metrics", "/openapi.json"}  # and the page's own, which change as the page does


@pytest.fixture(scope="module")
def document(service: Running) -> Document:
    found: Document = service.http.get("/openapi.json").json()
    return found


def resolved(document: Document, node: Any) -> Any:
    """`node` with each reference replaced by what it refers to."""
    if isinstance(node, list):
        return [resolved(document, item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return resolved(document, target)
    return {key: resolved(document, value) for key, value in node.items()}


def operations(document: Document) -> list[tuple[str, str, Document]]:
    return [
        (path, method, resolved(document, operation))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_it_has_the_shape_of_openapi(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(document["info"])
    names = []
    for path, method, operation in operations(document):
        names.append(operation["operationId"])
        assert method in ("get", "post")
        assert operation["summary"]
        assert operation["responses"]
        placed = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert placed == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for response in operation["responses"].values():
            assert response["description"]
    assert len(set(names)) == len(names)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_route_is_described_and_every_description_is_a_route(
    service: Running, document: Document
) -> None:
    routes = {
        (route.path, method.lower())  # type: ignore[attr-defined]
        for route in service.server.guard.router.routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
        if route.path not in HIDDEN and not route.path.startswith("/page/") and route.path != "/"  # type: ignore[attr-defined]
    }
    assert {(path, method) for path, method, _ in operations(document)} == routes


def test_the_examples_follow_their_schemas(document: Document) -> None:
    seen = 0
    for _, _, operation in operations(document):
        media = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (kind for part in media for kind in part.get("content", {}).values()):
            if "example" in content:
                jsonschema.validate(content["example"], content["schema"], Draft202012Validator)
                seen += 1
    assert seen >= 12


def call(service: Running, path: str, method: str, operation: Document) -> Any:
    path = path.replace("{model}", "reader-int8").replace("{version}", "1")
    bodies = operation.get("requestBody", {}).get("content", {})
    example = bodies.get("application/json", {}).get("example")
    return service.http.request(method, path, json=example)


def test_the_examples_are_answered_as_described(service: Running, document: Document) -> None:
    for path, method, operation in operations(document):
        answer = call(service, path, method, operation)
        assert answer.status_code == 200, (path, answer.text)
        described = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), described, Draft202012Validator)


def test_refusals_are_answered_as_described(service: Running, document: Document, page: bytes) -> None:
    asked = [
        ("/v1/read", "/v1/read", {"content": page}, 200),
        ("/v1/predict", "/v1/predict", {"content": b"x"}, 400),
        ("/v1/predict", "/v1/predict?model=nix", {"content": b"x"}, 404),
        ("/v1/predict", "/v1/predict", {"content": b"x" * (Settings.image_bytes + 1)}, 413),
        ("/v1/predict", "/v1/predict", {"files": {"a": b"x"}}, 415),
        ("/v1/predict", "/v1/predict", {"content": b"x", "headers": {"origin": "http://evil"}}, 403),
        ("/v2/models/{model}/infer", "/v2/models/reader-int8/infer", {"json": {}}, 400),
        ("/v2/models/{model}/infer", "/v2/models/nix/infer", {"json": {}}, 404),
    ]
    for path, url, how, code in asked:
        answer = service.http.post(url, **how)  # type: ignore[arg-type]
        described = resolved(document, document["paths"][path]["post"])["responses"][str(code)]
        assert answer.status_code == code
        jsonschema.validate(
            answer.json(), described["content"]["application/json"]["schema"], Draft202012Validator
        )


def test_a_token_is_described_where_it_is_asked_for() -> None:
    from tenfold.serving.openapi import document

    assert document(Settings())["security"] == []
    assert document(Settings(token="x" * 16))["security"] == [{"token": []}]
    json.dumps(document(Settings()), allow_nan=False)
