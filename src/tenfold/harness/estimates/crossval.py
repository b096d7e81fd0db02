"""k-fold cross-validation of a recipe: how well it reads digits that it was not trained on, and how surely.

    found = crossval("fast", folds=5, by="writer", seed=0)      # runs/crossval-fast-writer-5x1-0
    found.record["results"]["error"]                            # {"mean": ..., "interval": [low, high]}

On training images alone, MNIST's 60,000 or others: the test set is not opened, and given as data it is
refused. Each fold is one training, measured at its last step, since the held-out fold must not choose one. A
finished fold is on disk at once; the same call takes up what was interrupted.

Cores are shared out by a rule, `share_out`: as many trainings at once as there are cores, since two trainings
on a thread each get more done than one on two. A fold's answers follow from the seed and from its threads,
which are recorded, and not from how many train at once.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenfold.data import Store, load_training, load_writers
from tenfold.data.labelled import Labelled
from tenfold.data.parts import Sets, names_of
from tenfold.environment import cores
from tenfold.errors import DataError, NetworkError, UnknownNameError, UsageError
from tenfold.files import sha256
from tenfold.harness.estimates.crossval_record import FORMAT, Arrays, Crossval, Fold
from tenfold.harness.estimates.crossval_results import fit_record, results
from tenfold.harness.estimates.folds import Folds, folds_by_class, folds_by_writer
from tenfold.harness.estimates.trainings import (
    Engine,
    check_threads,
    images_of,
    share_out,
    side_by_side,
    train_all,
    trained,
)
from tenfold.harness.records.lock import claimed
from tenfold.harness.records.record import Watcher, new_record, usual_folder

if TYPE_CHECKING:
    from tenfold.training.devices import Precision
    from tenfold.training.recipes import Recipe

MOST_REPEATS = 100


def crossval(
    recipe: "str | Path | Recipe",
    data: Labelled | Sets | None = None,
    *,
    folds: int = 5,
    by: str = "class",
    repeats: int = 1,
    seed: int = 0,
    threads: int | None = None,
    writers: NDArray[np.int32] | None = None,
    out: str | Path | None = None,
    store: Store | None = None,
    watcher: Watcher[Crossval] | None = None,
    engine: Engine | None = None,
    reuse: bool = False,
) -> Crossval:
    """Train `recipe` on all folds but one, for each fold and repeat, and measure it on that one.

    `data` is images, or names sets as `train` takes them; MNIST's 60,000 training images if None. `by`
    "class" gives each fold its share of each class; "writer" also keeps each writer within one fold:
    `writers` int32 [n], of MNIST QMNIST's if None, fetched by `store`. `threads` are the cores to use (None:
    all). `out` is absent, empty or a cross-validation that was begun with the same settings (None: a folder
    in runs/ named after them); that one goes on. `engine` carries out the trainings (None: processes of this
    machine); the folds are the same whichever does. With `reuse` and no `out`, one of the same settings is
    taken up whatever its folder in runs/ is called, and a new one is given a name that is free.

    Raises UsageError for fewer than two folds or the test set as data, DataError for more folds than images
    of a class or writers and for writers that are not known, NetworkError for writers that cannot be fetched,
    RunError for a folder that is damaged or of other settings, OutputExistsError for one of something else or
    where another process is at work, DivergedError, DiskError.
    """
    from tenfold.training.recipes import find_recipe, replace

    chosen = replace(find_recipe(recipe), patience=None)
    _check(by, repeats)
    check_threads("A cross-validation", threads)
    sets = [] if isinstance(data, Labelled) else names_of(data)
    data = images_of("A cross-validation", data, store)
    if by == "class":
        writers = None
    else:
        writers = _writers_of(data, store or Store()) if writers is None else np.asarray(writers, np.int32)
    split = _split(data, writers, folds, repeats, seed)
    settings: dict[str, Any] = {
        "folds": folds,
        "by": by,
        "repeats": repeats,
        "seed": seed,
        "threads": share_out(folds * repeats, threads or cores()),
        "writers": None if writers is None else sha256(writers.astype("<i4").tobytes()),
    }
    record = new_record(FORMAT, chosen, [data], **settings, sets=sets, count=len(data))
    name = f"crossval-{chosen.name}-{by}-{folds}x{repeats}-{seed}"
    folder = Path(out) if out is not None else usual_folder(name, data)
    if reuse and out is None:
        folder = Crossval.place_for(record, folder)
    with claimed(folder):
        found = Crossval.begin(folder, record)
        if not found.finished:
            _carry_out(found, data, writers, split, threads or cores(), watcher or Watcher(), engine)
    return found


class CrossvalWork(NamedTuple):
    """What every training of a cross-validation shares. `split` has the folds int16 [n] of each repeat."""

    recipe: dict[str, Any]
    seed: int
    threads: int
    precision: "Precision"
    data: Labelled
    split: Sequence[Folds]

    def train(self, repeat: int, number: int) -> Fold:
        from tenfold.training.lesson import lesson
        from tenfold.training.order import derive
        from tenfold.training.recipes import Recipe

        began = time.perf_counter()
        held_out = self.split[repeat] == number
        recipe, seed = Recipe.from_dict(self.recipe), derive(self.seed, "crossval", repeat, number)
        others = self.data.take(np.flatnonzero(~held_out), "all folds but one")
        rest = self.data.take(np.flatnonzero(held_out), "the fold held out")
        taught = lesson(others, recipe, seed)
        _, probabilities = trained(
            recipe, taught, rest, seed=seed, threads=self.threads, precision=self.precision
        )
        seconds = round(time.perf_counter() - began, 3)
        return Fold(repeat, number, probabilities.astype(np.float32), seconds)


def _check(by: str, repeats: int) -> None:
    if by not in ("class", "writer"):
        raise UnknownNameError("kind of folds", by, ("class", "writer"))
    if not 1 <= repeats <= MOST_REPEATS:
        raise UsageError(f"A cross-validation is repeated 1 to {MOST_REPEATS} times, not {repeats}.")


def _writers_of(data: Labelled, store: Store) -> NDArray[np.int32]:
    if data.checksum != load_training().checksum:
        raise DataError(
            f"Who wrote the digits of '{data.name}' is not known, only who wrote MNIST's: fold by class."
        )
    try:
        return load_writers("train", store)
    except NetworkError as cause:
        raise NetworkError(
            f"{cause} With qmnist-train-labels-idx2-int.gz at hand, name its folder: --import-from FOLDER."
        ) from None


def _split(
    data: Labelled, writers: NDArray[np.int32] | None, folds: int, repeats: int, seed: int
) -> Sequence[Folds]:
    if writers is None:
        return [folds_by_class(data.labels, folds, seed=seed, repeat=repeat) for repeat in range(repeats)]
    if len(writers) != len(data):
        raise DataError(f"There are {len(writers):,} writers for the {len(data):,} images of '{data.name}'.")
    return [folds_by_writer(writers, data.labels, folds, seed=seed, repeat=r) for r in range(repeats)]


def _carry_out(
    found: Crossval,
    data: Labelled,
    writers: NDArray[np.int32] | None,
    split: Sequence[Folds],
    cores: int,
    watcher: Watcher[Crossval],
    engine: Engine | None,
) -> None:
    """Train what is not done yet, then bring all folds together."""
    record = found.record
    done = [
        fold
        for repeat, number in found.places()
        if (fold := found.load_fold(repeat, number, int((split[repeat] == number).sum()))) is not None
    ]
    had = {(fold.repeat, fold.number) for fold in done}
    places = [place for place in found.places() if place not in had]
    at_once = side_by_side(len(places), cores, record["threads"])
    watcher.begin(found, len(done), len(found.places()), at_once)
    settings = {key: record[key] for key in ("recipe", "seed", "threads", "precision")}
    work = CrossvalWork(**settings, data=data, split=split)
    with closing(train_all(work, places, at_once, engine)) as trainings:
        for fold in trainings:
            found.save_fold(fold)
            done.append(fold)
            watcher.fit(found, fit_record(fold, data.labels, split[fold.repeat]), len(done))
    _bring_together(found, data, writers, split, done)


def _bring_together(
    found: Crossval,
    data: Labelled,
    writers: NDArray[np.int32] | None,
    split: Sequence[Folds],
    done: Sequence[Fold],
) -> None:
    probabilities = np.empty((len(split), len(data), 10), np.float32)
    for fold in done:
        probabilities[fold.repeat, split[fold.repeat] == fold.number] = fold.probabilities
    ordered = sorted(done, key=lambda fold: (fold.repeat, fold.number))
    fits = [fit_record(fold, data.labels, split[fold.repeat]) for fold in ordered]
    found.record["fits"] = fits
    found.record["results"] = results(fits, probabilities, data.labels, found.record["folds"], writers)
    arrays: Arrays = {"labels": data.labels, "probabilities": probabilities, "folds": np.stack(split)}
    found.finish(arrays if writers is None else {**arrays, "writers": writers})
