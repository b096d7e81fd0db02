"""What the shell offers after TAB: names of recipes, models and sets. No torch; a path completes as ever."""

from collections.abc import Iterable

# Those of `training.recipes.RECIPES`, which torch must be imported for; a test holds the two together.
RECIPE_NAMES = ("baseline", "fast", "best", "tiny", "tiny-1k", "reader")


def recipe_names(incomplete: str) -> list[str]:
    return _matching(RECIPE_NAMES, incomplete)


def model_names(incomplete: str) -> list[str]:
    from tenfold.model import list_models

    return _matching(list_models(), incomplete)


def set_names(incomplete: str) -> list[str]:
    from tenfold.data import set_names as known

    return _matching(known(), incomplete)


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
