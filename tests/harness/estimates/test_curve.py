"""A learning curve on 240 digits: what is trained on, what is kept alike, and that nothing is done twice."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.harness.report.test_run import Page

from tenfold.data import load_test, load_training
from tenfold.data.labelled import Split
from tenfold.errors import DataError, OutputExistsError, RunError, TenfoldError, UnknownNameError, UsageError
from tenfold.harness.estimates.curve import SIZES, curve, nested_order, results
from tenfold.harness.estimates.curve_record import Curve
from tenfold.harness.html.markup import percent
from tenfold.harness.records.lock import claimed
from tenfold.harness.records.record import Watcher
from tenfold.harness.report.curve import render
from tenfold.metrics import t_interval, wilson
from tenfold.training.loop import Examples, Trainer
from tenfold.training.networks import Baseline
from tenfold.training.order import derive
from tenfold.training.recipes import Recipe, replace

TINY = Recipe("tiny", "two epochs", Baseline(), epochs=2, batch_size=50)

Measure = Callable[..., Curve]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def parts() -> Split:
    return load_training().take(range(240), "some").split(40)


@pytest.fixture
def measure(parts: Split, tmp_path: Path) -> Measure:
    def run(**changes: Any) -> Curve:
        settings = {"recipe": TINY, "data": parts, "sizes": [20, 100, 200], "seeds": 2, "threads": 1}
        return curve(**{**settings, "out": tmp_path / "curve", **changes})

    return run


class Story(Watcher[Curve]):
    """What was told; it stops the work, as Ctrl-C does, once `until` trainings are done."""

    def __init__(self, until: int = 99) -> None:
        self.until = until
        self.begun: list[tuple[int, int]] = []
        self.fits: list[tuple[int, int]] = []

    def begin(self, found: Curve, done: int, total: int, at_once: int) -> None:
        assert not found.finished
        assert total == len(found.places())
        self.begun.append((done, at_once))

    def fit(self, found: Curve, fit: Mapping[str, Any], done: int) -> None:
        assert done == self.begun[-1][0] + len(self.fits) + 1
        assert fit in found.record["fits"]
        self.fits.append((fit["size"], fit["repeat"]))
        if done >= self.until:
            raise KeyboardInterrupt


# --- what is trained on ------------------------------------------------------------------------------------


def test_every_beginning_of_an_order_has_its_share_of_each_digit() -> None:
    labels = load_training().labels
    order = nested_order(labels, seed=3)
    assert np.array_equal(np.sort(order), np.arange(60_000))
    shares = np.bincount(labels) / len(labels)
    for count in (10, 57, 100, 1_000, 30_000, 59_999):
        found = np.bincount(labels[order[:count]], minlength=10)
        assert np.abs(found - shares * count).max() <= 1, count


def test_orders_are_of_the_seed_and_the_repeat() -> None:
    labels = load_training().labels[:2_000]
    first = nested_order(labels, 0, 0)
    assert np.array_equal(nested_order(labels, 0, 0), first)
    for other in (nested_order(labels, 1, 0), nested_order(labels, 0, 1)):
        assert len(np.intersect1d(other[:100], first[:100])) < 30


def test_a_training_is_that_of_its_images_at_the_last_of_its_steps(measure: Measure, parts: Split) -> None:
    fit = measure(seed=7).fits()[100, 1]
    chosen = np.sort(nested_order(parts.train.labels, 7, 1)[:100])
    # 200 images are 4 batches of 50 an epoch, so 8 steps: four epochs of the two batches of 100
    trainer = Trainer(replace(TINY, epochs=4), parts.train.take(chosen, "100"), seed=derive(7, "curve", 1))
    trainer.run()
    given = parts.validation.labels
    errors = int((trainer.logits(Examples(parts.validation, trainer.device)).argmax(1) != given).sum())
    assert (fit["steps"], fit["epochs"], fit["errors"], fit["count"]) == (8, 4, errors, 40)
    assert fit["error"] == errors / 40


def test_both_sets_of_one_name_are_in_the_record(measure: Measure, parts: Split) -> None:
    one, other = (replace(part, name="mine") for part in parts)
    found = measure(data=Split(one, other), seeds=1, sizes=[20])
    assert found.record["data"] == {"mine": one.checksum, "mine (2)": other.checksum}
    changed = one.take(range(1, len(one)), "mine")
    with pytest.raises(RunError, match="with another data"):
        measure(data=Split(changed, other), seeds=1, sizes=[20])


def test_every_size_takes_as_many_steps_or_the_epochs_of_the_recipe(measure: Measure, tmp_path: Path) -> None:
    same = {size: fit["steps"] for (size, _), fit in measure().fits().items()}
    assert same == {20: 8, 100: 8, 200: 8}
    few = measure(steps="epochs", out=tmp_path / "epochs").fits()
    assert {size: fit["steps"] for (size, _), fit in few.items()} == {20: 2, 100: 4, 200: 8}
    assert {fit["epochs"] for fit in few.values()} == {2}


def test_early_stopping_is_off_since_what_measures_must_not_choose(measure: Measure) -> None:
    assert measure(recipe=replace(TINY, patience=0), seeds=1).record["recipe"] == TINY.to_dict()


# --- what is said ------------------------------------------------------------------------------------------


def test_a_point_is_the_mean_over_seeds_with_its_interval(measure: Measure) -> None:
    found = measure(seeds=3, sizes=[200, 20])
    fits = found.fits()
    for point, size in zip(found.record["results"]["points"], [20, 200], strict=True):
        mean = t_interval([1 - fits[size, repeat]["error"] for repeat in range(3)])
        assert point["accuracy"]["mean"] == pytest.approx(mean.mean)
        assert point["accuracy"]["interval"] == [max(0, mean.low), min(1, mean.high)]
        assert (point["size"], point["seeds"], point["steps"]) == (size, 3, 8)
    assert found.record["results"]["law"] is None
    assert "No power law: it takes 5 sizes or more." in Page(render(found)).text


def test_one_seed_has_no_interval(measure: Measure) -> None:
    found = measure(seeds=1, sizes=[20])
    assert found.record["results"]["points"][0]["accuracy"]["interval"] is None
    assert "1 seed, so no interval" in Page(render(found)).text


def test_seeds_that_are_all_alike_have_the_interval_of_the_images(tmp_path: Path) -> None:
    found = made(tmp_path / "curve", [362, 166, 75, 42, 26, 25, 22])
    for fit in found.record["fits"]:
        fit["error"] = 0.01
    found.record["results"] = results(found)
    page = Page(render(found))
    low, high = wilson(4_950, 5_000)
    assert found.record["results"]["points"][0]["accuracy"]["interval"] == [low, high]
    assert [row[4] for row in page.tables["Accuracy"][1:]] == [f"{percent(low)} to {percent(high)}"] * 7


def made(folder: Path, errors: list[int]) -> Curve:
    """A curve of 7 sizes without a training; two seeds, an error apart, of 5,000 images."""
    fits = [
        {"size": size, "repeat": r, "epochs": 3, "steps": 642, "count": 5_000, "errors": wrong + r}
        | {"error": (wrong + r) / 5_000, "nll": 0.1, "seconds": 1.0}
        for r in (0, 1)
        for size, wrong in zip(SIZES, errors, strict=True)
    ]
    counts = {"train": 55_000, "validation": 5_000}
    record = {"format": 1, "status": "finished", "recipe": TINY.to_dict(), "sizes": list(SIZES), "seeds": 2}
    record |= {"seed": 0, "steps": "same", "threads": 1, "precision": "fp32", "counts": counts, "fits": fits}
    record |= {"data": {"mnist-train": "ab", "<b>&": "cd"}, "versions": {"torch": "<script>"}}
    folder.mkdir()
    found = Curve(folder, record)
    record["results"] = results(found)
    found.save()
    return Curve.load(folder)


def test_a_law_says_what_it_foretells_and_how_far_off_it_would_have_been(tmp_path: Path) -> None:
    found = made(tmp_path / "curve", [362, 166, 75, 42, 26, 25, 22])
    law = found.record["results"]["law"]
    assert [said["images"] for said in law["foretold"]] == [110_000, 220_000]
    assert law["foretold"][0]["error"] > law["foretold"][1]["error"] > law["floor"]
    page = Page(render(found))
    assert "An extrapolation, and nothing that was measured" in page.text
    assert "measured up to here" in page.text
    assert "without its last size, the law would have foretold" in page.text
    assert [row[0] for row in page.tables["Foretold"][1:]] == ["110,000", "220,000"]
    assert [row[0] for row in page.tables["Accuracy"][1:]] == [f"{size:,}" for size in SIZES]
    assert page.tables["Accuracy"][1][3] == "92.75\u00a0%"
    assert len(page.tables["Trainings"]) == 1 + 14
    lines = [a["class"] for tag, a in page.tags if tag == "polyline"]
    assert lines == ["line validation", "line law", "line beyond"]
    assert sum(tag == "line" and a["class"] == "whisker validation" for tag, a in page.tags) == 7
    assert not {"script", "img", "link"} & {tag for tag, _ in page.tags}
    assert "<script>" in page.text


def test_no_law_goes_through_errors_that_nobody_made(tmp_path: Path) -> None:
    found = made(tmp_path / "curve", [5, 4, 3, 2, 1, 0, 0])
    for fit in found.record["fits"]:
        if fit["size"] == 55_000:
            fit["errors"], fit["error"] = 0, 0.0
    found.record["results"] = results(found)
    assert found.record["results"]["law"] is None
    assert found.record["results"]["points"][-1]["accuracy"]["interval"] == list(wilson(5_000, 5_000))
    page = Page(render(found))
    assert "it goes through errors, and with 55,000 images there was none" in page.text
    assert page.tables["Accuracy"][-1][3] == "100.00\u00a0%"


# --- interruptions and more --------------------------------------------------------------------------------


def test_what_was_interrupted_goes_on_and_gives_the_same_figures(measure: Measure, tmp_path: Path) -> None:
    whole = measure(out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        measure(watcher=Story(until=4))
    assert not Curve.load(tmp_path / "curve").finished
    story = Story()
    found = measure(watcher=story)
    assert story.begun == [(4, 1)]
    assert story.fits == [(100, 1), (200, 1)]
    assert found.record["results"] == whole.record["results"]
    story = Story()
    assert measure(watcher=story).record == found.record
    assert story.begun == []


def test_more_seeds_and_sizes_train_only_what_is_new(measure: Measure) -> None:
    measure(seeds=1, sizes=[20, 200])
    story = Story()
    found = measure(watcher=story)
    assert set(story.fits) == {(100, 0), (20, 1), (100, 1), (200, 1)}
    assert [point["size"] for point in found.record["results"]["points"]] == [20, 100, 200]
    assert measure(seeds=1, sizes=[100]).record == found.record  # what is done stays in the curve
    story = Story()
    more = measure(watcher=story, seeds=3, sizes=[50])
    assert set(story.fits) == {(50, 0), (50, 1), (20, 2), (50, 2), (100, 2), (200, 2)}
    points = more.record["results"]["points"]
    assert [(point["size"], point["seeds"]) for point in points] == [(n, 3) for n in (20, 50, 100, 200)]


def test_one_process_at_a_time_works_on_a_curve(measure: Measure, tmp_path: Path) -> None:
    measure(seeds=1, sizes=[20])
    with claimed(tmp_path / "curve"), pytest.raises(OutputExistsError, match="Another process is at work in"):
        measure(seeds=2, sizes=[20])
    assert measure(seeds=2, sizes=[20]).record["seeds"] == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "another seed"),
        ({"steps": "epochs"}, "another steps"),
        ({"recipe": replace(TINY, epochs=3)}, "another recipe"),
    ],
)
def test_a_folder_of_other_settings_is_refused(
    measure: Measure, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    measure(seeds=1, sizes=[20])
    before = (tmp_path / "curve" / "curve.json").read_bytes()
    with pytest.raises(RunError, match=named):
        measure(**changes)
    assert (tmp_path / "curve" / "curve.json").read_bytes() == before


def test_another_torch_may_read_it_and_not_add_to_it(measure: Measure, tmp_path: Path) -> None:
    measure(seeds=1, sizes=[20])
    path = tmp_path / "curve" / "curve.json"
    record = json.loads(path.read_text())
    record["versions"]["torch"] = "0.0"
    path.write_text(json.dumps(record))
    assert measure(seeds=1, sizes=[20]).finished
    with pytest.raises(RunError, match="another version of torch"):
        measure(seeds=2, sizes=[20])


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"sizes": []}, UsageError, "not 0"),
        ({"sizes": [9, 100]}, UsageError, "at least 10 images, not 9"),
        ({"sizes": [100, 201]}, DataError, "There are 200 training images, so not 201"),
        ({"seeds": 0}, UsageError, "not 0"),
        ({"seeds": 101}, UsageError, "not 101"),
        ({"threads": 0}, UsageError, "not 0"),
        ({"steps": "smae"}, UnknownNameError, "Did you mean 'same'"),
        ({"recipe": "fats"}, UnknownNameError, "Did you mean 'fast'"),
    ],
)
def test_bad_arguments_leave_nothing_behind(
    measure: Measure, tmp_path: Path, changes: dict[str, Any], error: type[TenfoldError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        measure(**changes)
    assert not (tmp_path / "curve").exists()


def test_the_test_set_is_refused_on_either_side(measure: Measure, parts: Split, tmp_path: Path) -> None:
    for data in (Split(load_test(), parts.validation), Split(parts.train, load_test())):
        with pytest.raises(UsageError, match="the official test set is not for it"):
            measure(data=data)
    assert not (tmp_path / "curve").exists()


def test_a_folder_of_something_else_is_refused(measure: Measure, tmp_path: Path) -> None:
    (tmp_path / "curve").mkdir()
    (tmp_path / "curve" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="choose another --out"):
        measure()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda record: record.pop("fits"), "no sound 'fits'"),
        (lambda record: record["fits"].append({"size": 20}), "no sound 'fits'"),
        (lambda record: record["sizes"].append("20"), "no sound 'sizes'"),
        (lambda record: record.pop("results"), "no sound 'results'"),
        (lambda record: record.update(format=9), "not the record of a learning curve"),
    ],
)
def test_a_damaged_record_is_one_sentence(
    tmp_path: Path, damage: Callable[[dict[str, Any]], Any], sentence: str
) -> None:
    found = made(tmp_path / "curve", [7, 6, 5, 4, 3, 2, 1])
    damage(found.record)
    found.save()
    with pytest.raises(RunError, match=sentence):
        Curve.load(tmp_path / "curve")
    (tmp_path / "curve" / "curve.json").write_text("{")
    with pytest.raises(RunError, match="not JSON"):
        Curve.load(tmp_path / "curve")
