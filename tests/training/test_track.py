"""What is written for TensorBoard, read back by TensorBoard's own reader."""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)
from tests.training.conftest import MakeTrainer

from tenfold.errors import DiskError, MissingExtraError
from tenfold.training.callbacks import History
from tenfold.training.track import TAGS, TensorBoard, write_history


def read(folder: Path) -> dict[str, dict[int, float]]:
    """Tag -> epoch -> value."""
    found: Any = EventAccumulator(str(folder))
    found.Reload()
    return {tag: {event.step: event.value for event in found.Scalars(tag)} for tag in found.Tags()["scalars"]}


def expected(history: Path, folder: str) -> dict[str, dict[int, float]]:
    with open(history, newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        tag: {int(row["epoch"]): float(row[name]) for row in rows}
        for name, (place, tag) in TAGS.items()
        if place == folder
    }


def agree(found: dict[str, dict[int, float]], wanted: dict[str, dict[int, float]]) -> None:
    assert found.keys() == wanted.keys()
    for tag, values in wanted.items():
        assert list(found[tag]) == list(values)
        assert list(found[tag].values()) == pytest.approx(list(values.values()), rel=1e-5), tag


def test_the_metrics_are_those_of_the_history(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    history, board = History(tmp_path / "history.csv"), TensorBoard(tmp_path / "logs")
    make_trainer([history, board]).run()
    for folder in ("train", "validation"):
        agree(read(tmp_path / "logs" / folder), expected(tmp_path / "history.csv", folder))
    exact = [np.float32(row["val_loss"]) for row in history.rows]
    assert list(read(tmp_path / "logs" / "validation")["epoch_loss"].values()) == exact


def test_every_epoch_is_there_as_soon_as_it_is_done(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    seen = []

    class Look(History):
        def on_epoch_close(self, trainer: Any) -> None:
            seen.append((trainer.epoch, max(read(tmp_path / "train")["epoch_loss"])))

    make_trainer([TensorBoard(tmp_path), Look()]).run()
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_without_validation_images_there_is_no_such_folder(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    make_trainer([TensorBoard(tmp_path)], validate=False).run()
    assert [path.name for path in tmp_path.iterdir()] == ["train"]


def test_a_training_that_begins_anew_takes_the_place_of_the_old_one(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    make_trainer([TensorBoard(tmp_path)], epochs=3).run()
    board = TensorBoard(tmp_path)
    second = History()
    make_trainer([board, second], seed=5, epochs=2).run()
    found = read(tmp_path / "train")["epoch_loss"]
    assert found == {row["epoch"]: np.float32(row["loss"]) for row in second.rows}


def test_a_history_is_written_like_the_training_it_is_of(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    history = History()
    make_trainer([history, TensorBoard(tmp_path / "live")]).run()
    write_history(tmp_path / "later", history.rows, began=1e9)
    for folder in ("train", "validation"):
        assert read(tmp_path / "later" / folder) == read(tmp_path / "live" / folder)


def test_without_tensorboard_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr("tenfold.training.track.find_spec", lambda _: None)
    for call in (lambda: TensorBoard(tmp_path / "logs"), lambda: write_history(tmp_path / "logs", [])):
        with pytest.raises(MissingExtraError, match=r"pip install '\.\[track\]'"):
            call()
    assert not (tmp_path / "logs").exists()


def test_a_folder_that_cannot_be_made_is_an_error_of_the_disk(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(DiskError, match="logs"):
        make_trainer([TensorBoard(tmp_path / "logs")]).run()
