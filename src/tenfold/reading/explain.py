"""One digit on its way from the picture to the answer: what was seen, what was made of it, why it is unsure.

found = explain(reader, "seven.jpg")
found.picture, found.ink, found.image     # as it is, with the digit's box; its ink; the 28 x 28 that is read
found.prediction, found.top, found.why
"""

import os
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.images.decode import read_shrunk
from tenfold.images.ink import WORK_SIDE
from tenfold.images.normalise import Found, find_digit
from tenfold.reading.looks import ONE_LOOK
from tenfold.reading.reader import UNLIKE, Prediction, Reader
from tenfold.thresholds import CONFIDENCE, LIKENESS, likeness

SHOWN = 320  # pixels of the longer side of a step's picture
TOP = 3
_MARK = (26, 86, 168)  # RGB of the box

Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Explanation:
    """The steps to one `prediction`.

    `picture` uint8 RGB [h, w, 3] has the digit's box painted on it, `ink` uint8 [h, w] tells how far each
    pixel departs from its paper, `image` uint8 [28, 28] is what is read. `size` is the picture's width and
    height, `box` the digit's x, y, width, height in it. `contrast`, of full ink, and `threshold`, where ink
    begins, are grey levels from the paper; `bright` tells light ink on dark. `unchanged` tells an image made
    like MNIST's, which is read as it is. Below the confidence `needed`, or where the `likeness` to
    a digit (`thresholds.likeness`) is below `needed_likeness`, the model is unsure. `first_look` is
    the digit and its probability at first sight, where the model looked again.
    """

    prediction: Prediction
    picture: Plane
    ink: Plane
    image: Plane
    size: tuple[int, int]
    box: tuple[int, int, int, int]
    bright: bool
    contrast: int
    threshold: int
    components: int
    touches_edge: bool
    unchanged: bool
    needed: float
    likeness: float
    needed_likeness: float
    first_look: tuple[int, float] | None

    @property
    def top(self) -> tuple[tuple[int, float], ...]:
        """The most probable digits with their probabilities."""
        order = np.argsort(self.prediction.probabilities)[::-1][:TOP]
        return tuple((int(digit), self.prediction.probabilities[digit]) for digit in order)

    @property
    def scale(self) -> float:
        """Pixels of the 28 x 28 for one of the picture; 1 for a blank."""
        return 1.0 if self.unchanged or not self.components else 20 / max(self.box[2:])

    @property
    def seen(self) -> str:
        """What was found on the picture, in words."""
        if not self.components:
            return "no ink: nothing stands out from the paper as strokes do"
        polarity = "light ink on dark paper" if self.bright else "dark ink on light paper"
        x, y, width, height = self.box
        place = f"{width} x {height} pixels at {x}, {y} of {self.size[0]} x {self.size[1]}"
        return f"{polarity}, {self.contrast} grey levels apart; the digit is {place}"

    @property
    def made(self) -> str:
        """What was made of it, in words."""
        if not self.components:
            return "an empty 28 x 28"
        if self.unchanged:
            return "it is made like MNIST's images and read as it is"
        zoom = f"shrunk {1 / self.scale:.1f} times" if self.scale < 1 else f"enlarged {self.scale:.1f} times"
        pieces = "one piece" if self.components == 1 else f"{self.components} pieces"
        edge = ", cut by the picture's edge" if self.touches_edge else ""
        return f"{pieces}{edge}, {zoom} to 20 pixels, its centre of mass in the middle of 28 x 28"

    @property
    def again(self) -> str | None:
        """What the first look gave, in words; None if it was sure."""
        if self.first_look is None:
            return None
        digit, chance = self.first_look
        return (
            f"at first sight {digit} with {100 * chance:.2f} %, so turned and slanted, too; the mean counts"
        )

    @property
    def why(self) -> str | None:
        """Why it is unsure, a sentence; None if it is sure."""
        if self.prediction.reason is None:
            return None
        if self.prediction.reason == "blank":
            return "There is no digit on the picture."
        (first, confidence), (second, less), *_ = self.top
        if self.prediction.reason == UNLIKE:
            sentence = (
                f"{first} has {100 * confidence:.2f} %, but the rest is spread over many digits, as it is "
                f"for what is none: the likeness to a digit is {self.likeness:.4f}, and this model is unsure "
                f"below {self.needed_likeness:.4f}."
            )
        else:
            sentence = (
                f"{first} has {100 * confidence:.2f} % and {second} {100 * less:.2f} %; this model is unsure "
                f"below {100 * self.needed:.2f} %."
            )
        return f"{sentence} The digit touches the picture's edge." if self.touches_edge else sentence

    def document(self) -> dict[str, Any]:
        """For JSON: all but the pictures and the prediction."""
        return {
            "size": list(self.size),
            "polarity": "light on dark" if self.bright else "dark on light",
            "contrast": self.contrast,
            "threshold": self.threshold,
            "box": list(self.box),
            "scale": round(self.scale, 4),
            "components": self.components,
            "touches_edge": self.touches_edge,
            "unchanged": self.unchanged,
            "top": [{"label": digit, "confidence": chance} for digit, chance in self.top],
            "needed": self.needed,
            "likeness": round(self.likeness, 4),
            "needed_likeness": self.needed_likeness,
            "first_look": self.first_look and {"label": self.first_look[0], "confidence": self.first_look[1]},
            "why": self.why,
        }


def explain(reader: Reader, picture: str | os.PathLike[str]) -> Explanation:
    """The steps of `reader.predict([picture])`, whose answer is in it. Raises as
    `images.read_picture`."""
    file = os.fsdecode(picture)
    plane, size = read_shrunk(file, WORK_SIDE)
    found = find_digit(plane)
    (row,) = reader.probabilities(found.image[None])
    (first,) = reader.probabilities(found.image[None], perhaps=ONE_LOOK)
    zoom = max(size) / max(plane.shape[:2])
    x, y, width, height = (round(length * zoom) for length in found.box)
    return Explanation(
        prediction=reader.prediction(row, blank=not found.image.any(), file=file),
        picture=_boxed(plane, found),
        ink=_shown(_full_range(found.ink.plane, found.contrast)),
        image=found.image,
        size=size,
        box=(x, y, width, height),
        bright=found.bright,
        contrast=found.contrast,
        threshold=found.ink.threshold,
        components=found.components,
        touches_edge=found.touches_edge,
        unchanged=not found.blank and any(np.array_equal(found.image, of) for of in (plane, 255 - plane)),
        needed=reader.metadata.thresholds.get(CONFIDENCE, 0.0),
        likeness=float(likeness(row[None])[0]),
        needed_likeness=reader.metadata.thresholds.get(LIKENESS, 0.0),
        first_look=None if np.array_equal(first, row) else (int(first.argmax()), float(first.max())),
    )


def _boxed(plane: Plane, found: Found) -> Plane:
    shown = _shown(plane if plane.ndim == 3 else cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB))
    if not found.blank:
        zoom = max(shown.shape[:2]) / max(plane.shape[:2])
        x, y, width, height = (round(length * zoom) for length in found.box)
        cv2.rectangle(shown, (x - 2, y - 2), (x + width + 1, y + height + 1), _MARK, 2)
    return shown


def _full_range(plane: Plane, contrast: int) -> Plane:
    """Full ink as 255; of a blank, what there is as it is."""
    return np.asarray(cv2.convertScaleAbs(plane, alpha=255 / contrast if contrast else 1), np.uint8)


def _shown(plane: Any) -> Plane:
    """Its longer side SHOWN; small pictures show their pixels."""
    zoom = SHOWN / max(plane.shape[:2])
    size = (max(1, round(plane.shape[1] * zoom)), max(1, round(plane.shape[0] * zoom)))
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(plane, size, interpolation=way), np.uint8)
