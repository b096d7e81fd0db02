"""`tenfold read`: text and JSON, what the user knows, pictures painted on, and what happens on a bad file."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tenfold.data import load_test
from tenfold.reading.reader import Reader


@pytest.fixture
def page(tmp_path: Path) -> Path:
    digits = load_test().images[:4]
    ink = np.hstack([np.pad(digit, ((9, 9), (4, 4))) for digit in digits])
    path = tmp_path / "page.png"
    path.write_bytes(cv2.imencode(".png", 255 - cv2.resize(ink, None, fx=3, fy=3))[1].tobytes())
    return path


def test_the_text_and_json_are_the_readers(page: Path, model_file: Path, tenfold: Any) -> None:
    expected = Reader(model_file).read(page)
    found = tenfold("read", page, "--model", model_file)
    assert found.code == 0
    assert found.out.startswith(f"{page}  {expected.text}")
    document = json.loads(tenfold("read", page, "--model", model_file, "--json").out)
    assert set(document) == {"file", "text", "digits", "unsure", "reason"}
    assert (document["file"], document["text"]) == (str(page), expected.text)
    assert [digit["box"] for digit in document["digits"]] == [list(digit.box) for digit in expected.digits]
    assert set(document["digits"][0]) == {"label", "confidence", "unsure", "box", "alternatives"}


def test_what_is_unsure_stands_below_several_lines_with_the_line_that_it_is_in(
    tenfold: Any, tmp_path: Path
) -> None:
    rows = load_test().images[[[1, 2, 4], [0, 3, 247]]]  # the shipped model is not sure of the last
    ink = np.vstack([np.hstack([np.pad(digit, ((9, 9), (4, 4))) for digit in row]) for row in rows])
    path = tmp_path / "two.png"
    path.write_bytes(cv2.imencode(".png", 255 - cv2.resize(ink, None, fx=3, fy=3))[1].tobytes())
    digits = Reader().read(path).digits
    assert [digit.unsure for digit in digits] == [False] * 5 + [True]
    assert tenfold("read", path).out.splitlines()[2:] == ["  unsure: low confidence in line 2"]


def test_what_is_known_is_honoured(page: Path, model_file: Path, tenfold: Any) -> None:
    def text(*options: str) -> str:
        found = tenfold("read", page, "--model", model_file, "--json", *options)
        return str(json.loads(found.out)["text"])

    assert len(text("--digits", "3")) == 3
    assert set(text("--allowed", "05")) <= set("05")
    assert text("--pattern", "1234") == "1234"
    assert sum(int(d) for d in text("--checksum", "luhn", "--digits", "1")) == 0


def test_a_bad_file_is_reported_and_the_others_go_on(page: Path, model_file: Path, tenfold: Any) -> None:
    bad = page.with_name("bad.png")
    bad.write_bytes(b"no picture")
    found = tenfold("read", bad, page, "--model", model_file, "--json")
    first, second = (json.loads(line) for line in found.out.splitlines())
    assert found.code == 3
    assert first["file"] == str(bad)
    assert "is not a PNG" in first["error"]
    assert second["file"] == str(page)
    assert found.err.count("\n") == 1
    assert str(bad) in found.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--pattern", "["], "not a regular expression"),
        (["--allowed", "x"], "Allowed digits"),
        (["--checksum", "none"], "There are: luhn"),
    ],
)
def test_a_slip_in_an_option_is_wrong_usage(
    page: Path, model_file: Path, tenfold: Any, options: list[str], words: str
) -> None:
    found = tenfold("read", page, "--model", model_file, *options)
    assert (found.code, found.out) == (2, "")
    assert words in found.err


def test_the_reading_is_painted_on_the_picture(page: Path, model_file: Path, tenfold: Any) -> None:
    out = page.with_name("out.png")
    assert tenfold("read", page, "--model", model_file, "--draw", out).code == 0
    before, after = (np.asarray(cv2.imread(str(path))) for path in (page, out))
    zoom = after.shape[0] // before.shape[0]
    assert after.shape == (before.shape[0] * zoom, before.shape[1] * zoom, 3)
    assert (np.ptp(after.astype(int), axis=2) > 60).sum() > 200  # colour, where the page had none
    for several in ([page, page], [page.parent]):
        found = tenfold("read", *several, "--model", model_file, "--draw", out)
        assert found.code == 2
        assert found.err == "tenfold: --draw takes one picture, no folder and no --out.\n"
    lost = tenfold("read", page, "--model", model_file, "--draw", "no/such/out.png")
    assert (lost.code, lost.out) == (4, "")


def test_what_is_made_never_takes_the_place_of_a_picture(
    page: Path, model_file: Path, tenfold: Any, tmp_path: Path
) -> None:
    kept = {name: tmp_path / name for name in ("x.png", "x.jpg", "x.html", "labels.csv")}
    for path in kept.values():
        path.write_bytes(page.read_bytes())
    link, written = tmp_path / "link.html", tmp_path / "new.png"
    link.symlink_to(kept["x.png"])
    for words, said in (
        (["read", page, "--draw", "page.png"], "'page.png' is a picture that --draw did not make"),
        (["read", page, "--draw", "x.png"], "'x.png' is a picture that --draw did not make"),
        (["read", page, "--draw", "x.jpg"], "A drawing is written to a file that ends in .png, not to 'x"),
        (["predict", page, "--explain", "x.png"], "A page is written to a file that ends in .html, not to"),
        (["predict", page, "--explain", link], f"that ends in .html, not to '{kept['x.png']}'"),
        (["predict", "x.html", "--explain", "x.html"], "'x.html' is a picture that is read and would be"),
        (["audit", tmp_path, "--out", "labels.csv"], "A page is written to a file that ends in .html, not"),
        (["robustness", "--out", "x.png"], "A page is written to a file that ends in .html, not to"),
        (["report", tmp_path, "--out", "x.png"], "A page is written to a file that ends in .html, not to"),
    ):
        found = tenfold(*words)
        assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
        assert said in found.err
    assert {path.read_bytes() for path in kept.values()} == {page.read_bytes()}
    for source in (page, page, written):  # a drawing may be made anew, but not out of itself
        found = tenfold("read", source, "--model", model_file, "--draw", written)
        assert found.code == (2 if source == written else 0)
