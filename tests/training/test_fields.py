from typing import Any, Literal

import pytest

from tenfold.training.fields import parse

Optimizer = Literal["adam", "sgd"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "3", 3),
        (int, "-3", -3),
        (float, "0.01", 0.01),
        (float, "1e-3", 0.001),
        (float, "2", 2.0),
        (Optimizer, "sgd", "sgd"),
        (tuple[int, ...], "64", (64,)),
        (tuple[int, ...], "64,96", (64, 96)),
        (tuple[int, ...], "(64, 96)", (64, 96)),
        (tuple[int, ...], "[64]", (64,)),
        (tuple[int, ...], "64,", (64,)),
        (tuple[float, float], "0.9,0.99", (0.9, 0.99)),
        (bool, "true", True),
        (bool, "No", False),
        (int | None, "4", 4),
        (int | None, "none", None),
        (str, "3", "3"),
    ],
)
def test_a_word_is_read_by_the_type_it_is_for(kind: Any, text: str, value: Any) -> None:
    found = parse(kind, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "3.5"),
        (int, "three"),
        (int, ""),
        (int, "true"),
        (int, "[" * 100_000),
        (float, "fast"),
        (float, "1" + "0" * 400),
        (float, "null"),
        (float, "0x10"),
        (Optimizer, "Adam"),
        (tuple[int, ...], ""),
        (tuple[int, ...], "64,x"),
        (tuple[int, ...], "1.5"),
        (tuple[float, float], "0.9"),
        (tuple[float, float], "0.9,0.9,0.9"),
        (int | None, "never"),
        (bool, "1"),
        (bool, ""),
    ],
)
def test_a_word_that_means_nothing_there_is_refused(kind: Any, text: str) -> None:
    with pytest.raises(ValueError):
        parse(kind, text)
