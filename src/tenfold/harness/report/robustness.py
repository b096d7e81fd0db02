"""The page of `robustness`: every kind of damage with examples and accuracy, and the curves."""

from tenfold.data.labelled import Labelled
from tenfold.harness.corruptions import KINDS, corrupt
from tenfold.harness.html.charts import Axis, Line, interval_bar, line_chart
from tenfold.harness.html.markup import (
    Markup,
    details,
    figure,
    flattered,
    pairs,
    percent,
    section,
    table,
    text,
    times,
    whole,
)
from tenfold.harness.html.page import page
from tenfold.harness.html.pictures import picture, sheet
from tenfold.harness.robustness import SWEEPS, Measured, Robustness

CONTENTS = {"kinds": "Damage", "curves": "Curves"}
EXAMPLES = 3


def render(found: Robustness, model: str, data: Labelled, learnt: int = 0) -> str:
    """The whole page; `data` are the images that were measured on, for the examples, and the model was
    trained on `learnt` of them."""
    worst = min(found.kinds, key=lambda name: found.kinds[name].accuracy)
    tiles = [
        ("undamaged", _noted(found.clean)),
        ("mean over 15 kinds", percent(found.mean)),
        ("mean over the 11 not affine", percent(found.mean_not_affine)),
        (f"worst: {_words(worst)}", _noted(found.kinds[worst])),
    ]
    header = (
        f"<h1>{text(model)} <span>under damage</span></h1>"
        f'<p class="lead">Accuracy on {times(found.clean.count, "image")} of {text(found.on)}, each damaged '
        "in 15 ways after MNIST-C (Mu and Gilmer 2019). The damage is fixed by a seed, so that models "
        "compare. It is written anew, so figures are not those of the published files."
        f"{flattered(learnt)}</p>"
        f"{pairs(tiles, 'tiles')}"
    )
    body = _kinds(found, data) + _curves(found)
    origin = f"Made by Tenfold; model {text(model)}, set {text(found.on)}, seed {found.seed}."
    return page("robustness", f"{model}: {percent(found.mean)} under damage", header, CONTENTS, body, origin)


def _kinds(found: Robustness, data: Labelled) -> str:
    start = min(int(low.interval[0] * 10) for low in found.kinds.values()) / 10
    rows = [_row(name, measured, data, start, found.seed) for name, measured in found.kinds.items()]
    head = ("kind", "examples", "severity", "errors", f"{percent(start, 0)} to 100\u00a0%", "accuracy")
    lead = (
        "Whiskers are 95 % Wilson intervals over images. Affine kinds are marked: training with distortions "
        "practises them."
    )
    body = table("Accuracy by kind of damage", head, rows, "numbers kinds")
    return section("kinds", "Fifteen kinds of damage", times(found.clean.count, "image"), lead, body)


def _row(name: str, measured: Measured, data: Labelled, start: float, seed: int) -> tuple[object, ...]:
    kind = KINDS[name]
    examples = corrupt(data.images[:EXAMPLES], name, seed=seed)
    tag = ' <span class="n">affine</span>' if kind.affine else ""
    return (
        Markup(f"{_words(name)}{tag}"),
        Markup(picture(sheet(examples, len(examples)), f"digits with {_words(name)}")),
        Markup(f'{kind.severity:g} <span class="n">{text(kind.unit)}</span>'),
        whole(measured.errors),
        Markup(interval_bar(measured.accuracy, *measured.interval, start)),
        percent(measured.accuracy),
    )


def _curves(found: Robustness) -> str:
    drawings, count = [], 0
    for name, points in found.curves.items():
        values, results = [value for value, _ in points], [measured for _, measured in points]
        count = results[0].count
        ticks = [(value, f"{value:g}") for value in values[:: 2 if len(values) > 8 else 1]]
        x = Axis(SWEEPS[name].label, values[0], values[-1], ticks)
        y = Axis("accuracy", 0, 1, [(i / 4, f"{i * 25} %") for i in range(5)])
        line = Line(name, "validation", values, [measured.accuracy for measured in results])
        about = ", ".join(f"{v:g}: {percent(m.accuracy, 1)}" for v, m in points)
        drawings.append(
            figure(
                line_chart(name, about, x, y, [line]), f"{name[0].upper()}{name[1:]}", times(count, "image")
            )
        )
    rows = [
        (f"{name}, {SWEEPS[name].label}: {value:g}", whole(m.errors), percent(m.accuracy))
        for name, points in found.curves.items()
        for value, m in points
    ]
    numbers = details(table("Accuracy along the curves", ("what", "errors", "accuracy"), rows, "numbers"))
    lead = (
        "How far one thing can go before the model no longer reads: the first images of the set, all alike."
    )
    both = f'<div class="two">{"".join(drawings)}</div>'
    return section("curves", "Curves", times(count, "image"), lead, both, numbers)


def _words(name: str) -> str:
    return name.replace("-", " ")


def _noted(measured: Measured) -> Markup:
    low, high = measured.interval
    return Markup(
        f'{percent(measured.accuracy)} <span class="n">95 % interval {percent(low)} to {percent(high)}</span>'
    )
