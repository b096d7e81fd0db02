"""The page of a search: what it found, how it went on, what mattered, every trial."""

from typing import Any

import numpy as np

from tenfold.harness.explore.fields import short_name, show_value
from tenfold.harness.explore.record import PAGE, Exploration
from tenfold.harness.explore.results import differences
from tenfold.harness.explore.trainings import ALL, NINTHS
from tenfold.harness.html.axes import accuracy_axis
from tenfold.harness.html.charts import Axis, Line, even_ticks, line_chart, log_ticks, share_bar
from tenfold.harness.html.markup import (
    Markup,
    details,
    duration,
    figure,
    pairs,
    percent,
    section,
    table,
    text,
    times,
    whole,
)
from tenfold.harness.html.page import page, write_page
from tenfold.metrics import Floats
from tenfold.training.recipes import Recipe

CONTENTS = {
    "best": "Best",
    "history": "History",
    "importance": "Importance",
    "parameters": "Parameters",
    "trials": "Trials",
}
PARTS = {1: "1/9", 3: "1/3", 9: "all"}
CSS = {1: "few", 3: "some", 9: "validation"}
ENDINGS = {"whole": "on all", "halted": "halted", "running": "running"}

Trials = list[dict[str, Any]]


def write_search_page(found: Exploration) -> None:
    """Write explore.html of a search that has a best trial. Raises DiskError."""
    write_page(found.folder / PAGE, render(found))


def render(found: Exploration) -> str:
    record, results = found.record, found.results
    name, best, trials = str(record["recipe"]["name"]), results["best"], results["trials"]
    states = [trial["state"] for trial in trials]
    counts = f"{states.count('whole')} on all images, {states.count('halted')} halted"
    tiles: list[tuple[object, object]] = [(f"best: trial {best['trial']}", _noted(best))]
    if results["unchanged"] is not None:
        tiles.append(("the recipe as it is", _noted(results["unchanged"])))
    tiles.append(("trials", Markup(f'{len(trials)} <span class="n">{counts}</span>')))
    tiles.append(("trained for", duration(results["seconds"])))
    header = (
        f"<h1>{text(name)} <span>search</span></h1>"
        f'<p class="lead">Accuracy on {times(best["count"], "validation image")}; the official test set was '
        "not opened. The best of many trials is flattered by the choice among them: what it is worth, an "
        f"ablation or a cross-validation tells.</p>{pairs(tiles, 'tiles')}"
    )
    validation = times(best["count"], "image")
    body = (
        _best(record, best)
        + _history(trials, best["trial"], validation)
        + _importance(results["importance"], trials)
        + _parameters(record, trials, validation)
        + _table(trials)
    )
    origin = f"Made by Tenfold {text(record['tenfold'])}, seed {record['seed']}, {text(record['precision'])}."
    title = f"{name}: {percent(1 - best['error'])} by search"
    return page("search", title, header, CONTENTS, body, origin)


def _noted(measured: dict[str, Any]) -> Markup:
    low, high = (1 - bound for bound in reversed(measured["interval"]))
    note = f"{times(measured['errors'], 'error')}; 95 % interval {percent(low)} to {percent(high)}"
    return Markup(f'{percent(1 - measured["error"])} <span class="n">{note}</span>')


def _best(record: dict[str, Any], best: dict[str, Any]) -> str:
    rows = differences(Recipe.from_dict(record["recipe"]), best["parameters"])
    if not rows:
        return section("best", "Best", "", "No trial did better than the recipe as it is.")
    lead = f"What trial {best['trial']} has otherwise than the recipe. recipe.json has it whole."
    return section(
        "best", "Best", "", lead, table("Best trial", ("field", "recipe", "best"), rows, "numbers")
    )


def _accuracy(trial: dict[str, Any], ninths: int) -> float:
    """NaN where it was not measured on so many."""
    return next((1 - one["error"] for one in trial["measured"] if one["ninths"] == ninths), float("nan"))


def _columns(trials: Trials) -> dict[int, Floats]:
    """Accuracies by ninths [trials]."""
    return {n: np.array([_accuracy(trial, n) for trial in trials]) for n in NINTHS}


def _lifted(trials: Trials, columns: dict[int, Floats]) -> dict[int, Floats]:
    """`columns` to draw. What errs more than twenty times as often as the best, or as half an image, is
    drawn as if it erred just so: diverged trials, with an accuracy of 0, would flatten all else."""
    count = next(one["held_out"] for trial in trials for one in trial["measured"])
    foot = max(0.0, 1 - 20 * max(1 - float(np.nanmax(columns[ALL])), 0.5 / count))
    return {n: np.maximum(column, foot) for n, column in columns.items()}


def _history(trials: Trials, best: int, validation: str) -> str:
    columns = _columns(trials)
    lifted = _lifted(trials, columns)
    measured = f"measured on {validation}"
    both = figure(_by_trial(trials, lifted), "Accuracy by trial (wider towards 100 %)", measured)
    both += figure(_by_images(trials, lifted, best), "Learning curves of the trials", measured)
    sizes = _sizes(trials)
    rows = [
        (whole(size), int(np.isfinite(columns[n]).sum()), percent(float(np.nanmax(columns[n]))))
        for n, size in sizes.items()
    ]
    numbers = details(table("Trials by images", ("training images", "trials", "best"), rows, "numbers"))
    lead = (
        "A dot for each training: on a ninth of the training images, on a third, on all. The best third of "
        "the trials so far goes on to more images; the line is the best on all."
    )
    return section(
        "history", "History", times(len(trials), "trial"), lead, f'<div class="two">{both}</div>', numbers
    )


def _by_trial(trials: Trials, columns: dict[int, Floats]) -> str:
    best = np.fmax.accumulate(columns[ALL])
    y, drawn = accuracy_axis({str(n): column for n, column in columns.items()} | {"best": best})
    numbers = [float(trial["trial"]) for trial in trials]
    last = max(numbers[-1], 1.0)
    ticks = sorted({round(tick) for tick in even_ticks(0, last, 6)})
    x = Axis("trial", -0.03 * last, 1.03 * last, [(tick, str(tick)) for tick in ticks])
    lines = [Line(PARTS[n], CSS[n], numbers, drawn[str(n)], joined=False) for n in NINTHS]
    steps = np.repeat(numbers, 2)[1:], np.repeat(drawn["best"], 2)[:-1]
    lines.insert(0, Line("best", "validation", *steps, dots=False))
    about = f"the best on all images is {percent(float(np.nanmax(columns[ALL])))}"
    return line_chart("accuracy by trial", about, x, y, lines)


def _by_images(trials: Trials, columns: dict[int, Floats], best: int) -> str:
    sizes = _sizes(trials)
    curves = {str(t["trial"]): np.array([columns[n][i] for n in sizes]) for i, t in enumerate(trials)}
    y, drawn = accuracy_axis(curves)
    places = np.log10(np.array(list(sizes.values()), float))
    ticks = [(float(place), whole(size)) for place, size in zip(places, sizes.values(), strict=True)]
    x = Axis("training images", ticks[0][0] - 0.05, ticks[-1][0] + 0.05, ticks)
    others = [key for key in curves if key not in ("0", str(best))]
    lines = [Line("", "faint", places, drawn[key]) for key in others]
    if best != 0:
        lines.append(Line("trial 0", "training", places, drawn["0"]))
    lines.append(Line(f"trial {best}, the best", "validation", places, drawn[str(best)]))
    about = f"{len(trials)} trials; trial {best} is the best on all"
    return line_chart("accuracy by training images", about, x, y, lines)


def _sizes(trials: Trials) -> dict[int, int]:
    """Ninths -> training images, of those that any trial reached."""
    found = {one["ninths"]: one["train"] for trial in trials for one in trial["measured"]}
    return {n: found[n] for n in NINTHS if n in found}


def _importance(shares: dict[str, float] | None, trials: Trials) -> str:
    if shares is None:
        return ""
    rows = [(short_name(path), Markup(share_bar(share)), percent(share, 0)) for path, share in shares.items()]
    lead = (
        "How far the best third of the trials stands out from all, one field at a time (PED-ANOVA), as "
        "shares of the sum. Taken on a ninth of the images, which all trials have in common; of few trials "
        "it is a hint."
    )
    body = table("Importance", ("field", "", "share"), rows, "numbers importance")
    return section("importance", "Importance", times(len(trials), "trial"), lead, body)


def _parameters(record: dict[str, Any], trials: Trials, validation: str) -> str:
    y, drawn = accuracy_axis({"all": _lifted(trials, _columns(trials))[NINTHS[0]]})
    drawings = []
    for path, inner in record["space"].items():
        if inner["kind"] == "Range":
            values = np.array([float(trial["parameters"][path]) for trial in trials])
            x = _axis(short_name(path), inner)
            placed = np.log10(values) if inner["log"] else values
        else:
            choices = list(inner["values"])
            placed = np.array([float(choices.index(str(trial["parameters"][path]))) for trial in trials])
            ticks = [(float(i), str(choice)) for i, choice in enumerate(choices)]
            x = Axis(short_name(path), -0.5, len(choices) - 0.5, ticks)
        chart = line_chart(
            short_name(path),
            "accuracy by value",
            x,
            y,
            [Line("", "validation", placed, drawn["all"], joined=False)],
        )
        drawings.append(figure(chart, short_name(path), f"measured on {validation}"))
    lead = "Accuracy after a ninth of the training images against each field, a dot for each trial."
    return section(
        "parameters",
        "Parameters",
        times(len(trials), "trial"),
        lead,
        f'<div class="two">{"".join(drawings)}</div>',
    )


def _axis(label: str, inner: dict[str, Any]) -> Axis:
    low, high = float(inner["low"]), float(inner["high"])
    if not inner["log"]:
        pad = 0.03 * (high - low)
        if inner["whole"]:
            steps = sorted({round(tick) for tick in even_ticks(low, high, 6)})
            return Axis(label, low - pad, high + pad, [(tick, str(tick)) for tick in steps])
        return Axis(label, low - pad, high + pad, [(tick, f"{tick:g}") for tick in even_ticks(low, high, 6)])
    ticks = [(float(np.log10(tick)), f"{tick:g}") for tick in log_ticks(low, high) if low <= tick <= high]
    return Axis(label, float(np.log10(low)), float(np.log10(high)), ticks)


def _table(trials: Trials) -> str:
    paths = list(trials[0]["parameters"])
    rows = [
        (
            trial["trial"],
            ENDINGS[trial["state"]],
            *(percent(_accuracy(trial, ninths)) for ninths in NINTHS),
            *(show_value(trial["parameters"][path]) for path in paths),
        )
        for trial in trials
    ]
    head = ("trial", "ended", *PARTS.values(), *map(short_name, paths))
    body = details(table("Trials with their accuracies and parameters", head, rows, "numbers"))
    return section(
        "trials", "Trials", times(len(trials), "trial"), "Accuracy by share of the training images.", body
    )
