"""`tenfold robustness`: a table, one JSON document or a page; the test set is counted when it is opened."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import write_digits

from tenfold.data import load_test, load_training
from tenfold.data.idx import checksum
from tenfold.data.labelled import Labelled
from tenfold.data.mnist import SETS
from tenfold.harness.records.run import BEGUN, FORMAT


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few: each is read 59 times, damaged in as many ways."""
    return write_digits(tmp_path_factory.mktemp("data"), 24)


def test_json_has_every_kind_and_curve(model_file: Path, digits: Path, tenfold: Any) -> None:
    found = tenfold("robustness", model_file, "--on", digits, "--json")
    result = json.loads(found.out)
    assert (found.code, found.err) == (0, "")
    assert len(result["kinds"]) == 15
    assert set(result["curves"]) == {"rotation", "scale", "shift", "stroke thickness", "noise"}
    assert result["mean"] == pytest.approx(sum(kind["accuracy"] for kind in result["kinds"]) / 15)
    assert result["clean"]["count"] == 24
    assert not result["trained_on"]


def test_the_table_and_the_page(model_file: Path, digits: Path, tmp_path: Path, tenfold: Any) -> None:
    page = tmp_path / "page.html"
    found = tenfold("robustness", model_file, "--on", digits, "--out", page)
    lines = found.out.splitlines()
    assert found.code == 0
    assert lines[1].startswith("undamaged")
    assert len(lines) == 18
    assert lines[-1].startswith("mean over the 15 kinds: ")
    assert "canny edges" in page.read_text("utf-8")


@pytest.fixture
def few_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mnist` and `mnist-validation` are 20 digits each."""
    test = load_test().take(range(20), "mnist")

    def load(name: str, **_: Any) -> Labelled:
        return test if name == "mnist" else load_training().take(range(20), name)

    monkeypatch.setattr("tenfold.data.mnist.TEST_LABELS", checksum(test.labels))
    monkeypatch.setattr("tenfold.runs.opening.load_set", load)


@pytest.mark.usefixtures("few_mnist")
def test_a_run_counts_that_the_test_set_was_opened(model_file: Path, tmp_path: Path, tenfold: Any) -> None:
    run = tmp_path / "run"
    run.mkdir()
    model_file.rename(run / "model.onnx")
    record = {key: (kind[0] if isinstance(kind, tuple) else kind)() for key, kind in BEGUN.items()}
    (run / "run.json").write_text(json.dumps({"format": FORMAT, **record}))
    for on, openings in (("mnist-validation", 0), ("mnist", 1), ("mnist", 2)):
        assert tenfold("robustness", run, "--on", on, "--json").code == 0
        assert json.loads((run / "run.json").read_text())["test_openings"] == openings


@pytest.mark.usefixtures("few_mnist")
def test_it_says_when_the_model_was_trained_on_the_images(tmp_path: Path, tenfold: Any) -> None:
    from torch import nn

    from tenfold.training.export import export
    from tenfold.training.networks import Network

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    final = tmp_path / "run" / "model.onnx"
    network = Network(nn.Flatten(), nn.Linear(784, 10))
    final.write_bytes(export(network, name="final", data={"mnist-training": SETS["mnist-training"]}))
    page = tmp_path / "page.html"
    found = tenfold("robustness", final, "--out", page, "--json")
    assert "was trained on the images of mnist-validation" in found.err
    assert json.loads(found.out)["trained_on"] == 20
    assert json.loads((tmp_path / "run" / "robustness.json").read_text())["trained_on"] == 20
    assert "It was trained on 20 of them, which flatters it." in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--on", "mnits"], 2, "Did you mean 'mnist'?"),
        (["--on", "no/such.npz"], 3, "does not exist"),
        (["--seed", "-1"], 2, "--seed"),
    ],
)
def test_what_is_wrong_is_told(
    words: list[str], code: int, sentence: str, model_file: Path, tenfold: Any
) -> None:
    found = tenfold("robustness", model_file, *words)
    assert (found.code, found.out) == (code, "")
    assert sentence in found.err


def test_a_page_that_cannot_be_written_is_one_sentence(
    model_file: Path, digits: Path, tmp_path: Path, tenfold: Any
) -> None:
    found = tenfold("robustness", model_file, "--on", digits, "--out", tmp_path / "no" / "page.html")
    assert (found.code, found.out, found.err.count("\n")) == (4, "", 1)


def test_of_a_run_the_result_stays_with_it(
    model_file: Path, digits: Path, tmp_path: Path, tenfold: Any
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    model_file.rename(run / "model.onnx")
    (run / "run.json").write_text("{}")
    found = json.loads(tenfold("robustness", run, "--on", digits, "--json").out)
    assert json.loads((run / "robustness.json").read_text()).items() <= found.items()
