"""Trials of a recipe with changes, for the log: trained on 50,000 of the training digits, judged on 10,000.

    python benchmarks/trials.py fast --seeds 6 --change epochs=2 --change "epochs=2 learning_rate=0.01"

`tenfold explore ablate` is the tool for a verdict; this one has twice the validation images, one thread and a
line for each change as soon as it is done, and also tells the cross-entropy, which sees smaller differences.
The 10,000 are the 5,000 validation images and 5,000 drawn from the other training digits.
"""

import argparse
import time
from statistics import mean, stdev

import numpy as np
import torch

from tenfold.data import combine, load_training, split
from tenfold.harness.explore.fields import read_change
from tenfold.training.loop import Examples, Trainer
from tenfold.training.networks import count_parameters
from tenfold.training.recipes import Recipe, find_recipe

MORE = 5000  # validation images beside the usual ones
DRAW = 0  # the seed that draws them


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--change", action="append", help="FIELD=VALUE, several with spaces between")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = find_recipe(options.recipe)
    print("change  parameters  error % (standard error)  cross-entropy  seconds")
    if not options.change:
        print("as it is", *trial(recipe, options.seeds), sep="  ", flush=True)
    for change in options.change or []:
        print(change, *trial(read_change(recipe, change).recipe, options.seeds), sep="  ", flush=True)


def trial(recipe: Recipe, seeds: int) -> list[str]:
    """The parameters, the mean error and its standard error, the mean cross-entropy and the mean seconds."""
    parts = split(load_training())
    drawn = np.random.default_rng(DRAW).permutation(len(parts.train))
    training = parts.train.take(np.sort(drawn[MORE:]), "50,000")
    validation = combine("10,000", parts.validation, parts.train.take(drawn[:MORE], "more"))
    errors, losses, seconds = [], [], []
    for seed in range(seeds):
        trainer = Trainer(recipe, training, seed=seed)
        began = time.process_time()
        trainer.run()
        seconds.append(time.process_time() - began)
        loss, accuracy = trainer.evaluate(Examples(validation, trainer.device))
        errors.append(100 - 100 * accuracy)
        losses.append(loss)
    spread = stdev(errors) / seeds**0.5 if seeds > 1 else float("nan")
    return [
        f"{count_parameters(trainer.network):,}",
        f"{mean(errors):.3f} ({spread:.3f})",
        f"{mean(losses):.4f}",
        f"{mean(seconds):.0f}",
    ]


if __name__ == "__main__":
    main()
