"""A regular expression over digits as an automaton, so that a search can leave what can no longer match.

    language = compile_pattern("(19|20)[0-9]{2}")        None for what no automaton can say
    state = step(language, "1")                          NOTHING where no text goes on from here
    accepts(state)

Python's own parser reads the expression. A state is an expression too: what must still follow, Brzozowski's
derivative of the one before by the digit read.
"""

from dataclasses import dataclass
from functools import lru_cache
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

DIGITS = "0123456789"
_SINGLE = {  # a category -> the digits in it
    _constants.CATEGORY_DIGIT: frozenset(DIGITS),
    _constants.CATEGORY_WORD: frozenset(DIGITS),
    _constants.CATEGORY_NOT_SPACE: frozenset(DIGITS),
}
_EDGES = (
    {_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING},
    {
        _constants.AT_END,
        _constants.AT_END_STRING,
    },
)


@dataclass(frozen=True)
class One:
    """One of some digits; with none of them, what never matches."""

    digits: frozenset[str]


@dataclass(frozen=True)
class Sequence:
    """One after the other; none of them is the empty text."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True)
class Either:
    choices: frozenset["Expression"]


@dataclass(frozen=True)
class Repeat:
    part: "Expression"
    least: int
    most: int | None


@dataclass(frozen=True)
class Both:
    """Two expressions match the same text."""

    first: "Expression"
    second: "Expression"


Expression = One | Sequence | Either | Repeat | Both
NOTHING = One(frozenset())
EMPTY = Sequence(())
ANYTHING = Repeat(One(frozenset(DIGITS)), 0, None)


def compile_pattern(pattern: str) -> Expression | None:
    """The texts of digits that `re.fullmatch` takes, or None where look-around, references or the like take
    more than an automaton. Raises re.error."""
    items = list(_parser.parse(pattern))
    for place, edge in zip((0, -1), _EDGES, strict=True):
        if items and items[place][0] == _constants.AT and items[place][1] in edge:
            del items[place]
    try:
        return _sequence([_expression(*item) for item in items])
    except NotImplementedError:
        return None


def exactly(count: int) -> Expression:
    """Texts of `count` digits."""
    return Repeat(One(frozenset(DIGITS)), count, count)


def only(digits: str) -> Expression:
    """Texts of no other digits."""
    return Repeat(One(frozenset(digits)), 0, None)


def both(first: Expression, second: Expression) -> Expression:
    if NOTHING in (first, second):
        return NOTHING
    if ANYTHING in (first, second):
        return second if first == ANYTHING else first
    return Both(first, second)


@lru_cache(maxsize=4096)
def accepts(state: Expression) -> bool:
    """The empty text matches: what was read is complete."""
    match state:
        case One():
            return False
        case Sequence(parts):
            return all(map(accepts, parts))
        case Either(choices):
            return any(map(accepts, choices))
        case Repeat(part, least, _):
            return least == 0 or accepts(part)
        case Both(first, second):
            return accepts(first) and accepts(second)


@lru_cache(maxsize=65536)
def step(state: Expression, digit: str) -> Expression:
    """What must follow once `digit` is read; NOTHING where it cannot be."""
    match state:
        case One(digits):
            return EMPTY if digit in digits else NOTHING
        case Sequence(parts):
            if not parts:
                return NOTHING
            first, *rest = parts
            after = _sequence([step(first, digit), *rest])
            return _either([after, step(_sequence(rest), digit)]) if accepts(first) else after
        case Either(choices):
            return _either([step(choice, digit) for choice in choices])
        case Repeat(part, least, most):
            if most == 0:
                return NOTHING
            fewer = Repeat(part, max(least - 1, 0), None if most is None else most - 1)
            return _sequence([step(part, digit), fewer])
        case Both(first, second):
            return both(step(first, digit), step(second, digit))


def _sequence(parts: list[Expression]) -> Expression:
    flat: list[Expression] = []
    for part in parts:
        if part == NOTHING:
            return NOTHING
        flat += part.parts if isinstance(part, Sequence) else [part]
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def _either(choices: list[Expression]) -> Expression:
    flat: set[Expression] = set()
    for choice in choices:
        flat |= choice.choices if isinstance(choice, Either) else {choice}
    flat.discard(NOTHING)
    if len(flat) <= 1:
        return flat.pop() if flat else NOTHING
    return Either(frozenset(flat))


def _expression(operator: Any, argument: Any) -> Expression:
    if operator in (_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN):
        return One(_digits(operator, argument))
    if operator == _constants.SUBPATTERN:
        return _sequence([_expression(*item) for item in argument[3]])
    if operator == _constants.BRANCH:
        return _either([_sequence([_expression(*item) for item in branch]) for branch in argument[1]])
    if operator in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
        least, most, part = argument
        inner = _sequence([_expression(*item) for item in part])
        return Repeat(inner, least, None if most == _constants.MAXREPEAT else most)
    raise NotImplementedError


def _digits(operator: Any, argument: Any) -> frozenset[str]:
    """The digits that one character of the pattern takes."""
    everything = frozenset(DIGITS)
    if operator == _constants.ANY:
        return everything
    if operator == _constants.LITERAL:
        return everything & {chr(argument)}
    if operator == _constants.NOT_LITERAL:
        return everything - {chr(argument)}
    if operator == _constants.RANGE:
        return frozenset(digit for digit in DIGITS if argument[0] <= ord(digit) <= argument[1])
    if operator == _constants.CATEGORY:
        return _SINGLE.get(argument, frozenset())
    negated = argument[0][0] == _constants.NEGATE
    found = frozenset().union(*(_digits(*item) for item in argument[negated:]))
    return everything - found if negated else found
