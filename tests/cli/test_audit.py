"""`tenfold audit`: a table, a page and a document of the labels in doubt."""

import json
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.harness.conftest import RunFolder

from tenfold.data import load_set


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of 400 test answers, about 20 of them wrong."""
    made = RunFolder()
    begun = {"sets": ["mnist"], "final": False, "device": "cpu", "threads": 1, "precision": "fp32"}
    made.record |= begun | {"model_sha256": "ab" * 32, "stopped": "early"}
    monkeypatch.setattr("tenfold.runs.page.load_test", lambda: made.images)
    return made.write(tmp_path / "run")


def test_the_table_and_the_page_in_the_folder(run: Path, tenfold: Any) -> None:
    found = tenfold("audit", run, "--top", 5)
    lines = found.out.splitlines()
    assert found.code == 0
    assert lines[0].split() == [
        "image",
        "given",
        "suggested",
        "sure",
        "of",
        "given",
        "sure",
        "of",
        "suggested",
    ]
    assert len(lines) == 7
    assert lines[-1].startswith("mnist: ")
    assert (run / "audit.html").read_text("utf-8").count("<img") == 5


def test_json_is_one_document(run: Path, tmp_path: Path, tenfold: Any) -> None:
    found = tenfold("audit", run, "--json", "--out", tmp_path / "page.html")
    result = json.loads(found.out)
    assert (found.code, found.err) == (0, "")
    with np.load(run / "predictions.npz") as saved:
        wrong = (saved["probabilities"].argmax(1) != saved["labels"]).sum()
    assert result["disagreements"] == len(result["suspects"]) == wrong
    assert result["count"] == 400
    assert Path(result["page"]).exists()
    assert not (run / "audit.html").exists()


@pytest.mark.usefixtures("small")
def test_pictures_of_ones_own_are_called_by_their_files(digits: Path, tenfold: Any) -> None:
    """Of a folder and of an npz in one set; the pictures are those, so that their labels can be mended."""
    import cv2

    mine = load_set(digits).split(40).validation
    for i, (image, label) in enumerate(zip(mine.images, mine.labels, strict=True)):
        file = Path("mine") / str((label + 1) % 10) / f"<{i}>.png"  # each label is wrong
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cv2.imencode(".png", np.roll(image, 1, 0))[1].tobytes())
    words = ("--data", digits, "--data", "mine", "--threads", 1, "--out", "run", "-q")
    assert tenfold("train", "small", *words).code == 0
    suspects = json.loads(tenfold("audit", "run", "--json").out)["suspects"]
    files = {suspect["file"] for suspect in suspects}
    pages = [(Path("run") / page).read_text("utf-8") for page in ("audit.html", "report.html")]
    with np.load(digits) as saved:
        kept = [f"{digits}[{i}]" for i in range(len(saved["labels"]))]
        given = dict(zip(kept, saved["labels"], strict=True))
    assert {file for file in files if Path(file).exists()}
    assert files & set(kept)
    for suspect in suspects:
        file = suspect["file"]
        assert suspect["given"] == (given[file] if file in given else int(Path(file).parent.name))
        assert all(escape(file) in page for page in pages)
    assert sorted(files)[-1] in tenfold("audit", "run").out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["no-such-folder"], 3, "neither a run nor a cross-validation"),
        ([], 2, "FOLDER"),
        (["run", "--top", "0"], 2, "--top"),
    ],
)
def test_what_is_wrong_is_told(words: list[str], code: int, sentence: str, tenfold: Any) -> None:
    found = tenfold("audit", *words)
    assert (found.code, found.out) == (code, "")
    assert sentence in found.err


@pytest.fixture
def mine(digits: Path) -> Path:
    """A folder of 40 digits, mirrored so that no model has seen them, one of them labelled in a wrong way."""
    import cv2

    data = load_set(digits)
    for i, (image, label) in enumerate(zip(data.images[:40], data.labels[:40], strict=True)):
        file = Path("mine") / str((label + 1) % 10 if i == 7 else label) / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cv2.imencode(".png", np.roll(image, 1, 0))[1].tobytes())
    return Path("mine")


def test_a_set_of_pictures_is_judged_by_a_model_that_does_not_know_it(mine: Path, tenfold: Any) -> None:
    found = tenfold("audit", mine, "--model", "fast", "--json")
    document = json.loads(found.out)
    assert (found.code, found.err, document["count"], document["on"]) == (0, "", 40, "mine")
    assert document["suspects"][0]["file"].endswith("/7.png")
    assert Path(document["page"]) == Path("audit-mine.html")
    assert "/7.png" in Path("audit-mine.html").read_text("utf-8")


@pytest.mark.usefixtures("small")
def test_images_that_the_model_learnt_from_are_left_out_of_its_audit(
    mine: Path, digits: Path, tenfold: Any
) -> None:
    assert tenfold("train", "small", "--data", mine, "--threads", 1, "--out", "run", "-q").code == 0
    found = tenfold("audit", mine, "--model", "run")
    assert found.err.startswith(
        "tenfold: Left out, as the model learnt from them and agrees with wrong labels too: 37 of 40 images"
    )
    assert "of 3 labels are answered otherwise" in found.out
    found = tenfold("audit", digits, "--model", "fast")
    assert found.code == 2
    assert "trained on the images of 'digits', so it agrees with wrong labels too; name another" in found.err


def test_what_is_no_set_either_is_one_sentence(tmp_path: Path, run: Path, tenfold: Any) -> None:
    (tmp_path / "empty").mkdir()
    for words, code, sentence in (
        (["empty"], 3, "is neither a run nor a cross-validation nor a set: it has no run.json"),
        (["nmist"], 3, "'nmist' is neither a run nor a cross-validation nor a set"),
        ([run, "--model", "fast"], 2, "has the answers of its own model; leave out --model"),
    ):
        found = tenfold("audit", *words)
        assert (found.code, len(found.err.splitlines())) == (code, 1)
        assert sentence in found.err
