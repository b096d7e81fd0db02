"""Ablations with made-up trainings, then with real ones on 360 digits; the test set stays closed."""

import json
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tenfold.data import load_test, load_training
from tenfold.data.labelled import Labelled
from tenfold.errors import DivergedError, OutputExistsError, RunError, TenfoldError, UsageError
from tenfold.harness.explore.ablate import ablate, key_of
from tenfold.harness.explore.ablation_page import render
from tenfold.harness.explore.record import Exploration
from tenfold.harness.explore.trainings import AblationWork, Measured, Training, held_out_by
from tenfold.harness.records.lock import claimed
from tenfold.harness.records.record import Watcher
from tenfold.training.networks import Baseline
from tenfold.training.recipes import Recipe, replace, write_recipe

TINY = Recipe("tiny", "two steps", Baseline(), epochs=1, batch_size=80)
OPENED: list[str] | None = None

Ablate = Callable[..., Exploration]


def note_opened(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and OPENED is not None:
        OPENED.append(str(arguments[0]))


def made_up(work: Any, next_place: Callable[[], Any], at_once: int) -> Generator[Any]:  # noqa: ARG001
    """Epochs help, dropout does nothing that counts, SGD diverges with seed 1."""
    while (place := next_place()) is not None:
        key, recipe, seed = place
        lost = recipe["optimizer"] == "sgd" and seed == 1
        errors = (
            100
            + 3 * seed % 7
            - 20 * (recipe["epochs"] - 1)
            + round(9 * recipe["network"]["dropout"]) % (seed + 2)
        )
        yield Training(key, seed, Measured(330, 300, None if lost else errors, None if lost else 0.1, 1.0))


class Story(Watcher[Exploration]):
    def __init__(self, until: int = 99) -> None:
        self.until = until
        self.begun: list[tuple[int, int]] = []
        self.told: list[tuple[str, int]] = []

    def begin(self, found: Exploration, done: int, total: int, at_once: int) -> None:  # noqa: ARG002
        self.begun.append((done, total))

    def fit(self, found: Exploration, fit: Mapping[str, Any], done: int) -> None:  # noqa: ARG002
        self.told.append((fit["change"], fit["seed"]))
        if done == self.until:
            raise KeyboardInterrupt


@pytest.fixture(scope="session")
def digits() -> Labelled:
    return load_training().take(range(360), "some digits")


@pytest.fixture
def compare(digits: Labelled, tmp_path: Path) -> Ablate:
    def run(*changes: str, **settings: Any) -> Exploration:
        usual: dict[str, Any] = {"seeds": 3, "threads": 1, "out": tmp_path / "ablation", "engine": made_up}
        return ablate(settings.pop("recipe", TINY), changes, digits, **{**usual, **settings})

    return run


def test_each_change_is_trained_with_the_seeds_of_the_recipe_as_it_is(compare: Ablate) -> None:
    story = Story()
    found = compare("epochs=2", "dropout=0.1", seed=4, watcher=story)
    assert story.begun == [(0, 9)]
    assert story.told == [(label, seed) for seed in (4, 5, 6) for label in ("", "epochs=2", "dropout=0.1")]
    helped, undecided = found.results["changes"]
    assert helped["differences"] == pytest.approx([20 / 300] * 3)
    assert (helped["verdict"], undecided["verdict"]) == ("better", "undecided")
    assert found.record["data"]
    assert found.finished


def test_one_process_at_a_time_works_on_an_ablation(compare: Ablate, tmp_path: Path) -> None:
    compare("epochs=2")
    before = (tmp_path / "ablation" / "explore.json").read_bytes()
    with (
        claimed(tmp_path / "ablation"),
        pytest.raises(OutputExistsError, match="Another process is at work in"),
    ):
        compare("dropout=0.1")
    assert (tmp_path / "ablation" / "explore.json").read_bytes() == before
    assert len(compare("dropout=0.1").results["changes"]) == 2


def test_more_changes_and_seeds_join_those_that_are_done(compare: Ablate, tmp_path: Path) -> None:
    compare("epochs=2")
    story = Story()
    found = compare("dropout=0.1", seeds=4, watcher=story)
    assert story.begun == [(6, 12)]
    assert [change["label"] for change in found.results["changes"]] == ["epochs=2", "dropout=0.1"]
    whole = compare("epochs=2", "dropout=0.1", seeds=4, out=tmp_path / "at once")
    assert found.results == whole.results
    story = Story()
    assert compare("epochs=2", watcher=story).results == found.results
    assert story.begun == []


def test_what_was_interrupted_goes_on(compare: Ablate, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        compare("epochs=2", watcher=Story(until=4))
    story = Story()
    found = compare("epochs=2", watcher=story)
    assert story.begun == [(4, 6)]
    assert found.results == compare("epochs=2", out=tmp_path / "whole").results


def test_two_names_for_one_change_are_trained_once(compare: Ablate, tmp_path: Path) -> None:
    mine = write_recipe(tmp_path / "mine.json", replace(TINY, name="mine", epochs=2))
    story = Story()
    found = compare("epochs=2", str(mine), watcher=story)
    assert story.begun == [(0, 6)]
    one, other = found.results["changes"]
    assert one["differences"] == other["differences"]
    write_recipe(mine, replace(TINY, name="mine", epochs=3))
    with pytest.raises(RunError, match=r"'.*mine\.json' is another recipe now"):
        compare(str(mine))


def test_a_change_that_diverges_is_worse_and_a_recipe_that_does_ends_it(
    compare: Ablate, tmp_path: Path
) -> None:
    (found,) = compare("optimizer=sgd").results["changes"]
    assert (found["verdict"], found["diverged"]) == ("worse", [1])
    assert "diverges" in render(Exploration.load(tmp_path / "ablation"))
    story = Story()
    with pytest.raises(DivergedError, match="'tiny' itself diverges with seed 1"):
        compare("epochs=2", recipe=replace(TINY, optimizer="sgd"), out=tmp_path / "lost", watcher=story)
    assert len(story.told) == 3


def test_the_page_says_what_the_record_says(compare: Ablate, tmp_path: Path) -> None:
    found = compare("epochs=2", "dropout=0.1")
    page = (tmp_path / "ablation" / "explore.html").read_text()
    assert page == render(Exploration.load(tmp_path / "ablation"))
    assert "cannot be told" in page
    assert found.results["changes"][0]["sentence"].replace("'", "&#x27;") in page


def test_what_a_recipe_is_called_does_not_decide_what_it_gives() -> None:
    renamed = replace(TINY, name="other", summary="other", patience=3)
    assert key_of(TINY.to_dict()) == key_of(renamed.to_dict())
    assert key_of(TINY.to_dict()) == key_of({**TINY.to_dict(), "weight_decay": 0})
    assert key_of(TINY.to_dict()) != key_of(replace(TINY, epochs=2).to_dict())


@pytest.mark.parametrize(
    ("changes", "settings", "error", "says"),
    [
        ([], {}, UsageError, "1 to 100 changes, not 0"),
        (["epochs=2"], {"seeds": 1}, UsageError, "2 to 100 seeds, not 1: one has no spread"),
        (["epochs=2"], {"seeds": 101}, UsageError, "not 101"),
        (["epochs=2"], {"seed": -1}, UsageError, "0 or more, not -1"),
        (["epochs=2"], {"threads": 0}, UsageError, "at least one thread"),
        (["epoch=2"], {}, UsageError, "Did you mean 'epochs'"),
        (["epochs=2"], {"recipe": "tniy"}, UsageError, "no recipe"),
    ],
)
def test_bad_arguments_leave_nothing_behind(
    compare: Ablate,
    tmp_path: Path,
    changes: list[str],
    settings: dict[str, Any],
    error: type[TenfoldError],
    says: str,
) -> None:
    with pytest.raises(error, match=says):
        compare(*changes, **settings)
    assert not (tmp_path / "ablation").exists()


def test_a_folder_of_another_recipe_is_refused(compare: Ablate) -> None:
    compare("epochs=2")
    with pytest.raises(RunError, match="is an ablation with another recipe; choose another --out"):
        compare("epochs=3", recipe=replace(TINY, batch_size=40))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "sarch"),
        ("seeds", ["0"]),
        ("changes", [{"label": 3, "recipe": {}}]),
        ("changes", ["epochs=2"]),
        ("trainings", {"x/0": [1, 2, 3]}),
        ("trainings", {"x/0": [1, 2, 3, 0.1, 1.0]}),
        ("trainings", []),
        ("recipe", None),
    ],
)
def test_a_damaged_record_is_one_sentence(compare: Ablate, tmp_path: Path, key: str, value: Any) -> None:
    compare("epochs=2")
    path = tmp_path / "ablation" / "explore.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(RunError, match=rf"explore\.json' is damaged: it has no sound '{key}'"):
        compare("epochs=2")


# --- real trainings, and the test set ----------------------------------------------------------------------


def test_twelve_seeds_hold_out_every_image_once(digits: Labelled) -> None:
    held_out = np.stack([held_out_by(digits.labels, seed) for seed in range(12)])
    assert (held_out.sum(0) == 1).all()
    assert held_out.sum(1).tolist() == [30] * 12
    assert not np.array_equal(held_out_by(digits.labels, 12), held_out[0])


def test_a_training_learns_from_all_but_what_it_is_measured_on(digits: Labelled) -> None:
    torch.set_num_threads(1)
    made = AblationWork(digits, 1, "fp32").train("key", TINY.to_dict(), 5)
    assert (made.key, made.number, made.measured.train, made.measured.held_out) == ("key", 5, 330, 30)
    again = AblationWork(digits, 1, "fp32").train("key", TINY.to_dict(), 5)
    assert again.measured[:4] == made.measured[:4]


def test_the_official_test_set_is_refused_as_data(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="official test set"):
        ablate(TINY, ["epochs=2"], load_test(), out=tmp_path / "ablation", engine=made_up)


def test_no_file_of_the_test_set_is_opened(
    digits: Labelled, forget_mnist: Callable[[], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every open of this process is traced; MNIST is loaded as by the command, and only then cut down."""
    global OPENED
    monkeypatch.setattr(
        "tenfold.data.parts.load_training", lambda: load_training().take(range(360), "some digits")
    )
    sys.addaudithook(note_opened)
    OPENED = []
    forget_mnist()
    try:
        found = ablate(TINY, ["epochs=2"], seeds=2, threads=1, out=tmp_path / "ablation")
        opened = OPENED
    finally:
        OPENED = None
    assert found.record["data"] == {"some digits": digits.checksum}
    assert any("train-images" in name for name in opened)
    assert [name for name in opened if "t10k" in name] == []
