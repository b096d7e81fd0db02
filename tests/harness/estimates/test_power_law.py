"""The power law against laws that are known, and against scipy's own least squares."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.optimize import least_squares

from tenfold.errors import ShapeError
from tenfold.harness.estimates.power_law import FEWEST, Law, backtest, fit, foretell

SIZES = [100, 300, 1_000, 3_000, 10_000, 30_000, 55_000]


def loss(law: Sequence[float], errors: Sequence[float]) -> float:
    floor, scale, exponent = law
    said = floor + scale * np.array(SIZES, float) ** -exponent
    return float(((np.log(errors) - np.log(said)) ** 2).sum())


@pytest.mark.parametrize(
    "law", [Law(0.004, 2.0, 0.6), Law(0.0, 0.9, 0.3), Law(0.02, 30.0, 1.1), Law(0.001, 0.7, 0.1)]
)
def test_a_law_without_noise_is_found_again(law: Law) -> None:
    errors = law.at(SIZES)
    found = fit(SIZES, errors.tolist())
    assert found.at(SIZES) == pytest.approx(errors, rel=1e-3)
    assert found.at(110_000) == pytest.approx(law.at(110_000), rel=0.02)
    assert backtest(SIZES, errors.tolist()) == pytest.approx(errors[-1], rel=0.03)


def test_with_noise_no_fit_of_scipy_is_better() -> None:
    rng = np.random.default_rng(0)
    for _ in range(12):
        law = Law(rng.uniform(0, 0.01), rng.uniform(0.5, 3), rng.uniform(0.2, 0.8))
        errors = np.clip(law.at(SIZES) * np.exp(0.1 * rng.standard_normal(len(SIZES))), 1e-4, 0.9).tolist()
        found = fit(SIZES, errors)
        for start in ([1e-3, 1.0, 0.5], [1e-4, 0.3, 0.2], [5e-3, 5.0, 1.0]):

            def rest(logs: np.ndarray, errors: list[float] = errors) -> np.ndarray:
                floor, scale, exponent = np.exp(logs)
                said = floor + scale * np.array(SIZES, float) ** -exponent
                return np.asarray(np.log(errors) - np.log(said))

            theirs = least_squares(rest, np.log(start), bounds=(-30, [5, 10, np.log(3)]))
            assert loss(found, errors) <= 2 * theirs.cost + 1e-5


def test_what_is_foretold_lies_among_the_fits_without_one_size() -> None:
    errors = [0.08, 0.034, 0.017, 0.0086, 0.006, 0.0052, 0.0049]
    said = foretell(SIZES, errors, 110_000)
    assert said is not None
    assert said.images == 110_000
    assert 0 < said.low <= said.error <= said.high < errors[-1] * 1.01
    rest = fit(SIZES[1:], errors[1:]).at(110_000)
    assert said.low <= rest <= said.high
    assert backtest(SIZES, errors) == pytest.approx(float(fit(SIZES[:-1], errors[:-1]).at(55_000)))


def test_few_sizes_foretell_nothing() -> None:
    assert foretell(SIZES[:FEWEST], [0.3, 0.2, 0.1, 0.05], 10_000) is None
    assert backtest(SIZES[:FEWEST], [0.3, 0.2, 0.1, 0.05]) is None


def test_an_error_that_does_not_fall_is_a_floor() -> None:
    found = fit(SIZES, [0.05] * 7)
    assert found.at([100, 10**6]) == pytest.approx([0.05, 0.05], rel=1e-2)


def test_of_a_number_a_law_says_a_float() -> None:
    assert isinstance(Law(0.0, 0.2, 0.5).at(4), float)
    assert Law(0.0, 0.2, 0.5).at([4, 16]).tolist() == [0.1, 0.05]


def test_no_error_is_above_one() -> None:
    assert Law(0.1, 50.0, 0.5).at(1) == 1


@pytest.mark.parametrize(
    ("images", "errors"),
    [
        ([1, 2, 3], [0.3, 0.2, 0.1]),
        ([1, 2, 3, 3], [0.3, 0.2, 0.1, 0.1]),
        ([1, 2, 3, 4], [0.3, 0.2, 0.1]),
        ([1, 2, 3, 4], [0.3, 0.2, 0.1, 0.0]),
        ([1, 2, 3, 4], [1.3, 0.2, 0.1, 0.1]),
        ([0, 2, 3, 4], [0.3, 0.2, 0.1, 0.1]),
        ([1, 2, 3, 4], [0.3, 0.2, 0.1, np.nan]),
    ],
)
def test_other_numbers_are_refused(images: list[int], errors: list[float]) -> None:
    with pytest.raises(ShapeError):
        fit(images, errors)
