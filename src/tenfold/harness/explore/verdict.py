"""What an ablation says of each change: better, worse, cannot be told; and how many seeds it would take.

    verdicts(base, {"shift=2": changed}, test_share=1 / 11)      one plain dictionary a change

Differences are in accuracy, changed minus unchanged, fractions of 1. `p` is corrected by Holm's method, since
of many changes one looks good by chance, and `interval` is widened with it: it leaves out 0 where `p` is
below 0.05, and nowhere else.
"""

import math
from collections.abc import Mapping
from typing import Any

from tenfold.harness.estimates.statistics import (
    LEVEL,
    MOST_TRAININGS,
    Resampled,
    adjusted_level,
    holm,
    least_spread,
    resampled_t,
    small,
    trainings_needed,
)
from tenfold.harness.explore.trainings import Measured

WORDS = {"better": "better", "worse": "worse", "undecided": "cannot be told"}  # of a verdict, for people

Trainings = Mapping[int, Measured]  # by seed


def verdicts(base: Trainings, changes: Mapping[str, Trainings], test_share: float) -> list[dict[str, Any]]:
    """One for each change, in order; `base` and all changes have the same seeds, at least two.

    A change that diverged with any seed is worse, whatever the others say, and is no part of the correction.
    """
    sound = {label: made for label, made in changes.items() if not _diverged(made)}
    alone = {label: _test(base, made, test_share, LEVEL).p for label, made in sound.items()}
    corrected = dict(zip(alone, holm(list(alone.values())), strict=True))
    found = []
    for label, made in changes.items():
        if label in sound:
            p = corrected[label]
            level = adjusted_level(alone[label], p, len(sound))
            test = _test(base, made, test_share, level)
            needed = trainings_needed(test, test_share, level=level)
            judged = _judged(label, test, p, needed, len(base))
        else:
            judged = _lost(label, _diverged(made), len(base))
        found.append({"label": label, **_measures(base, made), **judged})
    return found


def _test(base: Trainings, made: Trainings, test_share: float, level: float) -> Resampled:
    differences = [base[seed].error - made[seed].error for seed in base]
    least = least_spread(differences, next(iter(base.values())).held_out)
    return resampled_t(differences, test_share, level=level, least=least)


def _measures(base: Trainings, made: Trainings) -> dict[str, Any]:
    seconds = math.fsum(one.seconds for one in made.values())
    return {
        "error": math.fsum(one.error for one in made.values()) / len(made),
        "differences": [base[seed].error - made[seed].error for seed in base],
        "seconds": seconds / len(made),
        "time": seconds / max(math.fsum(one.seconds for one in base.values()), 1e-9),
        "diverged": _diverged(made),
    }


def _diverged(made: Trainings) -> list[int]:
    return [seed for seed, one in made.items() if one.errors is None]


def _judged(label: str, test: Resampled, p: float, needed: int | None, seeds: int) -> dict[str, Any]:
    seen = abs(test.mean) >= 5e-5
    points = f"{100 * abs(test.mean):.2f} points" if seen else "less than 0.01 points"
    if p < 1 - LEVEL:
        verdict, more = ("better", "more") if test.mean > 0 else ("worse", "less")
        sentence = f"'{label}' is {verdict}: {points} {more} accurate (p = {small(p)})."
    else:
        verdict = "undecided"
        if test.mean == 0:
            advice = "no difference was seen at all."
        elif needed is None:
            advice = f"for a difference of {points} not even {MOST_TRAININGS} would do."
        elif needed <= seeds:
            advice = f"the difference of {points} may be chance (p = {small(p)}); a few more seeds may tell."
        else:
            advice = f"for a difference of {points} about {needed} seeds would be needed."
        sentence = f"Whether '{label}' is better cannot be told from {seeds} seeds: {advice}"
    return {
        "difference": test.mean,
        "interval": [test.low, test.high],
        "p": p,
        "verdict": verdict,
        "seeds_needed": needed if verdict == "undecided" else None,
        "sentence": sentence,
    }


def _lost(label: str, seeds: list[int], count: int) -> dict[str, Any]:
    return {
        "difference": None,
        "interval": None,
        "p": None,
        "verdict": "worse",
        "seeds_needed": None,
        "sentence": f"'{label}' is worse: its training diverges with {len(seeds)} of {count} seeds.",
    }
