"""Searches whose trainings are made up: what is proposed, halved, kept on disk, taken up again and shared.

The engine of these tests makes errors out of parameters, in no time; real trainings are at the end.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.harness.report.test_run import Page
from tests.training.conftest import torch_left_as_it_was

from tenfold.data import load_test, load_training
from tenfold.data.labelled import Labelled, Split
from tenfold.errors import DivergedError, OutputExistsError, RunError, TenfoldError, UsageError
from tenfold.harness.estimates.trainings import trained
from tenfold.harness.explore.record import Exploration
from tenfold.harness.explore.search import is_promoted, search
from tenfold.harness.explore.search_page import render
from tenfold.harness.explore.space import Choice, Range, Space, default_space
from tenfold.harness.explore.study import Study, Trial
from tenfold.harness.explore.trainings import ALL, NINTHS, Measured, SearchWork, Training, part
from tenfold.harness.html.markup import percent
from tenfold.harness.records.lock import Lock
from tenfold.harness.records.record import Watcher
from tenfold.metrics import nll, softmax
from tenfold.training.augment import Augmentation
from tenfold.training.loop import Trainer
from tenfold.training.networks import Baseline
from tenfold.training.recipes import Recipe, find_recipe, replace, write_recipe

TINY = Recipe("tiny", "two steps", Baseline(), epochs=1, batch_size=50, learning_rate=0.02, patience=3)
SPACE: Space = {
    "learning_rate": Range(0.001, 0.1, log=True),
    "epochs": Range(1, 5, whole=True),
    "optimizer": Choice(("adam", "sgd")),
}

Search = Callable[..., Exploration]
NextPlace = Callable[[], Any]


def made_up(work: Any, next_place: NextPlace, at_once: int) -> Generator[Any]:  # noqa: ARG001
    """The best is a learning rate of 0.01 and many epochs; SGD diverges above 0.03."""
    while (place := next_place()) is not None:
        trial, ninths, recipe, _ = place
        yield Training(trial, ninths, outcome(recipe, ninths))


def outcome(recipe: dict[str, Any], ninths: int) -> Measured:
    rate, epochs = recipe["learning_rate"], recipe["epochs"]
    if recipe["optimizer"] == "sgd" and rate > 0.03:
        return Measured(ninths * 10, 1000, None, None, 0.1)
    errors = round(20 + 4000 * abs(rate - 0.01) + 10 * (5 - epochs) + 90 / ninths)
    return Measured(ninths * 10, 1000, min(errors, 900), rate, 0.1)


class Stop(Watcher[Exploration]):
    """Stops the work, as Ctrl-C does, once so many trainings are done."""

    def __init__(self, after: int) -> None:
        self.left = after

    def fit(self, found: Exploration, fit: Mapping[str, Any], done: int) -> None:  # noqa: ARG002
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.fixture(scope="session")
def digits() -> Split:
    return load_training().take(range(240), "some").split()


@pytest.fixture
def look(digits: Split, tmp_path: Path) -> Search:
    def run(**changes: Any) -> Exploration:
        settings = {"recipe": TINY, "data": digits, "trials": 14, "space": SPACE, "threads": 1}
        return search(**{**settings, "out": tmp_path / "search", "engine": made_up, **changes})

    return run


def story(found: Exploration) -> str:
    """All that a search found, without what a clock or a process says."""
    return json.dumps(found.results)


# --- what it finds -----------------------------------------------------------------------------------------


def test_the_best_of_all_trials_becomes_a_recipe_that_can_be_found(look: Search, tmp_path: Path) -> None:
    found = look()
    results = found.results
    whole = [trial for trial in results["trials"] if trial["state"] == "whole"]
    errors = {trial["trial"]: trial["measured"][-1]["errors"] for trial in whole}
    best = results["best"]
    assert best["errors"] == min(errors.values()) < errors[0]
    made = find_recipe(tmp_path / "search")
    assert made.name == "tiny-explored"
    assert made.patience == TINY.patience
    assert {name: getattr(made, name) for name in SPACE} == best["parameters"]
    assert replace(made, **{name: getattr(TINY, name) for name in ("name", "summary", *SPACE)}) == TINY
    assert f"trial {best['trial']} of 14" in made.summary


def test_the_first_trial_is_the_recipe_as_it_is_on_all_images(look: Search) -> None:
    first = look().results["trials"][0]
    assert first["parameters"] == {"learning_rate": 0.02, "epochs": 1, "optimizer": "adam"}
    assert [one["ninths"] for one in first["measured"]] == list(NINTHS)


def test_a_recipe_that_shifts_by_parts_of_a_pixel_is_searched_as_it_is(look: Search) -> None:
    recipe = replace(TINY, augmentation=Augmentation(shift=1.5))
    trials = look(recipe=recipe, space=default_space(recipe), trials=2).results["trials"]
    assert trials[0]["parameters"]["augmentation.shift"] == 1.5
    assert 0 <= trials[1]["parameters"]["augmentation.shift"] <= 3


def test_halving_sends_the_best_third_so_far_to_more_images(look: Search) -> None:
    trials = look().results["trials"]
    for number, trial in enumerate(trials[1:], 1):
        before = trials[: number + 1]
        for one in trial["measured"]:
            ninths = one["ninths"]
            there = [t["measured"] for t in before if any(m["ninths"] == ninths for m in t["measured"])]
            errors = sorted(m["error"] for measured in there for m in measured if m["ninths"] == ninths)
            among_best = one["error"] <= errors[max(1, len(errors) // 3) - 1]
            went_on = any(m["ninths"] > ninths for m in trial["measured"])
            assert went_on == (among_best and ninths < ALL and one["errors"] is not None)
    assert 0 < sum(trial["state"] == "halted" for trial in trials) < len(trials)


def test_equal_errors_are_ranked_by_likelihood() -> None:
    def trial(number: int, loss: float) -> Trial:
        return Trial(number, {}, {1: Measured(10, 100, 5, loss, 1.0)}, "running", "", False)

    one, two, three = trial(1, 0.3), trial(2, 0.2), trial(3, 0.4)
    assert [is_promoted(each, [one, two, three]) for each in (one, two, three)] == [False, True, False]


def test_a_trial_that_diverges_is_halted_and_not_chosen(look: Search) -> None:
    found = look(space={**SPACE, "learning_rate": Range(0.02, 0.1, log=True), "optimizer": Choice(("sgd",))})
    lost = [trial for trial in found.results["trials"] if trial["measured"][0]["errors"] is None]
    assert lost
    assert {trial["state"] for trial in lost} == {"halted"}
    with pytest.raises(DivergedError, match="No trial came to an end"):
        look(
            space={"learning_rate": Range(0.04, 0.1), "optimizer": Choice(("sgd",))},
            trials=3,
            out=found.folder.parent / "lost",
        )


def test_importance_is_told_once_there_are_enough_trials(look: Search) -> None:
    assert look(trials=9).results["importance"] is None
    shares = look(trials=30).results["importance"]
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) == set(SPACE)
    assert shares["learning_rate"] == max(shares.values())


def test_the_search_finds_better_than_chance_would(look: Search) -> None:
    found = look(trials=40)
    late = [t["measured"][0]["error"] for t in found.results["trials"][20:]]
    early = [t["measured"][0]["error"] for t in found.results["trials"][1:10]]
    assert sum(late) / len(late) < sum(early) / len(early)


def test_the_page_names_the_best_and_is_whole(look: Search) -> None:
    found = look()
    page = (found.folder / "explore.html").read_text()
    assert page == render(found)
    assert f"trial {found.results['best']['trial']}" in page
    for anchor in ("best", "history", "importance", "parameters", "trials"):
        assert f'<section id="{anchor}"' in page


def test_the_table_has_what_was_measured_though_it_is_drawn_higher(look: Search) -> None:
    found = look()
    for trial in found.results["trials"]:
        for one in trial["measured"]:
            one["error"] = {1: 0.3, 3: 0.2, 9: 0.0}[one["ninths"]]
    rows = Page(render(found)).tables["Trials by images"][1:]
    assert [row[2] for row in rows] == [percent(0.7), percent(0.8), percent(1.0)]


# --- the same again ----------------------------------------------------------------------------------------


def test_a_search_follows_from_its_seed(look: Search, tmp_path: Path) -> None:
    first = story(look())
    assert story(look(out=tmp_path / "again")) == first
    assert story(look(out=tmp_path / "other", seed=1)) != first


def test_cut_off_at_any_moment_it_goes_on_to_the_same_end(look: Search, tmp_path: Path) -> None:
    """Whatever was on disk as the process died, at the end of a line of the journal or within one."""
    whole = look()
    first = story(whole)
    journal = (whole.folder / "study.journal").read_bytes()
    record = json.loads((whole.folder / "explore.json").read_text())
    ends = [place + 1 for place, byte in enumerate(journal) if byte == 10]
    cuts = [*ends[::9], *(end - 20 for end in ends[4::13]), 0]
    for number, cut in enumerate(cuts):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "study.journal").write_bytes(journal[:cut])
        begun = {**record, "status": "training"}
        del begun["results"]
        (folder / "explore.json").write_text(json.dumps(begun))
        assert story(look(out=folder)) == first


def test_an_interrupted_search_goes_on_and_trains_nothing_twice(look: Search, tmp_path: Path) -> None:
    whole = look(out=tmp_path / "whole")
    for after in (1, 2, 3, 7):
        with pytest.raises(KeyboardInterrupt):
            look(watcher=Stop(after))
    found = look()
    assert story(found) == story(whole)


def test_more_trials_join_those_that_are_done(look: Search, tmp_path: Path) -> None:
    few = look(trials=5).results["trials"]
    more = look(trials=14)
    assert more.results["trials"][:5] == few
    assert story(more) == story(look(out=tmp_path / "at once"))
    assert look(trials=3).results == more.results


# --- shared ------------------------------------------------------------------------------------------------


def test_several_take_different_trials_and_none_is_begun_beyond_the_last(tmp_path: Path) -> None:
    one, other = (Study(tmp_path, SPACE, None, seed=0) for _ in range(2))
    taken = [study.take(5) for study in (one, other, one, other, one)]
    assert [trial.number for trial in taken if trial] == [0, 1, 2, 3, 4]
    assert one.take(5) is None
    assert other.take(5) is None


def test_what_the_living_are_at_is_left_alone_and_what_the_dead_left_is_taken_up(tmp_path: Path) -> None:
    one, other = (Study(tmp_path, SPACE, None, seed=0) for _ in range(2))
    first = one.take(2)
    assert first is not None
    one.report(first.number, Training(first.number, 1, Measured(10, 100, 5, 0.1, 1.0)))
    second = other.take(2)
    assert second is not None
    assert other.take(2) is None
    one.close()  # as the system does for a process that dies
    taken = other.take(2)
    assert taken is not None
    assert (taken.number, taken.parameters, taken.reached) == (first.number, first.parameters, 1)
    assert other.take(2) is None


def test_a_search_ends_while_others_are_at_their_trials(look: Search, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        look(watcher=Stop(1))
    other = Study(
        tmp_path / "search", SPACE, {"learning_rate": 0.02, "epochs": 1, "optimizer": "adam"}, seed=0
    )
    assert other.take(14) is not None
    assert not look().finished
    other.close()
    found = look()
    assert found.finished
    assert len(found.results["trials"]) == 14


def test_what_another_process_is_about_to_begin_is_joined(look: Search, tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / f".{'0' * 16}.tmp").touch()  # its record, not whole yet
    assert look(trials=2).finished


def test_one_process_at_a_time_writes_what_was_found(
    look: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[bool] = []

    def note(*arguments: Any) -> Path:
        others.append(Lock(tmp_path / "search" / "study.lock").acquire(wait=False))
        return write_recipe(*arguments)

    monkeypatch.setattr("tenfold.harness.explore.search.write_recipe", note)
    look(trials=2)
    assert others == [False]


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from test_search import *

class Die(Watcher):
    def fit(self, found, fit, done):
        print(fit["trial"], fit["ninths"], flush=True)
        if (fit["trial"], fit["ninths"]) == (3, 1):
            os.kill(os.getpid(), signal.SIGKILL)

data = load_training().take(range(240), "some").split()
search(TINY, data, trials=14, space=SPACE, threads=1, out=sys.argv[2], engine=made_up, watcher=Die())
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
def test_a_process_that_is_killed_loses_nothing_that_was_done(look: Search, tmp_path: Path) -> None:
    words = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(tmp_path / "search")]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    trained: list[tuple[int, int]] = []

    class Tell(Watcher[Exploration]):
        def fit(self, found: Exploration, fit: Mapping[str, Any], done: int) -> None:  # noqa: ARG002
            trained.append((fit["trial"], fit["ninths"]))

    before = [tuple(map(int, line.split())) for line in ended.stdout.splitlines()]
    found = look(watcher=Tell())
    assert not {*before} & {*trained}
    assert story(found) == story(look(out=tmp_path / "whole"))


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"trials": 0}, UsageError, "1 to 10,000 trials, not 0"),
        ({"trials": 10_001}, UsageError, "not 10001"),
        ({"threads": 0}, UsageError, "at least one thread"),
        ({"recipe": "tniy"}, UsageError, "no recipe 'tniy'"),
    ],
)
def test_bad_arguments_leave_nothing_behind(
    look: Search, tmp_path: Path, changes: dict[str, Any], error: type[TenfoldError], says: str
) -> None:
    with pytest.raises(error, match=says):
        look(**changes)
    assert not (tmp_path / "search").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 1}, "another seed"),
        ({"space": {"epochs": Range(1, 5, whole=True)}}, "another space"),
        ({"recipe": replace(TINY, batch_size=40)}, "another recipe"),
    ],
)
def test_a_folder_of_another_search_is_refused(look: Search, changes: dict[str, Any], says: str) -> None:
    before = story(look(trials=2))
    with pytest.raises(RunError, match=says):
        look(**changes)
    assert story(look(trials=2)) == before


def test_a_folder_of_other_images_or_another_torch_is_refused(look: Search, tmp_path: Path) -> None:
    look(trials=2)
    with pytest.raises(RunError, match="another data"):
        look(data=load_training().take(range(1, 241), "some").split())
    path = tmp_path / "search" / "explore.json"
    record = json.loads(path.read_text())
    record["versions"]["torch"] = "0.0"
    path.write_text(json.dumps(record))
    with pytest.raises(RunError, match="another version of torch"):
        look()
    assert look(trials=2).finished  # nothing is to be trained


def test_a_folder_of_something_else_is_refused(look: Search, tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="choose another --out"):
        look()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"[" * 100_000, b'{"format": 1, "kind": "search"}'])
def test_a_damaged_record_is_one_sentence(look: Search, tmp_path: Path, damage: bytes) -> None:
    look(trials=2)
    (tmp_path / "search" / "explore.json").write_bytes(damage)
    with pytest.raises(RunError, match=r"explore\.json"):
        look()


@pytest.mark.parametrize(
    "damage",
    [
        lambda journal: b"nonsense\n" + journal,
        lambda journal: journal.replace(b'"op_code":4', b'"op_code":77', 1),
        lambda journal: journal.replace(b'"op_code":4,', b"", 1),
        lambda journal: journal.replace(b"FloatDistribution", b"NoDistribution", 1),
        lambda journal: journal.replace(b'"worker":"', b'"worker":"../', 1),
        lambda journal: journal.replace(b'"ninths 1":[10,', b'"ninths 1":["x",', 1),
        lambda journal: journal.replace(rb"high\": 0.1", rb"high\": 0.2"),
        lambda journal: b"\xff\xfe" + journal,
        lambda journal: b"[1]\n" + journal,
    ],
)
def test_a_damaged_journal_is_one_sentence(
    look: Search, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    look(trials=3)
    path = tmp_path / "search" / "study.journal"
    before = path.read_bytes()
    path.write_bytes(damage(before))
    if path.read_bytes() == before:
        pytest.fail("the damage did none")
    with pytest.raises(RunError, match=r"study\.journal' (is damaged|holds the trials of another search)"):
        look()


def test_optuna_says_nothing(look: Search, capfd: pytest.CaptureFixture[str]) -> None:
    look(trials=3)
    assert capfd.readouterr() == ("", "")


# --- real trainings, and the test set ----------------------------------------------------------------------


def test_a_ninth_is_among_a_third_and_each_has_its_share_of_each_class(digits: Split) -> None:
    sizes = [len(part(digits.train, ninths, seed=3)) for ninths in NINTHS]
    assert sizes[2] == len(digits.train)
    assert sizes[0] == pytest.approx(len(digits.train) / 9, abs=10)
    small, middle = ({image.tobytes() for image in part(digits.train, n, seed=3).images} for n in (1, 3))
    assert small < middle


def test_a_trial_is_a_training_measured_at_its_last_step(digits: Split) -> None:
    torch.set_num_threads(1)
    work = SearchWork(digits, 0, 1, "fp32")
    made = work.train(4, 3, TINY.to_dict(), 7)
    assert (made.key, made.number) == (4, 3)
    assert made.measured.train == len(part(digits.train, 3, 0))
    assert made.measured.held_out == len(digits.validation)
    assert made.measured[:4] == work.train(4, 3, TINY.to_dict(), 7).measured[:4]


def test_a_training_that_diverges_is_a_result(digits: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*_: Any, **__: Any) -> None:
        raise DivergedError("The loss is no number any more.")

    monkeypatch.setattr(Trainer, "run", diverge)
    made = SearchWork(digits, 0, 1, "fp32").train(4, 3, TINY.to_dict(), 7).measured
    assert (made.held_out, made.errors, made.nll, made.error) == (len(digits.validation), None, None, 1.0)


def test_a_training_leaves_torch_as_it_was(digits: Split) -> None:
    with torch_left_as_it_was():
        SearchWork(digits, 0, 1, "fp32").train(4, 1, TINY.to_dict(), 7)


def test_the_likelihood_is_that_of_the_best_temperature(digits: Split) -> None:
    recipe, held_out = replace(TINY, patience=None), digits.validation
    settings: Any = {"seed": 7, "threads": 1, "precision": "fp32"}
    _, found = trained(recipe, digits.train, held_out, **settings)
    at = [nll(softmax(np.log(found), t), held_out.labels) for t in np.geomspace(0.05, 20, 1000)]
    measured = SearchWork(digits, 0, 1, "fp32").train(0, 9, recipe.to_dict(), 7).measured
    assert measured.nll == pytest.approx(min(at), rel=1e-4)
    assert min(at) < 0.99 * nll(found, held_out.labels)


def test_the_official_test_set_is_refused_as_data(look: Search, digits: Split) -> None:
    test = load_test()
    renamed = Labelled("no test set at all", test.images, test.labels)
    for data in (Split(digits.train, test), Split(renamed, digits.validation)):
        with pytest.raises(UsageError, match="official test set"):
            look(data=data)
