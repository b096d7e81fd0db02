"""How well a model reads a labelled set: answers for every image, then one summary.

Raw pixels go to the network as they are, for MNIST and for whatever `load_set` has brought to MNIST's form.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled
from tenfold.metrics import summary
from tenfold.reading.reader import Reader
from tenfold.thresholds import CONFIDENCE, unsure


def evaluate(reader: Reader, data: Labelled) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The summary of `data` and the probabilities float32 [n, 10] behind it.

    The summary has `on`, `accuracy`, `errors`, `count`, `interval` ([low, high], Wilson 95 % over images),
    `nll` (nats) and `ece`; with a confidence threshold also `accepted` and `accuracy_accepted`, which is None
    where nothing is accepted. All but counts and nll are fractions of 1. Raises DataError for a set with
    other classes than the ten digits.
    """
    data.check_digits()
    probabilities = reader.probabilities(data.images)
    return summarise(probabilities, data, reader.metadata.thresholds), probabilities


def summarise(probabilities: NDArray[Any], data: Labelled, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The summary above, of `probabilities` [n, 10] that are at hand."""
    result = summary(probabilities, data.labels, data.name)
    return result | _accepted(probabilities, data.labels, thresholds) if CONFIDENCE in thresholds else result


def _accepted(
    probabilities: NDArray[Any], labels: NDArray[np.uint8], thresholds: Mapping[str, float]
) -> dict[str, float | None]:
    accepted = ~unsure(probabilities, thresholds)
    correct = probabilities.argmax(1) == labels
    return {
        "accepted": float(accepted.mean()),
        "accuracy_accepted": float(correct[accepted].mean()) if accepted.any() else None,
    }
