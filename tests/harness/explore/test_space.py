from typing import Any

import pytest

from tenfold.errors import UnknownNameError, UsageError
from tenfold.harness.explore.space import (
    Choice,
    Range,
    default_space,
    own_parameters,
    read_range,
    recipe_of,
    rounded,
    space_of,
)
from tenfold.training.networks import Compact
from tenfold.training.recipes import RECIPES, Recipe, replace

QUICK = Recipe("quick", "a compact net", Compact((32,), (64, 64)), epochs=3, learning_rate=0.01)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_the_usual_space_holds_the_recipe_and_only_what_can_be_trained(recipe: Recipe) -> None:
    space = default_space(recipe)
    own = own_parameters(recipe, space)
    assert own is not None
    assert recipe_of(recipe, space, own) == recipe
    for path, inner in space.items():
        for end in inner.values if isinstance(inner, Choice) else (inner.low, inner.high):
            assert recipe_of(recipe, space, {**own, path: end}).name == recipe.name


@pytest.mark.parametrize(
    ("text", "path", "inner"),
    [
        ("learning_rate=0.001:0.1:log", "learning_rate", Range(0.001, 0.1, log=True)),
        ("epochs=2:6", "epochs", Range(2, 6, whole=True)),
        ("shift=0:2.5", "augmentation.shift", Range(0, 2.5)),
        ("width=0.5:2:log", "network.width", Range(0.5, 2, log=True)),
        ("optimizer=adam/sgd", "optimizer", Choice(("adam", "sgd"))),
        ("padded=true/false", "network.padded", Choice(("true", "false"))),
        ("narrow=64,64/96,96", "network.narrow", Choice(("64,64", "96,96"))),
        ("batch_size=128", "batch_size", Choice(("128",))),
    ],
)
def test_a_range_is_read_as_it_is_typed(text: str, path: str, inner: Range | Choice) -> None:
    assert read_range(QUICK, text) == (path, inner)
    assert read_range(QUICK, f"{path}={inner}") == (path, inner)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lerning_rate=0.1:1", "Did you mean 'learning_rate'"),
        ("epochs", "A range is FIELD=LOW:HIGH"),
        ("epochs=", "A range is FIELD=LOW:HIGH"),
        ("epochs=5:2", "from a number to a larger one, not from 5 to 2"),
        ("epochs=0:3", "cannot have 0 as its epochs"),
        ("epochs=1.5:3", "'epochs' takes a whole number, not '1.5'"),
        ("learning_rate=0.1:20", "cannot have 20.0 as its learning_rate"),
        ("weight_decay=0:0.1:log", "A logarithmic range begins above 0"),
        ("learning_rate=0.1:1:lin", "takes a number: give FIELD=LOW:HIGH"),
        ("learning_rate=1:2:3:4", "give FIELD=LOW:HIGH"),
        ("learning_rate=NaN:1", "from a number to a larger one"),
        ("optimizer=adam:sgd", "takes adam or sgd: give FIELD=LOW:HIGH"),
        ("optimizer=adam/rmsprop", "takes adam or sgd, not 'rmsprop'"),
        ("optimizer=adam/adam", "each once"),
        ("patience=1:3", "is not explored"),
    ],
)
def test_a_range_that_cannot_be_is_one_sentence(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_range(QUICK, text)


def test_ranges_are_put_into_the_usual_space_or_stand_alone() -> None:
    usual = default_space(QUICK)
    assert space_of(QUICK, []) == usual
    assert space_of(QUICK, ["epochs=9:12"]) == {**usual, "epochs": Range(9, 12, whole=True)}
    assert space_of(QUICK, ["epochs=9:12"], only=True) == {"epochs": Range(9, 12, whole=True)}
    for ranges, says in (([], "nothing to search"), (["epochs=3"], "nothing to search")):
        with pytest.raises(UsageError, match=says):
            space_of(QUICK, ranges, only=True)
    with pytest.raises(UsageError, match="given twice"):
        space_of(QUICK, ["epochs=1:2", "epochs=2:3"])
    with pytest.raises(UnknownNameError):
        space_of(QUICK, ["dropout=0:1"])


def test_a_recipe_outside_of_the_space_has_no_parameters_in_it() -> None:
    space = space_of(QUICK, ["epochs=9:12"])
    assert own_parameters(QUICK, space) is None
    assert own_parameters(replace(QUICK, epochs=10), space) is not None


def test_proposals_have_as_many_digits_as_matter_and_stay_in_their_ranges() -> None:
    space: dict[str, Any] = {
        "learning_rate": Range(0.0012345, 0.0098765, log=True),
        "epochs": Range(1, 9, whole=True),
    }
    assert rounded(space, {"learning_rate": 0.0049876, "epochs": 3}) == {
        "learning_rate": 0.00499,
        "epochs": 3,
    }
    assert rounded(space, {"learning_rate": 0.0012345, "epochs": 3})["learning_rate"] == 0.0012345
    assert rounded(space, {"learning_rate": 0.0098765, "epochs": 3})["learning_rate"] == 0.0098765
