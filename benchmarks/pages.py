"""Digits of photographs and amounts of cheques, read by Tenfold.

    python benchmarks/pages.py --root FOLDER [--model MODEL]

FOLDER holds `photos/` and `cheque_amounts/`, each with a labels.csv of file,digits. Photographs are measured
by 1 - edits / digits, amounts by the share that is right as a whole; nothing of these sets is trained on.
"""

import argparse
from pathlib import Path
from typing import Any

from tenfold import Reader
from tenfold.data.folder import read_rows
from tenfold.harness.pages import evaluate_pages

SETS = ("photos", "cheque_amounts")


def measure(root: Path, model: str | None = None) -> dict[str, dict[str, Any]]:
    """The summary of `harness.pages.evaluate_pages` for each set found in `root`."""
    reader = Reader(model)
    found = [name for name in SETS if (root / name / "labels.csv").exists()]
    return {name: evaluate_pages(reader, read_rows(root / name / "labels.csv"), name) for name in found}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the reading of pages.")
    parser.add_argument("--root", type=Path, required=True, help="the folder of the sets")
    parser.add_argument("--model", help="a shipped model, a model file or a run folder")
    options = parser.parse_args()
    print("| set | pictures | whole text right, % | digits right, % |\n|---|---|---|---|")
    for name, result in measure(options.root, options.model).items():
        digits = 100 * (1 - result["digit_error_rate"])
        print(f"| {name} | {result['count']} | {100 * result['exact']:.1f} | {digits:.1f} |")


if __name__ == "__main__":
    main()
