"""`tenfold predict --out` and `tenfold read --out`: jobs as the command line runs them."""

import json
from pathlib import Path
from typing import Any

import cv2
import pytest
from pyarrow import parquet

from tenfold.data import load_test


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for place in range(6):
        (folder / f"{place}.png").write_bytes(cv2.imencode(".png", load_test().images[place])[1].tobytes())
    return folder


def test_a_job_ends_with_one_sentence_and_goes_on(pictures: Path, model_file: Path, tenfold: Any) -> None:
    words = ("predict", pictures, "--model", model_file, "--out", "out", "--threads", 1)
    first, second = tenfold(*words, "--part-size", 4), tenfold(*words)
    assert (first.code, first.err, second.code) == (0, "", 0)
    assert first.out.startswith("6 pictures in 2 files, ")
    assert "The answers are in out: file, row, the answer, unsure, reason, error.\n" in first.out
    assert second.out.startswith("6 pictures in 2 files, 2 of them from before, ")


def test_json_is_one_document_and_failed_pictures_exit_3(
    pictures: Path, model_file: Path, tenfold: Any
) -> None:
    (pictures / "bad.png").write_bytes(b"no picture")
    found = tenfold(
        "read", pictures, "--model", model_file, "--out", "out", "--threads", 1, "--json", "--digits", 1
    )
    assert (found.code, found.err) == (3, "")
    document = json.loads(found.out)
    assert document["results"]["pictures"] == 7
    assert document["results"]["failed"] == 1
    assert document["expected"] == {"digits": 1}
    assert document["out"] == "out"
    assert parquet.read_table("out").num_rows == 7


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--engine", "ray"], 2, "--engine goes with --out DIR"),
        (["--part-size", "5"], 2, "--part-size goes with --out DIR"),
        (["--out", "out", "--engine", "rya"], 2, "Did you mean 'ray'?"),
        (["--out", "out", "--address", "head:1"], 2, "--address goes with --engine ray"),
        (["--out", "out", "--part-size", "0"], 2, "A part has 1 to 1,000,000 pictures"),
        (["--out", "pictures/out"], 2, "which is read; choose another --out"),
    ],
)
@pytest.mark.parametrize("command", ["predict", "read"])
def test_slips_are_one_sentence_and_leave_nothing(
    command: str, words: list[str], code: int, sentence: str, pictures: Path, model_file: Path, tenfold: Any
) -> None:
    found = tenfold(command, pictures, "--model", model_file, *words)
    assert (found.code, found.out) == (code, "")
    assert sentence in found.err
    assert not Path("out").exists()


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs a folder in which nothing can be made")
def test_a_job_that_did_not_begin_does_not_speak_of_files(
    pictures: Path, model_file: Path, tenfold: Any
) -> None:
    found = tenfold("predict", pictures, "--model", model_file, "--out", "/proc/nothere")
    assert (found.code, found.out) == (4, "")
    assert "cannot be made" in found.err
    assert "kept" not in found.err


def test_what_prints_does_not_write(pictures: Path, tenfold: Any) -> None:
    csv = tenfold("predict", pictures, "--csv", "--out", "out")
    draw = tenfold("read", pictures / "0.png", "--draw", "x.png", "--out", "out")
    assert (csv.code, draw.code) == (2, 2)
    assert not Path("out").exists()
