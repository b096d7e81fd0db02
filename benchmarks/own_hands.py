"""A model that goes on learning from one hand: what that gains there, and what it costs elsewhere.

    python benchmarks/own_hands.py [--hands 5] [--digits 200] [--change learning_rate=0.0003] [--write]

Each hand has forms that `reader` has not learnt (`hands.FURTHER`). It writes `--digits` digits on paper, on
which `tenfold train --from reader` goes on, and 600 others to judge by. The digits of others are views of
MNIST's validation digits. All is drawn, nothing written by a person; where one writes as MNIST's writers do
there is less to gain.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from results import markdown_table, publish

from tenfold import Reader
from tenfold.data.mnist import load_training, split
from tenfold.harness.explore.fields import read_change
from tenfold.images import to_mnist
from tenfold.metrics import t_interval
from tenfold.runs import train
from tenfold.runs.start import chosen_recipe, read_start
from tenfold.training.drawn.hands import FURTHER, Hand
from tenfold.training.drawn.nondigits import nondigits
from tenfold.training.drawn.paper import photograph
from tenfold.training.drawn.views import views
from tenfold.training.drawn.world import World

MODEL = "reader"
JUDGED = 600  # digits of each hand
OTHERS = 2000  # views of validation digits, and half as many pictures of no digit
Pictures = list[NDArray[np.uint8]]


def written(hand: Hand, count: int, seed: int) -> tuple[Pictures, NDArray[np.uint8]]:
    rng, world = np.random.default_rng(seed), World()
    labels = np.arange(count, dtype=np.uint8) % 10
    return [
        photograph(hand.write(int(label), rng, world)[8:-8, 8:-8], rng, world) for label in labels
    ], labels


def any_hand(seed: int) -> Hand:
    rng = np.random.default_rng(seed)
    found = Hand.any(rng, World())
    forms = tuple(each[int(rng.integers(len(each)))] for each in FURTHER)
    return Hand(forms, found.lean, found.width, found.pen, found.rounding)


class Judge:
    """Shares, in percent, of what a model reads rightly and accepts."""

    def __init__(self) -> None:
        _, validation = split(load_training())
        self.mnist = validation
        self.views = views(validation.take(range(OTHERS), "others"), 1, seed=99)
        self.non = nondigits(validation.take(range(OTHERS), "others"), OTHERS // 2, seed=99)

    def of_hand(self, reader: Reader, hand: Hand) -> dict[str, float]:
        right, accepted = self._shares(reader, *written(hand, JUDGED, seed=2))
        return {"hand": right, "hand_accepted": accepted}

    def of_others(self, reader: Reader) -> dict[str, float]:
        others, others_accepted = self._shares(reader, list(self.views.images), self.views.labels)
        refused = 100 - self._shares(reader, list(self.non.images), self.non.labels)[1]
        mnist = (reader.probabilities(self.mnist.images).argmax(1) == self.mnist.labels).mean()
        return {
            "others": others,
            "others_accepted": others_accepted,
            "mnist": 100 * float(mnist),
            "refused": refused,
        }

    @staticmethod
    def _shares(reader: Reader, pictures: Pictures, labels: NDArray[np.uint8]) -> tuple[float, float]:
        answers = reader.predict(pictures)
        right = [answer.label == label for answer, label in zip(answers, labels.tolist(), strict=True)]
        return 100 * float(np.mean(right)), 100 * float(np.mean([not answer.unsure for answer in answers]))


def measure(hands: range, digits: int, changes: list[str]) -> list[dict[str, Any]]:
    judge, shipped, rows = Judge(), Reader(MODEL), []
    others = judge.of_others(shipped)
    recipe = chosen_recipe(None, read_start(MODEL))
    if changes:
        recipe = read_change(recipe, " ".join(changes)).recipe
    with tempfile.TemporaryDirectory() as folder:
        for seed in hands:
            hand, out = any_hand(seed), Path(folder, f"{seed}")
            pictures, labels = written(hand, digits, seed=1)
            own = Path(folder, f"{seed}.npz")
            np.savez(own, images=np.stack([to_mnist(each) for each in pictures]), labels=labels)
            run = train(recipe, start=MODEL, data=own, out=out)
            tuned, seconds = Reader(out), sum(run.record["durations"].values())
            before = judge.of_hand(shipped, hand) | others
            after = judge.of_hand(tuned, hand) | judge.of_others(tuned)
            rows.append({"seed": seed, "seconds": seconds, "before": before, "after": after})
            print(rows[-1], flush=True)
    return rows


def table_of(record: dict[str, Any]) -> str:
    rows = []
    for key, what in {
        "hand": "digits of the hand, right",
        "hand_accepted": "accepted",
        "others": "digits of others, on paper, right",
        "others_accepted": "accepted",
        "mnist": "MNIST's validation digits, right",
        "refused": "pictures of no digit, refused",
    }.items():
        before, after = ([row[when][key] for row in record["hands"]] for when in ("before", "after"))
        change = [b - a for a, b in zip(before, after, strict=True)]
        _, low, high = t_interval(change)
        rows.append(
            [
                what,
                f"{np.mean(before):.1f} %",
                f"{np.mean(after):.1f} %",
                f"{np.mean(change):+.1f} ({low:+.1f} to {high:+.1f})",
            ]
        )
    seconds = np.median([row["seconds"] for row in record["hands"]])
    head = ["", "shipped `reader`", f"after {record['digits']} digits of the hand", "difference"]
    return (
        f"### One hand more: `tenfold train --from reader` on {record['digits']} digits of one hand\n\n"
        f"Mean over {len(record['hands'])} drawn hands whose forms `reader` has not learnt; 95 % intervals "
        f"of the difference over them. Changes to the recipe: {', '.join(record['changes']) or 'none'}. "
        f"Median time {seconds:.0f} s.\n\n{markdown_table(head, rows)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hands", type=int, default=5, help="how many")
    parser.add_argument("--first", type=int, default=100, help="seed of the first hand")
    parser.add_argument("--digits", type=int, default=200, help="of each hand, to learn from")
    parser.add_argument("--change", action="append", default=[], help="as of tenfold train")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    hands = range(options.first, options.first + options.hands)
    found = measure(hands, options.digits, options.change)
    record = {"digits": options.digits, "changes": options.change, "hands": found}
    print(table_of(record))
    if options.write:
        publish("own_hands", record, table_of)


if __name__ == "__main__":
    main()
