"""Tenfold trains, tests and uses classifiers of handwritten digits."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenfold.data.mnist import load_mnist as load_mnist
    from tenfold.reading.page import Digit as Digit
    from tenfold.reading.page import Reading as Reading
    from tenfold.reading.reader import Failure as Failure
    from tenfold.reading.reader import Prediction as Prediction
    from tenfold.reading.reader import Reader as Reader
    from tenfold.runs import evaluate as evaluate
    from tenfold.runs import train as train

__version__ = "0.1.0"

# name -> module: imported at first use, so that `import tenfold` costs nothing and reading never meets torch
_HOMES = {
    "Digit": "tenfold.reading.page",
    "Failure": "tenfold.reading.reader",
    "Prediction": "tenfold.reading.reader",
    "Reader": "tenfold.reading.reader",
    "Reading": "tenfold.reading.page",
    "evaluate": "tenfold.runs",
    "load_mnist": "tenfold.data.mnist",
    "train": "tenfold.runs",
}
__all__ = [  # written out, as type checkers do not look into _HOMES
    "Digit",
    "Failure",
    "Prediction",
    "Reader",
    "Reading",
    "evaluate",
    "load_mnist",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tenfold' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
