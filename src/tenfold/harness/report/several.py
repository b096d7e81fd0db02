"""One page for several runs: what differs, how well each reads, and whether that is more than luck.

    page = render([SideRun("fast-0", facts), SideRun("fast-1", other)], done, images)

Runs are compared with each other where they answered the same images; those that answered others stand in the
tables, with their set's name beside them, and are not compared.
"""

from collections.abc import Sequence
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from tenfold.data.labelled import Labelled
from tenfold.harness.html.axes import accuracy_axis, epoch_axis, loss_axis
from tenfold.harness.html.charts import Line, interval_bar, line_chart
from tenfold.harness.html.markup import (
    Markup,
    duration,
    figure,
    flat,
    percent,
    section,
    table,
    text,
    times,
    trained_on,
    whole,
)
from tenfold.harness.html.page import page
from tenfold.harness.records.facts import Answers, Facts
from tenfold.harness.report.answers import images_of
from tenfold.harness.report.several_digits import digits_section
from tenfold.harness.report.several_done import Done, done_section
from tenfold.harness.report.several_pairs import hardest, pairs_section
from tenfold.metrics import Floats, t_interval, wilson

MOST = 20  # runs on a page: colours and columns end
CONTENTS = {
    "runs": "Runs",
    "settings": "Settings",
    "learning": "Learning",
    "pairs": "Compared",
    "digits": "Digits",
    "hardest": "Hardest",
    "done": "Also done",
}
CURVES = {
    "val_accuracy": "Validation accuracy (wider towards 100 %)",
    "val_loss": "Validation loss (logarithmic scale)",
    "loss": "Loss in training (logarithmic scale)",
}
SETTINGS = (
    *("recipe", "start", "seed", "final", "sets", "device", "threads", "processes", "precision"),
    *("data", "counts"),
)
ALIKE = tuple(key for key in SETTINGS if key not in ("seed", "sets", "counts"))  # sets, counts: of the data
CIRCUMSTANCES = ("tenfold", "machine", "versions")


class SideRun(NamedTuple):
    """A run under the name that it has on the page, and the answers that it is measured by."""

    name: str
    facts: Facts
    answers: Answers | None


def side_by_side(named: Sequence[tuple[str, Facts]]) -> list[SideRun]:
    """All with the answers of one role, the test set's if all have them or else validation's, if possible."""
    if not all(facts.test is not None for _, facts in named) and all(f.validation for _, f in named):
        return [SideRun(name, facts, facts.validation) for name, facts in named]
    return [SideRun(name, facts, facts.answers) for name, facts in named]


def groups(runs: Sequence[SideRun]) -> list[list[SideRun]]:
    """The runs that answered the same images, together."""
    found: dict[bytes, list[SideRun]] = {}
    for run in runs:
        if run.answers is not None:
            found.setdefault(run.answers.shown.encode() + run.answers.labels.tobytes(), []).append(run)
    return list(found.values())


def comparable(runs: Sequence[SideRun]) -> list[list[SideRun]]:
    """The groups of those that learnt from none of the images that they answered."""
    return groups([run for run in runs if not _flattered(run)])


def render(runs: Sequence[SideRun], done: Done, images: Labelled | None = None) -> str:
    """The whole page; `images` are the pictures of the answers of the largest group that is `comparable`, in
    their order."""
    answered = [[(run.name, _sure(run)) for run in group] for group in comparable(runs)]
    body = "".join(
        [
            _overview(runs),
            _settings(runs),
            _learning(runs),
            pairs_section(answered),
            digits_section(answered),
            hardest(max(answered, key=len, default=[]), images),
            done_section(done),
        ]
    )
    recipes = sorted({_recipe(run) for run in runs})
    openings = sum(int(run.facts.record.get("test_openings", 0)) for run in runs)
    header = (
        f"<h1>{len(runs)} runs <span>side by side</span></h1>"
        f'<p class="lead">{text(", ".join(recipes))}. All figures are from the folders of the runs; the '
        f"official test set was opened {times(openings, 'time')} by them, and not again for this page. "
        "Choose between runs by validation figures: the best of many on the test set is better by luck.</p>"
    )
    names = ", ".join(run.name for run in runs)
    origin = f"Made by Tenfold from the files of {text(names)}."
    return page(
        "runs side by side", f"{len(runs)} runs: {', '.join(recipes)}", header, CONTENTS, body, origin
    )


def _flattered(run: SideRun) -> int:
    return 0 if run.answers is None else run.facts.trained_on(run.answers)


def _sure(run: SideRun) -> Answers:
    assert run.answers is not None
    return run.answers


def _recipe(run: SideRun) -> str:
    return str(run.facts.record["recipe"].get("name", "?"))


def _colour(i: int) -> str:
    return f"run r{i % 10}{' later' if i >= 10 else ''}"


def _swatch(i: int, name: str) -> Markup:
    return Markup(f'<span class="swatch {_colour(i)}"></span>{text(name)}')


# --- how well each reads -----------------------------------------------------------------------------------


def _overview(runs: Sequence[SideRun]) -> str:
    measured = [run.answers for run in runs if run.answers is not None]
    lows = [wilson(int(a.correct.sum()), len(a))[0] for a in measured]
    start = float(np.floor(min(lows, default=0.9) * 50)) / 50
    apart = len(groups(runs)) > 1
    rows = [_row(i, run, start, apart) for i, run in enumerate(runs)]
    head = (
        *("run", "recipe", "seed", "validation", *(["measured on"] if apart else []), "accuracy"),
        *(f"{percent(start, 0)} to 100\u00a0%", "95 % interval", "parameters", "epoch kept", "training"),
    )
    lead = (
        "Each row is one run of one seed. Intervals are Wilson's: the luck of which images were measured. "
        "Those of two runs may overlap though the same images tell them apart; see below."
    )
    for run in filter(_flattered, runs):
        lead += (
            f" <b>{text(run.name)} was trained on {whole(_flattered(run))} of them, and is not compared.</b>"
        )
    count = " and ".join(sorted({images_of(answers) for answers in measured}))
    body = table("Runs", head, rows, "numbers side")
    return section("runs", "Runs", count, lead, body, _over_seeds(runs))


def _row(i: int, run: SideRun, start: float, apart: bool) -> tuple[object, ...]:
    record, validation = run.facts.record, run.facts.validation
    durations = record.get("durations")
    spent = durations.get("train", "–") if isinstance(durations, dict) else "–"
    learnt = "" if validation is None else trained_on(run.facts.trained_on(validation), len(validation))
    return (
        _swatch(i, run.name),
        _recipe(run),
        record["seed"],
        "–" if validation is None else percent(float(validation.correct.mean())) + learnt,
        *_measured(run.answers, start, apart),
        whole(record.get("parameters", "–")),
        f"{record['kept_epoch']} of {len(run.facts.history['epoch'])}",
        Markup(duration(spent)),
    )


def _measured(answers: Answers | None, start: float, apart: bool) -> tuple[object, ...]:
    if answers is None:
        return ("–",) * (4 if apart else 3)
    right = int(answers.correct.sum())
    share, (low, high) = right / len(answers), wilson(right, len(answers))
    errors = times(len(answers) - right, "error")
    return (
        *([f"{answers.on}, {len(answers):,}"] if apart else []),
        Markup(f'{percent(share)} <span class="n">{errors}</span>'),
        Markup(interval_bar(share, low, high, start)),
        f"{percent(low)} to {percent(high)}",
    )


def _over_seeds(runs: Sequence[SideRun]) -> str:
    """The means of those that differ in their seed alone; a seed that is repeated says nothing new."""
    rows = []
    for group in comparable(runs):
        alike: dict[str, dict[int, SideRun]] = {}
        for run in group:
            seeds = alike.setdefault(repr(_values(run, ALIKE)), {})
            seeds.setdefault(run.facts.record["seed"], run)
        for same in (list(seeds.values()) for seeds in alike.values()):
            if len(same) < 2:
                continue
            found = t_interval([float(_sure(run).correct.mean()) for run in same])
            interval = "not known: all are alike"
            if not isnan(found.low):
                interval = f"{percent(max(0.0, found.low))} to {percent(min(1.0, found.high))}"
            images = f"{_sure(same[0]).on}, {len(_sure(same[0])):,} images"
            rows.append((_recipe(same[0]), len(same), images, percent(found.mean), interval))
    if not rows:
        return ""
    head = ("recipe", "seeds", "measured on", "mean accuracy", "95 % interval over seeds")
    title = "<h3>Runs that differ in their seed alone</h3>"
    return title + table("Means over seeds", head, rows, "numbers side")


# --- what differs ------------------------------------------------------------------------------------------


def _settings(runs: Sequence[SideRun]) -> str:
    rows = [*_differing(runs, SETTINGS), *_differing(runs, CIRCUMSTANCES)]
    if not rows:
        return section("settings", "What differs", "", "Nothing: the runs have the same settings.")
    lead = "What is not in the table is the same in all runs."
    head = ("setting", *(_swatch(i, run.name) for i, run in enumerate(runs)))
    return section("settings", "What differs", "", lead, table("Settings", head, rows, "numbers side loose"))


def _differing(runs: Sequence[SideRun], keys: Sequence[str]) -> list[tuple[object, ...]]:
    columns = [dict(flat(_values(run, keys))) for run in runs]
    known = dict.fromkeys(name for column in columns for name in column)
    names = sorted(known, key=lambda name: keys.index(name.partition(".")[0]))
    rows = [(name, [column.get(name, "–") for column in columns]) for name in names]
    return [
        (name.removeprefix("recipe."), *map(_short, values))
        for name, values in rows
        if any(value != values[0] for value in values)
    ]


def _values(run: SideRun, keys: Sequence[str]) -> dict[str, Any]:
    """Those of `keys` in its record: a recipe without its summary, which trains nothing, and the model that
    the training began with by its checksum, wherever it lies."""
    found = {key: run.facts.record[key] for key in keys if key in run.facts.record}
    if "recipe" in found:
        found["recipe"] = {name: value for name, value in found["recipe"].items() if name != "summary"}
    if isinstance(start := found.get("start"), dict):
        found["start"] = start.get("model_sha256")
    return found


def _short(value: Any) -> object:
    """A checksum by its beginning: that two differ is what is to be seen."""
    return f"{value[:10]}…" if isinstance(value, str) and len(value) == 64 else value


# --- learning ----------------------------------------------------------------------------------------------


def _learning(runs: Sequence[SideRun]) -> str:
    drawings = []
    for key, caption in CURVES.items():
        curves = {str(i): run.facts.history[key] for i, run in enumerate(runs)}
        curves = {name: curve for name, curve in curves.items() if np.isfinite(curve).any()}
        if curves:
            drawings.append(figure(_chart(runs, key, curves), caption, _counts(runs, key)))
    legend = "".join(f"<li>{_swatch(i, run.name)}</li>" for i, run in enumerate(runs))
    lead = (
        "By epoch; a dot is the epoch that was kept. An epoch is as many steps as there are batches, so runs "
        "with other batches or images have other steps."
    )
    body = f'<ul class="legend">{legend}</ul><div class="two">{"".join(drawings)}</div>'
    return section("learning", "Learning", times(len(runs), "run"), lead, body)


def _counts(runs: Sequence[SideRun], key: str) -> str:
    part = "validation" if key.startswith("val") else "train"
    found = sorted({str(whole(run.facts.record["counts"].get(part, "?"))) for run in runs})
    return f"{' or '.join(found)} {'validation' if part == 'validation' else 'training'} images"


def _chart(runs: Sequence[SideRun], key: str, curves: dict[str, Floats]) -> str:
    y, drawn = accuracy_axis(curves) if key.endswith("accuracy") else loss_axis(curves)
    lines, about = [], []
    for i, run in enumerate(runs):
        if str(i) not in drawn:
            continue
        epochs, kept = run.facts.history["epoch"], run.facts.record["kept_epoch"]
        at = int(np.flatnonzero(epochs == kept)[0])
        lines.append(Line(run.name, _colour(i), epochs, drawn[str(i)], dots=False))
        lines.append(Line(run.name, _colour(i), [kept], [drawn[str(i)][at]]))
        about.append(f"{run.name} at epoch {kept}: {curves[str(i)][at]:.4f}")
    x = epoch_axis(np.concatenate([run.facts.history["epoch"] for run in runs]))
    return line_chart(f"{CURVES[key]} by epoch", ", ".join(about), x, y, lines, legend=False)
