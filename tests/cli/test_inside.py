"""`tenfold inside`: a page and a document, of a digit by number or a picture."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tenfold.data import load_training
from tenfold.data.labelled import Labelled, Split


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest are sought among 40 digits, and the split is that of 100."""

    def split(_: Labelled) -> Split:
        some = load_training()
        return Split(some.take(range(40), "mnist-train"), some.take(range(40, 60), "mnist-validation"))

    monkeypatch.setattr("tenfold.data.mnist.split", split)
    monkeypatch.setattr("tenfold.data.split", split, raising=False)
    monkeypatch.setattr("tenfold.cli.inside.AMONG", 40)


def test_json_says_what_is_on_the_page(model_file: Path, tmp_path: Path, tenfold: Any) -> None:
    found = tenfold("inside", model_file, "--digit", 3, "--json")
    result = json.loads(found.out)
    assert (found.code, found.err) == (0, "")
    assert result["digit"] == "digit 3 of mnist-validation"
    assert result["given"] == load_training().labels[43]
    assert result["layers"] == {"1: 4 planes of 26 x 26": [4, 26, 26]}
    assert len(result["nearest"]) == 12
    assert "Feature maps" in (tmp_path / "inside.html").read_text("utf-8")


def test_a_picture_of_the_users_own_and_a_run_folder(model_file: Path, tmp_path: Path, tenfold: Any) -> None:
    run = tmp_path / "run"
    run.mkdir()
    model_file.rename(run / "model.onnx")
    image = np.full((60, 60), 255, np.uint8)
    cv2.line(image, (30, 10), (30, 50), 0, 5)
    cv2.imwrite(str(tmp_path / "one.png"), image)
    found = tenfold("inside", run, "--image", tmp_path / "one.png")
    lines = found.out.splitlines()
    assert found.code == 0
    assert "one.png: read as " in lines[0]
    assert lines[2] == str(run / "inside.html")
    assert (run / "inside.html").exists()


def test_the_page_does_not_take_the_place_of_the_picture(tmp_path: Path, tenfold: Any) -> None:
    (tmp_path / "x.html").write_bytes(b"a picture")
    found = tenfold("inside", "--image", "x.html", "--out", "./x.html")
    assert (found.code, found.out) == (2, "")
    assert "would be lost" in found.err
    assert (tmp_path / "x.html").read_bytes() == b"a picture"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--digit", "1", "--image", "x.png"], 2, "exclude each other"),
        (["--digit", "5000"], 2, "--digit"),
        (["--image", "x.png"], 3, "does not exist"),
        (["--out", "no/such/page.html"], 4, "cannot be written"),
    ],
)
def test_what_is_wrong_is_told(
    words: list[str], code: int, sentence: str, model_file: Path, tenfold: Any
) -> None:
    found = tenfold("inside", model_file, *words)
    assert (found.code, found.out) == (code, "")
    assert sentence in found.err


def test_a_model_that_is_none_is_told_before_anything_is_written(tmp_path: Path, tenfold: Any) -> None:
    found = tenfold("inside", "no-such-model")
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert not (tmp_path / "inside.html").exists()
