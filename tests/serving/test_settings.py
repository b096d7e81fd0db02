"""Every limit has its range, and the command line names each."""

from dataclasses import fields
from pathlib import Path

import pytest
from typer.main import get_command

from tenfold.cli.app import app
from tenfold.errors import UsageError
from tenfold.model import list_models
from tenfold.serving.catalogue import Catalogue
from tenfold.serving.settings import Settings

LIMITS = [field.name for field in fields(Settings) if field.type in (int, float)]


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [-1, 1e12, float("nan")])
def test_a_limit_that_makes_no_sense_is_refused(name: str, value: float) -> None:
    sentence = f"^--{name.replace('_', '-')} must be at least .* and below 10\\^12, not {value}"
    with pytest.raises(UsageError, match=sentence.replace("+", "\\+")):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_a_port_has_its_bound() -> None:
    assert Settings(port=65_535).port == 65_535
    with pytest.raises(UsageError, match="65535"):
        Settings(port=65_536)


def test_every_setting_is_an_option_with_the_same_default() -> None:
    commands = getattr(get_command(app), "commands")  # noqa: B009 - typer hides the class
    options = {parameter.name: parameter.default for parameter in commands["serve"].params}
    renamed = {"token": "token_file", "allowed_hosts": "allow_host"}
    for field in fields(Settings):
        assert renamed.get(field.name, field.name) in options
        if field.name in LIMITS:
            assert options[field.name] == field.default


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("runs/my run 3/model.onnx", "my-run-3"),
        ("five.onnx", "five"),
        ("reader/model.onnx", "my-reader"),  # the name of a shipped one is taken
        ("ä/model.onnx", "model"),
    ],
)
def test_a_model_gets_a_name_that_a_url_can_hold(
    tmp_path: Path, model_bytes: bytes, file: str, name: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model_bytes)
    catalogue = Catalogue(str(path))
    assert catalogue.default == name
    assert catalogue.names == [name, *list_models()]
    assert catalogue.load(name).model.name == "small"
