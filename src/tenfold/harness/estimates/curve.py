"""A learning curve over data: how well a recipe does with 100 training images, with 1,000, with all 55,000.

    found = curve("fast", sizes=[100, 1_000, 10_000], seeds=3)      runs/curve-fast-0
    found.record["results"]["points"][0]["accuracy"]                {"mean": ..., "interval": [low, high]}

Each seed draws an order of the training images in which every beginning has its share of each digit, so the
100 are among the 300. Each training is measured at its last step, as the validation images that measure it
must not choose one; the test set is not opened, and given as data it is refused.

What is kept alike over sizes is the number of **steps**: 100 images are seen more often, and every training
does the same work. With the recipe's own epochs, 100 images would be seen for a handful of steps, and the
curve would show trainings that were cut short; `steps="epochs"` measures that, and is quicker.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from tenfold.data import Store
from tenfold.data.labelled import Split
from tenfold.data.parts import Sets
from tenfold.environment import cores
from tenfold.errors import DataError, UnknownNameError, UsageError
from tenfold.harness.estimates.curve_record import FORMAT, Curve
from tenfold.harness.estimates.folds import shuffled_ranks
from tenfold.harness.estimates.power_law import FEWEST as FEWEST_SIZES
from tenfold.harness.estimates.power_law import backtest, fit, foretell
from tenfold.harness.estimates.trainings import (
    Engine,
    check_threads,
    parts_of,
    share_out,
    side_by_side,
    train_all,
    trained,
)
from tenfold.harness.records.lock import claimed
from tenfold.harness.records.record import Watcher, new_record, usual_folder
from tenfold.metrics import nll, t_interval, wilson

if TYPE_CHECKING:
    from tenfold.training.devices import Precision
    from tenfold.training.recipes import Recipe

Steps = Literal["same", "epochs"]

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 55_000)
SEEDS = 3
FEWEST, MOST_SIZES, MOST_SEEDS = 10, 50, 100
BEYOND = (2, 4)  # times the largest size: how far the law is extrapolated


def curve(
    recipe: "str | Path | Recipe",
    data: Split | Sets | None = None,
    *,
    sizes: Iterable[int] | None = None,
    seeds: int = SEEDS,
    seed: int = 0,
    steps: Steps = "same",
    threads: int | None = None,
    out: str | Path | None = None,
    store: Store | None = None,
    watcher: Watcher[Curve] | None = None,
    engine: Engine | None = None,
) -> Curve:
    """Train `recipe` on `sizes` training images (None: SIZES, up to all), `seeds` times each; measure it.

    `data` is images, or names sets as `train` takes them, fetched by `store`; MNIST's 55,000 and 5,000 if
    None. All `seeds` follow from `seed`. `steps` "same" gives every size as many steps, to the nearest whole
    epoch, as the recipe takes over all images; "epochs" keeps the recipe's epochs. `threads` are the cores to
    use (None: all). `out` is absent, empty or a curve of the same settings, which goes on, and whose sizes
    and seeds these join (None: runs/curve-RECIPE-SEED, or runs/curve-RECIPE-epochs-SEED). `engine` carries
    out the trainings (None: processes of this machine); the curve is the same whichever does.

    Raises UsageError for sizes or seeds that are none and for the test set as data, DataError for more images
    than there are, RunError for a folder that is damaged or of other settings, OutputExistsError for one of
    something else or where another process is at work, DivergedError, DiskError.
    """
    from tenfold.training.recipes import find_recipe, replace

    chosen = replace(find_recipe(recipe), patience=None)
    if steps not in get_args(Steps):
        raise UnknownNameError("way to count the training", steps, get_args(Steps))
    data = parts_of("A learning curve", data, store)
    wanted = _sizes(sizes, len(data.train))
    _check(seeds)
    check_threads("A learning curve", threads)
    each = share_out(len(wanted) * seeds, threads or cores())
    settings = {"sizes": wanted, "seeds": seeds, "seed": seed, "steps": steps, "threads": each}
    counts = {"train": len(data.train), "validation": len(data.validation)}
    record = new_record(FORMAT, chosen, data, **settings, counts=counts, fits=[])
    name = f"curve-{chosen.name}-{'' if steps == 'same' else 'epochs-'}{seed}"
    folder = Path(out) if out is not None else usual_folder(name, data.train)
    with claimed(folder):
        found = Curve.begin(folder, record)
        _carry_out(found, data, threads or cores(), watcher or Watcher(), engine)
    return found


def nested_order(labels: NDArray[np.uint8], seed: int, repeat: int = 0) -> NDArray[np.int64]:
    """The places 0..n-1 in an order of which every beginning has its share of each class, int64 [n].

    A function of the labels, the seed and the repeat alone, the same on every machine.
    """
    by_class = np.lexsort((shuffled_ranks(len(labels), seed, repeat), labels))
    counts = np.bincount(labels)
    within = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = (within + 0.5) / counts[labels[by_class]]  # of each image on the way through its class
    return np.asarray(by_class[np.argsort(place, kind="stable")])


class CurveWork(NamedTuple):
    """What every training of a curve shares."""

    recipe: dict[str, Any]
    seed: int
    steps: Steps
    threads: int
    precision: "Precision"
    data: Split

    def train(self, size: int, repeat: int, /) -> dict[str, Any]:
        """The record of one training on `size` images."""
        from tenfold.training.lesson import lesson
        from tenfold.training.order import derive
        from tenfold.training.recipes import Recipe, replace

        began = time.perf_counter()
        recipe, seed = Recipe.from_dict(self.recipe), derive(self.seed, "curve", repeat)
        training, validation = self.data
        chosen = np.sort(nested_order(training.labels, self.seed, repeat)[:size])
        taught = lesson(training.take(chosen, f"{size} images"), recipe, seed)
        if self.steps == "same":
            everything = len(taught) * len(training) // size
            recipe = replace(recipe, epochs=_same_steps(recipe, len(taught), everything))
        trainer, probabilities = trained(
            recipe, taught, validation, seed=seed, threads=self.threads, precision=self.precision
        )
        errors = int((probabilities.argmax(1) != validation.labels).sum())
        return {
            "size": size,
            "repeat": repeat,
            "epochs": trainer.epoch,
            "steps": trainer.step,
            "count": len(validation),
            "errors": errors,
            "error": errors / len(validation),
            "nll": nll(probabilities, validation.labels),
            "seconds": round(time.perf_counter() - began, 3),
        }


def _same_steps(recipe: "Recipe", count: int, everything: int) -> int:
    """Epochs over `count` images that take as many steps, to the nearest, as the recipe over `everything`."""
    first, second = (recipe.steps(count, epochs) for epochs in (1, 2))
    return max(1, 1 + round((recipe.steps(everything) - first) / (second - first)))


def results(found: Curve) -> dict[str, Any]:
    """Plain numbers: `points` by size, and the `law` through them with what it foretells, or None.

    A point's `interval` is Student's t over seeds, which each draw their own images and weights; None for one
    seed. It leaves out the luck of which images validate, which is the same for all points; but where all
    seeds are alike, as few may be by chance, it is Wilson's over these images.
    """
    points = [_point(size, fits) for size, fits in _by_size(found)]
    if why_no_law(points) is not None:
        return {"points": points, "law": None}
    sizes = [point["size"] for point in points]
    errors = [1 - point["accuracy"]["mean"] for point in points]
    foretold = [foretell(sizes, errors, factor * sizes[-1]) for factor in BEYOND]
    law = {
        **fit(sizes, errors)._asdict(),
        "foretold": [one._asdict() for one in foretold if one is not None],
        "backtest": backtest(sizes, errors),
    }
    return {"points": points, "law": law}


def why_no_law(points: Sequence[Mapping[str, Any]]) -> str | None:
    """Why no power law goes through `points`, in a sentence; None where one does."""
    if len(points) <= FEWEST_SIZES:
        return f"No power law: it takes {FEWEST_SIZES + 1} sizes or more."
    for point in points:
        if point["accuracy"]["mean"] == 1:
            return f"No power law: it goes through errors, and with {point['size']:,} images there was none."
    return None


def _by_size(found: Curve) -> Iterable[tuple[int, Sequence[Mapping[str, Any]]]]:
    fits, record = found.fits(), found.record
    for size in record["sizes"]:
        yield size, [fits[size, repeat] for repeat in range(record["seeds"])]


def _point(size: int, fits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = t_interval([1 - fit["error"] for fit in fits])
    low, high = max(0.0, found.low), min(1.0, found.high)
    if math.isnan(found.low):
        count = fits[0]["count"]
        low, high = wilson(round(found.mean * count), count)
    return {
        "size": size,
        "seeds": len(fits),
        "steps": fits[0]["steps"],
        "accuracy": {
            "mean": found.mean,
            "interval": [low, high] if len(fits) > 1 else None,
        },
    }


def _sizes(sizes: Iterable[int] | None, most: int) -> list[int]:
    """Rising, without doubles. Of the usual ones those that there are images for, and all of these."""
    if sizes is None:
        return sorted({size for size in SIZES if size < most} | {most})
    wanted = sorted(set(sizes))
    if not wanted or len(wanted) > MOST_SIZES:
        raise UsageError(f"A learning curve has 1 to {MOST_SIZES} sizes, not {len(wanted)}.")
    if wanted[0] < FEWEST:
        raise UsageError(f"A training needs at least {FEWEST} images, not {wanted[0]}.")
    if wanted[-1] > most:
        raise DataError(f"There are {most:,} training images, so not {wanted[-1]:,} to learn from.")
    return wanted


def _check(seeds: int) -> None:
    if not 1 <= seeds <= MOST_SEEDS:
        raise UsageError(f"A learning curve has 1 to {MOST_SEEDS} seeds, not {seeds}.")


def _carry_out(found: Curve, data: Split, cores: int, watcher: Watcher[Curve], engine: Engine | None) -> None:
    """Train what is not done yet, then say what came of all."""
    record = found.record
    had = found.fits()
    places = [place for place in found.places() if place not in had]
    if places:
        record["status"] = "training"
        at_once = side_by_side(len(places), cores, record["threads"])
        total = len(found.places())
        done = total - len(places)
        watcher.begin(found, done, total, at_once)
        settings = {key: record[key] for key in ("recipe", "seed", "steps", "threads", "precision")}
        work = CurveWork(**settings, data=data)
        with closing(train_all(work, places, at_once, engine)) as trainings:
            for made in trainings:
                record["fits"].append(made)
                found.save()
                done += 1
                watcher.fit(found, made, done)
    record["results"] = results(found)
    record["status"] = "finished"
    found.save()
