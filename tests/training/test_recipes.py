import json
from dataclasses import replace
from typing import Any

import pytest

from tenfold.errors import UnknownNameError, UsageError
from tenfold.training.augment import Augmentation
from tenfold.training.networks import Baseline, Compact
from tenfold.training.recipes import RECIPES, Recipe, find_recipe

BASELINE = RECIPES["baseline"]

ODD = Recipe(
    name="odd",
    summary="every field other than its default",
    network=Compact((8,), (8,), 0),
    epochs=7,
    batch_size=33,
    optimizer="sgd",
    learning_rate=0.3,
    betas=(0.8, 0.95),
    weight_decay=0.02,
    norm_bias_factor=64,
    schedule="cosine",
    warm_up=0.1,
    label_smoothing=0.2,
    augmentation=Augmentation(1, 2, 0.3, 0.4, 0.5, 0.6),
    patience=0,
)


def test_baseline_is_the_seven_steps_recipe() -> None:
    assert BASELINE.network == Baseline(dropout=0.5)
    assert (BASELINE.optimizer, BASELINE.schedule, BASELINE.weight_decay) == ("adam", "constant", 0)
    assert (BASELINE.label_smoothing, BASELINE.augmentation) == (0, Augmentation())
    assert BASELINE.patience is not None


@pytest.mark.parametrize("recipe", [*RECIPES.values(), ODD], ids=lambda recipe: recipe.name)
def test_a_recipe_passes_through_json_unchanged(recipe: Recipe) -> None:
    text = json.dumps(recipe.to_dict(), allow_nan=False)
    assert Recipe.from_dict(json.loads(text)) == recipe
    assert json.loads(text) == recipe.to_dict()


def test_a_recipe_is_found_by_its_name_and_a_mistyped_one_gets_a_hint() -> None:
    assert {name: find_recipe(name).name for name in RECIPES} == {name: name for name in RECIPES}
    with pytest.raises(UnknownNameError, match=r"There is no recipe 'basline'. Did you mean 'baseline'\?"):
        find_recipe("basline")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("epochs", [0, -1, 1.5, float("inf")]),
        ("batch_size", [0, -1, 0.5]),
        ("optimizer", ["Adam", ""]),
        ("learning_rate", [0, -1e-3, 11, float("nan")]),
        ("betas", [(0.9,), (1.0, 0.9), (0.9, -0.1), (0.9, float("nan"))]),
        ("weight_decay", [-0.1, 1, float("nan")]),
        ("norm_bias_factor", [0, -1, float("inf")]),
        ("schedule", ["cos", ""]),
        ("warm_up", [-0.1, 1]),
        ("label_smoothing", [-0.1, 1]),
        ("patience", [-1, 2.5]),
    ],
)
def test_a_field_out_of_range_is_refused_by_name(field: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(UsageError) as refusal:
            replace(BASELINE, **{field: value})
        assert str(refusal.value) == f"The recipe 'baseline' cannot have {value!r} as its {field}."


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("epochs", [1]),
        ("batch_size", [1]),
        ("learning_rate", [1e-9, 10]),
        ("warm_up", [0, 0.99]),
        ("label_smoothing", [0, 0.99]),
        ("weight_decay", [0]),
        ("patience", [0, None]),
    ],
)
def test_a_field_at_the_end_of_its_range_is_taken(field: str, values: list[Any]) -> None:
    for value in values:
        assert getattr(replace(BASELINE, **{field: value}), field) == value


GOOD = BASELINE.to_dict()


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ({**GOOD, "epoch": 3}, UnknownNameError, "no field of a recipe 'epoch'. Did you mean 'epochs'"),
        ({**GOOD, "network": {"kind": "vgg"}}, UnknownNameError, "no kind of network 'vgg'"),
        (
            {**GOOD, "network": {"kind": "baseline", "width": 3}},
            UnknownNameError,
            "no field of a recipe 'width'",
        ),
        ({**GOOD, "augmentation": {"shfit": 1}}, UnknownNameError, "Did you mean 'shift'"),
        ({**GOOD, "network": {}}, UsageError, "not a whole recipe: 'kind'"),
        ({**GOOD, "network": None}, UsageError, "not a whole recipe"),
        ({**GOOD, "network": {"kind": ["baseline"]}}, UsageError, "not a whole recipe"),
        ({**GOOD, "betas": 0.9}, UsageError, "not a whole recipe"),
        ({**GOOD, "learning_rate": "fast"}, UsageError, "not a whole recipe"),
        ({**GOOD, "epochs": "3"}, UsageError, "cannot have '3' as its epochs"),
        ({name: GOOD[name] for name in GOOD if name != "betas"}, UsageError, "not a whole recipe: 'betas'"),
        ({name: GOOD[name] for name in GOOD if name != "epochs"}, UsageError, "not a whole recipe: .*epochs"),
        ({}, UsageError, "not a whole recipe: 'network'"),
    ],
)
def test_what_is_not_a_recipe_is_refused(values: dict[str, Any], error: type[UsageError], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refusal:
        Recipe.from_dict(values)
    assert type(refusal.value) is error
