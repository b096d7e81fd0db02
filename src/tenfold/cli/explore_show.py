"""What `tenfold explore` prints of what it found: tables, one sentence a change, and what to type next."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tenfold.cli.output import command, message, percent, result, table

if TYPE_CHECKING:
    from tenfold.harness.explore.record import Exploration


def show_ablation(found: "Exploration") -> None:
    results, seeds = found.results, found.record["seeds"]
    headings = ("change", "difference", "interval", "p", "time", "verdict")
    result(table(headings, [_row(change) for change in results["changes"]], right=headings[1:5]))
    name = found.record["recipe"]["name"]
    result(
        f"\n'{name}' as it is: accuracy {percent(1 - results['unchanged']['error'])} (mean of {len(seeds)} "
        "seeds). Differences are in points of accuracy; p and intervals are corrected for the number of "
        "changes."
    )
    for change in results["changes"]:
        result(change["sentence"])
    message(f"\nThe page is {found.folder / 'explore.html'}.")


def _row(change: Mapping[str, Any]) -> tuple[str, ...]:
    from tenfold.harness.estimates.statistics import small
    from tenfold.harness.explore.verdict import WORDS

    verdict = WORDS[change["verdict"]]
    if change["interval"] is None:
        return change["label"], "diverges", "-", "-", f"{change['time']:.2f} x", verdict
    low, high = change["interval"]
    needed = f" ({change['seeds_needed']} seeds needed)" if change["seeds_needed"] is not None else ""
    return (
        change["label"],
        f"{100 * change['difference']:+.2f}",
        f"{100 * low:+.2f} to {100 * high:+.2f}",
        small(change["p"]),
        f"{change['time']:.2f} x",
        verdict + needed,
    )


def show_search(found: "Exploration", recipe: str, sets: Sequence[str]) -> None:
    from tenfold.harness.explore.results import differences
    from tenfold.training.recipes import Recipe as Made

    best, unchanged = found.results["best"], found.results["unchanged"]
    if best is None:
        message("No trial has come to an end yet; others are at work on this search.")
        return
    rows = differences(Made.from_dict(found.record["recipe"]), best["parameters"])
    if rows:
        result(table(("field", recipe, f"trial {best['trial']}"), rows))
    low, high = best["interval"]
    result(
        f"\ntrial {best['trial']} of {found.record['trials']}: error {percent(best['error'])} on the "
        f"validation images ({best['errors']} errors in {best['count']:,}; 95 % interval {100 * low:.2f} to "
        f"{100 * high:.2f})"
    )
    if rows and unchanged is not None:
        result(f"the recipe as it is: error {percent(unchanged['error'])} ({unchanged['errors']} errors)")
    message(f"\nThe page is {found.folder / 'explore.html'}.")
    if not rows:
        result("No trial did better than the recipe as it is.")
        return
    message("The best of many is flattered; is it better than the recipe?")
    on = [word for name in sets for word in ("--data", name)]
    message("  " + command("explore", "ablate", recipe, "--change", found.folder / "recipe.json", *on))
    message("Train it:")
    message("  " + command("train", found.folder, *on))
