"""How well several runs read each digit."""

from collections.abc import Sequence

import numpy as np

from tenfold.harness.html.markup import Markup, percent, section, table, text, whole
from tenfold.harness.records.facts import Answers
from tenfold.harness.report.answers import images_of
from tenfold.metrics import confusion


def digits_section(groups: Sequence[Sequence[tuple[str, Answers]]]) -> str:
    """A table for each group of runs that answered the same images."""
    parts = []
    for group in groups:
        first = group[0][1]
        given = np.bincount(first.labels, minlength=10)
        missed = [given - confusion(a.predicted, a.labels).diagonal() for _, a in group]
        rows = [
            (i, whole(int(given[i])), *(_missed(int(m[i]), int(given[i])) for m in missed)) for i in range(10)
        ]
        foot = ("all", whole(len(first)), *(_missed(int(m.sum()), len(first)) for m in missed))
        head = ("digit", "images", *(name for name, _ in group))
        title = f"<h3>{text(first.on)}, {images_of(first)}</h3>" if len(groups) > 1 else ""
        parts.append(title + table(f"Missed on {first.on}", head, rows, "numbers side", foot))
    if not parts:
        return ""
    lead = "Images of each digit that were read as another, and the share of them that was read rightly."
    count = images_of(groups[0][0][1]) if len(groups) == 1 else ""
    return section("digits", "Digit by digit", count, lead, *parts)


def _missed(errors: int, count: int) -> Markup:
    share = percent((count - errors) / count if count else float("nan"), 1)
    return Markup(f'{whole(errors)} <span class="n">{share}</span>')
