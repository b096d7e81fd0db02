import math
import subprocess
import sys
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from tenfold.training.networks import Baseline, Compact
from tenfold.training.optimise import learning_rate, make_optimizer, set_learning_rate
from tenfold.training.recipes import RECIPES, Recipe

BASELINE = RECIPES["baseline"]
STEPS = 99  # step s stands at (s + 1) / 100 of the training


def cycle(schedule: str, warm_up: float = 0.2) -> Recipe:
    return Recipe.from_dict(
        {**BASELINE.to_dict(), "schedule": schedule, "warm_up": warm_up, "learning_rate": 0.5}
    )


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (cycle("constant"), {0: 0.5, 50: 0.5, 98: 0.5}),
        # up over the first fifth, down to zero over the rest
        (cycle("linear"), {0: 0.5 * 0.05, 9: 0.25, 19: 0.5, 59: 0.25, 98: 0.5 * 0.0125}),
        (
            cycle("cosine"),
            {0: 0.5 * 0.05, 9: 0.25, 19: 0.5, 59: 0.25, 39: 0.25 * (1 + math.cos(math.pi / 4)),
             98: 0.25 * (1 - math.cos(math.pi / 80))},
        ),
        (cycle("linear", 0), {0: 0.495, 49: 0.25, 98: 0.005}),
        (cycle("cosine", 0), {49: 0.25}),
        (cycle("linear", 0.5), {0: 0.01, 24: 0.25, 49: 0.5, 74: 0.25}),
    ],
    ids=["constant", "linear", "cosine", "linear at once down", "cosine at once down", "linear half"],
)  # fmt: skip
def test_the_rate_follows_its_schedule(recipe: Recipe, expected: dict[int, float]) -> None:
    assert {step: learning_rate(recipe, step, STEPS) for step in expected} == pytest.approx(expected)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_the_rate_rises_once_then_falls_and_is_never_zero(schedule: str, steps: int) -> None:
    rates = [learning_rate(cycle(schedule), step, steps) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < min(rates) <= max(rates) <= 0.5


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, torch.optim.Adam),
        ({"weight_decay": 0.01}, torch.optim.AdamW),
        ({"optimizer": "sgd"}, torch.optim.SGD),
    ],
)
def test_the_optimizer_is_the_recipes(changes: dict[str, object], kind: type[torch.optim.Optimizer]) -> None:
    made = make_optimizer(Baseline().build(), replace(BASELINE, **changes))  # type: ignore[arg-type]
    assert (type(made).__name__, isinstance(made, kind)) == (kind.__name__, True)


@pytest.mark.parametrize("changes", [{}, {"weight_decay": 0.01}, {"optimizer": "sgd"}])
def test_an_optimizer_does_as_torchs_own_to_the_bit(changes: dict[str, Any]) -> None:
    recipe = replace(BASELINE, **changes)

    def trained(unmade: bool) -> tuple[list[Tensor], dict[str, Any]]:
        torch.manual_seed(0)
        network = Compact((4,), (4,)).build()
        made = make_optimizer(network, recipe)
        if unmade:  # torch's own, of the same settings
            made = type(made).__bases__[0](made.param_groups)
        for _ in range(3):
            made.zero_grad()
            network(torch.rand(8, 1, 28, 28)).square().sum().backward()
            made.step()
        return [p.detach() for p in network.parameters()], made.state_dict()

    (ours, state), (theirs, expected) = trained(False), trained(True)
    assert all(map(torch.equal, ours, theirs))
    assert state["param_groups"] == expected["param_groups"]
    assert state["state"].keys() == expected["state"].keys()


def test_training_does_not_import_the_compiler() -> None:
    """It takes more than a second, and nothing is compiled."""
    program = """
import sys
from dataclasses import replace
import tenfold
from tenfold.data import load_training
from tenfold.training.loop import Trainer
from tenfold.training.recipes import RECIPES
for name in ("baseline", "fast"):
    Trainer(replace(RECIPES[name], epochs=1), load_training().take(range(300), "some")).run()
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("network", [Baseline(), Compact((4,), (4,))])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_kernels_decay_and_norm_biases_learn_faster(
    network: Baseline | Compact, optimizer: Literal["adam", "sgd"]
) -> None:
    recipe = replace(BASELINE, network=network, optimizer=optimizer, weight_decay=0.02, norm_bias_factor=8.0)
    module = network.build()
    made = make_optimizer(module, recipe)
    set_learning_rate(made, 0.25)
    found = {
        id(p): (group["lr"], group["weight_decay"]) for group in made.param_groups for p in group["params"]
    }
    norm_biases = {id(layer.bias) for layer in module.modules() if isinstance(layer, torch.nn.BatchNorm2d)}
    expected = {
        id(p): (0.25 * 8 if id(p) in norm_biases else 0.25, 0.02 if p.ndim > 1 else 0)
        for p in module.parameters()
    }
    assert found == expected
    assert sum(len(group["params"]) for group in made.param_groups) == len(expected)
