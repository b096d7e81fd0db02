"""What a model may read, one digit or a line of them, and the shapes of what it is given and answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DIGITS = tuple("0123456789")
STRIP = 40, 320  # rows of a line's strip, and columns of those that a network learns from
MARGIN = 4  # columns of a strip without ink on either side
LONGEST = 640  # columns of a line, for which the cost of a model is computed

Shape = tuple[int | str, ...]  # a word is a length that may differ from call to call


@dataclass(frozen=True)
class Kind:
    """Shapes are of one image, and `golden_image` of those that a model file is checked with."""

    name: str
    reads: str  # and what it answers, in words
    answers: str
    image: Shape
    answer: Shape
    golden_image: tuple[int, ...]
    golden_answer: tuple[int, ...]
    classes: tuple[str, ...]
    road: str  # that leads a picture there

    @property
    def preprocessing(self) -> Mapping[str, Any]:
        """As a model file tells it."""
        return {"road": self.road, "scale": 255, "shape": list(self.image)}


DIGIT = Kind(
    name="digit",
    reads="single digits",
    answers="ten probabilities and logits",
    image=(1, 28, 28),
    answer=(10,),
    golden_image=(28, 28),
    golden_answer=(10,),
    classes=DIGITS,
    road="mnist",
)
LINE = Kind(
    name="line",
    reads="whole lines",
    answers="eleven probabilities and logits for every second column",
    image=(1, STRIP[0], "w"),
    answer=(11, 1, "w / 2"),
    golden_image=STRIP,
    golden_answer=(11, 1, STRIP[1] // 2),
    classes=(*DIGITS, "blank"),
    road="strip",
)
KINDS = {kind.road: kind for kind in (DIGIT, LINE)}


def checked(shape: Shape) -> tuple[int, ...]:
    """`shape` for a line of LONGEST columns."""
    free = {"w": LONGEST, "w / 2": LONGEST // 2}
    return tuple(free[length] if isinstance(length, str) else length for length in shape)
