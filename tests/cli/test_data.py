"""`tenfold data`: the list, a fetch from local files, and a check."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data.download import RemoteFile
from tenfold.data.sources import SOURCES
from tenfold.images.png import write_png


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tenfold.data.sources.cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_the_list_says_what_is_here(cache: Path, tenfold: Any) -> None:
    lines = tenfold("data", "list").out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(SOURCES)
    rows = {row["name"]: row for row in json.loads(tenfold("data", "list", "--json").out)}
    assert [name for name, row in rows.items() if row["here"]] == ["mnist"]
    usps = SOURCES["usps"]
    (cache / "usps").mkdir(parents=True)
    for files in usps.parts.values():
        for file in files:
            (cache / "usps" / file.name).write_bytes(b"")
    rows = {row["name"]: row for row in json.loads(tenfold("data", "list", "--json").out)}
    assert [name for name, row in rows.items() if row["here"]] == ["mnist", "usps"]


def test_a_set_is_fetched_from_local_files(
    cache: Path, tmp_path: Path, tenfold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"the published file"
    file = RemoteFile("a.gz", f"sha256:{hashlib.sha256(content).hexdigest()}")
    tiny = replace(SOURCES["usps"], name="tiny", parts={"train": (file,), "test": ()})
    monkeypatch.setitem(SOURCES, "tiny", tiny)
    (tmp_path / "a.gz").write_bytes(content)
    found = tenfold("data", "fetch", "tiny", "--import-from", tmp_path, "--json")
    assert json.loads(found.out) == {"name": "tiny", "files": [str(cache / "tiny" / "a.gz")]}
    assert (cache / "tiny" / "a.gz").read_bytes() == content
    assert tenfold("data", "fetch", "tiny", "--offline").out == f"{cache / 'tiny' / 'a.gz'}\n"


def test_offline_nothing_is_downloaded(tenfold: Any) -> None:
    found = tenfold("data", "fetch", "kmnist", "--offline")
    assert (found.code, found.out) == (4, "")
    assert found.err.startswith("tenfold: The data set 'kmnist' is not in the cache and downloads are off")


def test_a_check_counts_the_classes(digits: Path, tenfold: Any) -> None:
    document = json.loads(tenfold("data", "check", digits, "--json").out)
    assert (document["name"], document["count"], sum(document["per_class"])) == ("digits", 240, 240)
    lines = tenfold("data", "check", digits).out.splitlines()
    assert lines[0] == "digits: 240 images of 10 classes, sound"
    assert lines[2] == f"checksum: {document['checksum']}"


def test_a_check_counts_what_is_there_twice_and_labelled_twice(digits: Path, tenfold: Any) -> None:
    with np.load(digits) as saved:
        images, labels = saved["images"][[0, 1, 2, 1, 0, 3, 1]], saved["labels"][[0, 1, 2, 1, 0, 3, 1]]
    labels[6] = (labels[6] + 1) % 10
    np.savez("twice.npz", images=images, labels=labels)
    document = json.loads(tenfold("data", "check", "twice.npz", "--json").out)
    assert (document["repeated"], document["contradicted"]) == (3, 3)
    names = [(pair["again"], pair["first"]) for pair in document["pairs"]]
    assert names == [
        ("twice.npz[6]", "twice.npz[1]"),
        ("twice.npz[3]", "twice.npz[1]"),
        ("twice.npz[4]", "twice.npz[0]"),
    ]
    assert document["pairs"][0]["labels"] == labels[[1, 6]].tolist()
    lines = tenfold("data", "check", "twice.npz").out.splitlines()
    assert lines[0] == "twice: 7 images of 10 classes"  # and not sound
    assert lines[2] == "repeated: 3 show the pixels of another image"
    assert lines[3] == "contradicted: 3 have different labels for the same pixels"
    assert lines[4] == f"  'twice.npz[6]' ({labels[6]}) has the pixels of 'twice.npz[1]' ({labels[1]})"


def test_ten_pairs_are_named_in_text_and_all_in_json(tenfold: Any) -> None:
    np.savez("alike.npz", images=np.zeros((14, 28, 28), np.uint8), labels=np.zeros(14, np.uint8))
    assert len(json.loads(tenfold("data", "check", "alike.npz", "--json").out)["pairs"]) == 13
    lines = tenfold("data", "check", "alike.npz").out.splitlines()
    assert lines[0].endswith(", sound")
    assert lines[-2] == "  and 3 more, which --json names"


def test_a_set_of_texts_is_checked_by_its_pictures(tmp_path: Path, tenfold: Any) -> None:
    for name, grey in (("a", 7), ("b", 9), ("c", 7)):
        (tmp_path / f"{name}.png").write_bytes(write_png(np.full((20, 40), grey, np.uint8)))
    (tmp_path / "labels.csv").write_text("file,digits\na.png,12\nb.png,30\nc.png,1\n")
    document = json.loads(tenfold("data", "check", tmp_path, "--json").out)
    assert (document["count"], document["digits"], document["per_class"][:4]) == (3, 5, [1, 2, 1, 1])
    assert (document["repeated"], document["contradicted"]) == (1, 2)
    lines = tenfold("data", "check", tmp_path).out.splitlines()
    assert lines[0] == f"{tmp_path}: 3 texts with 5 digits"
    assert lines[1].startswith("per digit: 0: 1  1: 2  ")
    assert lines[-1] == f"  '{tmp_path / 'c.png'}' (1) has the pixels of '{tmp_path / 'a.png'}' (12)"
    (tmp_path / "b.png").write_bytes(b"no picture")
    found = tenfold("data", "check", tmp_path)
    assert (found.code, found.out) == (3, "")
    assert f"'{tmp_path / 'b.png'}': The file is not a PNG" in found.err


def test_a_check_tells_of_pictures_that_are_not_read(digits: Path, tenfold: Any) -> None:
    import cv2

    for place, image in enumerate(np.load(digits)["images"][:10]):
        Path("mine", str(place)).mkdir(parents=True)
        Path("mine", str(place), "a.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    for name in ("mine/3/b.heic", "mine/4/b.HEIC", "mine/4/notes.txt"):
        Path(name).touch()
    found = tenfold("data", "check", "mine")
    assert (found.code, found.out.splitlines()[0]) == (0, "mine: 10 images of 10 classes, sound")
    sentence = "2 files of 'mine' are of no kind that is read (.heic): save them as JPEG or PNG."
    assert found.err == f"tenfold: {sentence}\n"
    Path("mine/4/a.png").unlink()
    found = tenfold("data", "check", "mine")
    assert (found.code, found.out) == (3, "")
    assert "1 file of 'mine/4' is of no kind that is read (.heic): save it as JPEG or PNG." in found.err


def test_a_set_that_is_none_is_refused(tenfold: Any) -> None:
    found = tenfold("data", "check", "kmist")
    assert (found.code, found.out) == (2, "")
    assert "Did you mean 'kmnist'?" in found.err
