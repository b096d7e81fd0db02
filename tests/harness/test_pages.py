"""Whole texts and digits: counted against a plain edit distance, and found in a labels.csv."""

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from tenfold import runs
from tenfold.data.folder import Row
from tenfold.errors import DataError, ImageError, UsageError
from tenfold.harness.pages import edit_distance, evaluate_pages, rows_of_pages
from tenfold.reading.page import Reading
from tenfold.reading.reader import Reader


def plain_distance(found: str, expected: str) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        replaced = distance(i - 1, j - 1) + (found[i - 1] != expected[j - 1])
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, replaced)

    return distance(len(found), len(expected))


def test_the_edit_distance_is_the_plain_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        found, expected = ("".join(map(str, rng.integers(3, size=rng.integers(7)))) for _ in range(2))
        assert edit_distance(found, expected) == plain_distance(found, expected), (found, expected)


class Answers:
    """Reads from each file what its name says."""

    def read(self, file: Path) -> Reading:
        return Reading(str(file), file.stem.replace("_", "\n"), (), False, None)


def test_texts_and_digits_are_counted() -> None:
    rows = [Row(Path("12_34.png"), "1234"), Row(Path("129.png"), "1200"), Row(Path("5.png"), "5")]
    found = evaluate_pages(Answers(), rows, "some")  # type: ignore[arg-type]
    assert found["exact"] == pytest.approx(2 / 3)
    assert (found["wrong"], found["count"], found["digits"]) == (1, 3, 9)
    assert found["digit_error_rate"] == pytest.approx(2 / 9)
    assert found["interval"][0] < 2 / 3 < found["interval"][1]
    with pytest.raises(DataError):
        evaluate_pages(Answers(), [], "none")  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = np.full((60, 120), 255, np.uint8)
    cv2.line(page, (30, 10), (30, 50), 0, 5)
    cv2.circle(page, (80, 30), 18, 0, 5)
    (tmp_path / "page.png").write_bytes(cv2.imencode(".png", page)[1].tobytes())
    (tmp_path / "labels.csv").write_text("file,digits\npage.png,10\n")
    return tmp_path


def test_a_set_of_pages_is_known_by_its_header(folder: Path) -> None:
    rows = [Row(folder / "page.png", "10")]
    assert rows_of_pages(folder) == rows_of_pages(folder / "labels.csv") == rows
    assert rows_of_pages("mnist") is rows_of_pages(folder / "page.png") is None
    (folder / "labels.csv").write_text("file,digits\npage.png,1\n")
    assert rows_of_pages(folder) == [Row(folder / "page.png", "1")]
    (folder / "labels.csv").write_text("file,label\npage.png,1\n")
    assert rows_of_pages(folder) is None
    with pytest.raises(UsageError, match="is empty"):
        rows_of_pages("")


def test_a_label_of_two_digits_does_not_change_what_is_measured(folder: Path, model_file: Path) -> None:
    (folder / "labels.csv").write_text("file,label\npage.png,1\npage.png,11\n")
    with pytest.raises(DataError, match=r"Line 3 of .* has the label '11'; labels are 0 to 9"):
        runs.evaluate(model_file, folder)


def test_evaluate_reads_pages(folder: Path, model_file: Path) -> None:
    found = runs.evaluate(model_file, folder)
    text = Reader(model_file).read(folder / "page.png").text.replace("\n", "")
    assert found["exact"] == float(text == "10")
    assert found["digit_error_rate"] == edit_distance(text, "10") / 2
    assert json.dumps(found)


def test_a_folder_of_pages_that_is_damaged(folder: Path, model_file: Path) -> None:
    (folder / "labels.csv").write_text("file,digits\nmissing.png,10\n")
    with pytest.raises(DataError, match="does not exist"):
        runs.evaluate(model_file, folder)


def test_a_page_that_cannot_be_read_is_named(folder: Path, model_file: Path) -> None:
    (folder / "page.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"^'.*/page\.png': The file is not a PNG"):
        runs.evaluate(model_file, folder)
