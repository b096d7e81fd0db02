"""What a recipe learns from: the digits as they are, as the world shows them, and what is no digit at all."""

from tenfold.data.labelled import Labelled, combine
from tenfold.training.recipes import Recipe


def lesson(data: Labelled, recipe: Recipe, seed: int) -> Labelled:
    """`data`, the recipe's `views` of each of its digits, and its `nondigits`; the same for the same seed.

    Where there are non-digits, the set has an eleventh class for them. Most recipes learn from `data` alone.
    """
    parts = [data]
    if recipe.views:
        from tenfold.training.render import rendered

        parts.append(rendered(data, recipe.views, seed))
    if recipe.nondigits:
        from tenfold.training.nondigits import nondigits

        parts.append(nondigits(data, round(recipe.nondigits * len(data)), seed))
    return combine(data.name, *parts) if len(parts) > 1 else data
