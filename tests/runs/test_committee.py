"""A committee's folder is taken like a run's; what is fitted, and on what, follows from who learnt what."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tenfold.data import load_training, split
from tenfold.data.labelled import Labelled
from tenfold.data.mnist import SETS
from tenfold.errors import (
    DiskError,
    ModelFileError,
    OutputExistsError,
    RunError,
    UnknownNameError,
    UsageError,
)
from tenfold.harness.committee import mean_logits
from tenfold.harness.records.run import Run
from tenfold.metrics import nll, softmax
from tenfold.model import read_model
from tenfold.reading.reader import Reader
from tenfold.runs import evaluate
from tenfold.runs.committee import Committee, committee
from tenfold.runs.contest import compare
from tenfold.runs.listing import count_openings, list_runs
from tenfold.training.export import export
from tenfold.training.networks import Network

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def validation(monkeypatch: pytest.MonkeyPatch) -> Labelled:
    """As many digits as tell a threshold: 200 of MNIST's, and the same by name for `evaluate`."""
    training = load_training().take(range(2_400), "mnist-training")
    monkeypatch.setattr("tenfold.data.mnist.VALIDATION", 200)
    monkeypatch.setattr("tenfold.runs.committee.load_training", lambda: training)
    monkeypatch.setattr("tenfold.data.sets.load_training", lambda: training)
    return split(training).validation


@pytest.fixture
def make(tmp_path: Path, validation: Labelled) -> Make:
    """A linear model that learnt a little, as a file that says what it was kept from."""
    train = split(load_training().take(range(2_400), "mnist-training")).train

    def made(
        seed: int,
        *,
        final: bool = False,
        threshold: float | None = 0.5,
        likeness: float | None = None,
        looks: Mapping[str, float] | None = None,
        **recipe: Any,
    ) -> Path:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            net = Network(nn.Flatten(), nn.Linear(784, 10))
        pixels = torch.from_numpy(train.images[seed::3].copy())[:, None].float() / 255
        labels = torch.from_numpy(train.labels[seed::3].astype(np.int64))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(pixels), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        data = {"mnist-train": "ab" * 32, "mnist-validation": validation.checksum}
        path = tmp_path / f"{seed}{'-final' if final else ''}{likeness or ''}{'-looks' if looks else ''}.onnx"
        path.write_bytes(
            export(
                net,
                name="linear",
                thresholds={
                    key: least
                    for key, least in (("confidence", threshold), ("likeness", likeness))
                    if least is not None
                }
                | dict(looks or {}),
                recipe={"name": "linear", "seed": seed, **recipe},
                data={"mnist-training": SETS["mnist-training"]} if final else data,
            )
        )
        return path

    return made


LOOKS = {"second look": 0.9, "second opinion": 0.2}


def test_where_no_member_saw_the_validation_images_it_is_fitted_there(
    make: Make, validation: Labelled
) -> None:
    members = [make(seed) for seed in (0, 1, 2)]
    made = committee(members)
    assert made.folder == Path("runs/committee")
    assert_measured_as_it_reads(made)
    assert made.record["calibration"] == "mnist-validation"
    reader = Reader(made.folder)
    metadata = reader.metadata
    assert (metadata.temperature, metadata.thresholds) == (
        made.record["temperature"],
        made.record["thresholds"],
    )
    found = evaluate(made.folder, "mnist-validation")
    assert metadata.measured["validation"]["errors"] == found["errors"]
    assert found["accepted"] == pytest.approx(0.99, abs=0.01)
    mean = np.mean([Reader(member).probabilities(validation.images) for member in members], axis=0)
    assert found["nll"] < nll(mean, validation.labels)  # before a temperature was fitted
    assert found["errors"] == int((mean.argmax(1) != validation.labels).sum())


def assert_measured_as_it_reads(made: Committee) -> None:
    found = evaluate(made.folder, "mnist-validation")
    recorded = made.record["results"]["validation"]
    assert set(found) == {*recorded, "trained_on"}
    for key in set(recorded) - {"on", "interval"}:
        assert found[key] == pytest.approx(recorded[key], abs=1e-5), key


def test_members_that_look_twice_make_a_committee_that_does(make: Make, validation: Labelled) -> None:
    members = [make(seed, likeness=0.3, looks=LOOKS) for seed in (0, 1)]
    made = committee(members)
    assert made.record["thresholds"].items() > LOOKS.items()
    assert set(made.record["thresholds"]) == {*LOOKS, "confidence", "likeness"}
    assert_measured_as_it_reads(made)
    first = softmax(
        mean_logits([Reader(each).probabilities(validation.images, perhaps=1.1) for each in members]),
        made.record["temperature"],
    )
    assert np.abs(Reader(made.folder).probabilities(validation.images) - first).max() > 0.1
    assert not set(LOOKS) & set(committee([members[0], make(2)]).record["thresholds"])
    final = committee([make(0, final=True, looks=LOOKS), make(1, looks={**LOOKS, "second look": 0.95})])
    assert final.record["thresholds"] == {"confidence": 0.5, **LOOKS, "second look": 0.95}


def test_final_members_leave_nothing_to_fit(make: Make) -> None:
    made = committee([make(0, final=True, threshold=0.4), make(1, threshold=0.7)])
    assert (made.record["calibration"], made.record["results"]) == ("members", {})
    metadata = read_model(made.folder / "model.onnx").metadata
    assert (metadata.temperature, metadata.thresholds) == (1.0, {"confidence": 0.7})
    assert set(metadata.data) == {"mnist-train", "mnist-training", "mnist-validation"}
    with pytest.raises(UsageError, match="was trained on the images"):
        compare(made.folder, make(2))


def test_a_member_that_is_never_unsure_makes_a_committee_that_is_not(make: Make) -> None:
    made = committee([make(0, final=True), make(1, final=True, threshold=None)])
    assert made.record["thresholds"] == {}


def test_members_that_know_what_is_none_make_a_committee_that_does(make: Make) -> None:
    made = committee([make(0, likeness=0.3), make(1, likeness=0.4)])
    assert set(made.record["thresholds"]) == {"confidence", "likeness"}
    assert 0.9 < made.record["results"]["validation"]["accepted"] <= 0.995  # some are torn in two
    mixed = committee([make(0, likeness=0.3), make(1)])
    assert set(mixed.record["thresholds"]) == {"confidence"}
    final = committee([make(0, final=True, likeness=0.3), make(1, likeness=0.4)])
    assert final.record["thresholds"]["likeness"] == 0.4


def test_members_that_learnt_from_pages_keep_their_temperatures(make: Make) -> None:
    made = committee([make(0, views=4), make(1)])
    assert (made.record["temperature"], made.record["calibration"]) == (1.0, "mnist-validation")


def test_the_same_members_give_the_same_file(make: Make) -> None:
    members = [make(0), make(1)]
    first, second = committee(members), committee(members, out="another")
    assert first.record["model_sha256"] == second.record["model_sha256"]
    assert (first.folder / "model.onnx").read_bytes() == (second.folder / "model.onnx").read_bytes()
    assert committee(members).folder == Path("runs/committee-2")


def test_its_openings_of_the_test_set_are_counted_and_it_is_listed(make: Make) -> None:
    made = committee([make(0), make(1)], name="pair")
    assert made.record["test_openings"] == 0
    evaluate(made.folder, "mnist")
    evaluate(made.folder / "model.onnx", "mnist")
    (entry,) = list_runs("runs")
    assert (entry.kind, entry.status, entry.recipe, entry.test_openings) == (
        "committee",
        "finished",
        "pair",
        2,
    )
    assert entry.validation is not None
    assert entry.validation["accuracy"] == made.record["results"]["validation"]["accuracy"]
    assert count_openings("runs") == 2


def test_a_damaged_record_is_listed_as_damaged(make: Make) -> None:
    made = committee([make(0), make(1)])
    record = json.loads((made.folder / "committee.json").read_text())
    for text in (
        "",
        "[]",
        json.dumps({**record, "test_openings": "0"}),
        json.dumps({**record, "recipe": {}}),
    ):
        (made.folder / "committee.json").write_text(text)
        (entry,) = list_runs("runs")
        assert (entry.status, entry.problem is None) == ("damaged", False)
    (made.folder / "committee.json").write_text("{")
    with pytest.raises(RunError, match="is damaged: it is not JSON"):
        Committee.load(made.folder)


def test_it_is_no_run_and_says_so(make: Make) -> None:
    with pytest.raises(RunError, match="It is a committee"):
        Run.load(committee([make(0), make(1)]).folder)


def test_what_cannot_be_joined_leaves_no_folder(make: Make, tmp_path: Path) -> None:
    first, second = make(0), make(1)
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(first.read_bytes()[:-9] + b"123456789")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    cases: list[tuple[type[Exception], list[str | Path], dict[str, Any]]] = [
        (UsageError, [first], {}),
        (UsageError, [first, first], {}),
        (UsageError, [first, second], {"name": "a/b"}),
        (UsageError, [first, second], {"name": ""}),
        (UsageError, [first, second], {"name": ".."}),
        (UnknownNameError, [first, "nobody"], {}),
        (ModelFileError, [first, damaged], {}),
        (ModelFileError, [first, tmp_path / "absent.onnx"], {}),
        (OutputExistsError, [first, second], {"out": tmp_path / "taken"}),
        (DiskError, [first, second], {"out": first / "below"}),
    ]
    for error, models, said in cases:
        with pytest.raises(error):
            committee(models, **said)
    assert not Path("runs").exists()
