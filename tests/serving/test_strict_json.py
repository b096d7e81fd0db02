"""JSON is taken at its word or refused."""

import json
from typing import Any

import numpy as np
import pytest

from tenfold.serving.answers import RefusedError
from tenfold.serving.strict_json import CONTAINERS, numbers, parse, text


def test_an_object_is_parsed() -> None:
    assert parse('{"a": [1, 2.5, null, "ä"]}'.encode()) == {"a": [1, 2.5, None, "ä"]}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        ('{"a": 1}'.encode("utf-16"), "not valid JSON"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "not valid JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": [Infinity]}', "Infinity"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1, "a": 2}', "same key twice"),
        (b'{"b": {"a": 1, "\\u0061": 2}}', "same key twice"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
        (b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "nested too deeply"),
        (b'{"a": [' + b"[]," * CONTAINERS + b"[]]}", "more than 100,000"),
    ],
)
def test_what_is_not_plain_json_is_refused(body: bytes, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence) as refused:
        parse(body)
    assert refused.value.status == 400


def test_as_many_lists_as_allowed_are_parsed() -> None:
    body = b'{"a": [' + b",".join([b"[]"] * (CONTAINERS - 2)) + b"]}"
    assert len(parse(body)["a"]) == CONTAINERS - 2


@pytest.mark.parametrize("shape", [(3,), (1, 1), (2, 3), (2, 1, 3), (2, 1, 3, 4)])
def test_nested_numbers_become_their_array(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    whole = numbers(array.tolist(), {int}, "x")
    assert whole.dtype == np.int64
    np.testing.assert_array_equal(whole, array)
    decimal = numbers((array / 2).tolist(), {int, float}, "x")
    assert decimal.dtype == np.float64
    np.testing.assert_array_equal(decimal, array / 2)


@pytest.mark.parametrize(
    "value",
    [None, 1, "1", {}, [], [[]], [[], []], [1, "2"], [True], [None], [[1], 2], [1, [2]], [[1, 2], [3]],
     [[[1]], [2]], [[[[[1]]]]], [2**63], [{}], [[{}]]],
)  # fmt: skip
def test_what_is_no_array_of_whole_numbers_is_refused(value: Any) -> None:
    with pytest.raises(RefusedError, match=r"^x "):
        numbers(value, {int}, "x")


@pytest.mark.parametrize("value", [[1e400], [1, 10**400], [float("nan")]])
def test_numbers_beyond_a_double_are_refused(value: Any) -> None:
    with pytest.raises(RefusedError, match="too large"):
        numbers(value, {int, float}, "x")


def test_a_text_is_short_and_can_be_encoded() -> None:
    assert text("ä" * 256, "id") == "ä" * 256
    for bad in ("a" * 257, 5, None, json.loads('"\\ud800"')):
        with pytest.raises(RefusedError, match=r"^id "):
            text(bad, "id")
