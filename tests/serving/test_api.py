"""/v1 answers what the command line and Python answer, and refuses the rest with one sentence."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.serving.conftest import Images, Run, Running

from tenfold.model import DEFAULT_MODEL, list_models, read_model, resolve
from tenfold.reading import Reader


def test_a_picture_is_answered_as_by_the_reader(service: Running, seven: bytes, digits: Images) -> None:
    found = service.http.post("/v1/predict", content=seven)
    (expected,) = Reader().predict(digits[:1])
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/json"
    answer = found.json()
    assert list(answer) == list(vars(expected))
    assert answer["label"] == expected.label == 7
    assert (answer["file"], answer["unsure"], answer["reason"]) == (None, False, None)
    np.testing.assert_allclose(answer["probabilities"], expected.probabilities, atol=1e-6)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("colour", [False, True])
def test_pixels_are_answered_as_their_picture(
    service: Running, digits: Images, invert: bool, colour: bool
) -> None:
    picture = 255 - digits[1] if invert else digits[1]
    rows = np.stack([picture] * 3, 2) if colour else picture
    found = service.http.post("/v1/predict", json={"pixels": rows.tolist()})
    assert found.json()["label"] == 2


def test_a_blank_is_unsure(service: Running) -> None:
    answer = service.http.post("/v1/predict", json={"pixels": [[255] * 40] * 30}).json()
    assert (answer["unsure"], answer["reason"]) == (True, "blank")


def test_each_model_answers_by_its_name(service: Running, digits: Images, seven: bytes) -> None:
    for name in list_models():
        found = service.http.post("/v1/predict", params={"model": name}, content=seven).json()
        (expected,) = Reader(name).predict(digits[:1])
        np.testing.assert_allclose(found["probabilities"], expected.probabilities, atol=1e-6)


def test_a_page_is_read(service: Running, page: bytes) -> None:
    found = service.http.post("/v1/read", content=page).json()
    assert list(found) == ["file", "text", "digits", "unsure", "reason"]
    assert found["text"] == "7210"
    assert [digit["label"] for digit in found["digits"]] == [7, 2, 1, 0]
    assert list(found["digits"][0]) == ["label", "confidence", "unsure", "box", "alternatives"]
    boxes = [digit["box"] for digit in found["digits"]]
    assert boxes == sorted(boxes)


@pytest.mark.parametrize(
    ("query", "text", "reason"),
    [
        ("digits=4", "7210", None),
        ("digits=50", "7210", "nothing fits what is expected"),
        ("checksum=luhn", None, None),
        ("allowed=0127", "7210", None),
    ],
)
def test_what_is_known_of_a_page_is_minded(
    service: Running, page: bytes, query: str, text: str | None, reason: str | None
) -> None:
    found = service.http.post(f"/v1/read?{query}", content=page).json()
    if text is not None:
        assert (found["text"], found["reason"]) == (text, reason)
    else:
        digits = [int(digit) for digit in found["text"]]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
        assert (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def test_a_search_that_would_be_too_long_is_refused(run: Run, page: bytes) -> None:
    tall = json.dumps({"pixels": [[255] * 40] * 20})
    with run(search=0.001) as service:
        found = service.http.post("/v1/read?checksum=luhn&digits=4", content=page)
        assert found.status_code == 400
        assert "checksum" in found.json()["error"]
        found = service.http.post("/v1/read?digits=1000", content=page)
        assert (found.status_code, "too many strokes" in found.json()["error"]) == (400, True)
        blank = service.http.post(
            "/v1/read?digits=1000", content=tall, headers={"content-type": "application/json"}
        )
        assert blank.json()["text"] == ""


def test_the_models_are_listed_with_their_figures(service: Running) -> None:
    found = service.http.get("/v1/models").json()["models"]
    assert [model["default"] for model in found] == [True] + [False] * (len(found) - 1)
    assert {model["name"] for model in found} == set(list_models())
    for model in found:
        file = read_model(resolve(model["name"]))
        assert (model["sha256"], model["bytes"]) == (file.sha256, len(file.data))
        assert model == {**file.listed(model["name"], DEFAULT_MODEL), "reads": "single digits"}
        assert model["measured"] == dict(file.metadata.measured)


JSON = {"content-type": "application/json"}
PIXEL = [[0, 255], [255, 0]]


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "sentence"),
    [
        ("/v1/predict", {}, b"", 400, "The body is empty"),
        ("/v1/predict", {}, b"hello", 400, "not a PNG, JPEG"),
        ("/v1/predict", {}, b"\x89PNG\r\n\x1a\n", 400, "header is damaged"),
        ("/v1/predict", {"content-type": "multipart/form-data; boundary=x"}, b"--x--", 415, "not a form"),
        ("/v1/predict?model=nix", {}, b"x", 404, "no model 'nix'"),
        ("/v1/predict?model=../reader", {}, b"x", 404, "no model"),
        ("/v1/predict?modle=reader", {}, b"x", 400, "may have model and no other"),
        ("/v1/predict?model=reader&model=reader", {}, b"x", 400, "twice"),
        ("/v1/read?digits=-1", {}, b"x", 400, "whole number"),
        ("/v1/read?digits=2001", {}, b"x", 400, "from 0 to 2,000"),
        ("/v1/read?digits=%D9%A3", {}, b"x", 400, "whole number"),
        ("/v1/read?allowed=ab", {}, b"x", 400, "Allowed digits"),
        ("/v1/read?checksum=md5", {}, b"x", 400, "no checksum"),
        ("/v1/read?pattern=(a*)*b", {}, b"x", 400, "no other"),
        ("/v1/predict", JSON, b"", 400, "not valid JSON"),
        ("/v1/predict", JSON, b"[]", 400, "must be an object"),
        ("/v1/predict", JSON, b"{}", 400, "pixels must be lists"),
        ("/v1/predict", JSON, {"pixels": PIXEL, "model": "reader"}, 400, "keys pixels and no other"),
        ("/v1/predict", JSON, {"pixels": [[0, 256]]}, 400, "0 to 255"),
        ("/v1/predict", JSON, {"pixels": [[0, -1]]}, 400, "0 to 255"),
        ("/v1/predict", JSON, {"pixels": [0, 1]}, 400, "rows of grey values"),
        ("/v1/predict", JSON, {"pixels": [[[1, 2]]]}, 400, "rows of grey values"),
        ("/v1/predict", JSON, {"pixels": [[0, 1], [2]]}, 400, "equal length"),
        ("/v1/predict", JSON, {"pixels": [[0.5]]}, 400, "whole numbers"),
        ("/v1/predict", JSON, {"pixels": [[True]]}, 400, "whole numbers"),
        ("/v1/predict", JSON, {"pixels": [["1"]]}, 400, "whole numbers"),
        ("/v1/predict", JSON, {"pixels": [[None]]}, 400, "whole numbers"),
        ("/v1/predict", JSON, {"pixels": [[]]}, 400, "not empty"),
        ("/v1/predict", JSON, {"pixels": [[2**64]]}, 400, "too large"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_sentence(
    service: Running, path: str, headers: dict[str, str], body: Any, status: int, sentence: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body)
    found = service.http.post(path, content=content, headers=headers)
    assert found.status_code == status
    assert list(found.json()) == ["error"]
    assert sentence in found.json()["error"]
    assert "Traceback" not in found.text


def test_a_picture_of_too_many_pixels_is_refused(run: Run, as_png: Callable[[Images], bytes]) -> None:
    with run(pixels=10_000) as service:
        good = service.http.post("/v1/predict", content=as_png(np.full((100, 100), 255, np.uint8)))
        large = service.http.post("/v1/predict", content=as_png(np.full((101, 100), 255, np.uint8)))
        assert (good.status_code, large.status_code) == (200, 413)
        assert "at most 10,000 are allowed" in large.json()["error"]
        for rows, status in ((100, 200), (101, 413)):
            colours = {"pixels": [[[255] * 3] * 100] * rows}
            for path in ("/v1/predict", "/v1/read", "/page/look"):
                assert service.http.post(path, json=colours).status_code == status
        assert service.metric("tenfold_rejected_total", reason="pixels") == 4
