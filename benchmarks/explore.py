"""How long a search takes: `tenfold explore search`, in a process of its own, in an empty folder.

    python benchmarks/explore.py                      20 trials of the recipe fast
    python benchmarks/explore.py --trials 3 --print   a look, without touching RESULTS.md

The record goes to results/explore.json, the table into RESULTS.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from results import circumstances, load, markdown_table, save, write_table

NAME = "explore"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", nargs="?", default="fast")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--print", action="store_true", help="print the table and keep nothing")
    arguments = parser.parse_args()
    measured = measure(arguments.recipe, arguments.trials)
    if arguments.print:
        print(table(measured))
        return
    save(NAME, measured)
    record = load(NAME)
    assert record is not None
    again = "`python benchmarks/explore.py`"
    write_table(NAME, f"{table(record)}\n\n{circumstances(record)} {again}")


def measure(recipe: str, trials: int) -> dict[str, Any]:
    """Seconds of the whole command, and what it found."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "search"
        command = [sys.executable, "-m", "tenfold", "explore", "search", recipe, "--trials", str(trials)]
        began = time.perf_counter()
        ended = subprocess.run(
            [*command, "--out", str(folder), "--json"], check=True, stdout=subprocess.PIPE, text=True
        )
        seconds = time.perf_counter() - began
    found = json.loads(ended.stdout)
    states = [trial["state"] for trial in found["results"]["trials"]]
    return {
        "recipe": recipe,
        "trials": trials,
        "whole": states.count("whole"),
        "seconds": round(seconds, 1),
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
