"""The figures against scipy, scikit-learn and slow plain loops, and the properties that hold for all data."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics as oracle

from tenfold import metrics
from tenfold.errors import ShapeError

QUICK = settings(max_examples=40, deadline=None, derandomize=True)


def sample(
    n: int = 500, seed: int = 0, sharpness: float = 3.0
) -> tuple[metrics.Floats, metrics.Floats, metrics.Ints]:
    """Logits [n, 10], their probabilities and labels of which most are the largest logit."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 10)) * sharpness
    labels = np.array([rng.choice(10, p=row) for row in metrics.softmax(logits)])
    return logits, metrics.softmax(logits), labels


# --- intervals ---------------------------------------------------------------------------------------------


@QUICK
@given(st.integers(1, 20_000), st.data())
def test_wilson_is_scipys_and_mirrors_errors(n: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, n))
    low, high = metrics.wilson(count, n)
    expected = stats.binomtest(count, n).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= count / n <= high <= 1
    assert metrics.wilson(n - count, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("count", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(count: int, n: int) -> None:
    with pytest.raises(ShapeError):
        metrics.wilson(count, n)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 29, 100, 101, 999])
@pytest.mark.parametrize("probability", [0.51, 0.6, 0.9, 0.95, 0.975, 0.995, 0.9999])
def test_t_quantile_is_scipys(freedom: int, probability: float) -> None:
    assert metrics.t_quantile(probability, freedom) == pytest.approx(
        stats.t.ppf(probability, freedom), rel=1e-9
    )


@pytest.mark.parametrize("freedom", [1, 2, 3, 8, 41])
@pytest.mark.parametrize("t", [0.0, 0.3, -2.0, 12.0])
def test_t_central_is_scipys(freedom: int, t: float) -> None:
    expected = 1 - 2 * stats.t.sf(abs(t), freedom)
    assert metrics.t_central(t, freedom) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("probability", "freedom"), [(0.5, 3), (1.0, 3), (0.975, 0)])
def test_t_quantile_refuses(probability: float, freedom: int) -> None:
    with pytest.raises(ShapeError):
        metrics.t_quantile(probability, freedom)


@QUICK
@given(st.lists(st.floats(0.9, 1.0), min_size=2, max_size=12))
def test_t_interval_is_scipys(values: list[float]) -> None:
    mean, low, high = metrics.t_interval(values)
    if len(set(values)) == 1:
        assert (mean, low, high) == pytest.approx((values[0], math.nan, math.nan), nan_ok=True)
        return
    error = np.std(values, ddof=1) / math.sqrt(len(values))
    half = stats.t.ppf(0.975, len(values) - 1) * error
    assert (mean, low, high) == pytest.approx((np.mean(values), mean - half, mean + half), abs=1e-9)


def test_t_interval_of_one_seed_has_no_bounds_and_of_none_is_refused() -> None:
    only = metrics.t_interval([0.99])
    assert only.mean == 0.99
    assert math.isnan(only.low)
    assert math.isnan(only.high)
    with pytest.raises(ShapeError):
        metrics.t_interval([])


# --- right and wrong ---------------------------------------------------------------------------------------


def test_accuracy_confusion_precision_and_recall_are_scikit_learns() -> None:
    _, probabilities, labels = sample(sharpness=1.0)
    predicted = probabilities.argmax(1)
    assert metrics.accuracy(predicted, labels) == oracle.accuracy_score(labels, predicted)
    table = metrics.confusion(predicted, labels)
    assert table.dtype == np.int64
    np.testing.assert_array_equal(table, oracle.confusion_matrix(labels, predicted, labels=range(10)))
    precision, recall = metrics.precision_recall(table)
    expected = oracle.precision_recall_fscore_support(labels, predicted, labels=range(10))
    np.testing.assert_allclose(precision, expected[0])
    np.testing.assert_allclose(recall, expected[1])


def test_a_class_that_is_absent_or_never_predicted_has_no_figure() -> None:
    precision, recall = metrics.precision_recall(metrics.confusion([0, 0], [0, 1], classes=3))
    np.testing.assert_array_equal(precision, [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(recall, [1.0, 0.0, np.nan])


@pytest.mark.parametrize(("predicted", "labels"), [([0, 1], [0]), ([0, 10], [0, 1]), ([0, 1], [-1, 1])])
def test_confusion_refuses(predicted: list[int], labels: list[int]) -> None:
    with pytest.raises(ShapeError):
        metrics.confusion(predicted, labels)


def test_accuracy_refuses_nothing_and_unequal_lengths() -> None:
    for predicted, labels in (([], []), ([1], [1, 2])):
        with pytest.raises(ShapeError):
            metrics.accuracy(predicted, labels)


# --- calibration -------------------------------------------------------------------------------------------


def test_softmax_is_scipys_at_any_size_and_temperature() -> None:
    from scipy.special import softmax

    logits = np.array([[1e4, 0, -1e4], [1, 2, 3]])
    np.testing.assert_allclose(metrics.softmax(logits), softmax(logits, axis=1))
    np.testing.assert_allclose(metrics.softmax(logits, 7.5), softmax(logits / 7.5, axis=1))


def test_nll_and_brier_are_scikit_learns() -> None:
    _, probabilities, labels = sample()
    expected = oracle.log_loss(labels, probabilities, labels=range(10))
    assert metrics.nll(probabilities, labels) == pytest.approx(expected)
    one_hot = np.eye(10)[labels]
    assert metrics.brier(probabilities, labels) == pytest.approx(
        ((probabilities - one_hot) ** 2).sum(1).mean()
    )
    # Of two classes the multi-class score is twice scikit-learn's.
    two = probabilities[:, :2] / probabilities[:, :2].sum(1, keepdims=True)
    answers = labels % 2
    expected = 2 * oracle.brier_score_loss(answers, two[:, 1])
    assert metrics.brier(two, answers) == pytest.approx(expected)


def test_nll_of_an_impossible_label_is_large_and_finite() -> None:
    assert metrics.nll([[1.0, 0.0]], [1]) == pytest.approx(87.34, abs=0.01)


def test_reliability_and_ece_are_a_plain_loops() -> None:
    _, probabilities, labels = sample(2_000)
    bins = metrics.reliability(probabilities, labels)
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    total = 0.0
    for i in range(15):
        inside = (confidence > i / 15) & (confidence <= (i + 1) / 15)
        assert bins.count[i] == inside.sum()
        if inside.any():
            assert bins.confidence[i] == pytest.approx(confidence[inside].mean())
            assert bins.accuracy[i] == pytest.approx(correct[inside].mean())
            total += abs(confidence[inside].mean() - correct[inside].mean()) * inside.sum() / 2_000
        else:
            assert math.isnan(bins.accuracy[i])
    assert metrics.ece(probabilities, labels) == pytest.approx(total)
    assert bins.ece == pytest.approx(total)


def test_confidences_at_the_ends_fall_into_the_end_bins() -> None:
    bins = metrics.reliability([[1.0, 0.0], [0.5, 0.5]], [0, 0], bins=2)
    assert bins.count.tolist() == [1, 1]


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.0, 5.0])
def test_temperature_is_found_again_and_is_scipys_minimum(truth: float) -> None:
    logits, _, labels = sample(4_000, seed=3)
    found = metrics.fit_temperature(logits * truth, labels)
    assert found == pytest.approx(truth, rel=0.06)

    def loss(log_temperature: float) -> float:
        return metrics.nll(metrics.softmax(logits * truth, math.exp(log_temperature)), labels)

    best = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-8})
    assert found == pytest.approx(math.exp(best.x), rel=1e-4)


@QUICK
@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_the_fitted_temperature_never_makes_nll_worse(seed: int, sharpness: float) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(30, 10)) * sharpness, rng.integers(0, 10, 30)
    temperature = metrics.fit_temperature(logits, labels)
    low, high = metrics.TEMPERATURE_RANGE
    assert low <= temperature <= high
    before, after = (metrics.nll(metrics.softmax(logits, t), labels) for t in (1.0, temperature))
    assert after <= before + 1e-9


@pytest.mark.parametrize(("wrong", "fitted"), [(0, False), (4, False), (5, True)])
def test_a_temperature_is_fitted_from_five_errors_on(wrong: int, fitted: bool) -> None:
    labels = np.tile(np.arange(10), 6)
    logits = np.eye(10)[labels] * 9
    logits[:wrong] = np.roll(logits[:wrong], 1, axis=1)
    assert (metrics.fit_temperature(logits, labels) != 1) == fitted


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        (np.zeros((0, 10)), np.zeros(0, int)),
        (np.zeros((2, 10)), np.zeros(3, int)),
        (np.zeros(10), np.zeros(10, int)),
        (np.full((2, 10), np.nan), np.zeros(2, int)),
        (np.zeros((2, 10)), np.array([0, 10])),
        (np.zeros((2, 10)), np.array([0.0, 1.0])),
    ],
)
def test_unfit_arrays_are_refused(scores: metrics.Floats, labels: metrics.Ints) -> None:
    for figure in (metrics.nll, metrics.brier, metrics.ece, metrics.fit_temperature):
        with pytest.raises(ShapeError):
            figure(scores, labels)
    with pytest.raises(ShapeError):
        metrics.summary(scores, labels, on="x")


# --- refusing the unsure -----------------------------------------------------------------------------------

levels = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40)


@QUICK
@given(levels)
def test_risk_and_coverage_are_a_plain_loops(pairs: list[tuple[int, bool]]) -> None:
    confidence = np.array([level / 6 for level, _ in pairs])
    correct = np.array([right for _, right in pairs])
    curve = metrics.risk_coverage(confidence, correct)
    for threshold in set(confidence.tolist()):  # where no tie is cut, the risk is that of those accepted
        accepted = confidence >= threshold
        k = int(accepted.sum())
        assert curve.coverage[k - 1] == pytest.approx(k / len(pairs))
        assert curve.risk[k - 1] == pytest.approx((~correct[accepted]).mean())
    order = np.random.default_rng(0).permutation(len(pairs))
    assert metrics.risk_coverage(confidence[order], correct[order]).area == pytest.approx(curve.area)


def test_area_is_the_mean_over_orders_of_a_tie() -> None:
    # One error among two equal confidences: first or second, risks (1, 1/2) or (0, 1/2).
    assert metrics.risk_coverage([0.5, 0.5], [True, False]).area == pytest.approx((0.75 + 0.25) / 2)


@QUICK
@given(levels, st.sampled_from([0.0, 0.05, 0.29, 0.5, 1.0]))
def test_the_threshold_is_the_lowest_that_keeps_the_error(
    pairs: list[tuple[int, bool]], error: float
) -> None:
    confidence = np.array([level / 6 for level, _ in pairs])
    correct = np.array([right for _, right in pairs])
    threshold = metrics.threshold_for(confidence, correct, error=error)
    fit = [t for t in set(confidence.tolist()) if (~correct[confidence >= t]).mean() <= error]
    if fit:
        assert threshold == min(fit)
    else:
        assert not (confidence >= threshold).any()


def test_the_threshold_for_a_share_accepts_it_and_no_more_than_ties() -> None:
    confidence = np.array([0.9, 0.8, 0.8, 0.1])
    for share, expected in ((0.25, 0.9), (0.5, 0.8), (0.75, 0.8), (0.76, 0.1), (1.0, 0.1)):
        assert metrics.threshold_accepting(confidence, share=share) == expected
    for share in (0.0, 1.1):
        with pytest.raises(ShapeError):
            metrics.threshold_accepting(confidence, share=share)
    with pytest.raises(ShapeError):
        metrics.risk_coverage([], [])


# --- the record --------------------------------------------------------------------------------------------


def test_the_summary_is_of_plain_numbers_that_belong_together() -> None:
    import json

    _, probabilities, labels = sample()
    record = metrics.summary(probabilities.astype(np.float32), labels.astype(np.uint8), on="mnist")
    assert list(record) == ["on", "accuracy", "errors", "count", "interval", "nll", "ece"]
    assert json.loads(json.dumps(record)) == record
    assert record["on"] == "mnist"
    assert record["count"] == 500
    assert record["errors"] == (probabilities.argmax(1) != labels).sum()
    assert record["accuracy"] == 1 - record["errors"] / 500
    assert record["interval"] == list(metrics.wilson(500 - record["errors"], 500))
    assert record["nll"] == pytest.approx(metrics.nll(probabilities, labels), rel=1e-5)
    assert record["ece"] == pytest.approx(metrics.ece(probabilities, labels), rel=1e-5)
