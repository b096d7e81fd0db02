"""The digits of a set as the world shows them, led back to 28x28.

    seen = views(training, 4, seed=0)      four pictures of each digit, as the network will read them

Most are pictures of one digit and take that road (`images.to_mnist`); some are cut out of a number, as pages
are (`strings`). What is learnt is what is read.
"""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold.data.labelled import Labelled, frozen
from tenfold.images import to_mnist
from tenfold.training.drawn.drawing import draw
from tenfold.training.drawn.render import render
from tenfold.training.drawn.strings import cut_digit
from tenfold.training.drawn.world import World


def _view(data: Labelled, seed: int, world: World, number: int) -> NDArray[np.uint8]:
    view, index = divmod(number, len(data))
    rng = np.random.default_rng([seed, view, index])
    if rng.random() < world.number and (cut := cut_digit(data, index, rng, world)) is not None:
        return cut
    return to_mnist(render(data, index, rng, world))


def views(
    data: Labelled,
    count: int,
    seed: int,
    world: World = World(),
    kept: Path | None = None,
    processes: int = 1,
) -> Labelled:
    """`count` pictures of each digit of `data`, as the road gives them back; the same for the same seed.
    `kept` is a folder that keeps them, and `processes` draw them: see `drawing`."""
    what = f"views of {data.checksum} {seed} {world}"
    images = draw(partial(_view, data, seed, world), count * len(data), kept, what, processes)
    return Labelled(f"{data.name}-views", frozen(images), np.tile(data.labels, count))
