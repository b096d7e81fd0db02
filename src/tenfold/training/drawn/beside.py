"""What people put beside numbers, and what a network of whole lines is to pass over: words, dashes, the signs
between the numbers of a date or a sum, brackets.

    plane = word(rng, pen=5)                        float32 [h, w] in 0..1, ink alone
    plane = across(plane, sign("/", rng, pen=5, slant=0.2), gap=4, centred=True)
"""

import numpy as np
from numpy.random import Generator

from tenfold.training.drawn.forms import GRID, draw, trace
from tenfold.training.drawn.letters import ALIKE, FORMS, LONG, WANDER, WIDE
from tenfold.training.drawn.world import PEN_BOX, Plane, box_of, over_logarithm

# Forms, how high they are, and how wide for their height; a range each. A 1 is no stroke of a date: that one
# is taller, or leans more than the hand does.
SIGNS: dict[str, tuple[tuple[str, ...], tuple[float, float], tuple[float, float]]] = {
    "/": (("8008", "8008", "~805508", "~803308"), (1.05, 1.6), (0.2, 0.6)),
    "(": (("~7032132658", "~6031335768", "~70223578"), (1.0, 1.6), (0.25, 0.5)),
    ")": (("~1052747638", "~2051555128", "~10625618"), (1.0, 1.6), (0.25, 0.5)),
    "[": (("60202868",), (1.0, 1.5), (0.3, 0.5)),
    "]": (("20606828",), (1.0, 1.5), (0.3, 0.5)),
    ":": (("4243,4647",), (0.4, 0.9), (0.3, 0.5)),
    "-": (("0484", "~04348483"), (0.5, 0.5), (0.4, 1.2)),
    "+": (("0484,4048",), (0.4, 0.9), (0.7, 1.3)),
    "=": (("0282,0686",), (0.4, 0.8), (0.8, 1.6)),
    "x": (("0088,8008", "~0022446688,8008"), (0.4, 0.8), (0.7, 1.2)),
}
BRACKETS = "()", "[]"
BETWEEN = "//////:-+=x"  # numbers, each as often as it stands here
STEADY = 0.2  # steps of the grid that a sign's points wander
LOW = "aceimnorsuvwxz"
X_HEIGHT = 0.7  # of a stem's height: letters without one, which `FORMS` draws as high as others
BELOW = "gjpqy"  # letters that reach below the line, by
TAIL = 0.25  # of a stem's height
LENGTH = 2, 7  # letters of a word
ALIKES = 0.35  # of those after another letter of a longer word: they would be digits if they stood alone
CAPITALS = 0.3  # of words: no other letters
BEGUN = 0.5  # of the other words, with a capital
SPACED = (-0.06, 0.22)  # of a stem's height from letter to letter; below 0 they touch


def sign(name: str, rng: Generator, pen: int, slant: float) -> Plane:
    """One of SIGNS by a pen of `pen` pixels, `slant` to the right for a unit up; its ink alone."""
    forms, heights, widths = SIGNS[name]
    height = rng.uniform(*heights)
    wide = height * rng.uniform(*widths)
    lean = max(slant, 0.0) if name == "/" else slant
    shape = PEN_BOX / GRID * np.array([[wide, -lean * height], [0, height]])
    return cropped(draw(forms[rng.integers(len(forms))], rng, shape, pen=pen, wander=STEADY))


def dashes(ink: Plane, rng: Generator, pen: int) -> Plane:
    """A dash, straight or waved, or two, one above the other, as high as `ink`."""
    height = max(len(ink), PEN_BOX // 2)
    length, wave = PEN_BOX * over_logarithm(rng, (0.15, 1.2)), rng.choice([0.0, rng.normal(0, 0.12)])
    plane = np.zeros((height, round(length) + PEN_BOX // 2), np.float32)
    two = rng.random() < 0.4
    y = height * rng.uniform(0.3, 0.7 if two else 0.9)
    for drop in (0.0, height * rng.uniform(0.12, 0.3))[: 1 + two]:
        t = np.linspace(0, 1, 12)
        rise = rng.normal(0, 0.12) * t + wave * np.sin(2 * np.pi * t) + rng.normal(0, 0.05) * t * (1 - t)
        x = PEN_BOX / 4 + rng.normal(0, 2) + length * t
        trace(plane, np.column_stack([x, y + drop - length * rise]), pen)
    return plane


def word(rng: Generator, pen: int, slant: float = 0.0) -> Plane:
    """Some letters of one hand on a line, also those that would be digits alone; the ink alone."""
    height, wide, rounding = rng.uniform(*LONG), np.exp(rng.uniform(-1, 0.1) * WIDE), int(rng.integers(0, 3))
    apart = rng.uniform(*SPACED)
    capitals, begun = rng.random() < CAPITALS, rng.random() < BEGUN
    count = int(rng.integers(*LENGTH, endpoint=True))
    plane, foot, kinds = np.zeros((1, 0), np.float32), 0, ALIKE
    for place in range(count):
        kinds = ALIKE if kinds is FORMS and count > 2 and rng.random() < ALIKES else FORMS
        upper = capitals or (begun and place == 0)
        names = [name for name in kinds if name.isupper() == upper]
        name = names[rng.integers(len(names))]
        tall = height * (X_HEIGHT if kinds is FORMS and name in LOW else 1)
        shape = tall / GRID * np.array([[wide, -slant], [0, 1]])
        form = kinds[name][rng.integers(len(kinds[name]))]
        letter = cropped(draw(form, rng, shape, pen=pen, wander=WANDER, rounding=rounding))
        drop = round(TAIL * height) if name in BELOW else 0
        plane = across(plane, letter, (apart + rng.normal(0, 0.04)) * height, drop=drop - foot)
        foot = max(foot, drop)
    return plane


def across(left: Plane, right: Plane, gap: float, *, drop: float = 0, centred: bool = False) -> Plane:
    """`right` beside `left`, `gap` pixels from it: their feet, or their middles, on a line, or `right` lower
    by `drop` pixels."""
    top = round((len(left) - len(right)) / (2 if centred else 1) + drop)
    above, start = max(0, -top), max(0, left.shape[1] + round(gap))
    height = above + max(len(left), top + len(right))
    plane = np.zeros((height, max(left.shape[1], start + right.shape[1])), np.float32)
    plane[above : above + len(left), : left.shape[1]] = left
    there = plane[above + top : above + top + len(right), start : start + right.shape[1]]
    np.maximum(there, right, out=there)
    return plane


def cropped(plane: Plane) -> Plane:
    """Its ink alone."""
    x, y, width, height = box_of(plane)
    return plane[y : y + height, x : x + width]
