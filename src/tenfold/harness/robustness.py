"""How a model bears damage it was not trained on: 15 kinds of it, and curves as bends and noise grow.

    found = robustness(Reader("runs/baseline-0"), split(load_training()).validation)
    found.mean, found.mean_not_affine, found.curves["rotation"]

The network gets the damaged pixels as they are, without the road that pictures take: this is about the
network. A mean over kinds counts each alike. The four affine kinds are what training distorts with where it
distorts at all, so the mean over the other 11 is given beside it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tenfold.data.labelled import Labelled
from tenfold.harness.corruptions import (
    KINDS,
    Images,
    corrupt,
    distorted,
    gaussian_noise,
    thicken,
    translate,
    turn,
    warped,
)
from tenfold.metrics import wilson
from tenfold.reading.reader import Reader

SEED = 0
CURVE_IMAGES = 1_000  # of the set's first: an interval of about 1 point, in a third of the time

Progress = Callable[[int, int], None]  # measurements done, of how many


@dataclass(frozen=True)
class Sweep:
    """A bend or noise that grows: `distort(images, value, seed)` for each of `values`."""

    label: str
    values: tuple[float, ...]
    distort: Callable[[Images, float, int], Images]


@dataclass(frozen=True)
class Measured:
    """Accuracy on `count` damaged images, with its Wilson 95 % interval [low, high]; fractions of 1."""

    accuracy: float
    errors: int
    count: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class Robustness:
    """`clean` and the 15 `kinds` on all images; `curves` as (value, measured) on the first of them."""

    on: str
    seed: int
    clean: Measured
    kinds: dict[str, Measured]
    curves: dict[str, list[tuple[float, Measured]]]

    @property
    def mean(self) -> float:
        """The mean accuracy over the 15 kinds."""
        return _mean(list(self.kinds.values()))

    @property
    def mean_not_affine(self) -> float:
        """The mean accuracy over the 11 kinds that are not affine."""
        return _mean([found for name, found in self.kinds.items() if not KINDS[name].affine])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, fit for JSON."""
        return {
            "on": self.on,
            "seed": self.seed,
            "clean": asdict(self.clean),
            "mean": self.mean,
            "mean_not_affine": self.mean_not_affine,
            "kinds": [
                {
                    "kind": name,
                    "severity": KINDS[name].severity,
                    "affine": KINDS[name].affine,
                    **asdict(found),
                }
                for name, found in self.kinds.items()
            ],
            "curves": {
                name: [{"value": value, **asdict(found)} for value, found in points]
                for name, points in self.curves.items()
            },
        }


def robustness(
    reader: Reader,
    data: Labelled,
    *,
    seed: int = SEED,
    curve_images: int = CURVE_IMAGES,
    progress: Progress | None = None,
) -> Robustness:
    """Accuracy of `reader` on the images of `data`, raw and damaged; the same arguments, the same figures.

    The curves are of the first `curve_images`. Raises DataError for a set with other classes than ten.
    """
    data.check_digits()
    few = data.take(range(min(curve_images, len(data))), data.name)
    total = 1 + len(KINDS) + sum(len(sweep.values) for sweep in SWEEPS.values())
    done = 0

    def measure(images: Images, labels: Any) -> Measured:
        nonlocal done
        found = _measure(reader, images, labels)
        done += 1
        if progress is not None:
            progress(done, total)
        return found

    return Robustness(
        data.name,
        seed,
        measure(data.images, data.labels),
        {name: measure(corrupt(data.images, name, seed=seed), data.labels) for name in KINDS},
        {
            name: [
                (value, measure(sweep.distort(few.images, value, seed), few.labels)) for value in sweep.values
            ]
            for name, sweep in SWEEPS.items()
        },
    )


def _measure(reader: Reader, images: Images, labels: Any) -> Measured:
    right = int((reader.probabilities(images).argmax(1) == labels).sum())
    return Measured(right / len(labels), len(labels) - right, len(labels), wilson(right, len(labels)))


def _mean(results: Sequence[Measured]) -> float:
    return float(np.mean([found.accuracy for found in results]))


def _rotated(images: Images, degrees: float, _: int) -> Images:
    """Counter-clockwise for positive degrees."""
    return warped(images, [turn(math.radians(degrees))] * len(images))


def _scaled(images: Images, factor: float, _: int) -> Images:
    return warped(images, [[[factor, 0], [0, factor]]] * len(images))


def _shifted(images: Images, pixels: float, seed: int) -> Images:
    return distorted(images, translate, pixels, seed)


def _thickened(images: Images, pixels: float, _: int) -> Images:
    return thicken(images, pixels)


def _noisy(images: Images, deviation: float, seed: int) -> Images:
    return distorted(images, gaussian_noise, deviation, seed)


SWEEPS: dict[str, Sweep] = {
    "rotation": Sweep("degrees counter-clockwise", (-60, -45, -30, -15, 0, 15, 30, 45, 60), _rotated),
    "scale": Sweep("times the size", (0.4, 0.55, 0.7, 0.85, 1, 1.15, 1.3, 1.45, 1.6), _scaled),
    "shift": Sweep("pixels along both axes", (0, 1, 2, 3, 4, 5, 6, 8), _shifted),
    "stroke thickness": Sweep("pixels wider", (-1.5, -1, -0.5, 0, 0.5, 1, 2, 3, 4), _thickened),
    "noise": Sweep("standard deviation, ink being 1", (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8), _noisy),
}
