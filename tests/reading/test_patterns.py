"""Automata of regular expressions, against Python's own matching."""

import re
from itertools import product

import pytest

from tenfold.reading.patterns import NOTHING, Expression, accepts, both, compile_pattern, exactly, only, step

TEXTS = ["".join(digits) for length in range(5) for digits in product("0129", repeat=length)]

PATTERNS = [
    "", "0", ".", "x", "x|9", "[0-9]{3}", r"\d+", r"\d*?9", r"\w{2}", "[^0-8]*", r"[\D9]", r"[^\d]",
    r"[\W\s]?0", "(19|20)[0-9]{2}", "^0[1-9]$", "0?1?2?9?", "(0|01)(12|2)*", "((0*)1)*", "(?:1|2){2,3}",
    "(1?){3}", "(0{0,2}1){1,2}", "(?P<year>1|2)9", "(?x) 1 9 # a year",
]  # fmt: skip
BEYOND = [r"(\d)\1", "(?=1)..", "1++9", "^(^1)9", "^0[1-9]|1[0-2]$"]


def matches(language: Expression, text: str) -> bool:
    for digit in text:
        language = step(language, digit)
    return accepts(language)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_automaton_takes_what_re_takes(pattern: str) -> None:
    language = compile_pattern(pattern)
    assert language is not None
    for text in TEXTS:
        assert matches(language, text) == bool(re.fullmatch(pattern, text)), text


def test_both_take_what_each_takes() -> None:
    language = compile_pattern("[01]*")
    assert language is not None
    for text in TEXTS:
        assert matches(both(language, exactly(2)), text) == bool(re.fullmatch("[01]{2}", text)), text
        assert matches(both(language, only("1")), text) == bool(re.fullmatch("1*", text)), text
    assert both(language, NOTHING) == NOTHING


def test_what_cannot_go_on_is_nothing() -> None:
    language = compile_pattern("19|2[0-4]")
    assert language is not None
    assert step(language, "3") == step(step(language, "1"), "8") == NOTHING


@pytest.mark.parametrize("pattern", BEYOND)
def test_what_an_automaton_cannot_say_is_none(pattern: str) -> None:
    assert compile_pattern(pattern) is None


def test_a_fault_in_a_pattern_is_that_of_re() -> None:
    with pytest.raises(re.error):
        compile_pattern("[0-")
