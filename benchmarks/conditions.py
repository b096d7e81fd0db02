"""Digits as photographs and scans show them, one condition at a time: what is read, and what is accepted.

    python benchmarks/conditions.py [--model MODEL] [--count 150] [--write]

MNIST's validation digits, each on a picture of its own, through `Reader.predict`: light and shadow, paper,
pens, sizes, dirt, and what lies around a digit. They are drawn in
`conditions_drawn.py`, apart from what models learn from.
"""

import argparse
from typing import Any

import numpy as np
from conditions_drawn import CONDITIONS
from results import markdown_table, publish

from tenfold import Reader
from tenfold.data.mnist import load_training, split
from tenfold.metrics import wilson

COUNT = 150


def measure(model: str | None, count: int) -> list[dict[str, Any]]:
    _, digits = split(load_training())
    reader, rows = Reader(model), []
    for name, draw in CONDITIONS.items():
        drawn = [
            draw(image, np.random.default_rng(place)) for place, image in enumerate(digits.images[:count])
        ]
        answers = reader.predict([picture.clip(0, 255).astype(np.uint8) for picture in drawn])
        labels = digits.labels[:count].tolist()
        right = [answer.label == label for answer, label in zip(answers, labels, strict=True)]
        accepted = [not answer.unsure for answer in answers]
        wrong = sum(seen and not ok for seen, ok in zip(accepted, right, strict=True))
        rows.append({"condition": name, "right": sum(right), "accepted": sum(accepted), "wrong": wrong})
        print(*rows[-1].values(), sep=" | ", flush=True)
    return rows


def table_of(record: dict[str, Any]) -> str:
    count = record["count"]

    def share(right: int) -> str:
        low, high = wilson(right, count)
        return f"{right / count:.1%} ({low:.1%} to {high:.1%})"

    rows = [
        [row["condition"], share(row["right"]), f"{row['accepted'] / count:.1%}", str(row["wrong"])]
        for row in record["conditions"]
    ]
    head = ["condition", "right", "accepted", "wrong among them"]
    return (
        f"### Conditions: {count} validation digits each, as photographs and scans show them\n\n"
        f"Wilson 95 % intervals. Model: {record['model']}.\n\n{markdown_table(head, rows)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a shipped model, a model file or a run folder")
    parser.add_argument("--count", type=int, default=COUNT, help="digits for each condition")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    found = measure(options.model, options.count)
    record = {
        "model": options.model or "the shipped default",
        "count": options.count,
        "conditions": found,
    }
    if options.write:
        publish("conditions", record, table_of)


if __name__ == "__main__":
    main()
