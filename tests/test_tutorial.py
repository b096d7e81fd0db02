"""The tutorial is one thing in two forms, and every cell of it runs: here on one digit in 200.

The commands are those of the notebook, letter by letter. Their processes find a `sitecustomize` that leaves
300 training and 50 test digits of MNIST and one core, so that all of it takes a minute.
"""

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FEW = """
import tenfold.data.mnist as mnist
import tenfold.environment as environment

environment.cores = lambda: 1

whole = mnist._load
mnist.VALIDATION = 25

def _load(name, folder, prefix, count):
    return whole(name, folder, prefix, count).take(range(count // 200), name)

mnist._load = _load
"""


def tutorial() -> Any:
    """scripts/tutorial.py"""
    spec = importlib.util.spec_from_file_location("tutorial", ROOT / "scripts" / "tutorial.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_the_notebook() -> None:
    script = tutorial()
    assert script.PAGE.read_text("utf-8") == script.page(script.read(script.NOTEBOOK))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_cell_of_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "sitecustomize.py").write_text(FEW)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path / "few"), os.environ.get("PYTHONPATH", "")])
    )
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    script = tutorial()
    notebook = script.read(script.NOTEBOOK)
    for cell in notebook.cells:  # there are no 55,000 here
        cell.source = cell.source.replace("300,1000,3000,10000,55000", "20,40,80,150,275")
    executed = script.execute(notebook, tmp_path)
    text = script.page(executed)
    assert "on 275 images, validating on 25" in text
    assert "300)" in text  # errors of the cross-validation
    assert "McNemar's exact test" in text
    assert (tmp_path / "runs" / "report.html").exists()
    assert str(tmp_path) not in text
