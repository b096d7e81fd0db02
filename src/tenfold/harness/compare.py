"""Is A better than B? Two models by their answers to the same images, two recipes by their cross-validations.

    compare_answers(Side("a", labels, probabilities), Side("b", ...), on="mnist")["sentence"]
    compare_crossvals(Crossval.load(...), Crossval.load(...))

Two models are judged by McNemar's exact test: what is said holds for these two and for images like these. Two
recipes are judged by the corrected resampled t-test over folds and repeats, so that it holds for trainings
like these. Differences are A's accuracy minus B's, fractions of 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.errors import RunError
from tenfold.harness.estimates.crossval_record import WORDS, Crossval
from tenfold.harness.estimates.statistics import (
    LEVEL,
    cohen_g,
    discordant,
    images_needed,
    images_needed_resampled,
    least_spread,
    mcnemar,
    paired_interval,
    resampled_t,
    small,
)

SAME_FOLDS = ("data", "folds", "by", "repeats", "seed")
FEW_TRAININGS = 5  # with fewer, t has such tails that trainings are missing, and not images


@dataclass(frozen=True)
class Side:
    """A model's name, the labels [n] of the images it was shown, its probabilities [n, 10], and which images
    those are, as `Answers.shown` says it; "" where both sides were shown one set."""

    name: str
    labels: NDArray[Any]
    probabilities: NDArray[Any]
    shown: str = ""

    @property
    def correct(self) -> NDArray[np.bool_]:
        return np.asarray(self.probabilities.argmax(1) == self.labels)


def compare_answers(a: Side, b: Side, on: str) -> dict[str, Any]:
    """Plain numbers: `only_a`, `only_b`, `p` (McNemar), `difference` with its `interval`, `effect`
    (Cohen's g), `images_needed` or None, `verdict` (better, worse or undecided) and a `sentence`.

    Raises RunError where the two were not shown the same images.
    """
    if a.shown != b.shown or not np.array_equal(a.labels, b.labels):
        raise RunError(
            f"'{a.name}' and '{b.name}' did not read the same images; name a set for both with --on."
        )
    found = _paired(a.correct, b.correct)
    needed = images_needed(found["only_a"], found["only_b"], found["count"])
    return {
        "a": a.name,
        "b": b.name,
        "on": on,
        **found,
        "images_needed": needed,
        **_verdict(a.name, b.name, found, f"these {found['count']:,} images", _images(needed)),
    }


def compare_crossvals(a: Crossval, b: Crossval, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Plain numbers as of `compare_answers`, where `p`, `difference` and `interval` are of the trainings and
    `effect` is Cohen's d over them; under `out_of_fold` those of the first repeat's answers, by McNemar.
    With fewer than FEW_TRAININGS more of them are needed, and no `images_needed` are told. The two are called
    by their `names` (None: those of the folders).

    Raises RunError where the two are not finished, or of different images or folds.
    """
    first, second = names or [found.folder.resolve().name for found in (a, b)]
    one, other = a.out_of_fold(), b.out_of_fold()
    unlike = [WORDS.get(key, key) for key in SAME_FOLDS if a.record[key] != b.record[key]]
    if unlike or not np.array_equal(one.folds, other.folds) or not np.array_equal(one.labels, other.labels):
        what = " and ".join(unlike) or "folds"
        raise RunError(
            f"'{first}' and '{second}' differ in {what}, so their folds cannot be paired; "
            "cross-validate both recipes with the same options."
        )
    folds, repeats = a.record["folds"], a.record["repeats"]
    count = a.record["count"]
    differences = [
        float(one.correct[r, one.folds[r] == k].mean() - other.correct[r, other.folds[r] == k].mean())
        for r in range(repeats)
        for k in range(folds)
    ]
    test = resampled_t(differences, 1 / (folds - 1), least=least_spread(differences, count / folds))
    enough = len(differences) >= FEW_TRAININGS
    needed = images_needed_resampled(test, count) if enough else None
    more = _images(needed) if enough else "more trainings, by --folds or --repeats"
    found = {
        "count": count,
        "trainings": len(differences),
        "accuracy": {"a": float(one.correct.mean()), "b": float(other.correct.mean())},
        "difference": test.mean,
        "interval": [test.low, test.high],
        "p": test.p,
        "effect": test.effect if np.isfinite(test.effect) else None,
    }
    return {
        "a": first,
        "b": second,
        "on": next(iter(a.record["data"])),
        **found,
        "differences": differences,
        "out_of_fold": _paired(one.correct[0], other.correct[0]),
        "images_needed": needed,
        **_verdict(first, second, found, f"{len(differences)} trainings on {count:,} images", more),
    }


def _paired(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> dict[str, Any]:
    only_a, only_b = discordant(a, b)
    spread = paired_interval(only_a, only_b, len(a))
    return {
        "count": len(a),
        "accuracy": {"a": float(a.mean()), "b": float(b.mean())},
        "errors": {"a": int((~a).sum()), "b": int((~b).sum())},
        "only_a": only_a,
        "only_b": only_b,
        "difference": spread.difference,
        "interval": [spread.low, spread.high],
        "p": mcnemar(only_a, only_b),
        "effect": cohen_g(only_a, only_b),
    }


def _verdict(a: str, b: str, found: dict[str, Any], evidence: str, more: str) -> dict[str, str]:
    """`verdict` and `sentence`; `more` is what it would take to tell the two apart."""
    difference, p = found["difference"], found["p"]
    points = f"{100 * abs(difference):.2f} points"
    if p < 1 - LEVEL:
        word, more = ("better", "more") if difference > 0 else ("worse", "less")
        low, high = sorted(abs(100 * bound) if difference * bound > 0 else 0.0 for bound in found["interval"])
        return {
            "verdict": word,
            "sentence": f"'{a}' is {word} than '{b}': {points} {more} accurate (95 % interval {low:.2f} to "
            f"{high:.2f}, p = {small(p)}), by {evidence}.",
        }
    advice = f"the difference of {points} may be chance (p = {small(p)}), and to tell it would take {more}"
    if difference == 0:
        advice = "no difference was seen at all"
    return {
        "verdict": "undecided",
        "sentence": f"It cannot be told by {evidence} whether '{a}' or '{b}' is better: {advice}.",
    }


def _images(needed: int | None) -> str:
    return "" if needed is None else f"about {rounded(needed):,} images"


def rounded(count: int) -> int:
    """Two digits: more would claim to be known."""
    return round(count, 2 - len(str(count)))
