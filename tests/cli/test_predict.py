"""`tenfold predict`: files and folders, three ways to print, and what happens on a bad picture."""

import csv
import errno
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tenfold.cli.predict import CSV_HEADER
from tenfold.data import load_test
from tenfold.data.labelled import Labelled
from tenfold.reading.reader import Reader


@pytest.fixture(scope="module")
def test_digits() -> Labelled:
    return load_test()


def write(path: Path, image: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


@pytest.fixture
def pictures(tmp_path: Path, test_digits: Labelled) -> list[Path]:
    return [write(tmp_path / f"{place}.png", test_digits.images[place]) for place in range(3)]


def test_each_picture_has_one_line(pictures: list[Path], model_file: Path, tenfold: Any) -> None:
    found = tenfold("predict", *pictures, "--model", model_file)
    answers = Reader(model_file).predict(pictures)
    assert (found.code, found.err) == (0, "")
    for line, path, answer in zip(found.out.splitlines(), pictures, answers, strict=True):
        assert line.startswith(f"{path}  {answer.label}  {100 * answer.confidence:.2f} %")
        assert ("unsure: " in line) == answer.unsure


def test_json_is_one_document_a_line(pictures: list[Path], model_file: Path, tenfold: Any) -> None:
    found = tenfold("predict", *pictures, "--model", model_file, "--json")
    documents = [json.loads(line) for line in found.out.splitlines()]
    assert [document["file"] for document in documents] == [str(path) for path in pictures]
    assert all(
        set(document) == {"file", "label", "confidence", "unsure", "reason", "probabilities"}
        for document in documents
    )
    assert all(len(document["probabilities"]) == 10 for document in documents)


@pytest.mark.parametrize("name", ['a "b", c', "a\nb", "a\rb"])
def test_csv_is_a_table_whatever_a_file_is_called(
    name: str, tmp_path: Path, test_digits: Labelled, model_file: Path, tenfold: Any
) -> None:
    odd = write(tmp_path / f"{name}.png", test_digits.images[0])
    found = tenfold("predict", odd, "--model", model_file, "--csv")
    (row,) = csv.DictReader(io.StringIO(found.out, newline=""))
    assert found.out.splitlines()[0] == ",".join(CSV_HEADER)
    assert row["file"] == str(odd)
    assert sum(float(row[f"p{digit}"]) for digit in range(10)) == pytest.approx(1, abs=1e-5)
    assert row["unsure"] in ("true", "false")


def test_a_blank_says_that_it_is_one(tmp_path: Path, model_file: Path, tenfold: Any) -> None:
    blank = write(tmp_path / "blank.png", np.zeros((40, 40), np.uint8))
    assert tenfold("predict", blank, "--model", model_file).out.endswith("  unsure: blank\n")


@pytest.mark.parametrize("form", ["--json", "--csv", None])
def test_a_bad_picture_is_reported_and_the_others_go_on(
    form: str | None, pictures: list[Path], model_file: Path, tmp_path: Path, tenfold: Any
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    absent = tmp_path / "absent.png"
    words = ["predict", pictures[0], bad, absent, pictures[1], "--model", model_file]
    found = tenfold(*words, *([form] if form else []))
    assert found.code == 3
    assert found.err.count("tenfold: ") == found.err.count("\n") == 2
    assert str(bad) in found.err
    assert str(absent) in found.err
    if form == "--json":
        documents = [json.loads(line) for line in found.out.splitlines()]
        assert [document["file"] for document in documents] == [*map(str, words[1:5])]
        assert ["error" in document for document in documents] == [False, True, True, False]
    else:
        assert [str(path) in found.out for path in words[1:5]] == [True, False, False, True]


@pytest.mark.parametrize("command", [["predict"], ["predict", "--explain", "page.html"], ["read"]])
def test_a_file_that_may_not_be_opened_is_reported_and_the_others_go_on(
    command: list[str], closed: Path, pictures: list[Path], model_file: Path, tenfold: Any
) -> None:
    found = tenfold(*command, closed, pictures[0], "--model", model_file)
    assert found.code == 3
    assert f"tenfold: '{closed}' cannot be read: Permission denied.\n" in found.err
    assert found.out.startswith(str(pictures[0]))


@pytest.mark.parametrize("command", ["predict", "read"])
def test_a_folder_is_read_with_its_folders_in_order(
    command: str, tmp_path: Path, test_digits: Labelled, model_file: Path, tenfold: Any
) -> None:
    image = test_digits.images[0]
    wanted = [write(tmp_path / "in" / name, image) for name in ("a.png", "b.BMP", "c/a.webp", "d/e/f.jpg")]
    for name in (".hidden.png", ".git/x.png"):
        write(tmp_path / "in" / name, image)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    found = tenfold(command, tmp_path / "in", "--model", model_file, "--json")
    assert found.code == 0
    assert [json.loads(line)["file"] for line in found.out.splitlines()] == [str(path) for path in wanted]


@pytest.mark.parametrize("words", [["predict"], ["read"], ["predict", "--out", "out"]])
def test_pictures_of_a_kind_that_is_not_read_are_told(
    words: list[str], pictures: list[Path], model_file: Path, monkeypatch: pytest.MonkeyPatch, tenfold: Any
) -> None:
    monkeypatch.chdir(pictures[0].parent)
    for name in ("ph/a.HEIC", "ph/b/c.heic", "ph/b/._c.heic", "ph/d.pdf", "ph/e.txt", "only/a.heic"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    for name in ("ph/a.jfif", "ph/b/c.JPE"):
        shutil.copy(pictures[0], name)
    found = tenfold(*words, "ph", "--model", model_file, "--json")
    assert found.code == 0
    sentence = "3 files of 'ph' are of no kind that is read (.heic .pdf): save them as JPEG or PNG."
    assert found.err == f"tenfold: {sentence}\n"
    assert "2" in found.out if "--out" in words else found.out.count("\n") == 2
    none = tenfold(*words[:1], "only", "--model", model_file, *(["--out", "none"] if words[1:] else []))
    assert (none.code, none.out) == (3, "")
    assert (
        none.err == "tenfold: 1 file of 'only' is of no kind that is read (.heic): save it as JPEG or PNG.\n"
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("s3://bucket/scans", "'s3://bucket/scans' is a URI, which is read with --out DIR."),
        ("some.parquet", "'some.parquet' is a file of many pictures, which is read with --out DIR."),
        (
            "t10k-images-idx3-ubyte.gz",
            "'t10k-images-idx3-ubyte.gz' is a file of many pictures, which",
        ),
        ("-", "'-' would be standard input, which is not read; give a file."),
    ],
)
@pytest.mark.parametrize("command", ["predict", "read"])
def test_what_is_no_single_picture_is_told_and_the_others_go_on(
    command: str, given: str, sentence: str, pictures: list[Path], model_file: Path, tenfold: Any
) -> None:
    found = tenfold(command, given, pictures[0], "--model", model_file)
    assert (found.code, found.err.count("\n")) == (3, 1)
    assert found.err.startswith(f"tenfold: {sentence}")
    assert found.out.startswith(str(pictures[0]))


@pytest.mark.parametrize("command", ["predict", "read"])
def test_a_folder_without_pictures_is_an_error_and_the_others_go_on(
    command: str, pictures: list[Path], model_file: Path, tmp_path: Path, tenfold: Any
) -> None:
    (tmp_path / "empty").mkdir()
    found = tenfold(command, tmp_path / "empty", pictures[0], "--model", model_file)
    assert found.code == 3
    assert found.err.startswith(f"tenfold: The folder '{tmp_path / 'empty'}' holds no pictures")
    assert found.out.startswith(str(pictures[0]))


@pytest.mark.parametrize("closed", ["in/b", "in"])
def test_a_folder_that_may_not_be_listed_is_reported_and_the_others_go_on(
    closed: str,
    tmp_path: Path,
    test_digits: Labelled,
    model_file: Path,
    tenfold: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [write(tmp_path / "in" / name, test_digits.images[0]) for name in ("a.png", "b/x.png", "c/x.png")]
    refused, real = tmp_path / closed, os.scandir

    def scandir(path: Any) -> Any:
        if str(path) == str(refused):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = tenfold("predict", tmp_path / "in", files[1], "--model", model_file, "--json")
    documents = [json.loads(line) for line in found.out.splitlines()]
    sentence = f"The folder '{refused}' cannot be read: Permission denied."
    assert (found.code, found.err) == (3, f"tenfold: {sentence}\n")
    assert {"file": str(refused), "error": sentence} in documents
    answered = [document["file"] for document in documents if "label" in document]
    assert answered == [str(files[place]) for place in ((0, 2, 1) if closed == "in/b" else (1,))]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names there are Unicode")
def test_a_name_that_is_no_text_is_printed_as_its_bytes(
    tmp_path: Path, test_digits: Labelled, model_file: Path
) -> None:
    odd = write(tmp_path / "\udcff√.png", test_digits.images[0])

    def printed(*form: str, encoding: str = "utf-8") -> bytes:
        words = [sys.executable, "-m", "tenfold", "predict", str(odd), "--model", str(model_file), *form]
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(words, capture_output=True, check=True, env=environment)
        assert done.stderr == b""
        return done.stdout

    assert printed().startswith(os.fsencode(odd) + b"  ")
    assert printed("--csv").splitlines()[1].startswith(os.fsencode(odd) + b",")
    assert json.loads(printed("--json"))["file"] == str(odd)
    assert b"udcff\\u221a.png" in printed(encoding="ascii")  # what the encoding lacks is escaped


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--model", "no-such-model"], 2, "There is no model 'no-such-model'."),
        (["--model", "no/model.onnx"], 3, "does not exist"),
        (["--csv", "--json"], 2, "tenfold: --csv and --json exclude each other.\n"),
    ],
)
def test_wrong_words_are_refused(
    words: list[str], code: int, sentence: str, pictures: list[Path], tenfold: Any
) -> None:
    found = tenfold("predict", pictures[0], *words)
    assert (found.code, found.out) == (code, "")
    assert sentence in found.err


@pytest.mark.parametrize("command", ["predict", "read"])
def test_a_file_whose_name_is_a_word_of_the_sentence_is_named(
    command: str, pictures: list[Path], monkeypatch: pytest.MonkeyPatch, model_file: Path, tenfold: Any
) -> None:
    monkeypatch.chdir(pictures[0].parent)
    Path("a").write_bytes(b"no picture")
    found = tenfold(command, "a", "absent", "--model", model_file)
    assert found.code == 3
    assert found.err.startswith("tenfold: a: The file is not a PNG")
    assert found.err.endswith("\ntenfold: The picture 'absent' does not exist.\n")


def test_answers_are_explained_in_words_and_on_a_page(
    pictures: list[Path], tmp_path: Path, model_file: Path, tenfold: Any
) -> None:
    blank = write(tmp_path / "<blank>.png", np.zeros((40, 40), np.uint8))
    page = tmp_path / "page.html"
    found = tenfold("predict", *pictures, blank, "--model", model_file, "--explain", page)
    assert found.code == 0
    assert found.err == f"The page is {page}.\n"
    assert found.out.count("\n  seen ") == found.out.count("\n  made ") == found.out.count("\n  top ") == 4
    assert "\n  unsure  There is no digit on the picture.\n" in found.out
    document = page.read_text("utf-8")
    assert document.count("<figure>") == document.count("data:image/png;base64,") == 3 * 4
    assert "&lt;blank&gt;.png" in document
    assert "<blank>" not in document
    assert "<script" not in document


def test_json_has_the_same_fields_and_the_explanation(
    pictures: list[Path], tmp_path: Path, model_file: Path, tenfold: Any
) -> None:
    words = ["predict", *pictures, "--model", model_file, "--json"]
    plain = [json.loads(line) for line in tenfold(*words).out.splitlines()]
    told = [json.loads(line) for line in tenfold(*words, "--explain", tmp_path / "p.html").out.splitlines()]
    explained = [document.pop("explain") for document in told]
    assert told == plain
    for one, document in zip(explained, plain, strict=True):
        assert one["top"][0] == {"label": document["label"], "confidence": document["confidence"]}
        assert (one["unchanged"], one["size"]) == (True, [28, 28])


def test_a_bad_picture_is_left_out_of_the_page(
    pictures: list[Path], tmp_path: Path, model_file: Path, tenfold: Any
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    page = tmp_path / "page.html"
    words = ["predict", tmp_path / "bad.png", pictures[0], "--model", model_file, "--explain", page]
    found = tenfold(*words)
    assert (found.code, page.read_text("utf-8").count("<figure>")) == (3, 3)
    page.unlink()
    assert tenfold(*words[:2], *words[3:]).code == 3
    assert not page.exists()


def test_explain_takes_a_page_of_pictures(
    pictures: list[Path], tmp_path: Path, model_file: Path, tenfold: Any
) -> None:
    words = ["predict", "--model", model_file, "--explain", tmp_path / "page.html"]
    many = tenfold(*words, *[pictures[0]] * 101)
    assert (many.code, many.out) == (2, "")
    assert "at most 100 pictures" in many.err
    assert "--explain and --csv exclude each other" in tenfold(*words, pictures[0], "--csv").err
    assert tenfold("predict", pictures[0], "--model", model_file, "--explain", "no/such/p.html").code == 4
