"""`tenfold recipes`: the table of layers that a lesson starts with."""

import json
from typing import Any

from tenfold.training.recipes import RECIPES

BASELINE = """\
layer              output  parameters
input         1 x 28 x 28
Conv2d 3x3   32 x 26 x 26         320
ReLU         32 x 26 x 26
MaxPool2d 2  32 x 13 x 13
Conv2d 3x3   64 x 11 x 11      18,496
ReLU         64 x 11 x 11
MaxPool2d 2    64 x 5 x 5
Flatten              1600
Dropout 0.5          1600
Linear                 10      16,010
total                          34,826
"""


def settings(text: str) -> dict[str, str]:
    lines = text.partition("setting")[2].splitlines()[1:]
    return {name: value.strip() for name, _, value in (line.partition(" ") for line in lines)}


def test_the_baseline_is_the_network_of_the_lesson(tenfold: Any) -> None:
    found = tenfold("recipes", "baseline")
    assert (found.code, found.err) == (0, "")
    assert f"\n{BASELINE}\n" in found.out
    shown = settings(found.out)
    assert shown["network"] == "baseline, dropout 0.5"
    assert shown["augmentation"] == "none"
    assert shown["optimizer"] == "adam"
    assert shown["betas"] == "0.9, 0.999"
    assert shown["epochs"] == str(RECIPES["baseline"].epochs)
    assert "(" not in "".join(shown.values())  # nothing as Python writes it


def test_of_the_distortions_only_those_that_are_set_are_shown(tenfold: Any) -> None:
    assert settings(tenfold("recipes", "fast").out)["augmentation"] == "shift 1"


def test_all_recipes_are_listed_one_a_line(tenfold: Any) -> None:
    head, *lines = tenfold("recipes").out.splitlines()
    assert head.split() == ["recipe", "parameters", "epochs", "what", "it", "is"]
    assert [line.split()[0] for line in lines] == list(RECIPES)
    assert lines[0].split()[1] == "34,826"
    assert all(recipe.summary in line for recipe, line in zip(RECIPES.values(), lines, strict=True))


def test_json_has_the_layers_too(tenfold: Any) -> None:
    one = json.loads(tenfold("recipes", "baseline", "--json").out)
    assert one["parameters"] == sum(layer["parameters"] for layer in one["layers"]) == 34_826
    assert one["network"]["kind"] == "baseline"
    assert one in json.loads(tenfold("recipes", "--json").out)


def test_a_mistyped_recipe_is_suggested(tenfold: Any) -> None:
    found = tenfold("recipes", "fsat")
    assert (found.code, found.out) == (2, "")
    assert found.err == "tenfold: There is no recipe 'fsat'. Did you mean 'fast'?\n"


def test_without_torch_the_extra_is_named(tenfold: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("tenfold.errors.find_spec", lambda _: None)
    found = tenfold("recipes")
    assert (found.code, found.err) == (
        2,
        "tenfold: Training needs the extra 'train'; in the project's folder: pip install '.[train]'\n",
    )
