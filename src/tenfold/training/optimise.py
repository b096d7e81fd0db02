"""The optimizer of a recipe, and its learning rate at every step."""

import inspect
import math
from collections.abc import Callable
from functools import cache

import torch
from torch import nn

from tenfold.training.recipes import Recipe


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam (the default), AdamW or SGD with Nesterov momentum. Only kernels decay, never biases or norms; a
    norm's bias learns `norm_bias_factor` times as fast (airbench: 18 epochs to 13.5 on CIFAR-10)."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    norm_biases = [m.bias for m in norms if m.bias is not None]
    fast = {id(p) for p in norm_biases}
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "factor": 1.0},
        {
            "params": [p for p in network.parameters() if p.ndim <= 1 and id(p) not in fast],
            "factor": 1.0,
            "weight_decay": 0.0,
        },
        {"params": norm_biases, "factor": recipe.norm_bias_factor, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        return _uncompiled(torch.optim.SGD)(
            groups,
            lr=recipe.learning_rate,
            momentum=recipe.betas[0],
            nesterov=True,
            weight_decay=recipe.weight_decay,
        )
    kind = _uncompiled(torch.optim.AdamW if recipe.weight_decay else torch.optim.Adam)
    return kind(groups, lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay)


@cache
def _uncompiled(kind: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """`kind` without torch's marks for its compiler, which some methods import when they are first called:
    1.3 to 1.7 s, a fifth of a training of `fast`. Nothing here compiles, and the sums are the same."""
    marked = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    plain = {name: inspect.unwrap(getattr(kind, name)) for name in marked}
    return type(kind.__name__, (kind,), {**plain, "step": torch.no_grad()(inspect.unwrap(kind.step))})


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of step `step` (from 0) of `steps`: constant, or one cycle: a linear rise over the share
    `warm_up` of the training to the peak, then down to zero along a line or half a cosine."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    position = (step + 1) / (steps + 1)
    if position < recipe.warm_up:
        return recipe.learning_rate * position / recipe.warm_up
    rest = (1 - position) / (1 - recipe.warm_up)
    return recipe.learning_rate * (
        rest if recipe.schedule == "linear" else (1 - math.cos(math.pi * rest)) / 2
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
