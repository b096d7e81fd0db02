"""A and B as the user names them, compared: two runs, any two models on one set, or two recipes over folds.

`fast` is the name of a shipped model and of a recipe. It is the model's where nothing says otherwise, as that
is compared in seconds; beside a recipe or a cross-validation it is the recipe's, as nothing else can be set
beside those.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.data import Store
from tenfold.data.mnist import is_test_set
from tenfold.data.sets import VALIDATION_NAME
from tenfold.errors import RecipeError, RunError, UnknownNameError, UsageError, refuse_empty
from tenfold.files import exists, is_file
from tenfold.harness.compare import Side, compare_answers
from tenfold.harness.evaluate import evaluate
from tenfold.harness.records.facts import Facts, read_facts
from tenfold.harness.records.run import RECORD
from tenfold.model import list_models, resolve
from tenfold.reading.reader import Reader
from tenfold.runs.folded import compare_folded, is_crossval
from tenfold.runs.opening import known, open_set, seen_by


def compare(
    a: str | Path,
    b: str | Path,
    on: str | Path | None = None,
    *,
    recipes: bool = False,
    threads: int | None = None,
    store: Store | None = None,
    **folding: Any,
) -> dict[str, Any]:
    """What `harness.compare` says of A and B.

    Two that are to be compared `by_folds` are, by `compare_folded`, which takes `folding` besides. Two run
    folders are compared by the answers that they saved on the test set (or else on validation), unless `on`
    names a set. Otherwise both are models and read `on`, by default the validation images; a run's opening of
    the test set is counted. Images that either learnt from are left out; `left_out` says how many.

    Raises RunError for two that cannot be paired, UsageError where no image of the set is left, and as
    `compare_folded`, `resolve`, `load_set` and `read_facts` do.
    """
    if by_folds(a, b, recipes=recipes):
        if on is not None:
            raise UsageError("Recipes and cross-validations are compared over folds; leave out --on.")
        return compare_folded(a, b, threads=threads, store=store, **folding)
    if folding:
        raise UsageError(
            f"--{next(iter(folding))} is for recipes, but '{a}' and '{b}' are compared as models; with "
            "--recipes they are compared as recipes."
        )
    if on is None and all(exists(Path(name) / RECORD) for name in (a, b)):
        return _compare_runs(Path(a), Path(b))
    on = on or VALIDATION_NAME
    for name in (a, b):
        resolve(name)  # a slip in the second is told before the first has read a digit
    return _compare_models((a, b), on, threads, store)


def by_folds(a: str | Path, b: str | Path, *, recipes: bool = False) -> bool:
    """Whether A and B are recipes or cross-validations; with `recipes` they are.

    Raises RunError where one of them is, and the other one a run or a model; UsageError for an empty name.
    """
    refuse_empty("The name of a model or a recipe", a, b)
    if recipes:
        return True
    kinds = _kind(a), _kind(b)
    folded = [kind for kind in kinds if kind in ("recipe", "cross-validation")]
    if folded and any(kind in ("run", "model") for kind in kinds):
        raise RunError(f"'{a}' is a {kinds[0]} and '{b}' is a {kinds[1]}; compare two of a kind.")
    return bool(folded)


def _kind(name: str | Path) -> str:
    """cross-validation, run, model or recipe; name for one that may be a model's or a recipe's."""
    path = Path(name)
    if is_crossval(name):
        return "cross-validation"
    if exists(path / RECORD):
        return "run"
    if str(name) in list_models():
        return "name"
    if path.suffix == ".json" or _is_recipe(name):
        return "recipe"
    return "model" if exists(path) else "name"


def _is_recipe(name: str | Path) -> bool:
    """Where nothing is installed to train with, nothing is."""
    if find_spec("torch") is None or is_file(name):
        return False
    from tenfold.training.recipes import find_recipe

    try:
        find_recipe(name)
    except UnknownNameError:
        return False
    except RecipeError:  # the recipe of a search, but not a sound one
        return True
    return True


def _compare_runs(a: Path, b: Path) -> dict[str, Any]:
    facts = read_facts(a), read_facts(b)
    if all(side.test is not None for side in facts):
        role = "test"
    elif all(side.validation is not None for side in facts):
        role = "validation"
    else:
        raise RunError(f"'{a}' and '{b}' saved no answers to the same images; name a set with --on.")
    one, other = (_saved(path, side, role) for path, side in zip((a, b), facts, strict=True))
    return compare_answers(one, other, str(facts[0].record["results"][role]["on"]))


def _saved(path: Path, facts: Facts, role: str) -> Side:
    answers = facts.test if role == "test" else facts.validation
    assert answers is not None
    if learnt := facts.trained_on(answers):
        if role != "test":
            another = "another set: --on mnist"
        elif learnt < len(answers):
            another = f"the others: --on {answers.on}"
        else:
            another = "another set: --on SET"
        raise _seen(path, learnt, len(answers), answers.on, another)
    return Side(str(path), answers.labels, answers.probabilities, answers.shown)


def _seen(name: str | Path, learnt: int, count: int, on: str, another: str) -> UsageError:
    return UsageError(f"'{name}' was trained on {known(learnt, count)} of '{on}' too; compare on {another}.")


def _compare_models(
    names: tuple[str | Path, str | Path], on: str | Path, threads: int | None, store: Store | None
) -> dict[str, Any]:
    """By their answers to the images of `on` that neither learnt from; `left_out` counts the others."""
    readers = [Reader(name, threads=threads) for name in names]
    data = open_set(on, names[0], store)
    open_set(data, names[1])  # is counted for both
    unseen = np.ones(len(data), bool)
    for name, reader in zip(names, readers, strict=True):
        seen = seen_by(name, reader.metadata, data)
        unseen &= ~seen
        if not unseen.any():
            recipes = ", or the recipes: --recipes" if str(name) in list_models() else ""
            another = f"another set: --on {'SET' if is_test_set(data) else 'mnist'}{recipes}"
            raise _seen(name, int(seen.sum()), len(data), data.name, another)
    left = data.take(unseen, data.name)
    one, other = (
        Side(str(name), left.labels, evaluate(reader, left)[1])
        for name, reader in zip(names, readers, strict=True)
    )
    return {**compare_answers(one, other, str(on)), "left_out": len(data) - len(left)}
