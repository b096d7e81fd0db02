"""Recipes compared over folds: what is not cross-validated yet is, what is there is taken up."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data.labelled import Labelled
from tenfold.errors import RunError, TenfoldError, UnknownNameError, UsageError
from tenfold.harness.compare import compare_crossvals
from tenfold.harness.estimates.crossval import crossval
from tenfold.harness.estimates.crossval_record import Crossval
from tenfold.harness.records.record import Watcher
from tenfold.runs.folded import compare_folded
from tenfold.training.networks import Baseline
from tenfold.training.recipes import Recipe, replace, write_recipe

TINY = Recipe("tiny", "two steps", Baseline(), epochs=1, batch_size=80)


@pytest.fixture(autouse=True)
def _two_recipes(monkeypatch: pytest.MonkeyPatch, some_digits: tuple[Labelled, Labelled]) -> None:
    """tiny.json and wide.json, of one name; they are trained on 240 digits."""
    monkeypatch.setattr("tenfold.data.parts.load_training", lambda: some_digits[0])
    write_recipe("tiny.json", TINY)
    write_recipe("wide.json", replace(TINY, batch_size=40))


class Story(Watcher[Crossval]):
    """Which folders were trained in; it stops the work, as Ctrl-C does, after the first fold if `stop`."""

    def __init__(self, stop: bool = False) -> None:
        self.trained: list[str] = []
        self.stop = stop

    def begin(self, found: Crossval, done: int, total: int, at_once: int) -> None:  # noqa: ARG002
        self.trained.append(f"{found.folder.name} {done}")

    def fit(self, *_: Any) -> None:
        if self.stop:
            raise KeyboardInterrupt


def compared(*names: str, **settings: Any) -> tuple[dict[str, Any], list[str]]:
    """What is found, and what was trained for it."""
    story = Story()
    found = compare_folded(*names, threads=1, watcher=story, **settings)
    return found, story.trained


def test_two_recipes_are_compared_as_their_folders_would_be_and_trained_once() -> None:
    found, trained = compared("tiny.json", "wide.json", folds=2, seed=3)
    assert trained == ["crossval-tiny-class-2x1-3 0", "crossval-tiny-class-2x1-3-2 0"]
    assert (found["a"], found["b"], found["trainings"]) == ("tiny.json", "wide.json", 2)
    sides = [Crossval.load(folder) for folder in found["folders"]]
    assert [side.record["recipe"]["batch_size"] for side in sides] == [80, 40]
    expected = compare_crossvals(sides[0], sides[1], ("tiny.json", "wide.json"))
    assert found == {**expected, "folders": [str(side.folder) for side in sides]}
    assert compared("tiny.json", "wide.json", folds=2, seed=3) == (found, [])


def test_what_was_begun_goes_on_whatever_its_folder_is_called() -> None:
    with pytest.raises(KeyboardInterrupt):
        crossval(TINY, folds=3, threads=1, out="runs/mine", watcher=Story(stop=True))
    found, trained = compared("tiny.json", "tiny.json", folds=3)
    assert trained == ["mine 1"]
    assert (found["folders"], found["verdict"]) == (["runs/mine", "runs/mine"], "undecided")


def test_a_recipe_is_cross_validated_as_the_folder_beside_it_was() -> None:
    folder = crossval(TINY, folds=2, repeats=2, seed=4, threads=1, out="kept").folder
    found, trained = compared("wide.json", str(folder))
    assert trained == ["crossval-tiny-class-2x2-4 0"]
    assert (found["a"], found["b"], found["trainings"]) == ("wide.json", "kept", 4)
    again, trained = compared("kept", "wide.json", folds=2, repeats=2, by="class")
    assert (again["difference"], trained) == (-found["difference"], [])


@pytest.mark.parametrize(
    ("change", "settings", "error", "sentence"),
    [
        ({}, {"folds": 3}, UsageError, r"^'kept' was cross-validated with --folds 2 and not 3; leave out"),
        ({}, {"by": "writer"}, UsageError, "with --by class and not writer"),
        ({"status": "training"}, {}, RunError, "'kept' did not finish"),
        ({"data": {"mine": "ab" * 32}}, {}, RunError, "of other images than mnist-training"),
    ],
)
def test_what_cannot_be_paired_is_known_before_anything_is_trained(
    change: dict[str, Any], settings: dict[str, Any], error: type[TenfoldError], sentence: str
) -> None:
    path = crossval(TINY, folds=2, threads=1, out="kept").folder / "crossval.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    for names in (("wide.json", "kept"), ("kept", "wide.json")):
        with pytest.raises(error, match=sentence):
            compared(*names, **settings)
    with pytest.raises(UnknownNameError, match=r"no recipe 'fats'. Did you mean 'fast'"):
        compared("tiny.json", "fats")
    assert not Path("runs").exists()


def test_the_folds_are_those_of_the_engine_that_is_given() -> None:
    def made_up(work: Any, next_place: Any, at_once: int) -> Any:  # noqa: ARG001
        while (place := next_place()) is not None:
            yield work.train(*place)._replace(probabilities=np.full((120, 10), 0.1, np.float32))

    found, _ = compared("tiny.json", "wide.json", folds=2, engine=made_up)
    assert (found["out_of_fold"]["only_a"], found["out_of_fold"]["only_b"]) == (0, 0)


def test_recipes_are_compared_on_own_pictures_and_as_the_folder_beside_was(digits: Path) -> None:
    found, trained = compared("tiny.json", "wide.json", folds=2, data=[digits])
    assert trained == ["crossval-tiny-class-2x1-0-digits 0", "crossval-tiny-class-2x1-0-digits-2 0"]
    assert found["on"] == "digits"
    again, trained = compared("wide.json", found["folders"][0], folds=2)
    assert (again["difference"], trained) == (-found["difference"], [])
    with pytest.raises(UsageError, match=r"with --data .*digits.npz and not mnist; leave out --data"):
        compared("wide.json", found["folders"][0], data="mnist")
