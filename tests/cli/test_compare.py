"""`tenfold compare`: a table, then one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.harness.crossval_record import Arrays, Crossval
from tenfold.harness.folds import folds_by_class


def test_two_models_on_a_set(model_file: Path, digits: Path, tenfold: Any) -> None:
    found = tenfold("compare", model_file, model_file, "--on", digits)
    assert found.code == 0
    table, sentence = found.out.split("\n\n")
    assert "McNemar's exact test  p = 1" in table
    assert sentence.startswith("It cannot be told by these 240 images")
    assert "these two models" in found.err
    facts = json.loads(tenfold("compare", model_file, model_file, "--on", digits, "--json").out)
    assert (facts["only_a"], facts["only_b"], facts["verdict"]) == (0, 0, "undecided")
    assert facts["sentence"] == sentence.strip()


def test_two_cross_validations(tmp_path: Path, tenfold: Any) -> None:
    labels = (np.arange(500) % 10).astype(np.uint8)
    split = folds_by_class(labels, 5, seed=0)
    for name, wrong in (("a", 10), ("b", 60)):
        record = {
            "format": 1,
            "status": "training",
            "recipe": {},
            "folds": 5,
            "by": "class",
            "repeats": 1,
            "seed": 0,
            "threads": 1,
            "precision": "fp32",
            "data": {"some": "ab" * 32},
            "count": 500,
            "versions": {},
            "fits": [],
            "results": {},
        }
        predicted = np.where(np.arange(500) < wrong, (labels + 1) % 10, labels)
        answers = np.eye(10, dtype=np.float32)[predicted][None]
        arrays: Arrays = {"labels": labels, "probabilities": answers, "folds": split[None]}
        Crossval.begin(tmp_path / name, record).finish(arrays)
    found = tenfold("compare", tmp_path / "a", tmp_path / "b")
    assert (found.code, found.err) == (0, "")
    assert "corrected resampled t" in found.out
    assert "McNemar out of fold" in found.out
    assert "'a' is better than 'b': 10.00 points more accurate" in found.out


def test_what_cannot_be_compared_is_one_sentence(model_file: Path, tenfold: Any) -> None:
    found = tenfold("compare", model_file, "nowhere", "--on", "mnist-validation")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("tenfold: There is no model 'nowhere'.")
