"""The tests and intervals, held against scipy, exact enumeration and simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from tenfold.errors import ShapeError
from tenfold.harness.estimates.statistics import (
    cohen_g,
    discordant,
    holm,
    images_needed,
    images_needed_resampled,
    mcnemar,
    paired_interval,
    resampled_t,
    small,
    trainings_needed,
)


def test_discordant_counts_what_one_model_alone_reads_rightly() -> None:
    a = np.array([True, True, True, False, False, True])
    b = np.array([True, False, False, True, False, True])
    assert discordant(a, b) == (2, 1)


@pytest.mark.parametrize(
    ("a", "b"), [([True], [True, False]), ([], []), ([1, 0], [0, 1]), ([[True]], [[False]])]
)
def test_discordant_refuses_what_is_no_pair_of_answers(a: list[bool], b: list[bool]) -> None:
    with pytest.raises(ShapeError):
        discordant(a, b)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 83, 400, 2000])
def test_mcnemar_is_the_exact_binomial_test(n: int) -> None:
    for only_a in sorted({0, n // 3, n // 2, n - n // 5, n}):
        expected = stats.binomtest(only_a, n).pvalue if n else 1.0
        assert mcnemar(only_a, n - only_a) == pytest.approx(expected, rel=1e-9)
        assert mcnemar(only_a, n - only_a) == mcnemar(n - only_a, only_a)


def test_mcnemar_agrees_with_statsmodels_where_that_is_there() -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    assert mcnemar(12, 30) == pytest.approx(tables.mcnemar([[900, 12], [30, 58]], exact=True).pvalue)


def test_mcnemar_keeps_a_tail_that_floats_would_lose() -> None:
    assert mcnemar(0, 1000) == 2 / 2**1000
    assert mcnemar(0, 5000) == 0.0  # below the smallest float, and no error


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(ShapeError):
        mcnemar(-1, 3)


@pytest.mark.parametrize(("only_a", "only_b", "g"), [(0, 0, 0), (10, 0, 0.5), (0, 10, -0.5), (60, 40, 0.1)])
def test_cohen_g(only_a: int, only_b: int, g: float) -> None:
    assert cohen_g(only_a, only_b) == pytest.approx(g)


@pytest.mark.parametrize(("n", "better", "worse"), [(20, 0.02, 0.01), (100, 0.02, 0.01), (1000, 0.01, 0.02)])
def test_the_interval_holds_what_it_says(n: int, better: float, worse: float) -> None:
    """Two models whose true shares are known, on many samples of images: exactly, by all outcomes at once."""
    covered = 0.0
    most = stats.binom(n, better + worse).ppf(1 - 1e-6)
    for unlike in range(int(most) + 1):
        chance = stats.binom.pmf(unlike, n, better + worse)
        for only_a in range(unlike + 1):
            found = paired_interval(only_a, unlike - only_a, n)
            if found.low <= better - worse <= found.high:
                covered += chance * stats.binom.pmf(only_a, unlike, better / (better + worse))
    assert covered >= 0.94


@pytest.mark.parametrize("n", [60, 600, 10_000])
def test_the_interval_and_the_test_say_the_same(n: int) -> None:
    for only_a in range(30):
        for only_b in range(30):
            found = paired_interval(only_a, only_b, n)
            assert found.difference == (only_a - only_b) / n
            assert found.low <= found.difference <= found.high
            seen = found.low > 0 or found.high < 0
            assert seen == (mcnemar(only_a, only_b) < 0.05)
            strict = paired_interval(only_a, only_b, n, level=0.999)
            if mcnemar(only_a, only_b) < 0.001:
                assert not strict.low < 0 < strict.high
            else:
                assert strict.low <= 0 <= strict.high
    nothing = paired_interval(0, 0, n)
    assert nothing.low == -nothing.high < 0


def test_the_interval_is_the_mirror_image_for_the_models_exchanged() -> None:
    one, other = paired_interval(30, 10, 1000), paired_interval(10, 30, 1000)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


@pytest.mark.parametrize(("only_a", "only_b", "n"), [(-1, 0, 10), (6, 5, 10), (0, 0, 0)])
def test_counts_that_do_not_fit_the_images_are_refused(only_a: int, only_b: int, n: int) -> None:
    with pytest.raises(ShapeError):
        paired_interval(only_a, only_b, n)
    with pytest.raises(ShapeError):
        images_needed(only_a, only_b, n)


def test_with_the_images_that_are_needed_the_difference_is_seen_four_times_in_five() -> None:
    """The oracle is the exact power of the exact test, which is a little below that of the formula."""
    needed = images_needed(20, 8, 1000)
    assert needed is not None
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(needed, [0.020, 0.008, 0.972], size=4000)
    seen = np.mean([mcnemar(int(a), int(b)) < 0.05 for a, b, _ in drawn])
    assert 0.74 <= seen <= 0.84


def test_more_images_are_needed_for_less_and_none_would_do_for_nothing() -> None:
    assert images_needed(5, 5, 1000) is None
    few, many, more = (images_needed(20, b, 1000) for b in (5, 10, 15))
    assert few is not None
    assert many is not None
    assert more is not None
    assert few < many < more
    assert images_needed(20, 5, 1000) == images_needed(5, 20, 1000)
    assert images_needed(20, 10, 1000) == pytest.approx(10 * (images_needed(20, 10, 100) or 0), rel=0.1)


@pytest.mark.parametrize("count", [2, 5, 10, 50])
@pytest.mark.parametrize("test_share", [0.0, 1 / 9, 1 / 4, 1.0])
def test_resampled_t_is_students_with_the_corrected_error(count: int, test_share: float) -> None:
    values = np.random.default_rng(count).normal(0.002, 0.004, count)
    error = math.sqrt((1 / count + test_share) * values.var(ddof=1))
    t = values.mean() / error
    found = resampled_t(values, test_share)
    low, high = stats.t.interval(0.95, count - 1, values.mean(), error)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(t), count - 1))
    assert found.effect == pytest.approx(values.mean() / values.std(ddof=1))
    if test_share == 0:
        assert found.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


def test_a_p_value_is_never_below_nothing() -> None:
    found = [resampled_t(mean + np.arange(50.0), 0.25).p for mean in np.linspace(200, 600, 4_000)]
    assert min(found) == 0
    assert [small(p) for p in (0.0, 9.9e-5, 1e-4, 0.0123)] == [*["less than 0.0001"] * 2, "0.0001", "0.012"]


def test_resampled_t_of_trainings_that_do_not_vary() -> None:
    assert resampled_t([0.0, 0.0, 0.0], 0.25)[:5] == (0, 0, 0, 0, 1)
    assert resampled_t([0.5, 0.5], 0.25).p == 0


@pytest.mark.parametrize(
    ("values", "test_share"), [([1.0], 0.25), ([1.0, math.nan], 0.25), ([1.0, 2.0], -1), ([], 0.1)]
)
def test_resampled_t_refuses_what_has_no_spread(values: list[float], test_share: float) -> None:
    with pytest.raises(ShapeError):
        resampled_t(values, test_share)


def test_images_needed_of_a_cross_validation() -> None:
    unseen = resampled_t([0.001, 0.004, -0.002, 0.003, 0.0], 0.25)
    assert unseen.p > 0.05
    assert (images_needed_resampled(unseen, 60_000) or 0) > 60_000
    seen = resampled_t([0.0101, 0.0104, 0.0098, 0.0103, 0.01], 0.25)
    assert seen.p < 0.001
    assert (images_needed_resampled(seen, 60_000) or 60_000) < 60_000
    assert images_needed_resampled(resampled_t([-1.0, 1.0], 0.25), 60_000) is None


def test_a_spread_that_is_too_small_is_not_believed() -> None:
    by_chance = resampled_t([0.0006, 0.0006], 1 / 11, least=0.0004)
    assert by_chance.p > 0.1
    assert by_chance.low < 0 < by_chance.high
    wide = [0.001, 0.003, -0.002]
    assert resampled_t(wide, 1 / 11, least=1e-9) == resampled_t(wide, 1 / 11)


@pytest.mark.parametrize(("mean", "deviation"), [(0.002, 0.001), (0.001, 0.001), (0.0009, 0.001)])
def test_that_many_trainings_would_see_it(mean: float, deviation: float) -> None:
    share, count = 1 / 11, 5
    shape = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    found = resampled_t(mean + shape / shape.std(ddof=1) * deviation, share)
    needed = trainings_needed(found, share)
    assert needed is not None

    def power(n: int) -> float:
        """Of the two-sided test, by the noncentral t."""
        shift = mean / (deviation * math.sqrt(1 / n + share))
        return float(1 - stats.nct.cdf(stats.t.ppf(0.975, n - 1), n - 1, shift))

    assert power(needed) == pytest.approx(0.8, abs=0.08)
    assert power(needed - 1) < power(needed)
    assert needed > count or found.p < 0.05


def test_where_trainings_share_their_images_no_number_may_do() -> None:
    found = resampled_t([0.0005, -0.001, 0.0012, -0.0004, 0.0006], 1 / 11)
    assert trainings_needed(found, 1 / 11) is None
    assert trainings_needed(resampled_t([0.0, 0.0, 0.0], 1 / 11), 1 / 11) is None


def test_holm_is_the_smallest_level_at_which_the_step_down_procedure_rejects() -> None:
    def rejected(p_values: list[float], level: float) -> set[int]:
        order = sorted(range(len(p_values)), key=lambda place: p_values[place])
        found: set[int] = set()
        for rank, place in enumerate(order):
            if p_values[place] > level / (len(p_values) - rank):
                break
            found.add(place)
        return found

    draws = np.random.default_rng(0)
    for count in (1, 2, 3, 7):
        p_values = draws.uniform(size=count).tolist()
        adjusted = holm(p_values)
        for level in np.linspace(0.005, 0.995, 100):
            assert {i for i, p in enumerate(adjusted) if p <= level} == rejected(p_values, level)
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
