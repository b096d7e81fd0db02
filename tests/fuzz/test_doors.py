"""Every malformed file ends in its door's one leaf; it alone is opened, nothing of it runs or is left."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.fuzz import bad, corpora
from tests.images.corpus import encoded

from tenfold.data.idx import write_idx
from tenfold.model import DEFAULT_MODEL, MODELS

ROOT = Path(__file__).parents[2]
LEAF = {"pictures": ("ImageError", "ImageSizeError"), "idx": ("IdxError",), "models": ("ModelFileError",)}
MEMORY = 64 << 20
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")


class Told(NamedTuple):
    lines: dict[str, dict[str, Any]]
    canary: Path
    folder: Path
    complaints: str


def good() -> dict[str, dict[str, bytes]]:
    colour = np.stack([bad.PLANE] * 3, -1)
    return {
        "pictures": {f"good {kind}": encoded(colour, kind) for kind in FORMATS}
        | {f"good grey {kind}": encoded(bad.PLANE, kind) for kind in FORMATS}
        | {"good lzw": encoded(bad.PLANE, "TIFF", compression="tiff_lzw")},
        "idx": {"good images": write_idx(np.zeros((2, 28, 28), np.uint8))},
        "models": {"good shipped": (MODELS / f"{DEFAULT_MODEL}.onnx").read_bytes()}
        | {f"good {name}": data for name, data in corpora.model().items()},
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What the process of `doors.py` said of every file."""
    folder = tmp_path_factory.mktemp("doors")
    canary = folder / "canary"
    members = {"pictures": bad.pictures(), "idx": bad.idx_files(), "models": bad.models(canary)}
    for door, files in good().items():
        (folder / "in" / door).mkdir(parents=True)
        for name, data in (files | members[door]).items():
            (folder / "in" / door / name.replace("/", "-")).write_bytes(data)
    (folder / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.fuzz.doors", str(folder / "in")],
        cwd=folder / "empty",
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = {line["file"]: line for line in map(json.loads, done.stdout.splitlines())}
    return Told(lines, canary, folder, done.stderr)


def refused(told: Told) -> dict[str, dict[str, Any]]:
    return {name: line for name, line in told.lines.items() if "/good" not in name}


def test_there_are_enough_of_each(told: Told) -> None:
    count = {door: sum(name.startswith(door) for name in refused(told)) for door in LEAF}
    assert count["pictures"] >= 35
    assert count["idx"] >= 24 + 14
    assert count["models"] >= 40


def test_each_is_refused_by_its_one_leaf(told: Told) -> None:
    wrong = {
        n: line["error"]
        for n, line in refused(told).items()
        if line["error"] not in LEAF[n.partition("/")[0]]
    }
    assert wrong == {}


def test_each_refusal_is_one_sentence(told: Told) -> None:
    for name, line in refused(told).items():
        text = line["text"]
        assert text.endswith((".", "?")), name
        assert "\n" not in text, name
        assert len(text) < 400, name
        assert not {"Traceback", "PIL", "zlib", "struct"} & set(text.split()), name


def test_what_is_sound_is_let_in(told: Told) -> None:
    assert {n: line["error"] for n, line in told.lines.items() if "/good" in n and line["error"]} == {}


def test_only_the_file_itself_is_opened_and_nothing_runs(told: Told) -> None:
    """Of what is refused, and of what is let in; a model's session is made as well."""
    assert {n: line["events"] for n, line in told.lines.items() if line["events"] != ["open ITSELF"]} == {}
    assert not told.canary.exists()
    assert sorted(path.name for path in told.folder.iterdir()) == ["empty", "in"]
    assert list((told.folder / "empty").iterdir()) == []


def test_the_watch_hears_what_a_pickle_does(tmp_path: Path) -> None:
    """So silence means something."""
    (tmp_path / "trap").write_bytes(pickle.dumps(bad.Trap(tmp_path / "canary")))
    code = (
        "import pickle, sys; from tests.fuzz.doors import Watch\n"
        "print(*Watch().during(lambda: pickle.load(open(sys.argv[1], 'rb')))[2], sep='\\n')"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "trap")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    heard = done.stdout.splitlines()
    assert {f"open {tmp_path / 'trap'}", f"open {tmp_path / 'canary'}", "pickle.find_class io"} <= set(heard)


def test_a_refusal_costs_little_memory_and_leaves_nothing(told: Told) -> None:
    assert {n: line["memory"] for n, line in refused(told).items() if line["memory"] > MEMORY} == {}
    assert sum(line["memory"] for line in refused(told).values()) < 2 * MEMORY
    assert {n: line["left"] for n, line in told.lines.items() if line["left"]} == {}


def test_nothing_is_said_beside_the_error(told: Told) -> None:
    """No warning; of a damaged TIFF, libtiff itself may write a line."""
    said = [line for line in told.complaints.splitlines() if "TIFF" not in line]
    assert said == []
