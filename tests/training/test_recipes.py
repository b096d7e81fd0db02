import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from torch import nn

from tenfold.errors import RecipeError, UnknownNameError, UsageError
from tenfold.training.augment import Augmentation
from tenfold.training.networks import Baseline, Compact
from tenfold.training.recipes import RECIPES, Recipe, find_recipe, write_recipe

BASELINE = RECIPES["baseline"]

ODD = Recipe(
    name="odd",
    summary="every field other than its default",
    network=Compact((8,), (8,)),
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


def test_what_has_a_default_may_be_left_out() -> None:
    values = {"name": "short", "summary": "little is said", "network": {"kind": "baseline"}, "epochs": 2}
    assert Recipe.from_dict(values) == Recipe("short", "little is said", Baseline(), 2)


def test_a_recipe_is_found_by_its_name_and_a_mistyped_one_gets_a_hint() -> None:
    assert {name: find_recipe(name).name for name in RECIPES} == {name: name for name in RECIPES}
    with pytest.raises(UnknownNameError, match=r"There is no recipe 'basline'. Did you mean 'baseline'\?"):
        find_recipe("basline")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["", 3]),
        ("network", [None, "baseline", 3]),
        ("augmentation", [None, BASELINE.network]),
        ("epochs", [0, -1, 1.5, float("inf"), "3", True, np.int64(0)]),
        ("batch_size", [0, -1, 0.5]),
        ("optimizer", ["Adam", ""]),
        ("learning_rate", [0, -1e-3, 11, float("nan"), "0.1", None, np.float32(11)]),
        ("betas", [0.9, (0.9,), (1.0, 0.9), (0.9, -0.1), (0.9, float("nan"))]),
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
        name = value if field == "name" else "baseline"
        shown = value.item() if isinstance(value, np.generic) else value
        assert str(refusal.value) == f"The recipe '{name}' cannot have {shown!r} as its {field}."


def test_numbers_of_numpys_are_taken_as_pythons() -> None:
    numbers: dict[str, Any] = {"epochs": np.int64(2), "learning_rate": np.float32(0.5)}
    made = replace(BASELINE, **numbers)
    assert made == replace(BASELINE, epochs=2, learning_rate=0.5)
    assert made.to_dict() == replace(BASELINE, epochs=2, learning_rate=0.5).to_dict()
    inside: dict[str, Any] = {"augmentation": Augmentation(shift=np.int64(2), scale=np.float32(0.5))}  # type: ignore[arg-type]
    for network in (Compact(tuple(np.array([8])), (8,)), Baseline(np.float32(0.5))):  # type: ignore[arg-type]
        made = replace(BASELINE, network=network, **inside)
        assert Recipe.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@dataclass(frozen=True)
class Own:
    kind: ClassVar[str] = "own"
    kernels: object = ((3, 3), (5, 5))

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def test_a_network_of_ones_own_has_any_fields_that_can_be_written() -> None:
    own: list[tuple[object, object]] = [
        (((3, 3), (5, 5)), [[3, 3], [5, 5]]),
        (("relu", "silu"), ["relu", "silu"]),
        ((5000, 10), [5000, 10]),
        (np.int64(3), 3),
    ]
    for kernels, written in own:
        recipe = replace(BASELINE, network=Own(kernels))
        assert recipe.to_dict()["network"] == {"kind": "own", "kernels": written}
    refused: list[object] = [np.ones(3), nn.ReLU()]
    for kernels in refused:
        with pytest.raises(UsageError, match="as its network"):
            replace(BASELINE, network=Own(kernels))


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
            "no field of a recipe 'network.width'. Did you mean|There are: network.dropout",
        ),
        ({**GOOD, "augmentation": {"shfit": 1}}, UnknownNameError, "Did you mean 'augmentation.shift'"),
        ({**GOOD, "augmentation": {"shift": True}}, UsageError, "augmentation.shift is a number, not True"),
        ({**GOOD, "augmentation": 3}, UsageError, "augmentation is a group of fields, not 3"),
        ({**GOOD, "network": {}}, UsageError, "not a whole recipe: its network has no kind"),
        ({**GOOD, "network": None}, UsageError, "network is a group of fields, not None"),
        ({**GOOD, "network": {"kind": ["baseline"]}}, UsageError, "its network has no kind"),
        (
            {**GOOD, "network": {"kind": "compact", "wide": "32"}},
            UsageError,
            "network.wide is a row of whole numbers, not '32'",
        ),
        (
            {**GOOD, "network": {"kind": "compact", "wide": [10**9]}},
            UsageError,
            "cannot have Compact.* as its network",
        ),
        ({**GOOD, "betas": 0.9}, UsageError, "betas is 2 numbers, not 0.9"),
        ({**GOOD, "betas": [0.9, 0.9, 0.9]}, UsageError, "betas is 2 numbers"),
        ({**GOOD, "learning_rate": "fast"}, UsageError, "learning_rate is a number, not 'fast'"),
        ({**GOOD, "epochs": "3"}, UsageError, "epochs is a whole number, not '3'"),
        ({**GOOD, "epochs": True}, UsageError, "epochs is a whole number, not True"),
        ({**GOOD, "patience": "no"}, UsageError, "patience is a whole number or none, not 'no'"),
        ({**GOOD, "optimizer": "adm"}, UsageError, "optimizer is adam or sgd, not 'adm'"),
        ({**GOOD, "summary": 3}, UsageError, "summary is a text, not 3"),
        ({**GOOD, "name": "../../etc"}, UsageError, "cannot have '../../etc' as its name"),
        ({**GOOD, "name": "x" * 65}, UsageError, "as its name"),
        ({name: GOOD[name] for name in GOOD if name != "epochs"}, UsageError, "it has no epochs"),
        ({}, UsageError, "not a whole recipe: it has no name"),
        ([], UsageError, "is not \\[\\]"),
    ],
)
def test_what_is_not_a_recipe_is_refused(values: dict[str, Any], error: type[UsageError], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refusal:
        Recipe.from_dict(values)
    assert type(refusal.value) is error


# --- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [*RECIPES.values(), ODD], ids=lambda recipe: recipe.name)
def test_a_recipe_passes_through_a_file_unchanged(
    tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_recipe(tmp_path / "recipe.json", recipe)
    assert find_recipe(path) == find_recipe(str(path)) == recipe
    assert find_recipe(tmp_path) == recipe  # the folder that a search left it in
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="The name of a recipe is empty"):
        find_recipe("")
    assert len(path.read_text().splitlines()) > 15  # a line a field, for people


def test_a_name_is_found_before_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_recipe("baseline", ODD)
    write_recipe("mine", ODD)
    assert find_recipe("baseline") == BASELINE
    assert find_recipe("mine") == ODD


def test_what_follows_from_a_recipe_may_stand_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**GOOD, "epochs": 2, "layers": [], "parameters": 34_826}))
    assert find_recipe(str(path)) == replace(BASELINE, epochs=2)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 60_000, "is not JSON"),
        (b" " * (1 << 16) + b"{}", "at most 65,536"),
        (b"[]", "is not a sound recipe. A recipe has fields with values, and is not \\[\\]"),
        (b"{}", "it has no name"),
        (json.dumps({**GOOD, "epochs": 0}).encode(), "cannot have 0 as its epochs"),
        (json.dumps({**GOOD, "epoch": 3}).encode(), "Did you mean 'epochs'"),
        (
            json.dumps({**GOOD, "learning_rate": float("nan")}).encode(),
            "cannot have nan as its learning_rate",
        ),
        (json.dumps({**GOOD, "augmentation": {"shift": -1}}).encode(), "The limit -1 of the distortion"),
    ],
)
def test_a_bad_recipe_file_is_one_sentence_that_names_it(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=says) as refusal:
        find_recipe(str(path))
    assert str(path) in str(refusal.value)


def test_an_absent_recipe_file_is_said_to_be_absent(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"'.*none\.json' does not exist"):
        find_recipe(str(tmp_path / "none.json"))
    with pytest.raises(UnknownNameError):
        find_recipe(str(tmp_path))
    with pytest.raises(UnknownNameError):
        find_recipe("a\0b")
