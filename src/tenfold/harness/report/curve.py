"""The page of a learning curve: accuracy against the number of training images, and a law through it."""

from typing import Any

import numpy as np

from tenfold.harness.estimates.curve import why_no_law
from tenfold.harness.estimates.curve_record import Curve
from tenfold.harness.estimates.power_law import Law
from tenfold.harness.html.axes import accuracy_axis
from tenfold.harness.html.charts import Axis, Line, line_chart, log_ticks, spread
from tenfold.harness.html.markup import (
    Markup,
    figure,
    flat,
    pairs,
    percent,
    section,
    table,
    text,
    times,
    whole,
)
from tenfold.harness.html.page import page
from tenfold.metrics import Floats

CONTENTS = {"curve": "Curve", "law": "Beyond", "trainings": "Trainings", "facts": "Facts"}
STEPS = {
    "same": "Every training takes as many steps as the recipe does over all images, to the nearest whole "
    "epoch, so that the curve shows what data is worth and not how long it was looked at.",
    "epochs": "Every training takes the recipe's epochs, so that few images also mean few steps: the left of "
    "the curve shows trainings that were cut short, too.",
}
MOST_TILES = 6
SMOOTH = 60  # points of the law's line


def render(found: Curve) -> str:
    """The whole page of a finished learning curve."""
    record = found.record
    name, points = str(record["recipe"]["name"]), record["results"]["points"]
    last = points[-1]
    shown = [points[i] for i in spread(len(points), MOST_TILES)]
    tiles = [(f"with {whole(point['size'])} images", _noted(point)) for point in shown]
    header = (
        f"<h1>{text(name)} <span>learning curve</span></h1>"
        f'<p class="lead">Accuracy on {_measured(found)}, against the number of training images; '
        f"{times(record['seeds'], 'seed')} a size. {STEPS[record['steps']]}</p>{pairs(tiles, 'tiles')}"
    )
    body = _curve(found) + _law(found) + _trainings(found) + _facts(found)
    origin = f"Made by Tenfold {text(record.get('tenfold', ''))} from the folder <b>{text(found.name)}</b>."
    title = f"{name}: {percent(last['accuracy']['mean'])} with {whole(last['size'])} images"
    return page("learning curve", title, header, CONTENTS, body, origin)


def _measured(found: Curve) -> str:
    names = list(found.record["data"])
    return f"{times(found.record['counts']['validation'], 'image')} of {text(names[-1])}"


def _noted(point: dict[str, Any]) -> Markup:
    interval = _interval(point)
    known = point["accuracy"]["interval"] is not None
    note = f"95 % interval {interval}" if known else interval
    return Markup(f'{percent(point["accuracy"]["mean"])} <span class="n">{note}</span>')


def _interval(point: dict[str, Any]) -> str:
    """Over seeds, or why there is none."""
    if (interval := point["accuracy"]["interval"]) is None:
        return "1 seed, so no interval"
    return f"{percent(interval[0])} to {percent(interval[1])}"


def _curve(found: Curve) -> str:
    record, results = found.record, found.record["results"]
    sizes = np.array([point["size"] for point in results["points"]], float)
    means = np.array([point["accuracy"]["mean"] for point in results["points"]])
    intervals = [point["accuracy"]["interval"] or [np.nan] * 2 for point in results["points"]]
    columns = {
        "measured": means,
        "low": np.array([low for low, _ in intervals]),
        "high": np.minimum([high for _, high in intervals], 1 - 0.2 * (1 - means.max())),
    }
    law = results["law"]
    if law is not None:
        end = law["foretold"][-1]["images"]
        reach = np.geomspace(sizes[0], end, SMOOTH)
        columns["law"] = 1 - Law(law["floor"], law["scale"], law["exponent"]).at(reach)
    y, drawn = accuracy_axis(columns)
    lines = [
        Line("measured", "validation", np.log10(sizes), drawn["measured"], _ends(drawn)),
        *([] if law is None else _law_lines(reach, drawn["law"], sizes[-1])),
    ]
    last = sizes[-1] if law is None else end
    x = Axis("training images (logarithmic scale)", *_span(sizes[0], last), _powers(sizes[0], last))
    about = ", ".join(f"{whole(int(s))}: {percent(m)}" for s, m in zip(sizes, means, strict=True))
    mark = None if law is None else (float(np.log10(sizes[-1])), "measured up to here")
    drawing = line_chart("Accuracy by the number of training images", about, x, y, lines, mark)
    counts = f"{_measured(found)}, {times(record['seeds'], 'seed')} a size"
    rows = [
        (
            whole(point["size"]),
            whole(point["steps"]),
            point["seeds"],
            percent(point["accuracy"]["mean"]),
            _interval(point),
        )
        for point in results["points"]
    ]
    head = ("training images", "steps", "seeds", "accuracy", "95 % interval")
    lead = (
        "Each seed draws images and weights of its own; whiskers are Student's t intervals over seeds. The "
        "luck of which images validate is the same in all points, and in none of the intervals; but seeds "
        "that are all alike tell no spread, and have Wilson's over these images. The scale is wider towards "
        "100 %."
    )
    shown = figure(drawing, "Accuracy by the number of training images", counts)
    both = f'<div class="two">{shown}{table("Accuracy", head, rows, "numbers")}</div>'
    return section("curve", "Accuracy by data", counts, lead, both)


def _ends(drawn: dict[str, Floats]) -> list[tuple[float, float]]:
    return list(zip(drawn["low"].tolist(), drawn["high"].tolist(), strict=True))


def _law_lines(reach: Floats, drawn: Floats, last: float) -> list[Line]:
    inside = reach <= last * 1.001
    edge = int(inside.sum()) - 1
    return [
        Line("power law", "law", np.log10(reach[inside]), drawn[inside], dots=False),
        Line("extrapolated", "beyond", np.log10(reach[edge:]), drawn[edge:], dots=False),
    ]


def _span(low: float, high: float) -> tuple[float, float]:
    return float(np.log10(low)) - 0.08, float(np.log10(high)) + 0.08


def _powers(low: float, high: float) -> list[tuple[float, str]]:
    ticks = [tick for tick in log_ticks(low, high) if low <= tick <= high * 1.1]
    return [(float(np.log10(tick)), f"{tick:,.0f}") for tick in ticks]


def _law(found: Curve) -> str:
    results = found.record["results"]
    law, last = results["law"], results["points"][-1]
    if law is None:
        return section("law", "With more data", "", text(why_no_law(results["points"])))
    rows = [
        (whole(f["images"]), percent(1 - f["error"]), f"{percent(1 - f['high'])} to {percent(1 - f['low'])}")
        for f in law["foretold"]
    ]
    lead = (
        "An extrapolation, and nothing that was measured. A power law with a floor, fitted to the means: "
        f"error = {percent(law['floor'])} + {law['scale']:.3g} × images<sup>−{law['exponent']:.2f}</sup>. "
        "It need not hold further on: wrong labels, a small network and a short training all end it."
    )
    tested = (
        f"<p>How far to trust it: without its last size, the law would have foretold "
        f"{percent(1 - law['backtest'])} for {whole(last['size'])} images, where "
        f"{percent(last['accuracy']['mean'])} was measured.</p>"
    )
    head = ("training images", "accuracy foretold", "as one size or another is left out")
    return section("law", "With more data", "", lead, table("Foretold", head, rows, "numbers"), tested)


def _trainings(found: Curve) -> str:
    fits = found.fits()
    rows = [
        (
            whole(size),
            repeat,
            whole(fits[size, repeat]["epochs"]),
            whole(fits[size, repeat]["steps"]),
            whole(fits[size, repeat]["errors"]),
            percent(1 - fits[size, repeat]["error"]),
        )
        for size, repeat in sorted(found.places())
    ]
    head = ("training images", "seed", "epochs", "steps", "errors", "accuracy")
    body = table("Trainings", head, rows, "numbers")
    return section("trainings", "Every training", times(len(rows), "training"), "", body)


def _facts(found: Curve) -> str:
    record = found.record
    alone = {key: record.get(key) for key in ("seed", "seeds", "threads", "precision", "started")}
    groups = {"Recipe": record["recipe"], "Run": alone, "Machine": record.get("machine")}
    groups |= {"Versions": record["versions"], "Data (SHA-256)": record["data"], "Images": record["counts"]}
    body = "".join(
        f"<div><h3>{title}</h3>{pairs(flat(values))}</div>"
        for title, values in groups.items()
        if isinstance(values, dict)
    )
    lead = "What it takes to repeat this."
    return section("facts", "Facts", "", lead, f'<div class="groups">{body}</div>')
