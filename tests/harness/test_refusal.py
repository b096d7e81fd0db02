"""AUROC and FPR at 95 % are scikit-learn's; thresholds keep what they promise; drawn sets are no digits."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from tenfold.data.labelled import Labelled
from tenfold.data.mnist import load_test, load_training
from tenfold.data.sources import SOURCES
from tenfold.errors import DataError, ShapeError, UnknownNameError
from tenfold.harness.refusal import (
    DRAWN,
    NOT_DIGITS,
    SIDE,
    auroc,
    fpr_at,
    picture_set,
    refusal,
    scores,
)
from tenfold.metrics import wilson
from tenfold.reading.reader import Reader
from tenfold.thresholds import likeness

SCORES = {
    "apart": (1.0, 0.0, 3),
    "overlapping": (0.7, 0.5, 3),
    "reversed": (0.2, 0.8, 3),
    "with many ties": (0.6, 0.5, 1),
    "all alike": (0.5, 0.5, 0),
}


def draw(middle_in: float, middle_out: float, digits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    inside = np.clip(rng.normal(middle_in, 0.2, 300), 0, 1).round(digits)
    return inside, np.clip(rng.normal(middle_out, 0.2, 170), 0, 1).round(digits)


@pytest.mark.parametrize("case", SCORES)
@pytest.mark.parametrize("seed", range(3))
def test_auroc_and_false_positives_are_those_of_scikit_learn(case: str, seed: int) -> None:
    inside, outside = draw(*SCORES[case], seed)
    truth = np.r_[np.ones(len(inside)), np.zeros(len(outside))]
    values = np.r_[inside, outside]
    assert auroc(inside, outside) == pytest.approx(roc_auc_score(truth, values))
    false, true, _ = roc_curve(truth, values, drop_intermediate=False)
    assert fpr_at(inside, outside) == pytest.approx(false[np.argmax(true >= 0.95)])


def test_a_hand_count() -> None:
    assert auroc([0.9, 0.5], [0.5, 0.1]) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert fpr_at([0.9, 0.8, 0.7, 0.6], [0.85, 0.65, 0.1], share=0.75) == pytest.approx(1 / 3)


@pytest.mark.parametrize("bad", [[], [[0.5]], [np.nan]])
def test_scores_that_are_none_are_refused(bad: list[float]) -> None:
    with pytest.raises(ShapeError, match="Scores"):
        auroc(bad, [0.5])
    with pytest.raises(ShapeError, match="Scores"):
        fpr_at([0.5], bad)


def test_a_blank_scores_nothing_however_sure_the_network_is() -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 3, 3] = 1
    assert scores(np.full((2, 10), 0.1, np.float32) + np.eye(10, dtype=np.float32)[:2] * 0.5, images, {}) == (
        pytest.approx([0.0, 0.6])
    )


@pytest.fixture(scope="module")
def digits() -> Labelled:
    return load_training().take(range(200), "some")


@pytest.fixture(scope="module")
def reader(model_bytes: bytes, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    path.write_bytes(model_bytes)
    return Reader(path, threads=1)


def test_figures_are_those_of_the_scores(reader: Reader, digits: Labelled) -> None:
    others = {"noise": picture_set("noise", count=50), "black": np.zeros((7, 28, 28), np.uint8)}
    found = refusal(reader, digits, others, errors=(0.9, 0.5))
    inside = reader.probabilities(digits.images).max(1)
    noisy = scores(
        reader.probabilities(others["noise"]), others["noise"], {}
    )  # the road finds most of it blank
    assert found.against["noise"].auroc == auroc(inside, noisy)
    assert found.against["noise"].fpr95 == fpr_at(inside, noisy)
    threshold = reader.metadata.thresholds["confidence"]
    assert (found.score, found.threshold) == ("confidence", threshold)
    assert found.against["noise"].accepted == (noisy >= threshold).mean()
    black = found.against["black"]
    assert (black.count, black.auroc, black.fpr95, black.accepted) == (7, 1.0, 0.0, 0.0)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["against"][1]["set"] == "black"


def test_a_model_that_refuses_by_likeness_is_measured_by_it(reader: Reader, digits: Labelled) -> None:
    limits = {"confidence": 0.107, "likeness": 0.1022}
    careful = Reader.of(
        replace(reader.model, metadata=replace(reader.metadata, thresholds=limits)), threads=1
    )
    others = digits.images[:, ::-1, ::2].repeat(2, 2)
    found = refusal(careful, digits, {"others": others}, errors=(0.85,))
    assert (found.score, found.threshold) == ("likeness", 0.1022)
    rows = reader.probabilities(digits.images), reader.probabilities(others)
    inside, outside = (np.where(each.max(1) >= 0.107, likeness(each), 0) for each in rows)
    against = found.against["others"]
    assert against.auroc == auroc(inside, outside) != auroc(*(each.max(1) for each in rows))
    assert (against.fpr95, against.accepted) == (fpr_at(inside, outside), (outside >= 0.1022).mean())
    assert 0 < (outside >= 0.1022).mean() < 1
    (choice,) = found.choices
    assert choice.accepted == ((inside > 0) & (inside >= choice.threshold)).mean()
    assert choice.others == {"others": ((outside > 0) & (outside >= choice.threshold)).mean()}


def test_a_chosen_threshold_leaves_no_more_errors_than_were_allowed(reader: Reader, digits: Labelled) -> None:
    noise = picture_set("noise", count=20)
    found = refusal(reader, digits, {"noise": noise}, errors=(0.95, 0.9, 0.85, 0.0))
    probabilities = reader.probabilities(digits.images)
    correct = probabilities.argmax(1) == digits.labels
    for choice in found.choices:
        accepted = probabilities.max(1).astype(float) >= choice.threshold
        assert choice.accepted == accepted.mean()
        if accepted.any():
            assert 1 - correct[accepted].mean() <= choice.error
            assert choice.accuracy == correct[accepted].mean()
            assert choice.errors == (accepted & ~correct).sum()
            assert choice.interval == wilson(choice.errors, int(accepted.sum()))
        else:
            assert (choice.accuracy, choice.errors, choice.interval) == (None, 0, None)
        noisy = scores(reader.probabilities(noise), noise, {})
        assert choice.others == {"noise": (noisy >= choice.threshold).mean()}
    assert any(choice.accuracy is not None for choice in found.choices)


def test_a_model_without_a_threshold_has_nothing_accepted_by_it(reader: Reader, digits: Labelled) -> None:
    plain = Reader.__new__(Reader)
    plain.__dict__ |= reader.__dict__
    plain.model = replace(reader.model, metadata=replace(reader.metadata, thresholds={}))
    found = refusal(plain, digits, {"noise": picture_set("noise", count=5)})
    assert found.threshold is None
    assert found.accepted is None
    assert found.against["noise"].accepted is None


def test_no_threshold_is_chosen_on_the_test_set(reader: Reader, digits: Labelled) -> None:
    with pytest.raises(DataError, match="official test set"):
        refusal(reader, replace(load_test(), name="mine"), {})
    assert refusal(reader, digits.take(range(5), "mnist"), {}).count == 5


@pytest.mark.parametrize("error", [-0.1, 1.0, np.nan])
def test_an_error_that_is_no_share_is_refused(reader: Reader, digits: Labelled, error: float) -> None:
    with pytest.raises(ShapeError, match="share"):
        refusal(reader, digits, {}, errors=(error,))


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_pictures_follow_from_their_seed(name: str) -> None:
    first = DRAWN[name](6, np.random.default_rng(0))
    assert first.dtype == np.uint8
    assert first.shape == (6, SIDE, SIDE)
    assert np.array_equal(first, DRAWN[name](6, np.random.default_rng(0)))
    assert len({picture.tobytes() for picture in first}) == 6
    assert picture_set(name, count=6).shape == (6, 28, 28)


def test_most_blanks_come_blank_from_the_road_and_no_scribble_does() -> None:
    assert (~picture_set("blanks", count=50).any((1, 2))).mean() > 0.5
    assert picture_set("scribbles", count=50).any((1, 2)).all()


def test_an_unknown_drawn_set_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"'blank'.*'blanks'"):
        picture_set("blank")


def test_the_sets_without_digits_are_known_by_name() -> None:
    assert set(NOT_DIGITS) == {name for name, source in SOURCES.items() if "no digits" in source.about}
