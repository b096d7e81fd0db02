"""The page of an ablation: which changes are real improvements, and every seed."""

from typing import Any

from tenfold.harness.estimates.statistics import small
from tenfold.harness.explore.record import PAGE, Exploration
from tenfold.harness.explore.verdict import WORDS
from tenfold.harness.html.charts import interval_bar
from tenfold.harness.html.markup import Markup, pairs, percent, section, table, text, times
from tenfold.harness.html.page import page, write_page

CONTENTS = {"changes": "Changes", "seeds": "Seeds"}


def write_ablation_page(found: Exploration) -> None:
    """Write explore.html of a finished ablation. Raises DiskError."""
    write_page(found.folder / PAGE, render(found))


def render(found: Exploration) -> str:
    record, results = found.record, found.results
    name, changes, seeds = str(record["recipe"]["name"]), results["changes"], record["seeds"]
    told = [change["verdict"] for change in changes]
    tiles = [
        ("the recipe as it is", percent(1 - results["unchanged"]["error"])),
        ("changes", len(changes)),
        *((WORDS[verdict], told.count(verdict)) for verdict in WORDS),
        ("seeds", len(seeds)),
    ]
    images = times(len(seeds) * held_out(record), "image")
    header = (
        f"<h1>{text(name)} <span>ablation</span></h1>"
        '<p class="lead">One change at a time against the recipe as it is, with the same seeds. Each seed '
        "holds out another twelfth of the training images to measure on; the official test set was not "
        "opened.</p>"
        f"{pairs(tiles, 'tiles')}"
    )
    body = _changes(changes, images) + _seeds(results, seeds, images)
    folder = text(found.folder.resolve().name)
    origin = f"Made by Tenfold {text(record['tenfold'])} from the folder <b>{folder}</b>."
    return page("ablation", f"{name}: {times(len(changes), 'change')}", header, CONTENTS, body, origin)


def held_out(record: dict[str, Any]) -> int:
    """Images that each seed measures on."""
    return max(int(one[1]) for one in record["trainings"].values())


def _changes(changes: list[dict[str, Any]], images: str) -> str:
    known = [change["interval"] for change in changes if change["interval"] is not None]
    reach = max((abs(bound) for interval in known for bound in interval), default=1e-3) or 1e-3
    rows = [_row(change, reach) for change in changes]
    lead = (
        "Differences in accuracy, in points; above 0 the change helps. The intervals and p are corrected for "
        "the number of changes (Holm), and hold for other seeds and other digits (corrected resampled t)."
    )
    head = (
        "change",
        "verdict",
        f"{-100 * reach:.2f} to {100 * reach:+.2f}",
        "difference",
        "interval",
        "p",
        "time",
    )
    sentences = "".join(f"<p>{text(change['sentence'])}</p>" for change in changes)
    body = table("Changes of the recipe", head, rows, "numbers changes")
    return section("changes", "Changes", images, lead, body, f'<div class="words">{sentences}</div>')


def _row(change: dict[str, Any], reach: float) -> tuple[object, ...]:
    verdict = Markup(f'<span class="{change["verdict"]}">{WORDS[change["verdict"]]}</span>')
    if change["interval"] is None:
        return change["label"], verdict, "diverges", "–", "–", "–", f"{change['time']:.2g} ×"
    if change["seeds_needed"] is not None:
        verdict = Markup(f'{verdict} <span class="n">{change["seeds_needed"]} seeds needed</span>')
    low, high = change["interval"]
    return (
        change["label"],
        verdict,
        Markup(interval_bar(change["difference"], low, high, -reach, reach, mark=0.0)),
        points(change["difference"]),
        f"{points(low)} to {points(high)}",
        small(change["p"]),
        f"{change['time']:.2g} ×",
    )


def points(difference: float) -> str:
    """0.0012 -> +0.12."""
    return f"{round(100 * difference, 2) + 0.0:+.2f}"  # no -0.00


def _seeds(results: dict[str, Any], seeds: list[int], images: str) -> str:
    rows = [
        (
            seed,
            percent(1 - results["unchanged"]["errors"][place]),
            *(
                "diverges" if seed in change["diverged"] else points(change["differences"][place])
                for change in results["changes"]
            ),
        )
        for place, seed in enumerate(seeds)
    ]
    head = ("seed", "as it is", *(change["label"] for change in results["changes"]))
    lead = "The accuracy of the recipe as it is, and by how many points each change differs from it."
    return section("seeds", "Seeds", images, lead, table("Differences by seed", head, rows, "numbers"))
