"""How many of the known disputed test labels a label audit ranks among its first 50.

    python benchmarks/audit.py runs/baseline-0 [runs/baseline-1 ...]      each run, and their mean answers
    python benchmarks/audit.py runs/baseline-0 --print                    the table, and no more

Writes results/audit.json and the table in RESULTS.md.

The 15 are the MNIST test labels that at most 2 of 5 people confirmed (Northcutt, Athalye, Mueller 2021). A
random 50 of the 10,000 would hold 0.08 of them. No ranking by answers finds those that networks answer as
they are labelled. The product knows none of the 15.
"""

import argparse
from pathlib import Path

import numpy as np
from committees import DISPUTED
from numpy.typing import NDArray
from results import markdown_table, publish

from tenfold.harness.audit import TOP, audit
from tenfold.runs.audited import read_answers

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--print", action="store_true", help="print the table and leave RESULTS.md as it is")
    arguments = parser.parse_args()
    answers = [read_answers(run) for run in arguments.runs]
    if any(found.on != "mnist" for found in answers):
        parser.error("every run must have answers to the official test set")
    rows = [
        row(run.name, found.labels, found.probabilities)
        for run, found in zip(arguments.runs, answers, strict=True)
    ]
    if len(answers) > 1:
        mean = np.mean([found.probabilities for found in answers], axis=0)
        rows.append(row(f"mean of {len(answers)}", answers[0].labels, mean))
    head = ["answers", "errors", f"disputed in the first {TOP}", "which", "by self-confidence"]
    body = "### Disputed test labels that the audit finds\n\n" + markdown_table(head, rows)
    if arguments.print:
        print(body)
        return
    named = [f"runs/{run.resolve().name}" for run in arguments.runs]
    record = {
        "rows": [dict(zip(head, each, strict=True)) for each in rows],
        "command": " ".join(["python benchmarks/audit.py", *named]),
    }
    publish("audit", record, lambda _: body)


def row(name: str, labels: NDArray[np.int64], probabilities: Floats) -> list[str]:
    """How many of the 15 each ranking has among its first, and which the product's has."""
    found = audit(labels, probabilities, "mnist")
    hits = sorted({suspect.index for suspect in found.suspects} & set(DISPUTED))
    given = probabilities[np.arange(len(labels)), labels]
    plain = set(np.argsort(given, kind="stable")[:TOP].tolist()) & set(DISPUTED)
    return [
        name,
        str(found.disagreements),
        f"{len(hits)} of 15",
        " ".join(map(str, hits)),
        str(len(plain)),
    ]


if __name__ == "__main__":
    main()
