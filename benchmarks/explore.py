"""How long a search takes: `tenfold explore search`, in a process of its own, in an empty folder.

    python benchmarks/explore.py                      20 trials of the recipe fast
    python benchmarks/explore.py --trials 3 --print   a look, without touching RESULTS.md

The record goes to results/explore.json, the table into RESULTS.md.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from results import markdown_table, publish, timed_command


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", nargs="?", default="fast")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--print", action="store_true", help="print the table and keep nothing")
    arguments = parser.parse_args()
    record = measure(arguments.recipe, arguments.trials)
    if arguments.print:
        print(table(record))
    else:
        publish("explore", record, table)


def measure(recipe: str, trials: int) -> dict[str, Any]:
    """Seconds of the whole command, and what it found."""
    with tempfile.TemporaryDirectory() as scratch:
        words = ["explore", "search", recipe, "--trials", str(trials)]
        seconds, found = timed_command([*words, "--out", str(Path(scratch) / "search")])
    states = [trial["state"] for trial in found["results"]["trials"]]
    return {
        "recipe": recipe,
        "trials": trials,
        "whole": states.count("whole"),
        "seconds": seconds,
        "threads": found["threads"],
        "best": found["results"]["best"],
        "unchanged": found["results"]["unchanged"],
    }


def table(record: dict[str, Any]) -> str:
    best, unchanged = record["best"], record["unchanged"]
    row = [
        f"{record['trials']} ({record['whole']} on all images)",
        f"{record['seconds']:.0f} s",
        f"{100 * unchanged['error']:.2f}",
        f"{100 * best['error']:.2f} (trial {best['trial']})",
    ]
    head = ["trials", "the whole command", "recipe as it is, validation error %", "best, validation error %"]
    return f"### A search around the recipe `{record['recipe']}`\n\n{markdown_table(head, [row])}"


if __name__ == "__main__":
    main()
