"""Labelled digits: MNIST, other sets by name, the user's own. `load_set` is the one door to all of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenfold.data.labelled import Labelled as Labelled
    from tenfold.data.labelled import combine as combine
    from tenfold.data.mnist import load_mnist as load_mnist
    from tenfold.data.mnist import load_test as load_test
    from tenfold.data.mnist import load_training as load_training
    from tenfold.data.mnist import split as split
    from tenfold.data.sets import load_set as load_set
    from tenfold.data.sets import set_names as set_names
    from tenfold.data.sources import SOURCES as SOURCES
    from tenfold.data.sources import Store as Store
    from tenfold.data.sources import fetch as fetch
    from tenfold.data.sources import load_writers as load_writers

# name -> module: imported at first use, so that `import tenfold.data` does not wait for numpy
_HOMES = {
    "Labelled": "tenfold.data.labelled",
    "combine": "tenfold.data.labelled",
    "load_mnist": "tenfold.data.mnist",
    "load_test": "tenfold.data.mnist",
    "load_training": "tenfold.data.mnist",
    "split": "tenfold.data.mnist",
    "load_set": "tenfold.data.sets",
    "set_names": "tenfold.data.sets",
    "SOURCES": "tenfold.data.sources",
    "Store": "tenfold.data.sources",
    "fetch": "tenfold.data.sources",
    "load_writers": "tenfold.data.sources",
}
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tenfold.data' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
