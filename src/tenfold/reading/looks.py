"""Second looks: what the network is not sure of is turned and slanted a little, and seen again.

    logits = several_looks(images, logits, network)      the mean over the first look and four more

For those of which no digit reaches the threshold "second look" of a model: sure answers, which most are,
stay as they are and cost nothing more. Of the same pictures the network of whole lines is asked (`lines.py`).
"""

from collections.abc import Callable
from functools import cache
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

SECOND_LOOK = "second look"  # the threshold of a model file below which an answer gets one
SURE = 0.95  # that threshold for networks that read pages: more looks at what is surer change no answer
SECOND_OPINION = "second opinion"  # how much counts what the network of whole lines says of those
HEARD = 0.2  # of its log-probability
PERHAPS = 0.3  # on a page, what no digit reaches at first sight is none, as most that is cut from it is
ONE_LOOK = 1.1  # that, where nothing is to be looked at again
SIDE = 28
TURN = 8.0  # degrees, either way
SLANT = 0.15  # pixels to the side for each pixel up, either way

Images = NDArray[np.float32]
Taps = list[tuple[NDArray[np.intp], NDArray[np.float32]]]


def several_looks(
    images: Images, logits: NDArray[np.float32], network: Callable[[Images], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The mean over looks, float32 [n, 10], where `logits` [n, 10] are the first look's at `images` float32
    [n, 1, 28, 28]; `network` maps images to logits."""
    moved = network(_moved(images)).reshape(-1, *logits.shape)
    return np.asarray((logits + moved.sum(0)) / (1 + len(moved)), np.float32)


def _moved(images: Images) -> Images:
    """All images in the first way, then all in the second, and so on."""
    flat = np.zeros((len(images), SIDE * SIDE + 1), np.float32)  # the last pixel is whatever lies outside
    flat[:, :-1] = images.reshape(len(images), -1)
    moved = [sum(flat[:, places] * weights for places, weights in taps) for taps in _looks()]
    return np.concatenate(moved).reshape(-1, 1, SIDE, SIDE)


def _taps(turn: float, slant: float) -> Taps:
    """For each pixel the four that it is interpolated from, and their weights."""
    angle, middle = radians(turn), (SIDE - 1) / 2
    y, x = np.mgrid[:SIDE, :SIDE].reshape(2, -1) - middle
    from_x = cos(angle) * x - sin(angle) * y + slant * y + middle
    from_y = sin(angle) * x + cos(angle) * y + middle
    left, top = np.floor(from_x).astype(np.intp), np.floor(from_y).astype(np.intp)
    taps = []
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        weights = (1 - np.abs(from_x - column)) * (1 - np.abs(from_y - row))
        inside = (column >= 0) & (column < SIDE) & (row >= 0) & (row < SIDE)
        taps.append((np.where(inside, row * SIDE + column, SIDE * SIDE), weights.astype(np.float32)))
    return taps


@cache
def _looks() -> tuple[Taps, ...]:
    return _taps(TURN, 0), _taps(-TURN, 0), _taps(0, SLANT), _taps(0, -SLANT)
