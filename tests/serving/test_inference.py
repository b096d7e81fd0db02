"""The Open Inference Protocol: each route and field after the specification's table, and the stock client."""

import json
import re
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tests.serving.conftest import Images, Run, Running

from tenfold import __version__
from tenfold.model import DEFAULT_MODEL, list_models
from tenfold.reading import Reader

MODEL = f"/v2/models/{DEFAULT_MODEL}"
INPUT = {"name": "images", "datatype": "FP32", "shape": [-1, 1, 28, 28]}
OUTPUTS = [{"name": name, "datatype": "FP32", "shape": [-1, 10]} for name in ("probabilities", "logits")]
METADATA = {
    "name": DEFAULT_MODEL,
    "versions": ["1"],
    "platform": "onnxruntime_onnx",
    "inputs": [INPUT],
    "outputs": OUTPUTS,
}

Tensor = NDArray[np.float32]


@pytest.fixture(scope="module")
def tensor(digits: Images) -> Tensor:
    return (digits[:, None] / np.float32(255)).astype(np.float32)


def body(data: Any, shape: list[int], **more: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "images", "datatype": "FP32", "shape": shape, "data": data}], **more}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2", {"name": "tenfold", "version": __version__, "extensions": ["binary_tensor_data"]}),
        (MODEL, METADATA),
        (f"{MODEL}/versions/1", METADATA),
        (f"{MODEL}/ready", {"name": DEFAULT_MODEL, "ready": True}),
        (f"{MODEL}/versions/1/ready", {"name": DEFAULT_MODEL, "ready": True}),
    ],
)
def test_what_is_asked_with_get(service: Running, path: str, answer: dict[str, Any]) -> None:
    found = service.http.get(path)
    assert (found.status_code, found.json()) == (200, answer)
    assert service.http.head(path).status_code == 200


@pytest.mark.parametrize("path", [f"{MODEL}/infer", f"{MODEL}/versions/1/infer"])
@pytest.mark.parametrize("nested", [False, True])
def test_json_tensors_are_answered_as_by_the_reader(
    service: Running, tensor: Tensor, path: str, nested: bool
) -> None:
    images = tensor[:3]
    data = images.tolist() if nested else images.ravel().tolist()
    found = service.http.post(path, json=body(data, [3, 1, 28, 28], id="a-1")).json()
    assert (found["model_name"], found["model_version"], found["id"]) == (DEFAULT_MODEL, "1", "a-1")
    assert [(o["name"], o["datatype"], o["shape"]) for o in found["outputs"]] == [
        ("probabilities", "FP32", [3, 10]),
        ("logits", "FP32", [3, 10]),
    ]
    for output, expected in zip(found["outputs"], Reader().outputs(images), strict=True):
        np.testing.assert_allclose(np.reshape(output["data"], (3, 10)), expected, atol=1e-5)


def test_the_outputs_named_are_given_in_their_order(service: Running, tensor: Tensor) -> None:
    asked = body(tensor[0].ravel().tolist(), [1, 1, 28, 28], outputs=[{"name": "logits"}])
    found = service.http.post(f"{MODEL}/infer", json=asked).json()
    assert [output["name"] for output in found["outputs"]] == ["logits"]
    assert "id" not in found


@pytest.mark.parametrize("count", [1, 8, 9, 16])  # up to 8 go with the digits, more with the pages
@pytest.mark.parametrize("binary", [False, True])
def test_the_stock_client_works_unmodified(
    service: Running, tensor: Tensor, count: int, binary: bool
) -> None:
    with triton.InferenceServerClient(f"localhost:{service.port}") as client:
        given = triton.InferInput("images", [count, 1, 28, 28], "FP32")
        given.set_data_from_numpy(tensor[:count], binary_data=binary)
        wanted = [triton.InferRequestedOutput("probabilities", binary_data=binary)]
        found = client.infer(DEFAULT_MODEL, [given], outputs=wanted, request_id="42")
        expected = Reader().probabilities(tensor[:count])
        np.testing.assert_allclose(found.as_numpy("probabilities"), expected, atol=1e-6)
        assert found.get_response()["id"] == "42"
        everything = client.infer(DEFAULT_MODEL, [given], model_version="1")
        assert everything.as_numpy("logits").shape == (count, 10)


def test_the_stock_client_finds_its_way(service: Running) -> None:
    with triton.InferenceServerClient(f"localhost:{service.port}") as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.get_server_metadata()["name"] == "tenfold"
        for name in list_models():
            assert client.is_model_ready(name)
            assert client.is_model_ready(name, "1")
            assert client.get_model_metadata(name)["inputs"] == [INPUT]
        assert not client.is_model_ready("nix")
        with pytest.raises(triton.InferenceServerException, match="no model 'nix'"):
            client.get_model_metadata("nix")


GOOD = [0.0] * 784


@pytest.mark.parametrize(
    ("path", "asked", "status", "sentence"),
    [
        ("/v2/models/nix/infer", body(GOOD, [1, 1, 28, 28]), 404, "no model 'nix'"),
        (f"{MODEL}/versions/2/infer", body(GOOD, [1, 1, 28, 28]), 404, "no such version"),
        (f"{MODEL}/infer", {}, 400, "inputs must be a list of one tensor, 'images'"),
        (f"{MODEL}/infer", {"inputs": []}, 400, "one tensor"),
        (f"{MODEL}/infer", {"inputs": body(GOOD, [1, 1, 28, 28])["inputs"] * 2}, 400, "one tensor"),
        (f"{MODEL}/infer", {"inputs": [{"name": "x"}]}, 400, "name must be 'images'"),
        (f"{MODEL}/infer", {"inputs": [{"name": "images", "datatype": "INT64"}]}, 400, "must be FP32"),
        (f"{MODEL}/infer", body(GOOD, []), 400, r"must be \[n, 1, 28, 28\]"),
        (f"{MODEL}/infer", body(GOOD, [0, 1, 28, 28]), 400, "1 to 1,024 images"),
        (f"{MODEL}/infer", body(GOOD, [1025, 1, 28, 28]), 400, "1 to 1,024 images"),
        (f"{MODEL}/infer", body(GOOD, [-1, 1, 28, 28]), 400, "1 to 1,024 images"),
        (f"{MODEL}/infer", body(GOOD, [2**63, 1, 28, 28]), 400, "1 to 1,024 images"),
        (f"{MODEL}/infer", body(GOOD, [True, 1, 28, 28]), 400, r"must be \[n"),
        (f"{MODEL}/infer", body(GOOD, [1, 784]), 400, r"must be \[n"),
        (f"{MODEL}/infer", body(GOOD[1:], [1, 1, 28, 28]), 400, "784 numbers"),
        (f"{MODEL}/infer", body([GOOD], [1, 1, 28, 28]), 400, "784 numbers"),
        (f"{MODEL}/infer", body(None, [1, 1, 28, 28]), 400, "data must be lists"),
        (f"{MODEL}/infer", body([True] * 784, [1, 1, 28, 28]), 400, "data must be lists"),
        (f"{MODEL}/infer", body([-0.01, *GOOD[1:]], [1, 1, 28, 28]), 400, "in 0 to 1"),
        (f"{MODEL}/infer", body([255, *GOOD[1:]], [1, 1, 28, 28]), 400, "in 0 to 1"),
        (f"{MODEL}/infer", body(GOOD, [1, 1, 28, 28], id=5), 400, "id must be a string"),
        (f"{MODEL}/infer", body(GOOD, [1, 1, 28, 28], id="a" * 257), 400, "id must be a string"),
        (f"{MODEL}/infer", body(GOOD, [1, 1, 28, 28], outputs="all"), 400, "outputs must be"),
        (
            f"{MODEL}/infer",
            body(GOOD, [1, 1, 28, 28], outputs=[{"name": "x"}]),
            400,
            "probabilities and logits",
        ),
        (
            f"{MODEL}/infer",
            body(GOOD, [1, 1, 28, 28], outputs=[{"name": "logits"}] * 2),
            400,
            "at most once",
        ),
        (f"{MODEL}/infer", body(GOOD, [1, 1, 28, 28], parameters=[]), 400, "parameters must be an object"),
        (
            f"{MODEL}/infer",
            body(GOOD, [1, 1, 28, 28], parameters={"binary_data_output": 1}),
            400,
            "true or false",
        ),
    ],
)
def test_errors_name_the_field(
    service: Running, path: str, asked: dict[str, Any], status: int, sentence: str
) -> None:
    found = service.http.post(path, json=asked)
    assert found.status_code == status
    assert list(found.json()) == ["error"]
    assert re.search(sentence, found.json()["error"])


RAW = np.zeros(784, "<f4").tobytes()


@pytest.mark.parametrize(
    ("length", "size", "raw", "sentence"),
    [
        ("x", 3136, RAW, "Inference-Header-Content-Length"),
        ("-1", 3136, RAW, "Inference-Header-Content-Length"),
        ("99999", 3136, RAW, "Inference-Header-Content-Length"),
        ("9" * 5000, 3136, RAW, "Inference-Header-Content-Length"),
        (None, 3136, RAW, "not valid JSON"),
        ("", 3132, RAW, "3,136 bytes"),
        ("", 3136, RAW[1:], "3,136 bytes"),
        ("", 3136, RAW + b"0", "3,136 bytes"),
        ("", "3136", RAW, "3,136 bytes"),
        ("", 3136, np.full(784, np.nan, "<f4").tobytes(), "in 0 to 1"),
        ("", None, RAW, "no input's binary_data_size"),
    ],
)
def test_raw_tensors_must_fit_their_description(
    service: Running, length: str | None, size: Any, raw: bytes, sentence: str
) -> None:
    tensor: dict[str, Any] = {"name": "images", "datatype": "FP32", "shape": [1, 1, 28, 28]}
    tensor["parameters"] = {} if size is None else {"binary_data_size": size}
    head = json.dumps({"inputs": [tensor]}).encode()
    headers = {} if length is None else {"inference-header-content-length": length or str(len(head))}
    found = service.http.post(f"{MODEL}/infer", content=head + raw, headers=headers)
    assert found.status_code == 400
    assert sentence in found.json()["error"]


def test_as_many_images_as_allowed(run: Run, tensor: Tensor) -> None:
    with run(batch=4) as service:
        for count, status in ((4, 200), (5, 400)):
            asked = body(tensor[:count].ravel().tolist(), [count, 1, 28, 28])
            assert service.http.post(f"{MODEL}/infer", json=asked).status_code == status
