"""The labels most likely to be wrong, from the answers of models that never saw them.

    found = audit(labels, probabilities, "mnist-training")      out of fold: each by a model of other folds
    found.suspects[0].index, found.suspects[0].given, found.suspects[0].suggested

Ranked by the normalised margin of confident learning (Northcutt et al. 2021): the probability of the given
label less that of the likeliest other, -1..1, lowest first. Self-confidence alone ranks a scrawl that could
be anything as high as a clear 3 labelled 5; the margin asks for a clear suggestion, which is what a person
can check. A suspect is a question, not a correction: models err too.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.errors import ShapeError
from tenfold.metrics import checked

TOP = 50


@dataclass(frozen=True)
class Suspect:
    """One image whose `given` label is doubted; probabilities are fractions of 1."""

    index: int
    given: int
    suggested: int
    margin: float
    probability_given: float
    probability_suggested: float
    file: str | None = None
    """where the image came from, where that is known"""

    @property
    def image(self) -> str:
        """What the image is called."""
        return self.file or f"image {self.index:,}"


@dataclass(frozen=True)
class Audit:
    """`suspects`, the doubtfullest first, of `count` images of `on`."""

    on: str
    count: int
    disagreements: int
    """images that are answered otherwise than they are labelled"""
    confident: int
    """images answered otherwise as surely as that class's own are on average: about as many are wrong"""
    suspects: tuple[Suspect, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, fit for JSON."""
        return asdict(self) | {"suspects": [asdict(suspect) for suspect in self.suspects]}


def audit(
    labels: ArrayLike, probabilities: ArrayLike, on: str, *, top: int = TOP, files: Sequence[str] = ()
) -> Audit:
    """The `top` labels of `labels` [n] that `probabilities` [n, k] doubt most, none that they agree with.

    `files` are those of a `Labelled`. The probabilities must be those of models that did not train on the
    image. Raises ShapeError for arrays that do not match and for fewer than one suspect.
    """
    probabilities, labels = checked(probabilities, labels)
    if top < 1:
        raise ShapeError(f"An audit shows at least 1 label, not {top}.")
    if len(files) not in (0, len(labels)):
        raise ShapeError(
            f"An audit of {len(labels):,} images takes a file for each or none, not {len(files):,}."
        )
    found = margins(labels, probabilities)
    order = np.argsort(found, kind="stable")
    doubted = order[found[order] < 0]
    suggested = _others(labels, probabilities).argmax(1)
    return Audit(
        on,
        len(labels),
        len(doubted),
        int(confident(labels, probabilities).sum()),
        tuple(
            Suspect(
                int(i),
                int(labels[i]),
                int(suggested[i]),
                float(found[i]),
                float(probabilities[i, labels[i]]),
                float(probabilities[i, suggested[i]]),
                (files[i] or None) if files else None,
            )
            for i in doubted[:top]
        ),
    )


def margins(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """The probability of each given label less the largest other, [n] in -1..1."""
    probabilities, labels = checked(probabilities, labels)
    given = probabilities[np.arange(len(labels)), labels]
    return np.asarray(given - _others(labels, probabilities).max(1))


def confident(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.bool_]:
    """[n]: whether another class than the given one is as probable as it is on average for images of its own.

    These are the off-diagonal counts of the confident joint. Of several such classes the likeliest counts,
    and a class without images counts for none.
    """
    probabilities, labels = checked(probabilities, labels)
    classes = range(probabilities.shape[1])
    usual = [probabilities[labels == k, k].mean() if (labels == k).any() else np.inf for k in classes]
    sure = np.where(probabilities >= usual, probabilities, -1.0)
    return np.asarray((sure.max(1) >= 0) & (sure.argmax(1) != labels))


def _others(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """`probabilities` with -1 for the given label."""
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -1
    return others
