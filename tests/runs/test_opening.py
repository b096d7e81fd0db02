"""A model is known by what it learnt from: whole sets, their training parts, sets that were joined."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data import load_test, load_training
from tenfold.data.mnist import SETS
from tenfold.errors import UsageError
from tenfold.model import read_model
from tenfold.runs import evaluate, train
from tenfold.runs.contest import compare
from tenfold.runs.opening import trained_on
from tenfold.runs.several import report_several
from tenfold.training.recipes import Recipe
from tenfold.training.recipes import replace as changed

QUICK: dict[str, Any] = {"threads": 1, "precision": "fp32"}
OWN = load_training().take(range(1_000, 1_060), "own")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    np.savez(tmp_path / "own.npz", images=OWN.images, labels=OWN.labels)
    return tmp_path / "own.npz"


@pytest.mark.parametrize("final", [False, True])
def test_each_of_the_sets_that_a_training_joined_is_known(
    small: Recipe, own: Path, digits: Path, model_file: Path, final: bool
) -> None:
    run = train(changed(small, epochs=1), data=["mnist", str(own)], final=final, **QUICK)
    assert evaluate(run.folder, own)["trained_on"]
    assert evaluate(run.folder, digits)["trained_on"]  # the same images as MNIST has here
    assert not evaluate(run.folder)["trained_on"]
    assert not evaluate(model_file, own)["trained_on"]
    if final:
        with pytest.raises(UsageError, match=r"was trained on .*images of 'own' too"):
            compare(model_file, run.folder, on=own)
    else:
        assert compare(model_file, run.folder, on=own)["left_out"]


PARTS = OWN.split()


@pytest.mark.parametrize(
    ("learnt", "recipe", "name", "known"),
    [
        ({"own": OWN.checksum}, {"final": True}, "own", True),
        ({"own-validation": OWN.checksum}, {"final": True}, "own", True),  # a set of that name
        ({"own-train": PARTS.train.checksum}, {"final": False}, "moved", True),
        ({"own-train": "ab" * 32, "own-validation": OWN.checksum}, {"final": False}, "own", False),
        ({"own-train": "ab" * 32, "own-validation (2)": OWN.checksum}, {}, "own", False),
        ({"mnist-training": SETS["mnist-training"]}, {"final": True}, "mnist-validation", True),
        ({"mnist-training": SETS["mnist-training"]}, {"final": True}, "mnist", True),  # training images
        ({"mnist-training": "ab" * 32}, {"final": True}, "mnist", False),  # a user's set of that name
        ({"mnist-training+own": "ab" * 32}, {"final": True}, "mnist-validation", True),  # of before
        ({"mnist-training+own": "ab" * 32}, {"final": True}, "mnist", True),
    ],
)
def test_checksums_say_what_trained_and_names_what_validated(
    model_file: Path, learnt: dict[str, str], recipe: dict[str, Any], name: str, known: bool
) -> None:
    metadata = replace(read_model(model_file).metadata, data=learnt, recipe=recipe)
    assert bool(trained_on(model_file, metadata, replace(OWN, name=name))) is known


def test_a_set_too_small_to_part_is_compared_as_a_whole(model_file: Path) -> None:
    few = OWN.take(range(5), "few")
    metadata = replace(read_model(model_file).metadata, data={"few": few.checksum})
    assert trained_on(model_file, metadata, few) == 5
    assert not trained_on(model_file, metadata, OWN.take(range(4), "few"))


def test_images_are_known_one_by_one(small: Recipe, own: Path, tmp_path: Path, some_digits: Any) -> None:
    """A label mended, some images more, test images among one's own: no checksum of a set tells of that."""
    tested = some_digits[1].take(range(24), "tested")
    np.savez(tmp_path / "tested.npz", images=tested.images, labels=tested.labels)
    np.savez(tmp_path / "mended.npz", images=OWN.images[5:], labels=(OWN.labels[5:] + 1) % 10)
    alone = train(changed(small, epochs=1), data=[str(own)], **QUICK)
    assert alone.record["trained_on"] == {"validation": 0}
    kept = len(np.intersect1d(OWN.split().train.marks, OWN.take(range(5, 60), "mended").marks))
    assert evaluate(alone.folder, "mended.npz")["trained_on"] == kept > 40
    joined = train(changed(small, epochs=1), data=["mnist", "tested.npz", str(own), str(own)], **QUICK)
    assert joined.record["trained_on"] == {"validation": 0, "test": 22}
    assert evaluate(joined.folder)["trained_on"] == 22
    page = (joined.folder / "report.html").read_text()
    assert "It was trained on 22 of them, which flatters it." in page
    with pytest.raises(UsageError, match="trained on 22 of the 100 images of 'mnist' too"):
        compare(joined.folder, joined.folder)
    plain = train(changed(small, epochs=1), **QUICK)
    page = report_several([plain.folder, joined.folder])[0].read_text("utf-8")
    assert f"{joined.folder.name} was trained on 22 of them, and is not compared." in page
    assert "Pairs on mnist" not in page


def test_copies_of_mnists_training_images_are_known(own: Path) -> None:
    np.savez("other.npz", images=load_test().images[:30], labels=load_test().labels[:30])
    assert evaluate("fast", own)["trained_on"] == 60  # trained with --final
    assert not evaluate("fast", "other.npz")["trained_on"]
