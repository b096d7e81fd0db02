"""How the world differs from MNIST: what hands, pens, paper and light do to a digit (`render`)."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Plane = NDArray[Any]  # float32 [h, w], ink 0 to 1; OpenCV's stubs know no more of what it returns

CANVAS = 96  # pixels a side while a digit is written
PEN_BOX = 56  # the longer side of a digit on the canvas, before it is bent
STROKE = 7.0  # pixels of the canvas that MNIST's pens are broad


@dataclass(frozen=True)
class World:
    """How the world differs from MNIST; chances are of 0 to 1, ranges are drawn from uniformly."""

    odd: float = 0.15
    """of a digit that is turned, stretched and bent ODDER times as much as most"""
    rotation: float = 12.0
    """degrees, either way"""
    slant: tuple[float, float] = (-0.35, 0.8)
    """horizontal displacement per unit of height, to the right: hands of a century ago lean by 45 degrees"""
    stretch: float = 0.4
    """change of width against height, either way, as the natural logarithm"""
    elastic: float = 1.6
    """standard deviation of a smooth displacement, in pixels of the canvas"""
    pen: tuple[float, float] = (0.5, 2.2)
    """stroke width over that of the written digit"""
    crossbar: float = 0.35
    """of a 7, and half as often its bar begins with a stroke down"""
    flag: float = 0.4
    """an upstroke before a 1"""
    loop: float = 0.06
    """a 1 that is written up and down, a 2 whose upper bow is closed, and a 0 with a bar or a stroke through
    it"""
    ring: float = 0.15
    """a 0 drawn anew as a ring, as some draw theirs: low and wide, open, or wound inwards"""
    school: float = 0.08
    """drawn anew in a form of another school: see `hands`"""
    further: bool = False
    """more such forms, `hands.FURTHER`"""
    chain: float = 0.0
    """of hands that draw 0s as rings: the pen goes on from where one ends to where the next begins"""
    ligature: float = 0.3
    """a stroke that joins the digit to the one before or after, cut off where the picture ends"""
    neighbour: float = 0.45
    ruling: float = 0.15
    faint: float = 0.2
    number: float = 0.15
    """cut out of a number, as a page is read"""
    mark: float = 0.12
    """of each digit of a number: a comma or a point behind it"""
    comma: tuple[float, float] = (-4.0, -1.0)
    """its length over a digit's height, as the natural logarithm"""
    rule: float = 0.12
    """a printed line at the digits' feet, as dark as ink"""
    height: tuple[float, float] = (16.0, 80.0)
    """of the digit on the final picture, in pixels"""


def box_of(ink: Plane, least: float = 0.3) -> tuple[int, int, int, int]:
    """x, y, width and height of what is darker than `least`; four zeros where nothing is."""
    x, y, width, height = cv2.boundingRect((ink > least).astype(np.uint8))
    return x, y, width, height


def over_logarithm(rng: Generator, limits: tuple[float, float]) -> np.float64:
    """A number between the limits, its logarithm drawn evenly: half and twice are as likely.

    numpy's float64, as what it is multiplied with becomes that too: the bytes of what is drawn depend on it.
    """
    return np.float64(np.exp(rng.uniform(*np.log(limits))))
