"""What evaluation says of a set, against counts made by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenfold.data.labelled import Labelled
from tenfold.errors import DataError
from tenfold.harness.evaluate import evaluate
from tenfold.reading.reader import Reader


def a_set(count: int, classes: int = 10) -> Labelled:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return Labelled("noise", images, (np.arange(count) % classes).astype(np.uint8), classes)


def with_threshold(reader: Reader, confidence: float | None) -> Reader:
    thresholds = {} if confidence is None else {"confidence": confidence}
    reader.model = replace(reader.model, metadata=replace(reader.metadata, thresholds=thresholds))
    return reader


def test_the_summary_is_what_counting_gives(model_file: Path) -> None:
    data, reader = a_set(60), with_threshold(Reader(model_file, threads=1), None)
    result, probabilities = evaluate(reader, data)
    right = sum(int(row.argmax()) == label for row, label in zip(probabilities, data.labels, strict=True))
    assert set(result) == {"on", "accuracy", "errors", "count", "interval", "nll", "ece"}
    assert (result["on"], result["count"], result["errors"]) == ("noise", 60, 60 - right)
    assert result["accuracy"] == right / 60


def test_what_is_accepted_agrees_with_the_reader_also_at_the_threshold(model_file: Path) -> None:
    data, reader = a_set(60), Reader(model_file, threads=1)
    probabilities = reader.probabilities(data.images)
    threshold = float(np.sort(probabilities.max(1))[30])  # exactly one image's confidence
    result, _ = evaluate(with_threshold(reader, threshold), data)
    sure = [float(row.max()) >= threshold for row in probabilities]
    right = [int(row.argmax()) == label for row, label in zip(probabilities, data.labels, strict=True)]
    assert result["accepted"] == sum(sure) / 60
    both = sum(a and b for a, b in zip(sure, right, strict=True))
    assert result["accuracy_accepted"] == pytest.approx(both / sum(sure))


def test_where_nothing_is_accepted_there_is_no_accuracy_of_it(model_file: Path) -> None:
    result, _ = evaluate(with_threshold(Reader(model_file, threads=1), 1.5), a_set(20))
    assert (result["accepted"], result["accuracy_accepted"]) == (0.0, None)


def test_a_set_of_other_classes_is_refused(model_file: Path) -> None:
    with pytest.raises(DataError, match="26 classes"):
        evaluate(Reader(model_file, threads=1), a_set(26, classes=26))
