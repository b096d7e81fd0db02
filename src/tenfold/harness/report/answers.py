"""The report's sections on a model's answers: errors, confusions, digits and calibration, each as HTML.

All figures are computed from the predictions themselves, and each stands beside its number of images.
"""

import numpy as np

from tenfold.harness.html.charts import (
    Axis,
    Line,
    even_ticks,
    interval_bar,
    line_chart,
    reliability_chart,
)
from tenfold.harness.html.markup import (
    Markup,
    details,
    figure,
    pairs,
    percent,
    section,
    table,
    text,
    times,
    whole,
)
from tenfold.harness.html.pictures import picture
from tenfold.harness.records.facts import Answers, Facts
from tenfold.harness.records.run import calibrated_by
from tenfold.metrics import (
    Bins,
    Ints,
    brier,
    confusion,
    nll,
    precision_recall,
    reliability,
    risk_coverage,
    wilson,
)
from tenfold.thresholds import CONFIDENCE, LIKENESS, fitted_on_few, unsure

MOST_ERRORS = 36
MOST_CONFUSIONS = 10
UNFITTED = 1.0  # the temperature of too few errors, or of a final training that was given none


def images_of(answers: Answers) -> str:
    """10,000 test images"""
    return times(len(answers), f"{answers.role} image")


def mistakes(answers: Answers) -> str:
    """The errors that the model was surest of, as pictures."""
    wrong = np.flatnonzero(~answers.correct)
    wrong = wrong[np.argsort(-answers.confidence[wrong], kind="stable")]
    if not len(wrong):
        return section("errors", "Errors", images_of(answers), "There are none.")
    count = times(len(wrong), "error")
    shown = (
        f"The {MOST_ERRORS} surest of {count}" if len(wrong) > MOST_ERRORS else f"All {count}, surest first"
    )
    lead = f"{shown}. Labels can be wrong too: where confidence is high and the picture clear, look twice."
    cards = "".join(_card(answers, int(i)) for i in wrong[:MOST_ERRORS])
    return section("errors", "Errors", images_of(answers), lead, f'<ul class="cards">{cards}</ul>')


def _card(answers: Answers, i: int) -> str:
    given, read = answers.labels[i], answers.predicted[i]
    image = "" if answers.images is None else picture(answers.images[i], f"image {i}, labelled {given}")
    name = (answers.files and answers.files[i]) or f"image {i:,}"
    return (
        f'<li>{image}<p><b>{given}</b> read as <b class="wrong">{read}</b></p>'
        f'<p class="quiet">{percent(answers.confidence[i], 1)} sure</p><p class="quiet">{text(name)}</p></li>'
    )


def confusions(answers: Answers) -> str:
    """The confusion matrix, and the pairs that are confused most often."""
    counts = confusion(answers.predicted, answers.labels)
    errors = counts - np.diag(counts.diagonal())
    order = [divmod(int(k), 10) for k in np.argsort(-errors, axis=None, kind="stable")[:MOST_CONFUSIONS]]
    often = [(f"{i} read as {j}", int(errors[i, j])) for i, j in order if errors[i, j]]
    lead = "Rows are the given labels, columns what was read. Right answers are grey; a dot is none."
    aside = f"<div><h3>Most often</h3>{pairs(often)}</div>" if often else ""
    body = f'<div class="beside">{_matrix(counts, int(errors.max()))}{aside}</div>'
    return section("confusion", "Confusion matrix", images_of(answers), lead, body)


def _matrix(counts: Ints, most: int) -> str:
    def cell(i: int, j: int) -> str:
        count = counts[i, j]
        if i == j:
            return f'<td class="right">{count}</td>'
        # 1 to 4, by quarters of the largest count
        return f'<td class="e{-(-4 * count // most)}">{count}</td>' if count else '<td class="none">·</td>'

    head = "".join(f'<th scope="col">{j}</th>' for j in range(10))
    rows = "".join(
        f'<tr><th scope="row">{i}</th>{"".join(cell(i, j) for j in range(10))}</tr>' for i in range(10)
    )
    return (
        '<div class="scroll"><table class="matrix"><caption>Given labels by what was read</caption>'
        f'<thead><tr><th scope="col"><span class="corner">read →<br>given ↓</span></th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def digits(answers: Answers) -> str:
    """Images, errors, recall with its interval and precision of each digit."""
    counts = confusion(answers.predicted, answers.labels)
    precision, recall = precision_recall(counts)
    hits, given, read = counts.diagonal(), counts.sum(1), counts.sum(0)
    intervals = {i: wilson(int(hits[i]), int(given[i])) for i in range(10) if given[i]}
    start = float(np.floor(min(low for low, _ in intervals.values()) * 50)) / 50  # an even per cent
    rows = [
        (
            i,
            whole(int(given[i])),
            int(given[i] - hits[i]),
            int(read[i] - hits[i]),
            percent(recall[i]),
            Markup(interval_bar(recall[i], *intervals[i], start) if i in intervals else ""),
            percent(precision[i]),
        )
        for i in range(10)
    ]
    errors = int((~answers.correct).sum())
    foot = ("all", whole(len(answers)), errors, errors, percent(float(answers.correct.mean())), "", "")
    scale = f"{percent(start, 0)} to {percent(1, 0)}"
    head = ("digit", "images", "missed", "false", "recall", scale, "precision")
    lead = (
        "Missed: its images read as another digit. False: others read as it. Recall is the share of its "
        "images read rightly, drawn with its 95 % Wilson interval; precision is the share of the images read "
        "as it that are it."
    )
    body = table("Figures by digit", head, rows, "numbers digits", foot)
    return section("digits", "Digit by digit", images_of(answers), lead, body)


def calibration(facts: Facts, answers: Answers) -> str:
    """Is it right as often as it says, and how much better is it when it may refuse?"""
    bins = reliability(answers.probabilities, answers.labels)
    lead = (
        f"On average it is {percent(float(answers.confidence.mean()))} sure and "
        f"{percent(float(answers.correct.mean()))} right. A dot below the diagonal is overconfident. "
        "Whiskers are 95 % Wilson intervals; the columns are the images of each bin, on a logarithmic scale."
    )
    if calibrated_by(facts.record) is None:
        if answers.role == "validation" and facts.temperature not in (None, UNFITTED):
            lead += " The temperature was fitted on these same images, which flatters it."
        if CONFIDENCE in facts.thresholds and (
            few := fitted_on_few(facts.record["counts"].get("validation"))
        ):
            lead += f" {few}"
    about = f"ECE {percent(bins.ece)} over {len(bins.count)} bins"
    diagram = reliability_chart("Reliability diagram", f"accuracy against confidence, {about}", bins)
    both = figure(diagram, f"Reliability: {about}", images_of(answers)) + _refusing(answers)
    values = [
        ("expected calibration error (ECE, 15 bins)", percent(bins.ece)),
        ("negative log-likelihood (NLL, nats)", f"{nll(answers.probabilities, answers.labels):.4f}"),
        ("Brier score (0 to 2)", f"{brier(answers.probabilities, answers.labels):.4f}"),
        *_settings(facts, answers),
    ]
    return section(
        "calibration",
        "Calibration",
        images_of(answers),
        lead,
        f'<div class="two">{both}</div>{pairs(values)}',
        details(_bins(bins)),
    )


def _settings(facts: Facts, answers: Answers) -> list[tuple[str, str]]:
    """The temperature and the thresholds that the model was given, and what these do here."""
    rows = []
    if facts.temperature is not None:
        how = "fitted on validation images"
        if (giver := calibrated_by(facts.record)) is not None:
            how = f"that of {giver}"
        elif facts.temperature == UNFITTED:
            how = "not fitted"
        rows.append((f"temperature, {how}", f"{facts.temperature:.4f}"))
    if CONFIDENCE in facts.thresholds:
        accepted = ~unsure(answers.probabilities, facts.thresholds)
        right = float(answers.correct[accepted].mean()) if accepted.any() else float("nan")
        rows.append(("confidence below which it says unsure", percent(facts.thresholds[CONFIDENCE])))
        if LIKENESS in facts.thresholds:
            rows.append(("likeness to a digit below which, too", f"{facts.thresholds[LIKENESS]:.4f}"))
        rows.append(("images accepted so", percent(float(accepted.mean()))))
        rows.append(("accuracy of the accepted", percent(right)))
    return rows


def _refusing(answers: Answers) -> str:
    curve = risk_coverage(answers.confidence, answers.correct)
    top = max(float(curve.risk.max()), 1 / len(answers)) * 1.08
    x = Axis("images accepted, surest first", 0, 1, [(i / 4, f"{i * 25} %") for i in range(5)])
    y = Axis("errors", 0, top, [(tick, f"{100 * tick:.6g} %") for tick in even_ticks(0, top, 4)])
    most = curve.risk[max(len(answers) * 95 // 100 - 1, 0)]
    about = f"accepting the surest 95 % leaves {percent(float(most))} errors; area {curve.area:.5f}"
    line = Line("errors", "validation", curve.coverage, curve.risk)
    drawing = line_chart("Errors among the accepted", about, x, y, [line])
    return figure(drawing, f"Refusing: {about}", images_of(answers))


def _bins(bins: Bins) -> str:
    rows = [
        (
            f"{percent(bins.edges[i], 1)} to {percent(bins.edges[i + 1], 1)}",
            whole(int(bins.count[i])),
            percent(bins.confidence[i]),
            percent(bins.accuracy[i]),
        )
        for i in np.flatnonzero(bins.count)
    ]
    return table(
        "Reliability by bin", ("confidence", "images", "mean confidence", "accuracy"), rows, "numbers"
    )
