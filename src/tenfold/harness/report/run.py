"""A run's report: one HTML file that shows what was learned, where it errs and how sure it is, offline.

    write_report(Path("runs/baseline-0"), load_test())      writes runs/baseline-0/report.html

No script, and no font, picture or style from elsewhere: the page has a policy that forbids them. About 60 KB.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.harness.html.markup import (
    Markup,
    duration,
    flat,
    flattered,
    pairs,
    percent,
    section,
    table,
    text,
    times,
    whole,
)
from tenfold.harness.html.page import page, write_page
from tenfold.harness.records.facts import Answers, Facts, read_facts
from tenfold.harness.report.answers import calibration, confusions, digits, images_of, mistakes
from tenfold.harness.report.learning import learning
from tenfold.metrics import summary

if TYPE_CHECKING:
    from tenfold.data.labelled import Labelled

CONTENTS = {
    "learning": "Learning",
    "errors": "Errors",
    "confusion": "Confusion",
    "digits": "Digits",
    "calibration": "Calibration",
    "steps": "Steps",
    "network": "Network",
    "facts": "Facts",
}
GROUPS = {
    "recipe": "Recipe",
    "machine": "Machine",
    "versions": "Versions",
    "durations": "Time",
    "counts": "Images",
    "data": "Data (SHA-256)",
}


def write_report(run: Path, images: "Labelled | None" = None) -> Path:
    """Write `run`/report.html from the folder's files and return its path.

    `images` are the pictures of the answers shown (of the test set, or else of validation); without them the
    errors are listed, not pictured. Raises RunError for a folder that is damaged or incomplete.
    """
    return write_page(Path(run) / "report.html", render(read_facts(Path(run), images)))


def render(facts: Facts) -> str:
    """The whole page."""
    answers = facts.answers
    parts = [learning(facts)]
    if answers is not None:
        parts += [mistakes(answers), confusions(answers), digits(answers), calibration(facts, answers)]
    body = "".join([*parts, steps(facts), network(facts), origins(facts)])
    accuracy = "" if answers is None else f": {percent(float(answers.correct.mean()))} on {answers.on}"
    origin = (
        f"Made by Tenfold {text(facts.record.get('tenfold', ''))} from the files of the run "
        f"<b>{text(facts.name)}</b>."
    )
    return page("run report", f"{_name(facts)}{accuracy}", headline(facts), CONTENTS, body, origin)


def headline(facts: Facts) -> str:
    """The recipe, the accuracy with its interval, and a row of key figures."""
    recipe, answers = facts.record["recipe"], facts.answers
    result = (
        '<p class="lead">It was not evaluated: there are no test or validation images.</p>'
        if answers is None
        else _result(facts, answers)
    )
    return (
        f"<h1>{text(_name(facts))} <span>seed {facts.record['seed']}</span></h1>"
        f'<p class="lead">{text(recipe.get("summary", ""))}</p>'
        f"{result}{pairs(_tiles(facts), 'tiles')}"
    )


def _name(facts: Facts) -> str:
    return str(facts.record["recipe"].get("name", facts.name))


def _result(facts: Facts, answers: Answers) -> str:
    figures = summary(answers.probabilities, answers.labels, answers.on)
    low, high = figures["interval"]
    learnt = facts.trained_on(answers)
    return (
        f'<div class="headline"><p class="big">{percent(figures["accuracy"])}</p>'
        f"<div><p><b>accuracy</b> on the {images_of(answers)} of <b>{text(answers.on)}</b>: "
        f"<b>{times(figures['errors'], 'error')}</b></p>"
        f'<p class="quiet">95 % interval {percent(low)} to {percent(high)} (Wilson): the luck of which '
        "images were tested. This is 1 seed; another would differ a little besides."
        f"{flattered(learnt)}</p></div></div>"
    )


def _tiles(facts: Facts) -> Iterable[tuple[str, object]]:
    record, answers = facts.record, facts.answers
    if answers is not facts.validation and facts.validation is not None:
        share = percent(float(facts.validation.correct.mean()))
        yield "validation accuracy", _noted(share, images_of(facts.validation))
    if answers is not None:
        figures = summary(answers.probabilities, answers.labels, answers.on)
        yield "calibration error", _noted(percent(figures["ece"]), f"ECE, {images_of(answers)}")
        yield "log loss", _noted(f"{figures['nll']:.4f}", f"NLL, {images_of(answers)}")
    if "parameters" in record:
        yield "parameters", whole(record["parameters"])
    yield "epoch kept", f"{record['kept_epoch']} of {len(facts.history['epoch'])}"
    if isinstance(durations := record.get("durations"), dict) and "train" in durations:
        yield "training", Markup(duration(durations["train"]))


def _noted(value: str, note: str) -> Markup:
    return Markup(f'{value} <span class="n">{note}</span>')


def steps(facts: Facts) -> str:
    """The seven steps of the system, with this run's figures in them."""
    record, recipe = facts.record, facts.record["recipe"]
    train, held = (whole(record["counts"].get(key, 0)) for key in ("train", "validation"))
    optimizer, rate, batch = (
        text(recipe.get(key, "?")) for key in ("optimizer", "learning_rate", "batch_size")
    )
    layers = f"{times(len(record['layers']), 'layer')}, " if record.get("layers") else ""
    start = f", at first those of the model {text(record['start']['model'])}" if "start" in record else ""
    watched = (
        f"{held} validation images are measured after each epoch" if facts.validation else "None is held back"
    )
    tested = "The kept weights are saved as one file"
    if facts.answers is not None:
        tested += f", which is read back and evaluated on the {images_of(facts.answers)}"
    if "test_openings" in record:
        tested += f". The test set was opened {times(record['test_openings'], 'time')} for this run"
    lines = {
        "Scale": "Pixels 0 to 255 become float32 0 to 1: divided by 255.",
        "Channel": "[n, 28, 28] becomes [n, 1, 28, 28]; the network refuses any other shape.",
        "Labels": "Each label becomes a one-hot row of 10.",
        "Network": f"{layers}{whole(record.get('parameters', '?'))} parameters{start}.",
        "Training": f"Cross-entropy on {train} images: {optimizer}, rate {rate}, batches of {batch}.",
        "Choice": f"{watched}; epoch {record['kept_epoch']} of {len(facts.history['epoch'])} is kept.",
        "Test": f"{tested}.",
    }
    items = "".join(f"<li><b>{name}</b> <span>{line}</span></li>" for name, line in lines.items())
    lead = "What happened to the images, in order."
    return section("steps", "Seven steps", "", lead, f'<ol class="steps">{items}</ol>')


def network(facts: Facts) -> str:
    """The layers with their output shapes and parameters, where run.json has them."""
    layers = facts.record.get("layers")
    if not layers:
        return ""
    rows = [
        (name, " × ".join(map(text, shape)) if isinstance(shape, list) else shape, whole(parameters))
        for name, shape, parameters in layers
    ]
    foot = ("all", "", whole(facts.record.get("parameters", "")))
    body = table("Layers", ("layer", "output", "parameters"), rows, "numbers layers", foot)
    return section("network", "Network", "", "Outputs are channels × height × width, of one image.", body)


def origins(facts: Facts) -> str:
    """All that is needed to repeat the run."""
    record = facts.record
    alone = {
        key: value for key, value in record.items() if key not in (*GROUPS, "results", "layers", "format")
    }
    groups = [("Run", list(flat(alone)))]
    for key, title in GROUPS.items():
        values = record.get(key)
        rows = list(flat(values)) if isinstance(values, dict) else []
        if key == "durations":
            rows = [(phase, Markup(duration(seconds))) for phase, seconds in rows]
        groups.append((title, rows))
    body = "".join(f"<div><h3>{title}</h3>{pairs(rows)}</div>" for title, rows in groups if rows)
    lead = "What it takes to repeat this run."
    return section("facts", "The run's facts", "", lead, f'<div class="groups">{body}</div>')
