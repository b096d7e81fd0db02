"""Views of digits: the same for the same seed, readable again, some of them cut out of numbers."""

import numpy as np
import pytest

from tenfold.data import load_training
from tenfold.data.labelled import Labelled
from tenfold.training.drawn.views import views
from tenfold.training.drawn.world import World


@pytest.fixture(scope="module")
def few() -> Labelled:
    return load_training().take(range(60), "few")


def test_views_are_a_function_of_the_seed(few: Labelled) -> None:
    fewer = few.take(range(20), "fewer")
    first, again, other = views(fewer, 2, 7), views(fewer, 2, 7), views(fewer, 2, 8)
    assert first.checksum == again.checksum != other.checksum
    assert len(first) == 40
    assert first.labels.tolist() == 2 * fewer.labels.tolist()
    assert not np.array_equal(first.images[:20], first.images[20:])


def test_a_view_is_still_the_digit_in_most_cases(few: Labelled) -> None:
    """Seen through the road, a rendered digit is nearer to its own than to another's original."""
    seen = views(few, 1, 0, World(slant=(-0.1, 0.1), odd=0)).images.reshape(60, -1).astype(float)
    originals = few.images.reshape(60, -1).astype(float)
    nearness = np.corrcoef(seen, originals)[:60, 60:]
    own = np.diag(nearness)
    assert np.mean(own > np.median(nearness, axis=1)) > 0.85  # half of them by chance
    assert np.median(own) > np.median(nearness) + 0.2


def test_some_are_cut_out_of_numbers(few: Labelled) -> None:
    """What is cut out of a page is black and white until it is shrunk, and its strokes come from one mask."""
    fewer = few.take(range(20), "fewer")
    none, all_of_them = (views(fewer, 1, 0, World(number=share)).images for share in (0, 1))
    same = [np.array_equal(one, other) for one, other in zip(none, all_of_them, strict=True)]
    assert 0 <= np.mean(same) < 0.4  # those that no cut is
