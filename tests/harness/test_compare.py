"""Two models or two recipes compared: the figures are right, and the sentence says what they mean."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tenfold.errors import RunError
from tenfold.harness.compare import Side, compare_answers, compare_crossvals
from tenfold.harness.estimates.crossval_record import Crossval
from tenfold.harness.estimates.folds import folds_by_class

LABELS = (np.arange(1000) % 10).astype(np.uint8)


def answering(wrong: NDArray[Any]) -> NDArray[np.float32]:
    """Sure probabilities [n, 10] of a model that is wrong where `wrong` bool [n] says so."""
    n = len(wrong)
    labels = np.resize(LABELS, n)
    predicted = np.where(wrong, (labels + 1) % 10, labels)
    return np.eye(10, dtype=np.float32)[predicted]


def side(name: str, *wrong: range) -> Side:
    places = np.zeros(1000, bool)
    for some in wrong:
        places[list(some)] = True
    return Side(name, LABELS, answering(places))


BOTH = range(900, 920)  # hard for everybody


def test_the_figures_of_two_models() -> None:
    found = compare_answers(side("a", BOTH, range(8)), side("b", BOTH, range(100, 130)), "some")
    assert (found["a"], found["b"], found["on"], found["count"]) == ("a", "b", "some", 1000)
    assert (found["only_a"], found["only_b"]) == (30, 8)
    assert found["errors"] == {"a": 28, "b": 50}
    assert found["accuracy"] == {"a": 0.972, "b": 0.95}
    assert found["difference"] == pytest.approx(0.022)
    assert found["interval"][0] < 0.022 < found["interval"][1]
    assert found["p"] == pytest.approx(stats.binomtest(8, 38).pvalue)
    assert found["effect"] == pytest.approx(30 / 38 - 0.5)


@pytest.mark.parametrize(
    ("a", "b", "verdict", "sentence"),
    [
        (range(8), range(100, 130), "better", "'a' is better than 'b': 2.20 points more accurate"),
        (range(30), range(100, 108), "worse", "'a' is worse than 'b': 2.20 points less accurate"),
        (range(20), range(100, 125), "undecided", "cannot be told by these 1,000 images"),
        (range(20), range(100, 120), "undecided", "no difference was seen at all"),
        (range(0), range(0), "undecided", "no difference was seen at all"),
    ],
)
def test_one_sentence_says_what_it_means(a: range, b: range, verdict: str, sentence: str) -> None:
    found = compare_answers(side("a", BOTH, a), side("b", BOTH, b), "some")
    assert found["verdict"] == verdict
    assert sentence in found["sentence"]
    assert found["sentence"].count(". ") == 0


def test_what_cannot_be_told_says_how_many_images_it_would_take() -> None:
    found = compare_answers(side("a", range(20)), side("b", range(100, 125)), "some")
    assert found["images_needed"] > 1000
    leading = f"{found['images_needed']:,}"[:1]
    assert f"it would take about {leading}" in found["sentence"]


def test_other_images_are_refused() -> None:
    other = Side("b", (LABELS + 1) % 10, answering(np.zeros(1000, bool)))
    with pytest.raises(RunError, match="did not read the same images"):
        compare_answers(side("a"), other, "some")
    with pytest.raises(RunError, match="did not read the same images"):
        compare_answers(side("a"), Side("b", LABELS[:10], other.probabilities[:10]), "some")


# --- two recipes -------------------------------------------------------------------------------------------


def write_crossval(folder: Path, error: float, noise: int = 0, **changes: Any) -> Crossval:
    """A finished cross-validation of 2 x 5 folds on 1000 images, wrong on the share `error` of them."""
    record = {
        "format": 1,
        "status": "training",
        "recipe": {"name": folder.name},
        "folds": 5,
        "by": "class",
        "repeats": 2,
        "seed": 0,
        "threads": 1,
        "precision": "fp32",
        "data": {"some": "ab" * 32},
        "count": 1000,
        "versions": {},
        "fits": [],
        "results": {},
        **changes,
    }
    found = Crossval.begin(folder, record)
    split = np.stack([folds_by_class(LABELS, record["folds"], seed=record["seed"], repeat=r) for r in (0, 1)])
    wrong = np.random.default_rng(noise).random((2, 1000)) < error
    probabilities = np.stack([answering(repeat) for repeat in wrong])
    found.finish({"labels": LABELS, "probabilities": probabilities, "folds": split})
    return found


def test_two_recipes_are_compared_over_their_folds(tmp_path: Path) -> None:
    a, b = write_crossval(tmp_path / "a", 0.02, noise=1), write_crossval(tmp_path / "b", 0.10, noise=2)
    found = compare_crossvals(a, b)
    one, other = a.out_of_fold(), b.out_of_fold()
    differences = [
        one.correct[r][one.folds[r] == k].mean() - other.correct[r][one.folds[r] == k].mean()
        for r in (0, 1)
        for k in range(5)
    ]
    error = np.sqrt((1 / 10 + 1 / 4) * np.var(differences, ddof=1))
    t = np.mean(differences) / error
    assert found["differences"] == pytest.approx(differences)
    assert found["p"] == pytest.approx(2 * stats.t.sf(abs(t), 9))
    assert found["interval"] == pytest.approx(stats.t.interval(0.95, 9, np.mean(differences), error))
    assert (found["trainings"], found["count"], found["verdict"]) == (10, 1000, "better")
    out = found["out_of_fold"]
    assert out["only_a"] == (one.correct[0] & ~other.correct[0]).sum()
    assert out["p"] == pytest.approx(stats.binomtest(out["only_a"], out["only_a"] + out["only_b"]).pvalue)
    assert "by 10 trainings on 1,000 images" in found["sentence"]


def test_two_recipes_that_cannot_be_told_apart(tmp_path: Path) -> None:
    found = compare_crossvals(
        write_crossval(tmp_path / "a", 0.05, noise=1), write_crossval(tmp_path / "b", 0.052, noise=2)
    )
    assert found["verdict"] == "undecided"
    assert found["images_needed"] > 1000
    assert found["sentence"].endswith(" images.")


def test_few_trainings_ask_for_more_of_them_and_not_for_images(tmp_path: Path) -> None:
    a, b = (write_crossval(tmp_path / name, 0.05, noise, folds=2) for name, noise in (("a", 1), ("b", 2)))
    found = compare_crossvals(a, b)
    assert (found["trainings"], found["verdict"], found["images_needed"]) == (4, "undecided", None)
    assert found["sentence"].endswith("to tell it would take more trainings, by --folds or --repeats.")


def test_folds_that_agree_by_chance_are_no_proof(tmp_path: Path) -> None:
    """In each fold A alone is right on one image, and B on none: no spread at all."""
    a, b = (write_crossval(tmp_path / name, 0.0) for name in "ab")
    answers = b.out_of_fold()
    wrong = np.stack(
        [np.isin(np.arange(1000), np.unique(folds, return_index=True)[1]) for folds in answers.folds]
    )
    probabilities = np.stack([answering(repeat) for repeat in wrong])
    b.finish({"labels": LABELS, "probabilities": probabilities, "folds": answers.folds})
    found = compare_crossvals(a, b)
    assert found["differences"] == pytest.approx([1 / 200] * 10)
    assert (found["verdict"], found["p"] > 0.05) == ("undecided", True)


def test_a_recipe_against_itself(tmp_path: Path) -> None:
    a = write_crossval(tmp_path / "a", 0.05)
    found = compare_crossvals(a, a)
    assert (found["p"], found["difference"], found["images_needed"], found["effect"]) == (1, 0, None, None)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "differ in seed"),
        ({"by": "kind"}, "differ in kind of folds"),
        ({"data": {"some": "cd" * 32}}, "differ in data"),
        ({"folds": 4}, "differ in folds"),
    ],
)
def test_folds_that_cannot_be_paired(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    a, b = write_crossval(tmp_path / "a", 0.05), write_crossval(tmp_path / "b", 0.05, **changes)
    with pytest.raises(RunError, match=named):
        compare_crossvals(a, b)


def test_one_that_did_not_finish(tmp_path: Path) -> None:
    a, b = write_crossval(tmp_path / "a", 0.05), write_crossval(tmp_path / "b", 0.05)
    b.record["status"] = "training"
    with pytest.raises(RunError, match=r"'.*b' did not finish"):
        compare_crossvals(a, b)
