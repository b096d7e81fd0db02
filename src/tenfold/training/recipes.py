"""The recipes: all that decides what a training gives, but for the seed and the data.

    recipe = find_recipe("baseline")              one of RECIPES, or a file that `write_recipe` wrote
    shorter = replace(recipe, epochs=3)
    write_recipe("shorter.json", shorter)

A recipe is a frozen dataclass that checks itself when it is made; `to_dict` and `from_dict` carry it
through JSON. A recipe file is that JSON; what `tenfold recipes NAME --json` prints is one, too.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

from tenfold.errors import RecipeError, UnknownNameError, UsageError, refuse_empty
from tenfold.files import is_file, read_bounded, write_atomic
from tenfold.training.augment import Augmentation
from tenfold.training.checkpoint import plain
from tenfold.training.fields import check, fits, kinds_of, settle, shown
from tenfold.training.networks import NETWORKS, Baseline, Compact, Described, Symmetric

__all__ = ["RECIPES", "Recipe", "find_recipe", "read_recipe", "replace", "write_recipe"]

RECIPE_FILE = "recipe.json"  # as a search leaves it in its folder
FILE_LIMIT = 1 << 16  # bytes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it becomes a part of the names of folders
WIDEST = 4096  # channels of one convolution
FOLLOWS = (
    "layers",
    "parameters",
)  # what `tenfold recipes NAME --json` says besides; it follows from the rest


@dataclass(frozen=True)
class Recipe:
    name: str
    summary: str
    network: Described
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
    shown: int | None = None
    """images of each epoch after the first, where there are more: half of them those that were hardest"""
    as_is: int = 1
    """times that an epoch shows each digit as the training set has it"""
    views: int = 0
    """pictures of each digit as the world shows it, rendered once before the training"""
    nondigits: float = 0.0
    """pictures of no digit, for each digit of the training set"""
    patience: int | None = None
    """epochs without a better validation accuracy before training stops and the best epoch is kept; None
    keeps the last epoch, as it must be where the learning rate is annealed to zero"""

    def __post_init__(self) -> None:
        settle(self)
        for name, kind in kinds_of(type(self)).items():
            if not fits(kind, getattr(self, name)):
                self._refuse(name)
        sound = {
            "name": NAME.fullmatch(self.name) is not None,
            "augmentation": isinstance(self.augmentation, Augmentation),
            "network": _is_network(self.network),
            "epochs": self.epochs >= 1,
            "batch_size": self.batch_size >= 1,
            "learning_rate": 0 < self.learning_rate <= 10,
            "betas": all(0 < beta < 1 for beta in self.betas),
            "weight_decay": 0 <= self.weight_decay < 1,
            "norm_bias_factor": 0 < self.norm_bias_factor <= 1000,
            "warm_up": 0 <= self.warm_up < 1,
            "label_smoothing": 0 <= self.label_smoothing < 1,
            "shown": self.shown is None or self.shown >= 1,
            "as_is": 1 <= self.as_is <= 100,
            "views": 0 <= self.views <= 100,
            "nondigits": 0 <= self.nondigits <= 100,
            "patience": self.patience is None or self.patience >= 0,
        }
        for name, is_sound in sound.items():
            if not is_sound:
                self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        raise UsageError(f"The recipe '{self.name}' cannot have {shown(getattr(self, name))} as its {name}.")

    def later(self, images: int) -> int:
        """How many of so many images each epoch after the first shows."""
        return min(images, self.shown or images)

    def steps(self, images: int, epochs: int | None = None) -> int:
        """Steps of the first `epochs` (None: all) on so many `images`. The last batch of an epoch is left out
        where it would be short, unless it is the only one."""
        epochs = self.epochs if epochs is None else epochs
        first, later = (max(1, n // self.batch_size) for n in (images, self.later(images)))
        return first + (epochs - 1) * later if epochs else 0

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; the network says its kind."""
        values = asdict(self)
        values["network"] = {"kind": self.network.kind, **values["network"]}
        made: dict[str, Any] = json.loads(json.dumps(values, default=plain))  # tuples become lists
        return made

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The inverse of `to_dict`; what has a default may be left out.

        Raises UnknownNameError for a field or a kind of network that does not exist, UsageError for one that
        is missing, of the wrong type or out of range.
        """
        if not isinstance(values, Mapping):
            raise UsageError(f"A recipe has fields with values, and is not {shown(values)}.")
        check(cls, values)
        network = _group(values, "network")
        kind = network.pop("kind", None)
        if not isinstance(kind, str):
            raise UsageError("This is not a whole recipe: its network has no kind.")
        if kind not in NETWORKS:
            raise UnknownNameError("kind of network", kind, NETWORKS)
        check(NETWORKS[kind], network, "network.")
        made: dict[str, Any] = {"network": NETWORKS[kind](**_tuples(network))}
        if "augmentation" in values:
            augmentation = _group(values, "augmentation")
            check(Augmentation, augmentation, "augmentation.")
            made["augmentation"] = Augmentation(**augmentation)
        return cls(**{**_tuples(values), **made})


def _group(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    if not isinstance(values[name], Mapping):
        raise UsageError(f"A recipe's {name} is a group of fields, not {shown(values[name])}.")
    return dict(values[name])


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _is_network(value: Any) -> bool:
    """One of NETWORKS that is not too wide, or a dataclass of one's own that can be recorded and built as
    they are."""
    try:
        values = asdict(value)
        json.dumps(values, default=plain)
    except (TypeError, ValueError):  # no dataclass, or one of what JSON does not have
        return False
    if type(value) in NETWORKS.values():
        return all(max(row, default=0) <= WIDEST for row in values.values() if isinstance(row, tuple))
    return isinstance(getattr(value, "kind", None), str) and hasattr(value, "build")


BASELINE = Recipe(
    name="baseline",
    summary="the network of every first lesson, with Adam, dropout and early stopping",
    network=Baseline(),
    epochs=15,
    patience=4,
)

FAST = Recipe(
    name="fast",
    summary="as accurate as a few seconds of training allow",
    network=Compact(wide=(16,), narrow=(48, 64), padded=False, flattened=True),
    epochs=6,
    batch_size=256,
    learning_rate=3e-2,
    betas=(0.9, 0.99),
    schedule="linear",
    weight_decay=0.01,
    label_smoothing=0.05,
    augmentation=Augmentation(shift=1),
    shown=12_288,  # 48 batches
)

BEST = Recipe(
    name="best",
    summary="as accurate as one small network gets",
    network=Compact(wide=(48, 64, 64, 80, 80, 96), narrow=(), padded=False, flattened=True),
    epochs=48,
    batch_size=256,
    learning_rate=1e-2,
    betas=(0.9, 0.99),
    schedule="linear",
    weight_decay=0.02,
    augmentation=Augmentation(shift=2, rotation=10, scale=0.1, shear=0.1, elastic=0.6),
)

TINY = Recipe(
    name="tiny",
    summary="below 8,000 parameters: what a microcontroller holds",
    network=Compact(wide=(12,) * 6, narrow=(), padded=False, flattened=True),
    epochs=48,
    batch_size=256,
    learning_rate=2e-2,
    betas=(0.9, 0.99),
    schedule="linear",
    weight_decay=0.01,
    augmentation=Augmentation(shift=1.5, rotation=8, scale=0.08, shear=0.1, elastic=0.4),
)

TINY_1K = Recipe(
    name="tiny-1k",
    summary="below 1,000 parameters: each kernel is used in eight positions",
    network=Symmetric(),
    epochs=24,
    batch_size=256,
    learning_rate=6e-2,
    betas=(0.9, 0.99),
    schedule="linear",
    augmentation=Augmentation(shift=1, rotation=4, scale=0.05, shear=0.05, elastic=0.25),
)

READER = Recipe(
    name="reader",
    summary="reads real handwriting; learns digits as on paper and photographs, and what is no digit",
    network=Compact(wide=(48, 64), narrow=(96, 128, 128)),
    epochs=9,
    batch_size=256,
    learning_rate=1e-2,
    betas=(0.9, 0.99),
    schedule="linear",
    weight_decay=0.02,
    augmentation=Augmentation(shift=1.5, rotation=6, scale=0.06, shear=0.1, elastic=0.4, thickness=0.3),
    as_is=2,
    views=4,
    nondigits=2.0,
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (BASELINE, FAST, BEST, TINY, TINY_1K, READER)}


def find_recipe(name: str | Path | Recipe) -> Recipe:
    """The recipe of that name, that in a file, or in a folder the one that a search left there; of a recipe,
    itself.

    Raises UnknownNameError, which suggests the closest name, RecipeError and DiskError as `read_recipe` does,
    and UsageError for an empty name and for a recipe whose network is none of NETWORKS.
    """
    refuse_empty("The name of a recipe", name)
    if isinstance(name, Recipe):
        if name.network.kind not in NETWORKS:
            raise UsageError(
                f"The recipe '{name.name}' has a network of its own, '{name.network.kind}', which cannot "
                "be made again from a record; it trains in a Trainer."
            )
        return name
    if str(name) in RECIPES:
        return RECIPES[str(name)]
    path = os.fspath(name)
    if is_file(os.path.join(path, RECIPE_FILE)):
        return read_recipe(os.path.join(path, RECIPE_FILE))
    if path.endswith(".json") or is_file(path):
        return read_recipe(path)
    raise UnknownNameError("recipe", path, RECIPES)


def read_recipe(path: str | Path) -> Recipe:
    """The recipe in the JSON file `path`. Raises RecipeError for one that is absent or not sound, DiskError
    where it may not be read."""
    try:
        values = json.loads(read_bounded(path, FILE_LIMIT, RecipeError, "The recipe"))
    except (ValueError, RecursionError):
        raise RecipeError(f"The recipe '{path}' is not JSON.") from None
    if isinstance(values, dict):
        values = {key: value for key, value in values.items() if key not in FOLLOWS}
    try:
        return Recipe.from_dict(values)
    except UsageError as cause:
        raise RecipeError(f"'{path}' is not a sound recipe. {cause}") from None


def write_recipe(path: str | Path, recipe: Recipe) -> Path:
    """Write `recipe` as JSON, whole or not at all, and return the path. Raises DiskError."""
    write_atomic(path, json.dumps(recipe.to_dict(), indent=1, allow_nan=False) + "\n")
    return Path(path)
