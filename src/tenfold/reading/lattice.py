"""All ways to join atoms into digits, and the best of them first.

Nodes 0 to n stand between atoms. An `Edge` joins the atoms between two nodes into one digit or passes over
one that is none; a reading is a path from 0 to n, and its score the sum along it, a log-probability.
`readings` gives paths from the best down, so whatever must hold of the whole text (a pattern, a checksum)
is asked of each in turn: the first that fits is the best that fits.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

NOTHING = -1  # the label of an edge that passes over atoms


@dataclass(frozen=True)
class Edge:
    """Atoms first to last - 1 as one digit: `scores` are the log-probabilities of its labels. `candidate`
    tells which; both are empty (None, NOTHING) where atoms are passed over at the cost `scores[0]`."""

    first: int
    last: int
    scores: tuple[float, ...]
    candidate: int | None = None


@dataclass(frozen=True)
class Step:
    """One digit of a path."""

    candidate: int
    label: int


def readings(
    nodes: int, edges: Sequence[Edge], digits: int | None = None
) -> Iterator[tuple[float, tuple[Step, ...]]]:
    """Paths from node 0 to `nodes` with their scores, best first; with `digits`, those of so many digits.

    An A* search whose estimate of what is to come is exact (Viterbi from the end), so that the first path
    costs no more than Viterbi alone.
    """
    leaving: list[list[Edge]] = [[] for _ in range(nodes + 1)]
    for edge in edges:
        leaving[edge.first].append(edge)
    ahead = _best_ahead(nodes, leaving, digits)
    serial = count()
    heap: list[tuple[float, int, float, int, int, tuple[Step, ...]]] = []

    def push(score: float, node: int, used: int, steps: tuple[Step, ...]) -> None:
        bound = score + float(ahead[node, 0 if digits is None else used])
        if np.isfinite(bound):
            heapq.heappush(heap, (-bound, next(serial), score, node, used, steps))

    push(0.0, 0, 0, ())
    while heap:
        _, _, score, node, used, steps = heapq.heappop(heap)
        if node == nodes:
            yield score, steps
            continue
        for edge in leaving[node]:
            if edge.candidate is None:
                push(score + edge.scores[0], edge.last, used, steps)
            elif digits is None or used < digits:
                for label, cost in enumerate(edge.scores):
                    if cost > -np.inf:
                        push(score + cost, edge.last, used + 1, (*steps, Step(edge.candidate, label)))


def _best_ahead(nodes: int, leaving: list[list[Edge]], digits: int | None) -> NDArray[np.float64]:
    """[nodes + 1, digits + 1]: the best score from a node to the end when so many digits are used already."""
    columns = 1 if digits is None else digits + 1
    ahead = np.full((nodes + 1, columns), -np.inf)
    ahead[nodes, -1] = 0.0
    for node in range(nodes - 1, -1, -1):
        for edge in leaving[node]:
            best = max(edge.scores)
            if edge.candidate is None or digits is None:
                ahead[node] = np.maximum(ahead[node], ahead[edge.last] + best)
            else:
                ahead[node, :-1] = np.maximum(ahead[node, :-1], ahead[edge.last, 1:] + best)
    return ahead
