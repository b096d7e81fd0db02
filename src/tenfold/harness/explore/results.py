"""What a search found: the best trial, every trial, and which parameters mattered.

    search_results(study.trials(), space)      for explore.json
    named_recipe(base, space, trial, 20)       for recipe.json

Importance is PED-ANOVA's (Watanabe et al. 2023): how far the best third of the trials stands out from all,
one parameter at a time, as a share of 1. It is taken from the trainings on a ninth of the images, which all
trials have in common.
"""

import math
from collections.abc import Sequence
from typing import Any

from tenfold.harness.explore.fields import short_name, show_value, value_of
from tenfold.harness.explore.space import Choice, Space, distributions, recipe_of
from tenfold.harness.explore.study import Trial, silent
from tenfold.harness.explore.trainings import ALL, NINTHS
from tenfold.metrics import wilson
from tenfold.training.recipes import Recipe, replace

ENDING = "-explored"  # of the recipe's name
LONGEST_NAME = 64
FEWEST = 10  # trials from which importance is told


def search_results(trials: Sequence[Trial], space: Space) -> dict[str, Any]:
    """Plain numbers: every trial, the `best` on all images or None, and what mattered."""
    whole = [trial for trial in trials if trial.state == "whole"]
    best = min(whole, key=lambda trial: (*rank(trial, ALL), trial.number), default=None)
    return {
        "best": None if best is None else _on_all(best),
        "unchanged": next((_on_all(one) for one in whole if one.unchanged), None),
        "trials": [
            {
                "trial": trial.number,
                "state": trial.state,
                "parameters": dict(trial.parameters),
                "measured": [{"ninths": ninths, **one.to_dict()} for ninths, one in trial.measured.items()],
            }
            for trial in trials
        ],
        "importance": importance(trials, space),
        "seconds": math.fsum(one.seconds for trial in trials for one in trial.measured.values()),
    }


def named_recipe(base: Recipe, space: Space, trial: Trial, trials: int) -> Recipe:
    """What `trial` set, under a name and with a summary that say where it comes from."""
    made = recipe_of(base, space, trial.parameters)
    if made == base:
        summary = f"'{base.name}' as it is: none of {trials} trials of a search did better"
    else:
        summary = f"'{base.name}' as trial {trial.number} of {trials} of a search set it"
    name = base.name if base.name.endswith(ENDING) else f"{base.name[: LONGEST_NAME - len(ENDING)]}{ENDING}"
    return replace(made, name=name, summary=summary)


def _on_all(trial: Trial) -> dict[str, Any]:
    measured = trial.measured[ALL]
    assert measured.errors is not None
    return {
        "trial": trial.number,
        "parameters": dict(trial.parameters),
        "errors": measured.errors,
        "count": measured.held_out,
        "error": measured.error,
        "interval": list(wilson(measured.errors, measured.held_out)),
        "nll": measured.nll,
        "seconds": measured.seconds,
    }


def rank(trial: Trial, ninths: int) -> tuple[float, float]:
    """Lower is better: the error on the validation images, and where that is equal the NLL there, calibrated
    as a model's is."""
    measured = trial.measured[ninths]
    return measured.error, math.inf if measured.nll is None else measured.nll


def importance(trials: Sequence[Trial], space: Space) -> dict[str, float] | None:
    """Path -> share of 1, the largest first; None of fewer than FEWEST trials."""
    import optuna

    measured = [trial for trial in trials if NINTHS[0] in trial.measured]
    searched = {path: inner for path, inner in space.items() if not _is_fixed(inner)}
    if len(measured) < FEWEST or not searched:
        return None
    kinds = distributions(searched)
    with silent():
        memory = optuna.create_study(direction="minimize")
        for trial in measured:
            parameters = {path: trial.parameters[path] for path in searched}
            error = trial.measured[NINTHS[0]].error
            memory.add_trial(optuna.trial.create_trial(params=parameters, distributions=kinds, value=error))
        judge = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=1 / 3)
        found = optuna.importance.get_param_importances(memory, evaluator=judge)
    return {path: float(share) for path, share in found.items()}


def differences(base: Recipe, parameters: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(field, before, now) of what `parameters` change in `base`, in short and as one types it."""
    rows = []
    for path, value in parameters.items():
        before, now = show_value(value_of(base, path)), show_value(value)
        if before != now:
            rows.append((short_name(path), before, now))
    return rows


def _is_fixed(inner: object) -> bool:
    return isinstance(inner, Choice) and len(inner.values) == 1
