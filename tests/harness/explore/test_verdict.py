"""Verdicts on made-up counts of errors: what is seen, what is not, and what luck alone would give."""

import math

import numpy as np
import pytest

from tenfold.harness.estimates.statistics import holm, resampled_t
from tenfold.harness.explore.trainings import Measured
from tenfold.harness.explore.verdict import verdicts

SHARE = 1 / 11


def trainings(*errors: int | None, seconds: float = 2.0) -> dict[int, Measured]:
    return {
        seed: Measured(55_000, 5_000, wrong, None if wrong is None else 0.1, seconds)
        for seed, wrong in enumerate(errors)
    }


def test_a_change_that_helps_every_seed_is_better_and_one_that_harms_is_worse() -> None:
    base = trainings(50, 54, 47, 52, 49)
    changes = {"good": trainings(20, 26, 18, 21, 22), "bad": trainings(90, 99, 84, 93, 90, seconds=6.0)}
    good, bad = verdicts(base, changes, SHARE)
    assert (good["verdict"], bad["verdict"]) == ("better", "worse")
    assert good["difference"] == pytest.approx((252 - 107) / 25_000)
    assert good["differences"] == pytest.approx([30 / 5000, 28 / 5000, 29 / 5000, 31 / 5000, 27 / 5000])
    assert good["interval"][0] > 0 > bad["interval"][1]
    assert bad["time"] == 3
    assert good["sentence"].startswith("'good' is better: 0.58 points more accurate (p = ")
    assert bad["sentence"].startswith("'bad' is worse: 0.82 points less accurate (p = ")


def test_what_may_be_chance_is_said_to_be_and_how_many_seeds_it_would_take() -> None:
    base = trainings(50, 54, 47, 52, 49)
    found = verdicts(base, {"a": trainings(44, 50, 46, 44, 47), "b": trainings(51, 53, 47, 52, 49)}, SHARE)
    assert [one["verdict"] for one in found] == ["undecided", "undecided"]
    assert found[0]["seeds_needed"] > 5
    assert f"about {found[0]['seeds_needed']} seeds would be needed" in found[0]["sentence"]
    assert found[1]["seeds_needed"] is None
    assert "no difference was seen at all" in found[1]["sentence"]


def test_two_seeds_that_agree_by_chance_prove_nothing() -> None:
    (found,) = verdicts(trainings(50, 51), {"a": trainings(47, 48)}, SHARE)
    assert found["verdict"] == "undecided"
    assert found["interval"][0] < 0 < found["interval"][1]


def test_a_change_that_diverges_is_worse_and_stays_out_of_the_correction() -> None:
    base, good = trainings(50, 54, 47), trainings(20, 26, 18)
    alone = verdicts(base, {"good": good}, SHARE)
    both = verdicts(base, {"lost": trainings(40, None, None), "good": good}, SHARE)
    assert both[1] == alone[0]
    assert (both[0]["verdict"], both[0]["diverged"], both[0]["p"]) == ("worse", [1, 2], None)
    assert "diverges with 2 of 3 seeds" in both[0]["sentence"]


def test_p_is_holms_over_the_corrected_t_and_the_interval_goes_with_it() -> None:
    draws = np.random.default_rng(3)
    for _ in range(15):
        base = trainings(*draws.integers(40, 60, 6).tolist())
        changes = {
            f"{k}": trainings(*(draws.integers(30, 60, 6) + shift).tolist())
            for k, shift in enumerate((-12, -8, -4, 0))
        }
        found = verdicts(base, changes, SHARE)
        plain = []
        for made in changes.values():
            values = [base[seed].error - made[seed].error for seed in base]
            least = math.sqrt(abs(np.mean(values)) * 5000) / 5000
            plain.append(resampled_t(values, SHARE, least=least).p)
        assert [one["p"] for one in found] == pytest.approx(holm(plain))
        for one in found:
            low, high = one["interval"]
            assert (one["p"] < 0.05) == (one["verdict"] != "undecided") == (low > 0 or high < 0)


def test_of_changes_that_change_nothing_few_are_called_better_or_worse() -> None:
    """What the correction promises: a false alarm in at most one ablation of twenty."""
    draws = np.random.default_rng(0)
    alarms = 0
    for _ in range(40):
        made = [trainings(*draws.binomial(5000, 0.01, 5).tolist()) for _ in range(5)]
        found = verdicts(made[0], {str(k): one for k, one in enumerate(made[1:])}, SHARE)
        alarms += any(one["verdict"] != "undecided" for one in found)
    assert alarms <= 0.05 * 40
