"""All ways to join atoms into digits, and the best of them first.

Nodes 0 to n stand between atoms. An `Edge` joins the atoms between two nodes into one digit or passes over
one that is none; a reading is a path from 0 to n, and its score the sum along it, a log-probability. Only
paths whose digits match an expression (`patterns.py`) are followed: the lattice is multiplied by its
automaton. What no automaton can say is asked of the readings in turn, as they come from the best down.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from math import inf

from tenfold.reading.patterns import ANYTHING, DIGITS, NOTHING, Expression, accepts, step


@dataclass(frozen=True)
class Edge:
    """Atoms first to last - 1 as one digit: `scores` are the log-probabilities of 0 to 9, `candidate` tells
    which it is. Where it is None the atoms are passed over, at scores[0]."""

    first: int
    last: int
    scores: tuple[float, ...]
    candidate: int | None = None


@dataclass(frozen=True, order=True)
class Step:
    """One digit of a path."""

    candidate: int
    label: int


Path = tuple[float, tuple[Step, ...]]
Place = tuple[int, Expression]


def readings(nodes: int, edges: Sequence[Edge], language: Expression = ANYTHING) -> Iterator[Path]:
    """Paths from node 0 to `nodes` whose digits match `language`, with their scores, best first, and of those
    with the same digits the best alone.

    An A* search whose estimate of what is to come is exact (Viterbi from the end), so that the first path
    costs little more than Viterbi alone, and the first to come to a node with some digits is the best.
    """
    leaving: list[list[Edge]] = [[] for _ in range(nodes + 1)]
    for edge in edges:
        leaving[edge.first].append(edge)
    ahead = _best_ahead(nodes, leaving, language)
    serial = count()
    been: set[tuple[int, tuple[int, ...]]] = set()
    heap: list[tuple[float, int, float, Place, tuple[Step, ...]]] = []

    def push(score: float, place: Place, steps: tuple[Step, ...]) -> None:
        bound = score + ahead.get(place, -inf)
        if bound > -inf:
            heapq.heappush(heap, (-bound, next(serial), score, place, steps))

    push(0.0, (0, language), ())
    while heap:
        _, _, score, (node, state), steps = heapq.heappop(heap)
        digits = node, tuple(step.label for step in steps)
        if digits in been:
            continue
        been.add(digits)
        if node == nodes:
            yield score, steps
            continue
        for edge in leaving[node]:
            if edge.candidate is None:
                push(score + edge.scores[0], (edge.last, state), steps)
                continue
            for label, cost in enumerate(edge.scores):
                place = edge.last, step(state, DIGITS[label])
                push(score + cost, place, (*steps, Step(edge.candidate, label)))


def _best_ahead(nodes: int, leaving: list[list[Edge]], language: Expression) -> dict[Place, float]:
    """The best score from each place that can be reached to the end, where there is a way."""
    states: defaultdict[int, dict[Expression, None]] = defaultdict(dict, {0: {language: None}})
    for node in range(nodes):
        for edge in leaving[node]:
            for state in list(states[node]):
                states[edge.last].update(dict.fromkeys(_onward(edge, state)))
    ahead = {(nodes, state): 0.0 for state in states[nodes] if accepts(state)}
    for node in range(nodes - 1, -1, -1):
        for state in states[node]:
            ways = (
                score + ahead.get((edge.last, after), -inf)
                for edge in leaving[node]
                for after, score in _onward(edge, state).items()
            )
            ahead[node, state] = max(ways, default=-inf)
    return ahead


def _onward(edge: Edge, state: Expression) -> dict[Expression, float]:
    """The states after `edge`, each with the best score that leads there."""
    if edge.candidate is None:
        return {state: edge.scores[0]}
    return {after: max(edge.scores[label] for label in labels) for after, labels in _ways(state)}


@lru_cache(1 << 16)
def _ways(state: Expression) -> tuple[tuple[Expression, tuple[int, ...]], ...]:
    """The states after one more digit, and which digits lead to each."""
    ways: dict[Expression, tuple[int, ...]] = {}
    for label, digit in enumerate(DIGITS):
        after = step(state, digit)
        if after != NOTHING:
            ways[after] = (*ways.get(after, ()), label)
    return tuple(ways.items())
