"""`tenfold models`: a folder with models, one without."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tenfold.model import DEFAULT_MODEL, LINES, list_models, read_model, resolve


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr("tenfold.model.MODELS", folder)
    return folder


def test_each_shipped_model_is_listed_with_what_was_measured(
    shipped: Path, model_file: Path, tenfold: Any
) -> None:
    for name in (DEFAULT_MODEL, "zeta"):
        shutil.copy(model_file, shipped / f"{name}.onnx")
    head, first, second = tenfold("models").out.splitlines()
    assert head.split() == ["model", "parameters", "size", "validation", "test"]
    assert first.startswith(f"{DEFAULT_MODEL} (default)  ")
    assert first.split()[2:] == ["6,810", f"{model_file.stat().st_size / 1000:.0f}", "kB", "50.00", "%", "-"]
    assert second.startswith("zeta  ")
    rows = json.loads(tenfold("models", "--json").out)
    assert [(row["name"], row["default"]) for row in rows] == [(DEFAULT_MODEL, True), ("zeta", False)]
    assert rows[0]["measured"] == {"validation": {"accuracy": 0.5}}
    assert rows[0]["bytes"] == model_file.stat().st_size


def test_an_installation_without_models_says_so(shipped: Path, tenfold: Any) -> None:
    assert list(shipped.iterdir()) == []
    found = tenfold("models")
    assert (found.code, found.out) == (0, "")
    assert "No models are shipped" in found.err
    assert json.loads(tenfold("models", "--json").out) == []


@pytest.mark.parametrize("name", list_models())
def test_each_shipped_model_has_a_card_of_this_very_file(name: str, tenfold: Any) -> None:
    card = tenfold("models", name).out
    model = read_model(resolve(name))
    assert card.startswith(f"# `{name}`: ")
    assert f"`{model.sha256}`" in card
    assert f"{model.metadata.parameters:,} parameters" in card
    for part in ("**Data**", "**Measured**", "**Unsure**", "**Limits**"):
        assert part in card
    found = json.loads(tenfold("models", name, "--json").out)
    assert (found["sha256"], found["card"].strip()) == (model.sha256, card.strip())


def test_there_is_no_card_of_a_model_that_is_not_shipped(tenfold: Any) -> None:
    found = tenfold("models", "baselin")
    assert (found.code, found.out) == (2, "")
    assert "no shipped model 'baselin'. Did you mean 'baseline'" in found.err


def test_the_model_of_whole_lines_is_listed_but_reads_nothing_alone(tenfold: Any) -> None:
    (row,) = (row for row in json.loads(tenfold("models", "--json").out) if row["name"] == LINES)
    assert (row["reads"], row["default"]) == ("whole lines", False)
    (line,) = (line for line in tenfold("models").out.splitlines() if line.startswith(LINES))
    assert line.split()[1:3] == ["(pages)", f"{row['parameters']:,}"]
    assert line.split()[-2:] == ["-", "-"]  # it has no share of digits
    card = tenfold("models", LINES).out
    assert card.startswith(f"# `{LINES}`: ")
    assert row["sha256"] in card
    found = tenfold("evaluate", LINES)
    assert (found.code, found.out) == (3, "")
    assert "it reads whole lines and not single digits" in found.err
