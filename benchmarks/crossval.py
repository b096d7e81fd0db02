"""How long a cross-validation takes, and how much random folds flatter: `tenfold crossval fast`, five folds.

    python benchmarks/crossval.py                      folds by class, three times, and by writer once
    python benchmarks/crossval.py --rounds 1 --print   a look, without touching RESULTS.md

Each is a process of its own in an empty folder, from its start to the saved out-of-fold answers. The record
goes to results/crossval.json, the table into RESULTS.md. Folds by writer need the set qmnist-train
(`tenfold data fetch qmnist-train`, or --import-from a folder of its files); `--by class` leaves them out.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from results import markdown_table, publish, timed_command


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", nargs="?", default="fast")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--by", nargs="+", choices=("class", "writer"), default=["class", "writer"])
    parser.add_argument("--import-from", metavar="FOLDER", help="as of `tenfold crossval`")
    parser.add_argument("--print", action="store_true", help="print the table and keep nothing")
    arguments = parser.parse_args()
    found = {}
    for by in arguments.by:
        rounds = arguments.rounds if by == "class" else 1
        found[by] = [measure(arguments.recipe, by, arguments.import_from) for _ in range(rounds)]
    record = {"recipe": arguments.recipe, "found": found}
    if arguments.print:
        print(table(record))
    else:
        publish("crossval", record, table)


def measure(recipe: str, by: str, import_from: str | None) -> dict[str, Any]:
    """Seconds of the whole command, and what it found."""
    with tempfile.TemporaryDirectory() as scratch:
        words = ["crossval", recipe, "--by", by, "--out", str(Path(scratch) / "folds")]
        words += ["--import-from", import_from] if import_from else []
        seconds, found = timed_command(words)
    return {"seconds": seconds, "error": found["results"]["error"]}


def table(record: dict[str, Any]) -> str:
    rows = []
    for by, runs in record["found"].items():
        error = runs[0]["error"]
        low, high = error["interval"]
        rows.append(
            [
                by,
                str(len(runs)),
                f"{median(run['seconds'] for run in runs):.1f} s",
                f"{100 * error['mean']:.2f} ({100 * low:.2f} to {100 * high:.2f})",
            ]
        )
    head = ["five folds by", "runs", "the whole command, median", "error % (95 % interval)"]
    return f"### A cross-validation of the recipe `{record['recipe']}`\n\n{markdown_table(head, rows)}"


if __name__ == "__main__":
    main()
