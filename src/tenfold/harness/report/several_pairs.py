"""The pairs of several runs, tested on the same images, and the images that most of them get wrong."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from tenfold.data.labelled import Labelled
from tenfold.harness.compare import Side, compare_answers, rounded
from tenfold.harness.estimates.statistics import (
    LEVEL,
    adjusted_level,
    holm,
    images_needed,
    paired_interval,
    small,
)
from tenfold.harness.html.markup import Markup, percent, section, table, text, times, whole
from tenfold.harness.html.pictures import picture
from tenfold.harness.records.facts import Answers
from tenfold.harness.report.answers import images_of

Named = tuple[str, Answers]
MOST_CARDS = 24
CHAR = 14  # of a run's reading on a card


def pairs_section(groups: Sequence[Sequence[Named]]) -> str:
    """Every pair of the runs of each group; p-values are also adjusted for the number of pairs, by Holm."""
    groups = [group for group in groups if group]
    if not groups:
        return ""
    tables = [_pairs(group) for group in groups if len(group) > 1]
    apart = ""
    if len(groups) > 1:
        sets = "; ".join(
            f"{text(', '.join(name for name, _ in group))} on {text(group[0][1].on)}" for group in groups
        )
        apart = f"<p>Not all runs answered the same images, and those are not compared: {sets}.</p>"
    lead = (
        "McNemar's exact test: images that A alone or B alone reads rightly say which of the two is better. "
        "It holds for these runs; for their recipes, cross-validate them and compare that. Of many "
        "pairs some differ by luck, so p is also adjusted for their number (Holm). The verdict goes by that, "
        "and so do the images to tell and the interval, of the level beside it: 95 % for one pair, or more."
    )
    count = images_of(groups[0][0][1]) if len(groups) == 1 else ""
    return section("pairs", "Compared in pairs", count, lead, apart, *tables)


def _pairs(group: Sequence[Named]) -> str:
    sides = [Side(name, answers.labels, answers.probabilities) for name, answers in group]
    on = group[0][1].on
    found = [compare_answers(a, b, on) for a, b in combinations(sides, 2)]
    adjusted = holm([each["p"] for each in found])
    levels = [adjusted_level(each["p"], p, len(found)) for each, p in zip(found, adjusted, strict=True)]
    rows = [_row(each, p, level) for each, p, level in zip(found, adjusted, levels, strict=True)]
    head = (
        *("A and B", "verdict", "A alone", "B alone", "A minus B, points", "interval"),
        *("p", "p adjusted", "images to tell"),
    )
    return table(f"Pairs on {on}", head, rows, "numbers side")


def _row(found: dict[str, Any], adjusted: float, level: float) -> tuple[object, ...]:
    counts = found["only_a"], found["only_b"], found["count"]
    difference, low, high = (100 * each for each in paired_interval(*counts, level=level))
    needed = images_needed(*counts, level=level)
    if adjusted >= 1 - LEVEL:
        verdict = Markup('<span class="quiet">cannot be told</span>')
    else:
        better = found["a"] if difference > 0 else found["b"]
        verdict = Markup(f"<b>{text(better)}</b> is better")
    return (
        f"{found['a']}, {found['b']}",
        verdict,
        whole(found["only_a"]),
        whole(found["only_b"]),
        f"{difference:+.2f}",
        Markup(f'{low:+.2f} to {high:+.2f} <span class="n">{percent(level)}</span>'),
        small(found["p"]),
        small(adjusted),
        "–" if needed is None else f"about {rounded(needed):,}",
    )


def hardest(group: Sequence[Named], images: Labelled | None) -> str:
    """The images that most of the runs read wrongly, the surest of them first."""
    if len(group) < 2:
        return ""
    answers = [each for _, each in group]
    wrong = np.stack([~each.correct for each in answers])  # [runs, n]
    many = wrong.sum(0)
    sure = np.where(wrong, np.stack([each.confidence for each in answers]), 0).sum(0)
    order = [int(i) for i in np.lexsort((-sure, -many)) if many[i] > 1][:MOST_CARDS]
    counts = [f"{int((many == k).sum()):,} by {k}" for k in range(len(group), 0, -1)]
    lead = (
        f"Of {len(many):,} images {int((many == 0).sum()):,} are read rightly by all runs; wrongly "
        f"{', '.join(counts)}. What all runs get wrong may be labelled wrong."
    )
    cards = "".join(_card(i, answers, images) for i in order)
    body = f'<ul class="cards">{cards}</ul>' if cards else ""
    return section("hardest", "Wrong in most runs", images_of(answers[0]), lead, body)


def _card(i: int, answers: Sequence[Answers], images: Labelled | None) -> str:
    given = answers[0].labels[i]
    read = " ".join(str(each.predicted[i]) for each in answers[:CHAR])
    failed = sum(not each.correct[i] for each in answers)
    image = "" if images is None else picture(images.images[i], f"image {i}, labelled {given}")
    return (
        f'<li>{image}<p><b>{given}</b> read as</p><p><b class="wrong">{read}</b></p>'
        f'<p class="quiet">wrong in {times(failed, "run")}</p><p class="quiet">image {i:,}</p></li>'
    )
