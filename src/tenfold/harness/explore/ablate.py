"""Ablations: which changes of a recipe are real improvements? One change at a time, each with several seeds.

    found = ablate("fast", ["shift=2", "label_smoothing=0", "mine.json"], seeds=5)    runs/ablate-fast
    found.results["changes"][0]["verdict"]                                  better, worse or undecided

Each seed trains the recipe as it is and with each change, from the same weights and in the same order, and
measures all on the same twelfth of the training images, which it holds out; another seed holds out another
twelfth. So differences are paired, and hold for other seeds and other digits. The test set stays closed. A
difference is judged by the corrected resampled t over seeds.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tenfold.data import Store
from tenfold.data.labelled import VALIDATION_SHARE, Labelled
from tenfold.data.parts import Sets
from tenfold.environment import cores
from tenfold.errors import DivergedError, RunError, UsageError
from tenfold.harness.estimates.trainings import (
    Engine,
    check_threads,
    images_of,
    share_out,
    side_by_side,
    train_all,
)
from tenfold.harness.explore.ablation_page import write_ablation_page
from tenfold.harness.explore.fields import Change, read_change
from tenfold.harness.explore.record import FORMAT, Exploration
from tenfold.harness.explore.trainings import AblationWork, Measured
from tenfold.harness.explore.verdict import verdicts
from tenfold.harness.records.lock import claimed
from tenfold.harness.records.record import Watcher, new_record, usual_folder
from tenfold.training.recipes import Recipe, find_recipe, replace

SEEDS = 5
FEWEST, MOST = 2, 100  # seeds
MOST_CHANGES = 100


def ablate(
    recipe: str | Path | Recipe,
    changes: Sequence[str | Change],
    data: Labelled | Sets | None = None,
    *,
    seeds: int = SEEDS,
    seed: int = 0,
    threads: int | None = None,
    out: str | Path | None = None,
    store: Store | None = None,
    engine: Engine | None = None,
    watcher: Watcher[Exploration] | None = None,
) -> Exploration:
    """Train `recipe` as it is and with each of `changes`, with the seeds `seed`, `seed` + 1, ...; compare.

    A change is `field=value`, several of them with spaces between, or the name or file of another recipe.
    `data` is images, or names sets as `train` takes them, fetched by `store`; MNIST's 60,000 training images
    if None. `threads` are the cores to use (None: all). `out` is absent, empty or an ablation of the same
    recipe, which is gone on with: its changes and seeds are kept and joined (None: runs/ablate-RECIPE).
    `watcher` is told of each training its `change` ("": the recipe as it is) and `seed` beside what was
    measured.

    Raises UnknownNameError, RecipeError and UsageError for a change that cannot be, UsageError for fewer than
    two seeds or the test set as data, RunError for a folder that is damaged or of another recipe or data,
    OutputExistsError for one of something else or where another process is at work, DivergedError where the
    recipe itself diverges, DiskError.
    """
    base = replace(find_recipe(recipe), patience=None)
    wanted = [one if isinstance(one, Change) else read_change(base, one) for one in changes]
    _check(wanted, seeds, seed)
    check_threads("An ablation", threads)
    data = images_of("An ablation", data, store)
    named = {one.label: replace(one.recipe, patience=None).to_dict() for one in wanted}
    settings = {
        "kind": "ablation",
        "seeds": list(range(seed, seed + seeds)),
        "changes": [{"label": label, "recipe": made} for label, made in named.items()],
        "count": len(data),
        "trainings": {},
        "threads": share_out((1 + len(named)) * seeds, threads or cores()),
    }
    record = new_record(FORMAT, base, [data], **settings)
    folder = Path(out) if out is not None else usual_folder(f"ablate-{base.name}", data)
    with claimed(folder):
        found = Exploration.begin(folder, record)
        _join(found, record)
        _carry_out(found, data, threads or cores(), engine, watcher or Watcher())
    return found


def key_of(recipe: Mapping[str, Any]) -> str:
    """What a training of `recipe` is known by: all that decides its answers, whatever it is called."""
    decides = {name: value for name, value in recipe.items() if name not in ("name", "summary", "patience")}
    plain = json.loads(json.dumps(decides), parse_int=float)  # 1 and 1.0 are one value
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def _check(changes: Sequence[Change], seeds: int, seed: int) -> None:
    if not 1 <= len(changes) <= MOST_CHANGES:
        raise UsageError(f"An ablation has 1 to {MOST_CHANGES} changes, not {len(changes)}.")
    if not FEWEST <= seeds <= MOST:
        raise UsageError(f"An ablation has {FEWEST} to {MOST} seeds, not {seeds}: one has no spread.")
    if seed < 0:
        raise UsageError(f"A seed is 0 or more, not {seed}.")


def _join(found: Exploration, new: Mapping[str, Any]) -> None:
    """What was asked for before counts on: to leave a change out once it disappoints would be a choice."""
    mine = found.record
    mine["seeds"] = sorted({*mine["seeds"], *new["seeds"]})
    known = {change["label"]: change["recipe"] for change in mine["changes"]}
    for change in new["changes"]:
        if key_of(known.setdefault(change["label"], change["recipe"])) != key_of(change["recipe"]):
            raise RunError(
                f"'{change['label']}' is another recipe now than in '{found.folder}'; choose another --out."
            )
    mine["changes"] = [{"label": label, "recipe": recipe} for label, recipe in known.items()]


def _carry_out(
    found: Exploration, data: Labelled, cores: int, engine: Engine | None, watcher: Watcher[Exploration]
) -> None:
    record = found.record
    recipes = {"": record["recipe"]} | {change["label"]: change["recipe"] for change in record["changes"]}
    labels: dict[str, str] = {}
    for label, recipe in recipes.items():
        labels.setdefault(key_of(recipe), label)
    trainings = record["trainings"]
    wanted = [(key, seed) for seed in record["seeds"] for key in labels]
    places = [(key, recipes[labels[key]], seed) for key, seed in wanted if f"{key}/{seed}" not in trainings]
    if places:
        found.check_alike()
        record["status"] = "training"
        found.save()
        at_once = side_by_side(len(places), cores, record["threads"])
        done = len(wanted) - len(places)
        watcher.begin(found, done, len(wanted), at_once)
        work = AblationWork(data, record["threads"], record["precision"])
        with closing(train_all(work, places, at_once, engine)) as made:
            for one in made:
                trainings[f"{one.key}/{one.number}"] = list(one.measured)
                found.save()
                done += 1
                label = labels[str(one.key)]
                watcher.fit(found, {"change": label, "seed": one.number, **one.measured.to_dict()}, done)
                if not label:
                    _refuse_lost({one.number: one.measured}, record)
    record["results"] = _results(record)
    record["status"] = "finished"
    found.save()
    write_ablation_page(found)


def _results(record: Mapping[str, Any]) -> dict[str, Any]:
    """Plain numbers: the recipe as it is, and each change against it."""
    base = _measured(record, record["recipe"])
    _refuse_lost(base, record)
    changes = {change["label"]: _measured(record, change["recipe"]) for change in record["changes"]}
    return {
        "unchanged": summary(base),
        "changes": verdicts(base, changes, 1 / (VALIDATION_SHARE - 1)),
    }


def _refuse_lost(base: Mapping[int, Measured], record: Mapping[str, Any]) -> None:
    for seed, one in base.items():
        if one.errors is None:
            raise DivergedError(
                f"The recipe '{record['recipe']['name']}' itself diverges with seed {seed}, so nothing can "
                "be compared with it; a lower learning rate may help."
            )


def summary(trainings: Mapping[int, Measured]) -> dict[str, Any]:
    errors = [one.error for one in trainings.values()]
    return {
        "error": math.fsum(errors) / len(errors),
        "errors": errors,
        "seconds": math.fsum(one.seconds for one in trainings.values()) / len(errors),
    }


def _measured(record: Mapping[str, Any], recipe: Mapping[str, Any]) -> dict[int, Measured]:
    key = key_of(recipe)
    return {seed: Measured(*record["trainings"][f"{key}/{seed}"]) for seed in record["seeds"]}
