"""Charts as inline SVG, without a plotting library: strings in a page.

A chart is 360 units wide, so that its 12-unit text can be read on a phone that is 360 pixels wide and is not
huge where the page is wider. Colours and lines are classes of page.css, and follow its light and dark.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from tenfold.metrics import Bins, wilson

WIDTH, HEIGHT = 360.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 338.0, 26.0, 208.0
MOST_POINTS = 300
MOST_DOTS = 40

Tick = tuple[float, str]


@dataclass(frozen=True)
class Axis:
    """`label`, and `ticks` as (value, text) that ascend; the axis spans from `low` to `high`."""

    label: str
    low: float
    high: float
    ticks: Sequence[Tick]

    def place(self, value: float, start: float, end: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return start + min(max(share, 0.0), 1.0) * (end - start)


@dataclass(frozen=True)
class Line:
    """A curve called `name` in the style of the class `css`; points that are not finite are left out.

    `whiskers` (low, high) are drawn at the first of its points that they are given for. One that is not
    `joined` is dots alone; one without a name is not in the legend.
    """

    name: str
    css: str
    x: Sequence[float] | NDArray[np.float64]
    y: Sequence[float] | NDArray[np.float64]
    whiskers: Sequence[tuple[float, float]] = ()
    dots: bool = True
    joined: bool = True


def line_chart(
    title: str,
    about: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    mark: tuple[float, str] | None = None,
    legend: bool = True,
) -> str:
    """Curves over common axes; `mark` (x, text) is a vertical line with its text."""
    parts = [_axes(x, y), *(_curve(x, y, line) for line in lines)]
    if mark is not None:
        at = x.place(mark[0], LEFT, RIGHT)
        side = "end" if at > (LEFT + RIGHT) / 2 else "start"
        parts.append(f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{BOTTOM}"/>')
        parts.append(_text(at, TOP - 3, mark[1], f"note {side}"))  # above the curves
    parts.append(_legend(lines) if legend else "")
    return _svg(title, about, parts)


def reliability_chart(title: str, about: str, bins: Bins) -> str:
    """Accuracy against confidence: a dot with its Wilson interval for each filled bin, and its images."""
    unit = [(i / 4, f"{i * 25} %") for i in range(5)]
    x, y = Axis("confidence", 0, 1, unit), Axis("accuracy", 0, 1, unit)
    parts = [_axes(x, y), f'<line class="even" x1="{LEFT}" y1="{BOTTOM}" x2="{RIGHT}" y2="{TOP}"/>']
    tallest = math.log10(max(bins.count.max(), 1)) + 1
    for low, high, count in zip(bins.edges[:-1], bins.edges[1:], bins.count, strict=True):
        if count:
            left, right = x.place(low, LEFT, RIGHT) + 1, x.place(high, LEFT, RIGHT) - 1
            tall = (math.log10(count) + 1) / tallest * (BOTTOM - TOP) * 0.22
            parts.append(
                f'<rect class="count" x="{left:.1f}" y="{BOTTOM - tall:.1f}" width="{right - left:.1f}" '
                f'height="{tall:.1f}"><title>{count:,} images</title></rect>'
            )
    for count, confidence, accuracy in zip(bins.count, bins.confidence, bins.accuracy, strict=True):
        if count:
            at, middle = x.place(confidence, LEFT, RIGHT), y.place(accuracy, BOTTOM, TOP)
            low, high = (y.place(v, BOTTOM, TOP) for v in wilson(round(accuracy * count), int(count)))
            parts.append(
                f'<line class="whisker" x1="{at:.1f}" x2="{at:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
            )
            parts.append(f'<circle class="dot validation" cx="{at:.1f}" cy="{middle:.1f}" r="4"/>')
    return _svg(title, about, parts)


def interval_bar(
    middle: float, low: float, high: float, start: float, end: float = 1.0, mark: float | None = None
) -> str:
    """A dot with its whiskers on a scale from `start` to `end`, for a table's row that says the numbers;
    `mark` is a value to be told from."""
    axis = Axis("", start, end, ())
    a, m, b = (axis.place(value, 4, 236) for value in (low, middle, high))
    line = ""
    if mark is not None:
        at = axis.place(mark, 4, 236)
        line = f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="12"/>'
    return (
        '<svg class="bar" viewBox="0 0 240 12" aria-hidden="true">'
        f'<line class="grid" x1="4" x2="236" y1="6" y2="6"/>{line}'
        f'<line class="whisker" x1="{a:.1f}" x2="{b:.1f}" y1="6" y2="6"/>'
        f'<circle class="dot validation" cx="{m:.1f}" cy="6" r="3.5"/></svg>'
    )


def share_bar(share: float) -> str:
    """A bar as long as `share` of its place, for a table's row that says the number."""
    width = 232 * min(max(share, 0.0), 1.0)
    return (
        '<svg class="bar" viewBox="0 0 240 12" aria-hidden="true">'
        f'<rect class="share" x="4" y="2" width="{width:.1f}" height="8" rx="2"/></svg>'
    )


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` of the places 0..count-1, evenly far apart, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def even_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values, at most about `most`, that lie in low..high: steps of 1, 2 or 5 times a power of ten."""
    rough = max(high - low, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """At least 2 values that enclose low..high, both > 0: 1, 2 and 5 times powers of ten, or powers alone."""
    factors = (1, 2, 5) if high / low < 150 else (1,)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    values = [factor * 10.0**power for power in powers for factor in factors]
    first = max(i for i, value in enumerate(values) if value <= low * (1 + 1e-9))
    last = min(i for i, value in enumerate(values) if value >= high * (1 - 1e-9))
    return values[first : max(last, first + 1) + 1]


def _svg(title: str, about: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(about)}</desc>{''.join(parts)}</svg>"
    )


def _axes(x: Axis, y: Axis) -> str:
    parts = []
    for value, text in y.ticks:
        at = y.place(value, BOTTOM, TOP)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(_text(LEFT - 6, at + 4, text, "end"))
    for value, text in x.ticks:
        parts.append(_text(x.place(value, LEFT, RIGHT), BOTTOM + 17, text, "middle"))
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{BOTTOM}" y2="{BOTTOM}"/>')
    parts.append(_text((LEFT + RIGHT) / 2, HEIGHT - 6, x.label, "middle note"))
    parts.append(_text(8, 12, y.label, "start note"))
    return "".join(parts)


def _curve(x: Axis, y: Axis, line: Line) -> str:
    values = np.stack([np.asarray(line.x, float), np.asarray(line.y, float)], 1)
    values = values[np.isfinite(values).all(1)]
    if not len(values):
        return ""
    few = spread(len(values), MOST_POINTS)
    points = [(x.place(a, LEFT, RIGHT), y.place(b, BOTTOM, TOP)) for a, b in values[few]]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    dots = points if line.dots and (len(points) <= MOST_DOTS or not line.joined) else []
    return (
        _whiskers(x, y, line)
        + (f'<polyline class="line {line.css}" points="{path}"/>' if line.joined else "")
        + "".join(f'<circle class="dot {line.css}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in dots)
    )


def _whiskers(x: Axis, y: Axis, line: Line) -> str:
    parts = []
    for value, ends in zip(line.x, line.whiskers, strict=False):
        if all(map(math.isfinite, ends)):
            at = x.place(float(value), LEFT, RIGHT)
            low, high = (y.place(end, BOTTOM, TOP) for end in ends)
            upright = f'x1="{at:.1f}" x2="{at:.1f}" y1="{low:.1f}" y2="{high:.1f}"'
            parts.append(f'<line class="whisker {line.css}" {upright}/>')
    return "".join(parts)


def _legend(lines: Sequence[Line]) -> str:
    if len(lines) < 2:
        return ""
    parts, left = [], LEFT + 4
    for line in lines:
        if not line.name:
            continue
        if line.joined:
            parts.append(f'<line class="line {line.css}" x1="{left:g}" x2="{left + 18:g}" y1="7" y2="7"/>')
        else:
            parts.append(f'<circle class="dot {line.css}" cx="{left + 12:g}" cy="7" r="3"/>')
        parts.append(_text(left + 23, 11, line.name, "start"))
        left += 40 + 6.5 * len(line.name)
    return "".join(parts)


def _text(x: float, y: float, text: str, css: str) -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
