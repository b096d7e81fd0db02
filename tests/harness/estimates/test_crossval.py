"""Cross-validation on 240 digits: every image is answered once by a model that never saw it."""

import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tenfold import processes
from tenfold.data import Store, load_test, load_training
from tenfold.data.labelled import Labelled
from tenfold.errors import (
    DataError,
    NetworkError,
    OutputExistsError,
    ResourceError,
    RunError,
    TenfoldError,
    UnknownNameError,
    UsageError,
)
from tenfold.harness.estimates import trainings
from tenfold.harness.estimates.crossval import CrossvalWork, crossval
from tenfold.harness.estimates.crossval_record import Crossval, Fold
from tenfold.harness.estimates.folds import folds_by_class, folds_by_writer
from tenfold.harness.estimates.trainings import share_out, side_by_side
from tenfold.harness.records.lock import claimed
from tenfold.harness.records.record import Watcher
from tenfold.training.loop import Examples, Trainer
from tenfold.training.networks import Baseline
from tenfold.training.order import derive
from tenfold.training.recipes import Recipe, replace, write_recipe

TINY = Recipe("tiny", "two steps", Baseline(), epochs=1, batch_size=80)
WRITERS = np.arange(240, dtype=np.int32) % 12

Estimate = Callable[..., Crossval]
OPENED: list[str] | None = None


def note_opened(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and OPENED is not None:
        OPENED.append(str(arguments[0]))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Labelled:
    return load_training().take(range(240), "some digits")


@pytest.fixture
def estimate(digits: Labelled, tmp_path: Path) -> Estimate:
    def run(**changes: Any) -> Crossval:
        settings = {"recipe": TINY, "data": digits, "folds": 3, "threads": 1, "out": tmp_path / "cv"}
        return crossval(**{**settings, **changes})

    return run


class Story(Watcher[Crossval]):
    """What was told; it stops the work, as Ctrl-C does, once `until` folds are done."""

    def __init__(self, until: int = 99) -> None:
        self.until = until
        self.begun: list[tuple[int, int]] = []
        self.fits: list[tuple[int, int]] = []

    def begin(self, found: Crossval, done: int, total: int, at_once: int) -> None:
        assert not found.finished
        assert total == len(found.places())
        self.begun.append((done, at_once))
        if done >= self.until:
            raise KeyboardInterrupt

    def fit(self, found: Crossval, fit: Mapping[str, Any], done: int) -> None:
        assert found.folder.exists()
        self.fits.append((fit["repeat"], fit["fold"]))
        if done == self.until:
            raise KeyboardInterrupt


def answers(found: Crossval) -> bytes:
    return found.out_of_fold().probabilities.tobytes()


# --- what it finds -----------------------------------------------------------------------------------------


def test_a_seed_of_numpy_and_a_recipe_by_its_path(estimate: Estimate, tmp_path: Path) -> None:
    path = write_recipe(tmp_path / "tiny.json", TINY)
    found = estimate(recipe=path, seed=np.arange(3)[2])
    assert Crossval.load(found.folder).record["seed"] == 2
    again = estimate(seed=2, out=tmp_path / "again")
    assert again.record["results"]["error"] == found.record["results"]["error"]


def test_each_image_is_answered_by_the_last_step_of_a_training_on_the_other_folds(
    estimate: Estimate, digits: Labelled
) -> None:
    found = estimate(seed=5, repeats=2).out_of_fold()
    assert found.probabilities.shape == (2, 240, 10)
    assert np.array_equal(found.labels, digits.labels)
    for repeat, number in ((0, 0), (1, 2)):
        fold = folds_by_class(digits.labels, 3, seed=5, repeat=repeat)
        assert np.array_equal(found.folds[repeat], fold)
        others = digits.take(np.flatnonzero(fold != number), "others")
        trainer = Trainer(TINY, others, seed=derive(5, "crossval", repeat, number))
        trainer.run()
        held_out = digits.take(np.flatnonzero(fold == number), "held out")
        logits = trainer.logits(Examples(held_out, trainer.device)).astype(np.float64)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        expected = powers / powers.sum(1, keepdims=True)
        assert found.probabilities[repeat, fold == number] == pytest.approx(expected, abs=1e-6)


def test_early_stopping_is_off_since_the_fold_held_out_must_choose_nothing(estimate: Estimate) -> None:
    found = estimate(recipe=replace(TINY, patience=1))
    assert found.record["recipe"] == TINY.to_dict()


def test_the_record_says_what_was_done_and_agrees_with_the_answers(
    estimate: Estimate, digits: Labelled
) -> None:
    found = estimate(by="writer", writers=WRITERS, seed=2)
    record, answered = found.record, found.out_of_fold()
    assert record["data"] == {"some digits": digits.checksum}
    assert (record["by"], record["folds"], record["repeats"], record["seed"]) == ("writer", 3, 1, 2)
    assert (record["status"], record["threads"], record["count"]) == ("finished", 1, 240)
    assert Recipe.from_dict(record["recipe"]) == TINY
    wrong = ~answered.correct
    assert record["results"]["errors"] == wrong.sum() == sum(fit["errors"] for fit in record["fits"])
    assert [(fit["repeat"], fit["fold"]) for fit in record["fits"]] == [(0, 0), (0, 1), (0, 2)]
    assert answered.writers is not None
    assert np.array_equal(answered.writers, WRITERS)
    assert np.array_equal(answered.folds[0], folds_by_writer(WRITERS, digits.labels, 3, seed=2))
    worst = record["results"]["writers"]["worst"][0]
    assert worst["errors"] == wrong[0, worst["writer"] == WRITERS].sum()
    assert sorted(path.name for path in found.folder.iterdir()) == ["crossval.json", "oof.npz"]


def test_answers_follow_from_the_seed(estimate: Estimate, tmp_path: Path) -> None:
    one = answers(estimate(seed=1))
    assert answers(estimate(seed=1, out=tmp_path / "again")) == one
    assert answers(estimate(seed=2, out=tmp_path / "other")) != one


# --- cores -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trainings", "cores", "at_once", "threads"),
    [
        (5, 1, 1, 1),
        (5, 2, 2, 1),
        (5, 5, 5, 1),
        (5, 9, 5, 1),
        (5, 16, 5, 3),
        (2, 64, 2, 32),
        (50, 16, 16, 1),
    ],
)
def test_cores_are_shared_out_by_a_rule(trainings: int, cores: int, at_once: int, threads: int) -> None:
    assert share_out(trainings, cores) == threads
    assert side_by_side(trainings, cores, threads) == at_once
    assert at_once * threads <= cores
    assert side_by_side(trainings, 1, threads=4) == 1  # of a folder that was begun on a larger machine


def test_two_at_once_give_the_answers_of_one_after_the_other(estimate: Estimate, tmp_path: Path) -> None:
    story = Story()
    side_by_side = estimate(folds=2, threads=2, watcher=story)
    assert story.begun == [(0, 2)]
    assert answers(side_by_side) == answers(estimate(folds=2, threads=1, out=tmp_path / "one"))


def test_a_process_that_is_killed_is_one_sentence(digits: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def submit(self, *_: Any) -> None:
            raise BrokenProcessPool

        def shutdown(self, **_: Any) -> None: ...

    monkeypatch.setattr(processes, "ProcessPoolExecutor", Broken)
    work = CrossvalWork(TINY.to_dict(), 0, 1, "fp32", digits, [])
    with pytest.raises(ResourceError, match=r"fewer --threads"):
        list(trainings.train_all(work, [(0, 0), (0, 1)], 2))


def test_a_recipe_is_measured_with_all_that_it_learns_from(digits: Labelled) -> None:
    split = [folds_by_class(digits.labels, 3, seed=0)]
    plain, taught = (replace(TINY, nondigits=share) for share in (0, 0.6))
    first, second = (
        CrossvalWork(r.to_dict(), 0, 1, "fp32", digits, split).train(0, 0) for r in (plain, taught)
    )
    assert first.probabilities.shape == second.probabilities.shape
    assert not np.array_equal(first.probabilities, second.probabilities)


# --- interruptions -----------------------------------------------------------------------------------------


def test_what_was_interrupted_goes_on_and_gives_the_same_answers(estimate: Estimate, tmp_path: Path) -> None:
    whole = answers(estimate(out=tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        estimate(watcher=Story(until=2))
    with pytest.raises(RunError, match="did not finish"):
        Crossval.load(tmp_path / "cv").out_of_fold()
    story = Story()
    found = estimate(watcher=story)
    assert (story.begun, story.fits) == ([(2, 1)], [(0, 2)])
    assert answers(found) == whole


def test_one_process_at_a_time_works_on_a_cross_validation(estimate: Estimate, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        estimate(watcher=Story(until=1))
    story = Story()
    with claimed(tmp_path / "cv"), pytest.raises(OutputExistsError, match="Another process is at work in"):
        estimate(watcher=story)
    assert story.begun == []
    assert estimate(watcher=story).finished
    assert story.begun == [(1, 1)]


def test_what_is_finished_is_read_and_not_done_again(estimate: Estimate) -> None:
    first, story = estimate(), Story()
    again = estimate(watcher=story)
    assert (story.begun, again.record) == ([], first.record)


def test_other_cores_go_on_with_the_threads_that_were_recorded(estimate: Estimate) -> None:
    with pytest.raises(KeyboardInterrupt):
        estimate(watcher=Story(until=1))
    story = Story(until=1)
    with pytest.raises(KeyboardInterrupt):
        estimate(threads=64, watcher=story)
    assert story.begun == [(1, 2)]  # two are left, and each has one thread as the first had


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "another seed"),
        ({"folds": 4}, "another folds"),
        ({"repeats": 2}, "another repeats"),
        ({"recipe": replace(TINY, epochs=2)}, "another recipe"),
        ({"by": "writer", "writers": WRITERS, "seed": 3}, "another kind of folds and another seed"),
    ],
)
def test_a_folder_of_other_settings_is_refused(
    estimate: Estimate, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        estimate(watcher=Story(until=1))
    before = (tmp_path / "cv" / "crossval.json").read_bytes()
    with pytest.raises(RunError, match=named):
        estimate(**changes)
    assert (tmp_path / "cv" / "crossval.json").read_bytes() == before


def test_a_folder_of_other_writers_is_refused(estimate: Estimate) -> None:
    found = estimate(by="writer", writers=WRITERS)
    assert estimate(by="writer", writers=WRITERS.tolist()).record == found.record
    with pytest.raises(RunError, match="with another set of writers; choose"):
        estimate(by="writer", writers=WRITERS // 2)
    del found.record["writers"]  # as an older Tenfold began it
    found.save()
    assert estimate(by="writer", writers=WRITERS).record == found.record


def test_other_images_and_another_torch_are_refused(estimate: Estimate, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        estimate(watcher=Story(until=1))
    with pytest.raises(RunError, match="another data"):
        estimate(data=load_training().take(range(1, 241), "some digits"))
    path = tmp_path / "cv" / "crossval.json"
    record = json.loads(path.read_text())
    record["versions"]["torch"] = "0.0"
    path.write_text(json.dumps(record))
    with pytest.raises(RunError, match="another version of torch"):
        estimate()


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"folds": 1}, UsageError, "not 1"),
        ({"folds": 200}, DataError, "class . has only"),
        ({"by": "writer", "writers": WRITERS, "folds": 13}, DataError, "only 12"),
        ({"by": "writer", "writers": WRITERS[:9]}, DataError, "9 writers for the 240 images"),
        ({"by": "wrter"}, UnknownNameError, "Did you mean 'writer'"),
        ({"repeats": 0}, UsageError, "not 0"),
        ({"repeats": 101}, UsageError, "not 101"),
        ({"threads": 0}, UsageError, "not 0"),
        ({"recipe": "fats"}, UnknownNameError, "Did you mean 'fast'"),
    ],
)
def test_bad_arguments_leave_nothing_behind(
    estimate: Estimate, tmp_path: Path, changes: dict[str, Any], error: type[TenfoldError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        estimate(**changes)
    assert not (tmp_path / "cv").exists()


def test_writers_that_cannot_be_had_are_asked_for_by_name(estimate: Estimate, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"qmnist-train-labels-idx2-int\.gz at hand.*--import-from"):
        estimate(data=None, by="writer", store=Store(cache=tmp_path / "cache", offline=True))


@pytest.mark.parametrize("content", [None, "a file"])
def test_a_folder_of_something_else_is_refused(
    estimate: Estimate, tmp_path: Path, content: str | None
) -> None:
    out = tmp_path / "taken"
    if content is None:
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
    else:
        out.write_text(content)
    with pytest.raises(OutputExistsError, match="choose another --out"):
        estimate(out=out)


@pytest.fixture
def half_done(estimate: Estimate, tmp_path: Path) -> Path:
    with pytest.raises(KeyboardInterrupt):
        estimate(watcher=Story(until=2))
    return tmp_path / "cv"


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"[" * 100_000, b'{"format": 2}', b'{"format": 1}'])
def test_a_damaged_record_is_one_sentence(estimate: Estimate, half_done: Path, damage: bytes) -> None:
    (half_done / "crossval.json").write_bytes(damage)
    with pytest.raises(RunError, match=r"crossval\.json"):
        estimate()


def test_a_damaged_fold_is_one_sentence_and_deleting_it_helps(estimate: Estimate, half_done: Path) -> None:
    path = half_done / "folds" / "0-1.npz"
    whole = path.read_bytes()
    for damage in (b"", whole[:-40], whole[:99] + bytes([whole[99] ^ 1]) + whole[100:], b"nonsense"):
        path.write_bytes(damage)
        with pytest.raises(RunError, match=r"0-1\.npz.*delete it, and its fold is trained again"):
            estimate()
    nothing = Fold(0, 1, np.full((80, 10), np.nan, np.float32), 1.0)
    Crossval.load(half_done).save_fold(nothing)
    with pytest.raises(RunError, match="delete it"):
        estimate()
    path.unlink()
    assert estimate().finished


def test_damaged_answers_are_one_sentence(estimate: Estimate) -> None:
    found = estimate()
    path = found.folder / "oof.npz"
    whole = path.read_bytes()
    for damage in (b"", whole[:-40], b"nonsense"):
        path.write_bytes(damage)
        with pytest.raises(RunError, match=r"oof\.npz"):
            found.out_of_fold()
    np.savez(path, labels=np.zeros(3, np.uint8))
    with pytest.raises(RunError, match="does not hold the answers"):
        found.out_of_fold()


# --- the test set ------------------------------------------------------------------------------------------


def test_the_official_test_set_is_refused_as_data(estimate: Estimate) -> None:
    renamed = load_test().take(range(10_000), "no test set at all")
    for data in (load_test(), renamed):
        with pytest.raises(UsageError, match="official test set"):
            estimate(data=data)


def test_no_file_of_the_test_set_is_opened(
    estimate: Estimate, forget_mnist: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every open of this process is traced; MNIST is loaded as by the command, and only then cut down."""
    global OPENED
    monkeypatch.setattr(
        "tenfold.data.parts.load_training", lambda: load_training().take(range(240), "some digits")
    )
    sys.addaudithook(note_opened)
    OPENED = []
    forget_mnist()
    try:
        assert estimate(data=None).finished
        opened = OPENED
    finally:
        OPENED = None
    assert any("train-images" in name for name in opened)
    assert [name for name in opened if "t10k" in name] == []
