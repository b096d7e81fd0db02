"""The routes of the page: its files from memory, and what it asks beside /v1."""

import base64
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.serving.conftest import Gate, wait_for

from tenfold.model import list_models

Run = Callable[..., AbstractContextManager[Any]]
PAGE = files("tenfold.serving") / "page"


@pytest.fixture(scope="module")
def client(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with run(corrections=str(tmp_path_factory.mktemp("site"))) as running:
        yield running.http


def test_the_page_and_its_files_come_with_tags_and_rules(client: httpx.Client) -> None:
    for child in PAGE.iterdir():
        answer = client.get("/" if child.name == "index.html" else f"/page/{child.name}")
        assert answer.status_code == 200
        assert answer.content == child.read_bytes()
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        etag = answer.headers["etag"]
        for known in (etag, f'"other", W/{etag}'):  # a proxy that compresses makes a tag weak
            again = client.get(answer.request.url, headers={"if-none-match": known})
            assert (again.status_code, again.content) == (304, b"")


def test_what_is_short_waits_for_no_page(
    run: Run, seven: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run(page_queue=1, corrections=str(tmp_path / "kept")) as running, ThreadPoolExecutor(1) as pool:
        engine, gate = running.server.guard.engine, Gate()
        read = engine._read
        monkeypatch.setattr(engine, "_read", lambda *given: read(*gate.hold(given)))
        waiting = pool.submit(running.http.post, "/v1/read", content=seven)
        wait_for(lambda: not engine.pages.room)
        try:
            assert running.http.post("/v1/read", content=seven).status_code == 503
            assert running.http.post("/v1/predict?model=best", content=seven).json()["label"] == 7
            assert len(running.http.get("/v1/models").json()["models"]) == len(list_models())
            assert len(running.http.get("/page/models").json()["models"]) == len(list_models())
            assert running.http.post("/page/look", content=seven).json()["label"] == 7
            assert running.http.post("/page/steps", content=seven).json()["steps"]
            assert running.http.post("/page/corrections?label=7", content=seven).json()["count"] == 1
            assert running.metric("tenfold_page_queue_depth") == 1
        finally:
            gate.open()
        assert waiting.result().json()["text"] == "7"
        assert running.metric("tenfold_errand_queue_depth") == 0


def test_what_is_no_digit_waits_for_none(
    run: Run, seven: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrections = str(tmp_path / "kept")
    with run(queue=1, corrections=corrections) as running, ThreadPoolExecutor(1) as pool:
        engine, gate = running.server.guard.engine, Gate()
        predict = engine.digits.predict
        monkeypatch.setattr(
            engine.digits, "predict", lambda reader, make: predict(reader, lambda: gate.hold(make)())
        )
        waiting = pool.submit(running.http.post, "/v1/predict", content=seven)
        wait_for(lambda: not engine.digits.room)
        try:
            assert running.http.post("/v1/predict", content=seven).status_code == 503
            assert running.http.post("/v1/read", content=seven).json()["text"] == "7"
            assert running.http.post("/page/look", content=seven).json()["label"] == 7
            assert running.http.post("/page/corrections?label=7", content=seven).json()["count"] == 1
        finally:
            gate.open()
        assert waiting.result().json()["label"] == 7


def test_the_page_names_no_foreign_host_and_no_inline_code() -> None:
    texts = {child.name: child.read_text() for child in PAGE.iterdir() if not child.name.endswith(".png")}
    hosts = {name: re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+", text) for name, text in texts.items()}
    assert {name: found for name, found in hosts.items() if found} == {"icon.svg": ["http://www.w3.org"]}
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", texts["index.html"])
    assert not any(
        re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
        for text in texts.values()
    )


@pytest.mark.parametrize(
    "path", ["/page/", "/page/none.js", "/page/../app.py", "/page/%2e%2e/app.py", "/page//style.css"]
)
def test_no_other_file_is_served(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_look_has_the_answer_of_predict_and_what_is_seen(
    client: httpx.Client, seven: bytes, digits: NDArray[np.uint8]
) -> None:
    look = client.post("/page/look", content=seven).json()
    predict = client.post("/v1/predict", content=seven).json()
    for name, value in predict.items():
        assert look[name] == (pytest.approx(value, abs=1e-5) if isinstance(value, float | list) else value)
    assert base64.b64decode(look["seen"]) == digits[0].tobytes()
    assert np.shape(look["evidence"]["values"]) == (look["evidence"]["height"], look["evidence"]["width"])


def test_a_blank_sheet_is_unsure_and_has_no_map(client: httpx.Client) -> None:
    look = client.post(
        "/page/look", content=bytes(cv2.imencode(".png", np.full((40, 40), 255, np.uint8))[1])
    ).json()
    assert (look["unsure"], look["reason"], look["evidence"]) == (True, "blank", None)


def test_the_cards_are_what_the_files_say(client: httpx.Client) -> None:
    document = client.get("/page/models").json()
    assert sorted(card["name"] for card in document["models"]) == list_models()
    listed = {each["name"]: each for each in client.get("/v1/models").json()["models"]}
    for card in document["models"]:
        for name in ("parameters", "bytes", "sha256", "measured"):
            assert card[name] == listed[card["name"]][name]
        assert card["layers"][-1] == {"operators": ["Div", "Softmax"], "shape": [10]}


def test_a_picture_comes_back_as_png(client: httpx.Client) -> None:
    picture = np.arange(600, dtype=np.uint8).reshape(10, 20, 3)
    tiff = bytes(cv2.imencode(".tiff", picture)[1])
    png = base64.b64decode(client.post("/page/picture", content=tiff).json()["png"])
    found = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR))
    assert np.array_equal(found, picture)


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/page/look", b"", 400),
        ("/page/look", b"no picture", 400),
        ("/page/look?model=none", b"no picture", 404),
        ("/page/look?size=3", b"no picture", 400),
        ("/page/steps", b"\x89PNG\r\n\x1a\n", 400),
        ("/page/picture", b"GIF89a", 400),
        ("/page/corrections", b"no label", 400),
        ("/page/corrections?label=10", b"too much", 400),
        ("/page/corrections?label=%C2%B2", b"a superscript", 400),
        ("/page/corrections?label=3", b"no picture", 400),
    ],
)
def test_what_is_wrong_is_one_sentence(client: httpx.Client, path: str, content: bytes, status: int) -> None:
    answer = client.post(path, content=content)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].endswith((".", "?"))


def test_a_correction_goes_into_the_folder_that_was_named(run: Run, tmp_path: Path, seven: bytes) -> None:
    with run(corrections=str(tmp_path / "mine")) as running:
        answer = running.http.post("/page/corrections?label=7", content=seven)
        foreign = {"origin": "https://example.org"}
        assert (
            running.http.post("/page/corrections?label=1", content=seven, headers=foreign).status_code == 403
        )
    assert answer.json() == {"folder": str(tmp_path / "mine"), "count": 1}
    assert (tmp_path / "mine" / "labels.csv").read_text().startswith("file,label\n7-")


def test_a_folder_that_cannot_be_written_to_is_said_so(run: Run, tmp_path: Path, seven: bytes) -> None:
    (tmp_path / "file").write_text("")
    with run(corrections=str(tmp_path / "file" / "inside")) as running:
        answer = running.http.post("/page/corrections?label=7", content=seven)
    assert answer.status_code == 507
    assert str(tmp_path) not in answer.text


def test_with_a_token_the_page_opens_and_answers_only_those_who_have_it(run: Run, seven: bytes) -> None:
    with run(token="open-sesame-0123456789") as running:
        http = running.http
        names = [child.name for child in PAGE.iterdir() if child.name != "index.html"]
        assert {http.get(path).status_code for path in ["/", *(f"/page/{name}" for name in names)]} == {200}
        assert http.get("/page/models").status_code == 401
        assert http.post("/page/look", content=seven).status_code == 401
        bearer = {"authorization": "Bearer open-sesame-0123456789"}
        assert http.post("/page/look", content=seven, headers=bearer).status_code == 200
