"""The recipes: all that decides what a training gives, but for the seed and the data.

    recipe = RECIPES["baseline"]
    shorter = replace(recipe, epochs=3)

A recipe is a frozen dataclass that checks itself when it is made; `to_dict` and `from_dict` carry it
through JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, TypeVar

from tenfold.errors import UnknownNameError, UsageError
from tenfold.training.augment import Augmentation
from tenfold.training.networks import NETWORKS, Baseline, Compact

__all__ = ["RECIPES", "Recipe", "find_recipe", "replace"]

Made = TypeVar("Made")


@dataclass(frozen=True)
class Recipe:
    name: str
    summary: str
    network: Baseline | Compact
    epochs: int
    batch_size: int = 128
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
    """at its peak, where it is not constant"""
    betas: tuple[float, float] = (0.9, 0.999)
    """of Adam; SGD takes the first as its momentum"""
    weight_decay: float = 0.0
    norm_bias_factor: float = 1.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warm_up: float = 0.2
    """share of the training in which the learning rate rises"""
    label_smoothing: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    views: int = 0
    """pictures of each digit as the world shows it, rendered once before the training"""
    nondigits: float = 0.0
    """pictures of no digit, for each digit of the training set"""
    patience: int | None = None
    """epochs without a better validation accuracy before training stops and the best epoch is kept; None
    keeps the last epoch, as it must be where the learning rate is annealed to zero"""

    def __post_init__(self) -> None:
        sound = {
            "epochs": isinstance(self.epochs, int) and self.epochs >= 1,
            "batch_size": isinstance(self.batch_size, int) and self.batch_size >= 1,
            "optimizer": self.optimizer in ("adam", "sgd"),
            "learning_rate": 0 < self.learning_rate <= 10,
            "betas": len(self.betas) == 2 and all(0 < beta < 1 for beta in self.betas),
            "weight_decay": 0 <= self.weight_decay < 1,
            "norm_bias_factor": 0 < self.norm_bias_factor <= 1000,
            "schedule": self.schedule in ("constant", "linear", "cosine"),
            "warm_up": 0 <= self.warm_up < 1,
            "label_smoothing": 0 <= self.label_smoothing < 1,
            "views": isinstance(self.views, int) and 0 <= self.views <= 100,
            "nondigits": 0 <= self.nondigits <= 100,
            "patience": self.patience is None or (isinstance(self.patience, int) and self.patience >= 0),
        }
        for name, is_sound in sound.items():
            if not is_sound:
                value = getattr(self, name)
                raise UsageError(f"The recipe '{self.name}' cannot have {value!r} as its {name}.")

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; the network says its kind."""
        values = asdict(self)
        values["network"] = {"kind": self.network.kind, **values["network"]}
        plain: dict[str, Any] = json.loads(json.dumps(values))  # tuples become lists
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The inverse of `to_dict`. Raises UnknownNameError for a field or a kind of network that does not
        exist, UsageError for one that is missing or of the wrong type."""
        try:
            network = {k: tuple(v) if isinstance(v, list) else v for k, v in dict(values["network"]).items()}
            kind = network.pop("kind")
            if not isinstance(kind, str):
                raise TypeError("the kind of its network is a word")
            if kind not in NETWORKS:
                raise UnknownNameError("kind of network", kind, NETWORKS)
            changed = {
                "network": _made(NETWORKS[kind], network),
                "betas": tuple(values["betas"]),
                "augmentation": _made(Augmentation, values["augmentation"]),
            }
            return _made(cls, {**values, **changed})
        except (KeyError, TypeError, ValueError) as cause:
            raise UsageError(f"This is not a whole recipe: {cause}.") from None


def _made(cls: type[Made], values: Mapping[str, Any]) -> Made:
    known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise UnknownNameError("field of a recipe", name, known)
    return cls(**values)


BASELINE = Recipe(
    name="baseline",
    summary="the network of every first lesson, with Adam, dropout and early stopping",
    network=Baseline(),
    epochs=15,
    patience=4,
)

FAST = Recipe(
    name="fast",
    summary="the most accuracy for the least time",
    network=Compact(wide=(32,), narrow=(64, 64, 64), valid=2),
    epochs=3,
    batch_size=256,
    learning_rate=1.5e-2,
    betas=(0.9, 0.99),
    schedule="linear",
    weight_decay=0.01,
    label_smoothing=0.05,
    augmentation=Augmentation(shift=1),
)

READER = Recipe(
    name="reader",
    summary="at home on paper: learns from digits as the world shows them, and what is none",
    network=Compact(wide=(32, 32), narrow=(64, 96, 96), valid=0),
    epochs=6,
    batch_size=256,
    learning_rate=1e-2,
    betas=(0.9, 0.99),
    schedule="linear",
    weight_decay=0.02,
    augmentation=Augmentation(shift=1.5, rotation=6, scale=0.06, shear=0.1, elastic=0.4, thickness=0.3),
    views=3,
    nondigits=0.4,
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (BASELINE, FAST, READER)}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name. Raises UnknownNameError, which suggests the closest."""
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    return RECIPES[name]
