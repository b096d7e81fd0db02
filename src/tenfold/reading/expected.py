"""What the user knows of a page's text.

Expected(checksum="luhn").fits("79927398713")       True
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, SupportsIndex

from tenfold.errors import UsageError
from tenfold.reading.patterns import ANYTHING, Expression, both, compile_pattern, exactly, only

Checksum = Callable[[str], bool]

# numpy's whole numbers are digits, too
_KINDS: dict[str, Any] = {
    "digits": SupportsIndex,
    "allowed": Collection,
    "pattern": str,
    "checksum": (str, Callable),
}


@dataclass(frozen=True)
class Expected:
    """What the user knows of the text, line breaks left out.

    `digits`: how many there are; `allowed`: those that occur, as in "0123"; `pattern`: a regular
    expression of `re` that matches the whole; `checksum`: "luhn" or a function of the text. Raises
    UsageError.
    """

    digits: int | None = None
    allowed: str | None = None
    pattern: str | None = None
    checksum: str | Checksum | None = None

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise UsageError(f"What is expected of a text cannot have {value!r} as its {name}.")
        if self.digits is not None and not 0 <= self.digits <= 10_000:
            raise UsageError(f"The number of digits must lie in 0 to 10,000, not {self.digits}.")
        if self.allowed is not None and (not self.allowed or not set(self.allowed) <= set("0123456789")):
            raise UsageError(f"Allowed digits are given like '0123', not '{self.allowed}'.")
        if isinstance(self.checksum, str) and self.checksum not in CHECKSUMS:
            raise UsageError(f"There is no checksum '{self.checksum}'. There are: {', '.join(CHECKSUMS)}.")
        if self.pattern is not None:
            if not self.pattern:
                raise UsageError("The pattern is empty; leave it out where nothing is known.")
            try:
                compile_pattern(self.pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise UsageError(f"'{self.pattern}' is not a regular expression: {error}.") from None

    def language(self) -> Expression:
        """The texts that can fit, as an expression; `fits` decides where it cannot tell."""
        language = ANYTHING if self.digits is None else exactly(self.digits)
        if self.allowed is not None:
            language = both(language, only(self.allowed))
        if self.pattern is not None:
            language = both(language, compile_pattern(self.pattern) or ANYTHING)
        return language

    def fits(self, text: str) -> bool:
        """The pattern and the checksum hold."""
        check = CHECKSUMS[self.checksum] if isinstance(self.checksum, str) else self.checksum
        matches = self.pattern is None or re.fullmatch(self.pattern, text) is not None
        return matches and (check is None or bool(check(text)))


def luhn(text: str) -> bool:
    """The checksum of card numbers: with every second digit from the right doubled, a multiple of 10."""
    total = 0
    for place, character in enumerate(reversed(text)):
        value = int(character) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return bool(text) and total % 10 == 0


CHECKSUMS: dict[str, Checksum] = {"luhn": luhn}
