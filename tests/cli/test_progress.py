"""The bar of a training in a terminal, drawn into a string."""

import io
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from tenfold.cli.progress import Bar, Lines, opening, summary, watching
from tenfold.training.recipes import RECIPES

LOGS = {"loss": 0.05123, "accuracy": 0.98412, "val_accuracy": 0.9902, "seconds": 5.94}


class Digits:
    labels = torch.eye(10)  # some of each

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count


def trainer(epoch: int = 0, step: int = 0) -> Any:
    return SimpleNamespace(
        recipe=replace(RECIPES["baseline"], name="small"),
        training=Digits(55_000),
        validation=range(5_000),
        device=torch.device("cpu"),
        precision="fp32",
        epoch=epoch,
        step=step,
        steps=6435,
    )


def drawn(width: int) -> str:
    text = io.StringIO()
    bar = Bar(Console(file=text, force_terminal=True, width=width, highlight=False, color_system=None))
    with bar.progress:
        bar.on_train_begin(trainer())
        bar.shown -= 1  # a second has passed
        bar.on_step_end(trainer(step=400), torch.tensor(0.25))
        bar.progress.refresh()
        bar.on_epoch_end(trainer(epoch=1, step=429), LOGS)
        bar.on_train_end(trainer(epoch=1, step=429))
    return text.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_bar_shows_where_the_training_stands_on_one_line(width: int) -> None:
    screen = drawn(width)
    assert "Training 'small' on 55,000 images, validating on 5,000; cpu, fp32." in screen
    frames = re.split(r"\x1b\[[0-9?]*[a-zA-Z]|[\r\n]", screen)
    line = next(frame for frame in frames if "step 400/6435" in frame)
    assert line.startswith("epoch 1/15 ")
    assert "loss 0.2500" in line
    assert "images/s" in line
    assert line.rstrip().endswith("left")
    assert len(line) <= width
    assert summary(trainer(epoch=1), LOGS) in screen


def test_it_says_how_many_images_were_given_and_how_many_the_recipe_makes_of_them() -> None:
    training = trainer()
    training.recipe = replace(RECIPES["reader"], as_is=1, views=1, nondigits=1.5)
    training.training = Digits(37 + 37 + 56)
    assert opening(training).startswith("Training 'reader' on 37 images, of which the recipe makes 130, ")


def test_an_epoch_is_summed_up() -> None:
    line = "epoch  3/15  loss 0.0512  accuracy 98.41 %  val_accuracy 99.02 %  5.9 s"
    assert summary(trainer(epoch=3), LOGS) == line
    final = {name: value for name, value in LOGS.items() if name != "val_accuracy"}
    assert "val_accuracy" not in summary(trainer(epoch=3), final)


def test_the_terminal_is_left_as_it_was_when_a_training_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr("tenfold.cli.progress.Console", lambda **_: Console(file=text, force_terminal=True))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    def interrupted() -> None:
        with watching(quiet=False) as (bar,):
            bar.on_train_begin(trainer())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    hidden, shown = text.getvalue().rfind("\x1b[?25l"), text.getvalue().rfind("\x1b[?25h")
    assert 0 <= hidden < shown  # the cursor


def test_a_notebook_that_claims_to_be_a_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with watching(quiet=False) as callbacks:
        assert [type(callback) for callback in callbacks] == [Lines]


def test_elsewhere_there_are_plain_lines_and_none_when_quiet() -> None:
    with watching(quiet=False) as callbacks:
        assert [type(callback) for callback in callbacks] == [Lines]
    with watching(quiet=True) as callbacks:
        assert callbacks == []
