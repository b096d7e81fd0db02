"""Does a model tell digits from what is no digit? And which threshold leaves how many errors?

    found = refusal(Reader(), digits, {"noise": picture_set("noise"), "letters": letters.images})
    found.against["letters"].auroc, found.against["letters"].fpr95

A picture is accepted by its score, that by which the model refuses: its likeness to a digit where the model
has a threshold for that, or else the calibrated confidence, as the Reader has it. The score is 0 for what the
Reader refuses whatever the threshold: blanks, and what a model of likeness is not confident of. The digits
are of the validation set, since thresholds are chosen here. Letters hold shapes that are digits too (O, l, S,
Z), so no model can refuse them all.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.data.folder import take_road
from tenfold.data.labelled import Labelled
from tenfold.data.mnist import is_test_set
from tenfold.errors import DataError, ShapeError, UnknownNameError
from tenfold.metrics import threshold_accepting, threshold_for, wilson
from tenfold.reading.reader import Reader
from tenfold.thresholds import CONFIDENCE, LIKENESS, likeness, unsure

NOT_DIGITS = ("emnist-letters", "fashion-mnist", "kmnist")  # of the sets by name
ERRORS = (0.01, 0.005, 0.001)
COUNT = 1_000  # pictures of a drawn set
SIDE = 64  # pixels of a drawn picture, before the road

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Against:
    """How well the scores of `count` other pictures part from those of digits."""

    count: int
    auroc: float
    """the probability that a digit scores higher, ties counting half: 0.5 is chance, 1 is perfect"""
    fpr95: float
    """the share accepted where 95 % of the digits are"""
    accepted: float | None
    """the share accepted at the model's own thresholds; None where it has none"""


@dataclass(frozen=True)
class Choice:
    """The lowest threshold that leaves at most the share `error` of wrong answers among accepted digits: of
    these, on which it is chosen. Of others it may leave more."""

    error: float
    threshold: float
    accepted: float
    """share of the digits"""
    accuracy: float | None
    """of the accepted; None where nothing is"""
    others: dict[str, float]
    """share accepted, by set"""
    errors: int
    """wrong answers among the accepted digits"""
    interval: tuple[float, float] | None
    """Wilson's, of the share of those errors, which leaves out that the threshold was chosen; None where
    nothing is accepted"""


@dataclass(frozen=True)
class Refusal:
    """`on` names the `count` digits; `score` is "likeness" or "confidence", `threshold` the model's own for
    it, and `accepted` their share at its thresholds."""

    on: str
    count: int
    score: str
    threshold: float | None
    accepted: float | None
    against: dict[str, Against]
    choices: list[Choice]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, fit for JSON; sets and choices as lists."""
        against = [{"set": name, **asdict(found)} for name, found in self.against.items()]
        return asdict(self) | {"against": against}


def refusal(
    reader: Reader,
    digits: Labelled,
    others: Mapping[str, NDArray[np.uint8]],
    *,
    errors: Sequence[float] = ERRORS,
) -> Refusal:
    """Figures of `digits` against each set of `others` (name -> uint8 [n, 28, 28], as from the road).

    Raises DataError for the official test set, on which no threshold may be chosen, and ShapeError for a
    share of `errors` outside 0..1.
    """
    if is_test_set(digits):
        raise DataError("Thresholds are not chosen on the official test set; take 'mnist-validation'.")
    if not all(0 <= error < 1 for error in errors):
        raise ShapeError("An error to allow among the accepted is a share from 0 to below 1, such as 0.005.")
    probabilities = reader.probabilities(digits.images)
    correct = probabilities.argmax(1) == digits.labels
    limits = reader.metadata.thresholds
    inside = scores(probabilities, digits.images, limits)
    score = LIKENESS if LIKENESS in limits else CONFIDENCE
    own = limits.get(score)
    answers = {name: reader.probabilities(images) for name, images in others.items()}
    outside = {name: scores(rows, others[name], limits) for name, rows in answers.items()}

    def accepted(rows: NDArray[np.float32], images: NDArray[np.uint8]) -> float | None:
        if own is None:
            return None
        return float((images.any((1, 2)) & ~unsure(rows, limits)).mean())

    return Refusal(
        digits.name,
        len(digits),
        score,
        own,
        accepted(probabilities, digits.images),
        {
            name: Against(
                len(values),
                auroc(inside, values),
                fpr_at(inside, values),
                accepted(answers[name], others[name]),
            )
            for name, values in outside.items()
        },
        [_choice(error, inside, correct, outside) for error in errors],
    )


def _choice(
    error: float, inside: Floats, correct: NDArray[np.bool_], outside: Mapping[str, Floats]
) -> Choice:
    threshold = threshold_for(inside, correct, error=error)
    accepted = (inside > 0) & (inside >= threshold)
    errors = int((accepted & ~correct).sum())
    return Choice(
        error,
        threshold,
        float(accepted.mean()),
        float(correct[accepted].mean()) if accepted.any() else None,
        {name: float(((values > 0) & (values >= threshold)).mean()) for name, values in outside.items()},
        errors,
        wilson(errors, int(accepted.sum())) if accepted.any() else None,
    )


def scores(probabilities: ArrayLike, images: NDArray[np.uint8], thresholds: Mapping[str, float]) -> Floats:
    """What a model with these `thresholds` tells digits by, float64 [n], of each row [n, 10]: the largest
    probability, or the likeness where that is large enough for the model; and 0 where the image is blank."""
    confidence = np.asarray(probabilities, np.float64).max(1)
    drawn = images.any((1, 2))
    if LIKENESS not in thresholds:
        return np.where(drawn, confidence, 0.0)
    return np.where(drawn & (confidence >= thresholds.get(CONFIDENCE, 0.0)), likeness(probabilities), 0.0)


def auroc(inside: ArrayLike, outside: ArrayLike) -> float:
    """The area under the ROC curve of scores that should be high `inside` [n] and low `outside` [m]."""
    inside, ordered = _scores(inside), np.sort(_scores(outside))
    below, up_to = (np.searchsorted(ordered, inside, side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(ordered)))


def fpr_at(inside: ArrayLike, outside: ArrayLike, *, share: float = 0.95) -> float:
    """The share of `outside` at or above the highest threshold that at least `share` of `inside` reach."""
    threshold = threshold_accepting(_scores(inside), share=share)
    return float((_scores(outside) >= threshold).mean())


def _scores(values: ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ShapeError(f"Scores must be a list of at least one number, not {list(array.shape)}.")
    return array


# --- pictures that are no digits, without a download -------------------------------------------------------


def picture_set(name: str, *, count: int = COUNT, seed: int = 0) -> NDArray[np.uint8]:
    """`count` pictures of DRAWN, brought by the road to uint8 [count, 28, 28]. Raises UnknownNameError."""
    if name not in DRAWN:
        raise UnknownNameError("drawn set", name, DRAWN)
    return take_road(DRAWN[name](count, np.random.default_rng(seed)))


def blanks(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Empty paper, uint8 [count, 64, 64]: one shade with the grain that a camera adds, of 0 to 3 levels."""
    shade = rng.uniform(120, 250, (count, 1, 1))
    grain = rng.uniform(0, 3, (count, 1, 1)) * rng.standard_normal((count, SIDE, SIDE))
    return np.clip(np.rint(shade + grain), 0, 255).astype(np.uint8)


def noise(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Every pixel its own shade, uint8 [count, 64, 64]."""
    return rng.integers(0, 256, (count, SIDE, SIDE), np.uint8)


def scribbles(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A dark pen going round and to and fro on white paper, uint8 [count, 64, 64]; some look like digits."""
    time = np.linspace(0, 2 * math.pi, 200)
    drawn = np.full((count, SIDE, SIDE), 255, np.uint8)
    for picture in drawn:
        speeds = np.arange(1, 6)
        sizes = rng.normal(size=(2, 5)) / np.sqrt(speeds)
        angles = np.sin(speeds[:, None] * time + rng.uniform(0, 2 * math.pi, (2, 5, 1)))
        path = (sizes[:, :, None] * angles).sum(1)
        low, high = path.min(1, keepdims=True), path.max(1, keepdims=True)
        points = 10 + (path - low) / (high - low) * (SIDE - 20)
        fine = np.rint(points.T * 16).astype(np.int32)
        cv2.polylines(picture, [fine[:, None]], False, 0, int(rng.integers(2, 5)), cv2.LINE_AA, 4)
    return drawn


DRAWN: dict[str, Callable[[int, np.random.Generator], NDArray[np.uint8]]] = {
    "blanks": blanks,
    "noise": noise,
    "scribbles": scribbles,
}
