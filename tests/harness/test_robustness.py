"""Robustness counts right answers under each kind of damage, and shows them on one offline page."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tenfold.data.labelled import Labelled
from tenfold.data.mnist import load_training
from tenfold.errors import DataError
from tenfold.harness.corruptions import KINDS, corrupt
from tenfold.harness.report.robustness import render
from tenfold.harness.robustness import SWEEPS, Robustness, robustness
from tenfold.metrics import wilson
from tenfold.reading.reader import Reader


@pytest.fixture(scope="module")
def digits() -> Labelled:
    return load_training().take(range(30), "thirty")


@pytest.fixture(scope="module")
def reader(model_bytes: bytes, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    path.write_bytes(model_bytes)
    return Reader(path, threads=1)


@pytest.fixture(scope="module")
def found(reader: Reader, digits: Labelled) -> Robustness:
    return robustness(reader, digits, curve_images=20)


def test_each_figure_is_that_of_the_damaged_images(
    found: Robustness, reader: Reader, digits: Labelled
) -> None:
    assert list(found.kinds) == list(KINDS)
    for kind, measured in found.kinds.items():
        right = (reader.probabilities(corrupt(digits.images, kind)).argmax(1) == digits.labels).sum()
        assert (measured.errors, measured.count) == (30 - right, 30)
        assert measured.accuracy == right / 30
        assert measured.interval == wilson(int(right), 30)


def test_means_are_over_fifteen_and_over_eleven(found: Robustness) -> None:
    perfect = replace(
        found,
        kinds={
            name: replace(m, accuracy=0.0 if KINDS[name].affine else 1.0) for name, m in found.kinds.items()
        },
    )
    assert perfect.mean == pytest.approx(11 / 15)
    assert perfect.mean_not_affine == 1.0


def test_curves_pass_through_the_undamaged_accuracy(
    found: Robustness, reader: Reader, digits: Labelled
) -> None:
    clean = (reader.probabilities(digits.images[:20]).argmax(1) == digits.labels[:20]).mean()
    neutral = {"scale": 1.0}
    for name, points in found.curves.items():
        assert [value for value, _ in points] == list(SWEEPS[name].values)
        assert dict(points)[neutral.get(name, 0.0)].accuracy == clean
        assert {measured.count for _, measured in points} == {20}


def test_it_is_plain_json_and_repeats_itself(found: Robustness, reader: Reader, digits: Labelled) -> None:
    document = found.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False))["kinds"][0]["kind"] == "shot-noise"
    assert robustness(reader, digits, curve_images=20) == found


def test_progress_counts_every_measurement(reader: Reader, digits: Labelled) -> None:
    steps: list[tuple[int, int]] = []
    robustness(reader, digits, curve_images=1, progress=lambda *step: steps.append(step))
    total = 16 + sum(len(sweep.values) for sweep in SWEEPS.values())
    assert steps == [(k + 1, total) for k in range(total)]


def test_a_set_of_other_classes_is_refused(reader: Reader) -> None:
    letters = Labelled("letters", np.zeros((1, 28, 28), np.uint8), np.array([25], np.uint8), classes=26)
    with pytest.raises(DataError, match="26 classes"):
        robustness(reader, letters)


def test_the_page_shows_every_kind_and_curve(found: Robustness, digits: Labelled) -> None:
    from tests.harness.report.test_run import Page

    page = Page(render(found, "a <model>", digits))
    rows = page.tables["Accuracy by kind of damage"]
    assert len(rows) == 16
    for row, measured in zip(rows[1:], found.kinds.values(), strict=True):
        assert row[-1] == f"{100 * measured.accuracy:.2f}\u00a0%"
    assert sum(tag == "svg" and attributes["class"] == "chart" for tag, attributes in page.tags) == 5
    assert "a <model>" in page.text
    assert not {"script", "link"} & {tag for tag, _ in page.tags}
