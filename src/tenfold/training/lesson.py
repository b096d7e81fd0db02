"""What a recipe learns from: the digits as they are, as the world shows them, and what is no digit at all."""

from pathlib import Path

from tenfold.data.labelled import Labelled, combine
from tenfold.training.recipes import Recipe


def lesson(
    data: Labelled, recipe: Recipe, seed: int, kept: Path | None = None, processes: int = 1
) -> Labelled:
    """`data`, `as_is` times, `views` of each of its digits, and `nondigits`, as many as the recipe says; the
    same for the same seed.

    Where there are non-digits, the set has an eleventh class for them. Most recipes learn from `data` alone.
    What is drawn is kept in the folder `kept`, if there is one, and drawn only once, by so many `processes`:
    see `drawing`.
    """
    parts = [data] * recipe.as_is
    if recipe.views:
        from tenfold.training.drawn.views import views

        parts.append(views(data, recipe.views, seed, kept=kept, processes=processes))
    if count := round(recipe.nondigits * len(data)):
        from tenfold.training.drawn.nondigits import nondigits

        parts.append(nondigits(data, count, seed, kept=kept, processes=processes))
    return combine(data.name, *parts) if len(parts) > 1 else data
