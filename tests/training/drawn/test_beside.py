"""What stands beside numbers: words, signs, and how they are put on one line."""

from itertools import pairwise

import numpy as np
import pytest

from tenfold.training.drawn.beside import BETWEEN, BRACKETS, SIGNS, across, cropped, dashes, sign, word
from tenfold.training.drawn.forms import draw
from tenfold.training.drawn.letters import ALIKE, FORMS
from tenfold.training.drawn.world import PEN_BOX, Plane


def rectangle(height: int, width: int) -> Plane:
    return np.ones((height, width), np.float32)


def test_planes_stand_on_a_line_so_far_apart() -> None:
    both = across(rectangle(10, 4), rectangle(6, 3), 2)
    assert both.shape == (10, 9)
    assert both[:, :4].all()
    assert not both[:, 4:6].any()
    assert not both[:4, 6:].any()
    assert both[4:, 6:].all()


def test_a_taller_plane_makes_room_above() -> None:
    both = across(rectangle(6, 3), rectangle(10, 4), 0)
    assert both.shape == (10, 7)
    assert not both[:4, :3].any()
    assert both[4:, :3].all()
    assert both[:, 3:].all()


def test_middles_on_a_line_and_what_hangs_below_it() -> None:
    middle = across(rectangle(10, 4), rectangle(4, 3), 0, centred=True)
    assert np.flatnonzero(middle[:, -1]).tolist() == [3, 4, 5, 6]
    below = across(rectangle(10, 4), rectangle(4, 3), 0, drop=3)
    assert below.shape == (13, 7)
    assert np.flatnonzero(below[:, -1]).tolist() == [9, 10, 11, 12]


def test_planes_may_overlap_and_keep_all_ink() -> None:
    both = across(rectangle(5, 4), rectangle(5, 4), -2)
    assert both.shape == (5, 6)
    assert both.all()
    inside = across(rectangle(5, 6), rectangle(5, 2), -4)
    assert inside.shape == (5, 6)


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_is_ink_alone_and_the_same_for_the_same_generator(name: str) -> None:
    for seed in range(10):
        plane = sign(name, np.random.default_rng(seed), pen=5, slant=0.1)
        assert np.array_equal(plane, sign(name, np.random.default_rng(seed), pen=5, slant=0.1))
        assert np.array_equal(plane, cropped(plane))
        assert plane.size
        assert plane.dtype == np.float32


@pytest.mark.parametrize("slant", [-0.3, 0.0, 0.4])
def test_the_stroke_of_a_date_leans_more_than_the_hand_and_is_taller_than_a_digit(slant: float) -> None:
    for seed in range(30):
        plane = sign("/", np.random.default_rng(seed), pen=4, slant=slant)
        y, x = np.nonzero(plane > 0.5)
        lean = -np.polyfit(y, x, 1)[0]
        assert lean > slant + 0.08
        assert len(plane) > 0.9 * PEN_BOX


def test_every_sign_between_numbers_and_each_bracket_has_a_form() -> None:
    assert set(BETWEEN) | set("".join(BRACKETS)) == set(SIGNS)


def test_words_are_of_one_hand_and_never_of_letters_alone_that_look_like_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {form: name for kinds in (FORMS, ALIKE) for name, forms in kinds.items() for form in forms}
    written: list[tuple[str, int]] = []

    def noted(form: str, *given: object, **options: int) -> Plane:
        written.append((form, options["pen"]))
        return draw(form, *given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("tenfold.training.drawn.beside.draw", noted)
    seen = set()
    for seed in range(200):
        written.clear()
        plane = word(np.random.default_rng(seed), pen=3)
        assert cropped(plane).size
        assert {pen for _, pen in written} == {3}
        letters = [names[form] for form, _ in written]
        assert 2 <= len(letters) <= 7
        assert letters[0] in FORMS
        assert not any(here in ALIKE and after in ALIKE for here, after in pairwise(letters))
        seen |= set(letters)
    assert seen == set(names.values())
    assert not FORMS.keys() & ALIKE.keys()


def test_dashes_are_as_high_as_the_number_beside_them() -> None:
    for seed in range(20):
        plane = dashes(rectangle(70, 9), np.random.default_rng(seed), pen=4)
        assert len(plane) == 70
        assert plane.any()
