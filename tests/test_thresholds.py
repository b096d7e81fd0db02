"""When an answer is unsure: by too small a probability, or by one that is spread over all digits."""

import numpy as np
import pytest

from tenfold.metrics import softmax
from tenfold.thresholds import fit_thresholds, likeness, unsure

TORN = [0.7, 0.3] + 8 * [0.0]
SPREAD = [0.7] + 9 * [1 / 30]
SURE = [1.0] + 9 * [0.0]


def test_likeness_by_hand() -> None:
    assert likeness([SURE, 10 * [0.1]]) == pytest.approx([1.0, 0.1])
    assert likeness([[0.729, 0.271] + 8 * [0.0]])[0] == pytest.approx(0.9 / (0.9 + 0.271 ** (1 / 3)))


def test_torn_between_two_is_more_like_a_digit_than_spread_over_all() -> None:
    torn, spread = likeness([TORN, SPREAD])
    assert torn > 2 * spread


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ({}, [False, False, False]),
        ({"second look": 0.95}, [False, False, False]),
        ({"confidence": 0.7}, [False, False, False]),
        ({"confidence": 0.8}, [True, True, False]),
        ({"confidence": 0.5, "likeness": 0.4}, [False, True, False]),
        ({"likeness": 1.0}, [True, True, False]),
    ],
)
def test_what_falls_below_a_threshold_is_unsure(thresholds: dict[str, float], expected: list[bool]) -> None:
    assert unsure([TORN, SPREAD, SURE], thresholds).tolist() == expected


def test_float32_at_a_threshold_is_accepted() -> None:
    row = np.array([TORN], np.float32)
    assert not unsure(row, {"confidence": float(row.max())})[0]


@pytest.mark.parametrize("spreads", [False, True])
@pytest.mark.parametrize("share", [0.8, 0.95])
def test_fitted_thresholds_let_the_share_through(spreads: bool, share: float) -> None:
    logits = np.random.default_rng(0).normal(0, 4, (2000, 10))
    probabilities = softmax(logits + 16 * np.eye(10)[np.arange(2000) % 10], 1.0)
    thresholds = fit_thresholds(probabilities, share=share, spreads=spreads)
    assert set(thresholds) == ({"confidence", "likeness"} if spreads else {"confidence"})
    if spreads:
        assert thresholds["confidence"] == 0.6
        share += np.sqrt(share * (1 - share) / 2000)
    assert (~unsure(probabilities, thresholds)).mean() == pytest.approx(share, abs=2e-3)


def test_nothing_given_is_nothing_answered() -> None:
    assert unsure(np.zeros((0, 10)), {"confidence": 0.5, "likeness": 0.3}).shape == (0,)
