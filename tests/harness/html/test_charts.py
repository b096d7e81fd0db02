"""Ticks, placing and pictures; that a chart looks right is for eyes."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from tenfold.harness.html import charts
from tenfold.harness.html.axes import accuracy_axis, loss_axis
from tenfold.harness.html.charts import Axis, Line
from tenfold.metrics import reliability

X = Axis("epoch", 0, 10, [(0, "0"), (10, "10")])


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1, 15, 6, [5, 10, 15]),
        (0, 0.0149, 4, [0, 0.005, 0.01]),
        (1, 1, 6, [1]),
    ],
)
def test_even_ticks(low: float, high: float, most: int, expected: list[float]) -> None:
    assert charts.even_ticks(low, high, most) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.048, 0.32, [0.02, 0.05, 0.1, 0.2, 0.5]),
        (0.011, 0.012, [0.01, 0.02]),
        (0.1, 0.1, [0.1, 0.2]),
        (1e-4, 1, [1e-4, 1e-3, 1e-2, 1e-1, 1]),
    ],
)
def test_log_ticks_enclose(low: float, high: float, expected: list[float]) -> None:
    assert charts.log_ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[0.9, 0.99, 0.995], [1.0, 1.0], [0.0, 1.0], [0.1], [0.0], [0.99, np.nan]])
def test_an_accuracy_is_drawn_where_its_tick_would_be(values: list[float]) -> None:
    axis, curves = accuracy_axis({"training": np.array(values)})
    assert axis.low < axis.high
    drawn = curves["training"][np.isfinite(curves["training"])]
    assert axis.low - 1e-9 <= drawn.min()
    assert drawn.max() <= axis.high + 1e-9
    for place, name in axis.ticks:
        assert 1 - 10**-place == pytest.approx(float(name.split()[0]) / 100, abs=1e-6)


@pytest.mark.parametrize("values", [[0.9, 0.05], [0.0], [3.0, 3.0]])
def test_a_loss_lies_within_its_axis(values: list[float]) -> None:
    axis, curves = loss_axis({"training": np.array(values)})
    assert axis.low - 1e-9 <= curves["training"].min() <= curves["training"].max() <= axis.high + 1e-9
    for place, name in axis.ticks:
        assert 10**place == pytest.approx(float(name))


def test_a_chart_is_sound_xml_with_its_points_in_place() -> None:
    line = Line("a <b>", "training", [0, 5, 7, 10], [0, 0.5, np.nan, 1])
    y = Axis("", 0, 1, [(0, "0"), (1, "1")])
    root = ElementTree.fromstring(charts.line_chart("T & t", "about <it>", X, y, [line], (5, "kept")))
    assert root.findtext("title") == "T & t"
    assert root.findtext("desc") == "about <it>"
    middle = ((charts.LEFT + charts.RIGHT) / 2, (charts.TOP + charts.BOTTOM) / 2)
    expected = [(charts.LEFT, charts.BOTTOM), middle, (charts.RIGHT, charts.TOP)]
    path = [
        tuple(map(float, point.split(","))) for point in root.findall("polyline")[0].get("points", "").split()
    ]
    assert path == expected
    assert [(float(dot.get("cx", 0)), float(dot.get("cy", 0))) for dot in root.findall("circle")] == expected


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    y = Axis("", 0, 1, [])
    chart = charts.line_chart(
        "", "", X, y, [Line("", "", np.linspace(0, 10, 10_000), np.linspace(0, 1, 10_000))]
    )
    points = re.findall(r'points="([^"]*)"', chart)[0].split()
    assert len(points) == charts.MOST_POINTS
    assert points[0] == f"{charts.LEFT},{charts.BOTTOM}"
    assert points[-1] == f"{charts.RIGHT},{charts.TOP}"
    assert "circle" not in chart


def test_the_reliability_chart_has_a_dot_for_each_filled_bin() -> None:
    probabilities = np.array([[0.95, 0.05], [0.7, 0.3], [0.72, 0.28], [0.55, 0.45]])
    bins = reliability(probabilities, np.array([0, 0, 1, 0]))
    root = ElementTree.fromstring(charts.reliability_chart("R", "", bins))
    assert len(root.findall("circle")) == (bins.count > 0).sum() == 3
    assert sorted(rect.findtext("title") or "" for rect in root.findall("rect")) == [
        "1 images",
        "1 images",
        "2 images",
    ]
