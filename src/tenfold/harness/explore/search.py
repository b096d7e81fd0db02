"""Searches: which values of a recipe's fields do best on the validation images? Optuna proposes.

    found = search("fast", trials=20)               runs/search-fast-0, with recipe.json
    find_recipe(found.folder)                       what came of it: `tenfold train runs/search-fast-0`

The first trial is the recipe as it is. Every trial is trained on a ninth of the training images; the best
third of all so far goes on to a third of the images, and of these the best third to all. Halving is over
images and not over epochs, since a learning rate that falls to zero at the end cannot be judged half-way. The
best on all images, by errors on the validation images and then by the NLL there with the temperature that is
best for them, as a model is calibrated, becomes `recipe.json`.
The test set stays closed.

Each trial has weights and an order of its own. The winner of many is flattered by the choice: an ablation,
or a cross-validation, on other images tells what it is worth.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tenfold.data import Store
from tenfold.data.labelled import Split
from tenfold.data.parts import Sets
from tenfold.environment import cores
from tenfold.errors import DivergedError, UsageError
from tenfold.harness.estimates.trainings import (
    Engine,
    check_threads,
    parts_of,
    share_out,
    side_by_side,
    train_as_told,
)
from tenfold.harness.explore.record import FORMAT, Exploration
from tenfold.harness.explore.results import named_recipe, rank, search_results
from tenfold.harness.explore.search_page import write_search_page
from tenfold.harness.explore.space import Space, default_space, own_parameters, recipe_of
from tenfold.harness.explore.study import Study, Trial
from tenfold.harness.explore.trainings import ALL, NINTHS, SearchWork, Training
from tenfold.harness.records.record import Watcher, new_record, usual_folder
from tenfold.processes import Place
from tenfold.training.order import derive
from tenfold.training.recipes import RECIPE_FILE, Recipe, find_recipe, write_recipe

TRIALS = 20
MOST_TRIALS = 10_000
KEPT = 3  # of so many trials one goes on to more images


def search(
    recipe: str | Path | Recipe,
    data: Split | Sets | None = None,
    *,
    trials: int = TRIALS,
    space: Space | None = None,
    seed: int = 0,
    threads: int | None = None,
    out: str | Path | None = None,
    store: Store | None = None,
    engine: Engine | None = None,
    watcher: Watcher[Exploration] | None = None,
) -> Exploration:
    """Try `trials` settings of `recipe` out of `space`, and keep the best.

    `data` is images, or names sets as `train` takes them, fetched by `store`; MNIST's 55,000 and 5,000 if
    None. `space` is that of `default_space` if None. `threads` are the cores to use (None: all). `out` is
    absent, empty or a search with the same settings, which is gone on with (None: runs/search-RECIPE-SEED);
    several processes may do so at once, each until there are `trials` in all.
    `watcher` is told of each training its `trial`, the `ninths` of the images and the `ending`, what becomes
    of the trial: "goes on", "halted" or "whole".

    Raises UsageError for no trials or the test set as data, RunError for a folder that is damaged or of
    another search, DivergedError where no trial came to an end, DiskError.
    """
    base = find_recipe(recipe)
    if not 1 <= trials <= MOST_TRIALS:
        raise UsageError(f"A search has 1 to {MOST_TRIALS:,} trials, not {trials}.")
    check_threads("A search", threads)
    data = parts_of("A search", data, store)
    space = default_space(base) if space is None else space
    settings = {
        "kind": "search",
        "seed": seed,
        "space": {path: {"kind": type(inner).__name__, **asdict(inner)} for path, inner in space.items()},
        "trials": trials,
        "threads": share_out(trials, threads or cores()),
        "counts": {"train": len(data.train), "validation": len(data.validation)},
    }
    record = new_record(FORMAT, base, data, **settings)
    folder = Path(out) if out is not None else usual_folder(f"search-{base.name}-{seed}", data.train)
    found = Exploration.begin(folder, record)
    with closing(Study(found.folder, space, own_parameters(base, space), seed=seed)) as study:
        course = _Course(found, base, space, study, trials)
        _carry_out(course, data, threads or cores(), engine, watcher or Watcher())
    return found


def is_promoted(trial: Trial, trials: Sequence[Trial]) -> bool:
    """Whether `trial` goes on to more images: with what it reached last, it is among the best third of all
    that reached as much so far. The recipe as it is always goes on, to compare with."""
    ninths = trial.reached
    if ninths == ALL or trial.measured[ninths].errors is None:
        return False
    if trial.unchanged:
        return True
    ranked = sorted(rank(one, ninths) for one in trials if ninths in one.measured)
    return rank(trial, ninths) <= ranked[max(1, len(ranked) // KEPT) - 1]


@dataclass
class _Course:
    """Decides what is trained next."""

    found: Exploration
    base: Recipe
    space: Space
    study: Study
    most: int
    ready: deque[Trial] = field(default_factory=deque)  # these go on before another is begun

    def next_place(self) -> Place | None:
        while not self.ready:
            trial = self.study.take(self.most)
            if trial is None:
                return None
            if trial.reached:  # of a process that ended between a training and what follows from it
                self.settle(trial)
            else:
                self.ready.append(trial)
        trial = self.ready.popleft()
        ninths = next(step for step in NINTHS if step > trial.reached)
        tried = recipe_of(self.base, self.space, trial.parameters).to_dict()
        return trial.number, ninths, tried, derive(self.study.seed, "trial", trial.number)

    def take_in(self, made: Training) -> tuple[Trial, str]:
        """The trial that `made` is of, and what becomes of it."""
        number = int(made.key)
        self.study.report(number, made)
        trial = next(trial for trial in self.study.trials() if trial.number == number)
        return trial, self.settle(trial)

    def settle(self, trial: Trial) -> str:
        if trial.reached == ALL and trial.measured[ALL].errors is not None:
            self.study.end(trial, whole=True)
            return "whole"
        if is_promoted(trial, self.study.trials()):
            self.ready.append(trial)
            return "goes on"
        self.study.end(trial, whole=False)
        return "halted"

    def ended(self) -> int:
        return sum(trial.state != "running" for trial in self.study.trials())


def _carry_out(
    course: _Course, data: Split, cores: int, engine: Engine | None, watcher: Watcher[Exploration]
) -> None:
    found, study = course.found, course.study
    record = found.record
    done = course.ended()
    if done < course.most:
        found.check_alike()
        at_once = side_by_side(course.most - done, cores, record["threads"])
        watcher.begin(found, done, course.most, at_once)
        work = SearchWork(data, study.seed, record["threads"], record["precision"])
        with closing((engine or train_as_told)(work, course.next_place, at_once)) as trainings:
            for made in trainings:
                trial, ending = course.take_in(made)
                fit = {"trial": trial.number, "ninths": made.number, "ending": ending}
                watcher.fit(found, {**fit, **made.measured.to_dict()}, course.ended())
    with study.lock:  # or a slower process would write what it read before the last trials over them
        _finish(course)


def _finish(course: _Course) -> None:
    """Write what was found, as far as it goes: other processes may still be at their trials."""
    found, trials = course.found, course.study.trials()
    running = sum(trial.state == "running" for trial in trials)
    results = search_results(trials, course.space)
    found.record |= {"trials": len(trials), "results": results}
    found.record["status"] = "training" if running else "finished"
    if results["best"] is None:
        found.save()
        if not running:
            raise DivergedError("No trial came to an end: all that went on to all images diverged.")
        return
    best = next(trial for trial in trials if trial.number == results["best"]["trial"])
    write_recipe(found.folder / RECIPE_FILE, named_recipe(course.base, course.space, best, len(trials)))
    found.save()
    write_search_page(found)
