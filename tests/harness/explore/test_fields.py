from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tenfold.errors import RecipeError, UnknownNameError, UsageError
from tenfold.harness.explore.fields import changed, fields_of, find_path, read_change, show_value, value_of
from tenfold.training.augment import Augmentation
from tenfold.training.networks import Baseline, Compact
from tenfold.training.recipes import RECIPES, Recipe, write_recipe

BASELINE = RECIPES["baseline"]
QUICK = Recipe(
    "quick", "a compact net", Compact((32,), (64, 64)), epochs=3, augmentation=Augmentation(shift=1)
)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_every_field_that_can_be_changed_can_be_named_in_short_and_in_full(recipe: Recipe) -> None:
    for path in fields_of(recipe):
        assert find_path(recipe, path) == find_path(recipe, path.split(".")[-1]) == path
        assert changed(recipe, {path: value_of(recipe, path)}) == recipe


@pytest.mark.parametrize(
    ("recipe", "text", "expected"),
    [
        (QUICK, "epochs=6", replace(QUICK, epochs=6)),
        (QUICK, "optimizer=sgd", replace(QUICK, optimizer="sgd")),
        (QUICK, "betas=0.8,0.9", replace(QUICK, betas=(0.8, 0.9))),
        (QUICK, "shift=2", replace(QUICK, augmentation=Augmentation(shift=2))),
        (QUICK, "augmentation.rotation=5", replace(QUICK, augmentation=Augmentation(shift=1, rotation=5))),
        (QUICK, "padded=false", replace(QUICK, network=Compact((32,), (64, 64), padded=False))),
        (QUICK, "narrow=none wide=8,8", replace(QUICK, network=Compact((8, 8), ()))),
        (QUICK, "wide=48", replace(QUICK, network=Compact((48,), (64, 64)))),
        (QUICK, "width=1.5", replace(QUICK, network=Compact((48,), (96, 96)))),
        (QUICK, "network.width=0.01", replace(QUICK, network=Compact((8,), (8, 8)))),
        (QUICK, "width=0.5 wide=20,20", replace(QUICK, network=Compact((8, 8), (32, 32)))),
        (QUICK, "epochs=6  learning_rate=0.01", replace(QUICK, epochs=6, learning_rate=0.01)),
        (BASELINE, "dropout=0", replace(BASELINE, network=Baseline(0))),
    ],
)
def test_a_change_is_what_it_says_and_nothing_else(recipe: Recipe, text: str, expected: Recipe) -> None:
    assert read_change(recipe, text).recipe == expected


def test_a_change_is_named_as_one_types_it_whatever_was_typed() -> None:
    assert read_change(QUICK, "augmentation.shift=2.0").label == "shift=2"
    assert read_change(QUICK, "narrow=[64,96]").label == "narrow=64,96"


def test_another_recipe_is_a_change_too(tmp_path: Path) -> None:
    mine = write_recipe(tmp_path / "a=b.json", replace(QUICK, name="mine", epochs=7))
    assert read_change(QUICK, str(mine)).recipe == replace(QUICK, epochs=7)
    assert read_change(QUICK, "baseline").recipe.network == Baseline()


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("shfit=2", UnknownNameError, "no field 'shfit'. Did you mean 'shift'"),
        ("augmentation.shfit=2", UnknownNameError, "Did you mean 'augmentation.shift'"),
        ("dropout=0.5", UnknownNameError, "no field 'dropout'. There are: .*epochs.*wide, width"),
        ("patience=3", UsageError, "'patience' is not explored: trainings are measured at their last step"),
        ("name=x", UsageError, "'name' is not explored"),
        ("epochs=many", UsageError, "'epochs' takes a whole number, not 'many'"),
        ("epochs=2.5", UsageError, "'epochs' takes a whole number, not '2.5'"),
        ("optimizer=rmsprop", UsageError, "'optimizer' takes adam or sgd, not 'rmsprop'"),
        ("padded=maybe", UsageError, "'padded' takes true or false, not 'maybe'"),
        ("learning_rate=1" + "0" * 400, UsageError, "'learning_rate' takes a number, not '1000*…"),
        ("narrow=64,x", UsageError, "'narrow' takes a row of whole numbers"),
        ("epochs=0", UsageError, "cannot have 0 as its epochs"),
        ("learning_rate=NaN", UsageError, "cannot have nan as its learning_rate"),
        ("shift=-1", UsageError, "The limit -1.0 of the distortion 'shift'"),
        ("width=0", UsageError, "'width' is a factor above 0 and up to 64, not 0"),
        ("width=NaN", UsageError, "'width' is a factor"),
        ("epochs=3", UsageError, "'epochs=3' changes nothing: the recipe 'quick' is so already"),
        ("epochs=4 lr", UsageError, "A change is FIELD=VALUE, such as epochs=6, and not 'lr'"),
        ("=3", UsageError, "A change is FIELD=VALUE"),
        ("epochs=", UsageError, "A change is FIELD=VALUE"),
        ("epochs", UnknownNameError, "no recipe 'epochs'"),
        ("none.json", RecipeError, "does not exist"),
    ],
)
def test_a_change_that_cannot_be_is_one_sentence(text: str, error: type[UsageError], says: str) -> None:
    with pytest.raises(error, match=says):
        read_change(QUICK, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "none"), (True, "true"), ((64, 96), "64,96"), (0.5, "0.5"), (3, "3"), ("adam", "adam")],
)
def test_a_value_is_shown_as_one_types_it(value: Any, text: str) -> None:
    assert show_value(value) == text
