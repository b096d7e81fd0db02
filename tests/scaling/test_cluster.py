"""On a Ray cluster of this machine: the same files, bit for bit, and the same trainings as without."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data import load_test, load_training
from tenfold.errors import DivergedError, MissingExtraError, NetworkError, ResourceError
from tenfold.harness.estimates.crossval import crossval
from tenfold.harness.estimates.curve import curve
from tenfold.harness.estimates.trainings import train_all
from tenfold.reading.reader import Reader
from tenfold.scaling.answering import DEADLY
from tenfold.scaling.cluster import answer_parts, cluster, train_as_told
from tenfold.scaling.job import Job
from tenfold.training.networks import Baseline
from tenfold.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("ray_cluster")

Rows = Callable[[Path], list[dict[str, Any]]]
SMALL = Recipe("small", "a few steps", Baseline(), epochs=1, batch_size=20)


def job(reader: Any, folder: Path, out: Path) -> Job:
    return Job("predict", reader, [str(folder)], str(out), part_size=6)


def test_the_files_are_those_of_the_local_engine(folder: Path, tmp_path: Path, reader: Reader) -> None:
    (folder / "b" / "99.png").write_bytes(b"no picture")
    here = job(reader, folder, tmp_path / "here").carry_out(workers=1)
    there = job(reader, folder, tmp_path / "there").carry_out(answer_parts)
    assert there == here
    written = [
        {path.name: path.read_bytes() for path in (tmp_path / out).iterdir()} for out in ("here", "there")
    ]
    assert len(written[0]) == 5
    assert written[0] == written[1]
    assert job(reader, folder, tmp_path / "there").carry_out(answer_parts)["kept"] == 4


def test_a_picture_that_ends_every_process_is_a_row_with_an_error(
    folder: Path, tmp_path: Path, reader: Reader, rows: Rows, deadly: Any
) -> None:
    (tmp_path / "deaths").mkdir()
    other = deadly(reader, load_test().images[7], tmp_path / "deaths", 1000)
    job(other, folder, tmp_path / "out").carry_out(answer_parts)
    answers = rows(tmp_path / "out")
    assert len(answers) == 20
    assert {row["file"]: row["error"] for row in answers if row["error"]} == {
        str(folder / "b" / "07.png"): DEADLY
    }


def test_folds_are_those_of_this_machine(tmp_path: Path) -> None:
    data = load_training().take(range(200), "some digits")
    settings: dict[str, Any] = {"folds": 3, "seed": 5, "threads": 1}
    here = crossval(SMALL, data, out=tmp_path / "here", **settings)
    there = crossval(SMALL, data, out=tmp_path / "there", engine=train_as_told, **settings)
    assert np.array_equal(here.out_of_fold().probabilities, there.out_of_fold().probabilities)
    assert there.record["results"] == here.record["results"]


def test_a_learning_curve_is_that_of_this_machine(tmp_path: Path) -> None:
    data = load_training().take(range(200), "some digits").split(50)
    settings: dict[str, Any] = {"sizes": [50, 150], "seeds": 1, "seed": 5, "threads": 1}
    here = curve(SMALL, data, out=tmp_path / "here", **settings)
    there = curve(SMALL, data, out=tmp_path / "there", engine=train_as_told, **settings)
    without_times = [
        {place: {**fit, "seconds": 0} for place, fit in found.fits().items()} for found in (here, there)
    ]
    assert without_times[0] == without_times[1]
    assert there.record["results"] == here.record["results"]


def test_an_error_of_a_training_is_raised_here(work: Any) -> None:
    places: list[tuple[int]] = [(0,), (1,)]
    with pytest.raises(DivergedError, match=r"The loss of seed [01] became nan"):
        list(train_all(work.Diverging(), places, 1, train_as_told))
    with pytest.raises(
        ResourceError, match=r"could not do its part: .*division.*by zero\. All need the same"
    ):
        list(train_all(work.Faulty(), places, 1, train_as_told))


def test_a_connection_that_is_there_is_used_and_left() -> None:
    import ray

    with cluster("192.0.2.1:1"):  # nobody is there, and nobody is asked
        assert ray.is_initialized()
    assert ray.is_initialized()


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_where_no_cluster_answers_one_sentence_says_so(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))  # and nobody listens
        address = form.format(door.getsockname()[1])
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(
            NetworkError, match=rf"^A Ray cluster at '{address}' cannot be reached: .*refused\.$"
        ):
            cluster().__enter__()


@pytest.mark.parametrize(
    ("address", "error", "sentence"),
    [
        ("auto", NetworkError, r"^A Ray cluster at 'auto' cannot be reached: No cluster here\.$"),
        (None, ResourceError, r"^A Ray cluster cannot be started on this machine: No cluster here\.$"),
    ],
)
def test_what_ray_raises_at_its_start_is_one_sentence(
    address: str | None, error: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def refuse(**_: Any) -> None:
        raise Exception("No cluster here.\nMore words.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(error, match=sentence):
        cluster(address).__enter__()


def test_without_ray_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenfold.scaling.cluster.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[ray\]'"):
        cluster().__enter__()
