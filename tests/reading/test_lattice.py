"""Paths through a lattice, best first, against all paths listed."""

import re
from itertools import product

import numpy as np
import pytest

from tenfold.reading.lattice import Edge, Step, readings
from tenfold.reading.patterns import ANYTHING, compile_pattern, exactly


def scores(*first: float) -> tuple[float, ...]:
    """Of the first digits; the others cannot be."""
    return (*map(float, first), *[-np.inf] * (10 - len(first)))


def lattice(seed: int, nodes: int = 4) -> list[Edge]:
    """Every run of one or two atoms as a digit 0, 1 or 2, and every atom passed over."""
    rng = np.random.default_rng(seed)
    spans = [(i, j) for i in range(nodes) for j in (i + 1, i + 2) if j <= nodes]
    digits = [Edge(i, j, scores(*rng.normal(-2, 1, 3)), number) for number, (i, j) in enumerate(spans)]
    return digits + [Edge(i, i + 1, (float(rng.normal(-3, 1)),)) for i in range(nodes)]


def all_paths(nodes: int, edges: list[Edge], at: int = 0) -> list[tuple[float, tuple[Step, ...]]]:
    if at == nodes:
        return [(0.0, ())]
    found = []
    for edge in (edge for edge in edges if edge.first == at):
        for (label, score), (rest, steps) in product(
            enumerate(edge.scores), all_paths(nodes, edges, edge.last)
        ):
            if score == -np.inf:
                continue
            own = () if edge.candidate is None else (Step(edge.candidate, label),)
            found.append((score + rest, own + steps))
    return found


@pytest.mark.parametrize("pattern", [None, "[0-9]{3}", "", "0.*1", "(01|2)*"])
@pytest.mark.parametrize("seed", range(3))
def test_readings_are_the_best_path_of_each_text_that_matches_from_the_best_down(
    seed: int, pattern: str | None
) -> None:
    edges = lattice(seed)
    paths = sorted(path for path in all_paths(4, edges) if fits(pattern, path[1]))
    expected = list({tuple(step.label for step in steps): (score, steps) for score, steps in paths}.values())
    language = ANYTHING if pattern is None else compile_pattern(pattern)
    assert language is not None
    found = list(readings(4, edges, language))
    assert sorted(steps for _, steps in found) == sorted(steps for _, steps in expected)
    assert np.allclose([score for score, _ in found], sorted((score for score, _ in expected), reverse=True))


def fits(pattern: str | None, steps: tuple[Step, ...]) -> bool:
    return pattern is None or bool(re.fullmatch(pattern, "".join(str(step.label) for step in steps)))


def test_what_cannot_be_has_no_readings() -> None:
    assert list(readings(4, lattice(0), exactly(5))) == []
    assert list(readings(2, [Edge(0, 1, scores(-1.0), 0)])) == []
    assert list(readings(1, [Edge(0, 1, scores(-np.inf, -1.0), 0)])) == [(-1.0, (Step(0, 1),))]
    assert list(readings(0, [])) == [(0.0, ())]
