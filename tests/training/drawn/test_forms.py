"""Letters and digits drawn by stroke: every form is sound, and a curve passes through its points."""

import numpy as np
import pytest

from tenfold.training.drawn.forms import curve, draw
from tenfold.training.drawn.hands import DIGITS, FURTHER
from tenfold.training.drawn.letters import FORMS
from tenfold.training.drawn.world import CANVAS

ALL = [form for forms in (*FORMS.values(), *DIGITS, *FURTHER) for form in forms]


@pytest.mark.parametrize("form", ALL)
def test_every_form_lies_on_the_grid(form: str) -> None:
    for stroke in form.split(","):
        points = stroke.removeprefix("~")
        assert len(points) % 2 == 0
        assert len(points) >= 4
        assert set(points) <= set("012345678")


def test_points_wander_as_they_are_told_to() -> None:
    step = np.diag([6.0, 6.0])
    still = [draw("0088", np.random.default_rng(seed), step, pen=3, wander=0) for seed in range(2)]
    moved = [draw("0088", np.random.default_rng(seed), step, pen=3, wander=0.4) for seed in range(2)]
    assert np.array_equal(still[0], still[1])
    assert not np.array_equal(moved[0], moved[1])
    y, x = np.nonzero(still[0] > 0.5)
    assert np.abs(y - x).max() <= 3  # from corner to corner
    assert (y.min(), y.max()) == pytest.approx((CANVAS / 2 - 24, CANVAS / 2 + 24), abs=2)


def test_serifs_stand_across_both_ends_of_a_stroke_and_not_of_a_curve() -> None:
    for form, broad in (("4048", True), ("~4048", False)):
        ink = draw(form, np.random.default_rng(0), np.diag([6.0, 6.0]), pen=2, wander=0, serif=9)
        columns = np.ptp(np.flatnonzero(ink.max(0) > 0.5))
        assert (columns > 15) == broad


def test_a_curve_passes_through_its_points_and_stays_straight_where_they_are() -> None:
    points = np.array([[0, 0], [4, 8], [9, 1], [3, 3]], float)
    assert np.allclose(curve(points)[::8], points)
    straight = np.column_stack([np.arange(4.0), 2 * np.arange(4.0)])
    assert np.allclose(curve(straight)[:, 1], 2 * curve(straight)[:, 0])
