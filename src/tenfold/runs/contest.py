"""A and B as the user names them, compared: two runs, two cross-validations, or any two models on one set."""

from pathlib import Path
from typing import Any

from tenfold.data import Store
from tenfold.data.sets import VALIDATION_NAME
from tenfold.errors import RunError, UsageError
from tenfold.harness.compare import Side, compare_answers, compare_crossvals
from tenfold.harness.crossval_record import RECORD as CROSSVAL
from tenfold.harness.crossval_record import Crossval
from tenfold.harness.evaluate import evaluate
from tenfold.harness.facts import Facts, read_facts
from tenfold.reading.reader import Reader
from tenfold.runs.opening import open_set, trained_on
from tenfold.runs.record import RECORD


def compare(
    a: str | Path,
    b: str | Path,
    on: str | Path | None = None,
    *,
    threads: int | None = None,
    store: Store | None = None,
) -> dict[str, Any]:
    """What `harness.compare` says of A and B.

    Two cross-validation folders are compared over their folds. Two run folders are compared by the answers
    that they saved on the test set (or else on validation), unless `on` names a set. Otherwise both are
    models and read `on`, by default the validation images; a run's opening of the test set is counted.

    Raises RunError for two that cannot be paired, UsageError for a set that a model was trained on, and as
    `resolve`, `load_set` and `read_facts` do.
    """
    folded = [(Path(name) / CROSSVAL).exists() for name in (a, b)]
    if any(folded):
        if not all(folded):
            alone, model = (a, b) if folded[0] else (b, a)
            raise RunError(f"'{alone}' is a cross-validation and '{model}' is not; compare two of a kind.")
        if on is not None:
            raise UsageError("Two cross-validations are compared over their own folds; leave out --on.")
        return compare_crossvals(Crossval.load(a), Crossval.load(b))
    if on is None and all((Path(name) / RECORD).exists() for name in (a, b)):
        return _compare_runs(Path(a), Path(b))
    on = on or VALIDATION_NAME
    one, other = (_read(name, on, threads, store) for name in (a, b))
    return compare_answers(one, other, str(on))


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
    return Side(str(path), answers.labels, answers.probabilities)


def _read(name: str | Path, on: str | Path, threads: int | None, store: Store | None) -> Side:
    reader = Reader(name, threads=threads)
    data = open_set(on, name, store)
    if trained_on(reader.metadata, data):
        raise UsageError(
            f"'{name}' was trained on the images of '{data.name}' too; compare on another set: --on mnist."
        )
    return Side(str(name), data.labels, evaluate(reader, data)[1])
