"""Distances between rows: what tails, concepts and distances of vectors are measured with."""

from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np

from genloss.metrics.estimate import Floats

_BLOCK = 2**21


def squared_distances(rows: Floats, others: Floats) -> Iterator[tuple[slice, Floats]]:
    """Squared distances of rows to others, a block of rows at a time; both tables should be centred."""
    norms = (others**2).sum(-1)
    step = max(1, _BLOCK // max(len(others), 1))
    for begin in range(0, len(rows), step):
        part = slice(begin, begin + step)
        block = rows[part]
        squares = (block**2).sum(-1)[:, None] + norms - 2 * (block @ others.T)
        yield part, np.maximum(squares, 0, out=squares)


def squared_radii(rows: Floats, k: int) -> Floats:
    """Squared distance of each row to its k-th nearest other row; to the farthest where there are fewer.

    A row without others has the radius 0. Real rows are the same in every generation, so what was found is kept.
    """
    return _kept_radii(_Table(rows), k)


def nearest(rows: Floats, k: int) -> Floats:
    """As `squared_radii`, of rows that will not come again."""
    radii = np.zeros(len(rows))
    k = min(k, len(rows) - 1)
    if k > 0:
        for part, squares in squared_distances(rows, rows):
            _without_self(part, squares)
            radii[part] = np.partition(squares, k, axis=1)[:, k]
    return radii


def mean_distance(rows: Floats) -> float:
    """The mean distance between two different rows of a real table; what was found is kept."""
    return _kept_distance(_Table(rows))


def distance_within(rows: Floats) -> float:
    """The mean distance between two different rows of a table; on the line from their order."""
    n = len(rows)
    if rows.shape[1] == 1:
        return pair_sum(rows[:, 0]) / (n * (n - 1) / 2)
    total = 0.0
    for part, squares in squared_distances(rows, rows):
        _without_self(part, squares)
        total += float(np.sqrt(squares).sum())
    return total / (n * (n - 1))


def pair_sum(line: Floats) -> float:
    """The sum of distances over all pairs of numbers, from their order."""
    n = len(line)
    return float(np.sort(line) @ (2 * np.arange(n) - n + 1.0))


class _Table:
    """Real rows as a key of what was found about them; the rows themselves are let go once they are known."""

    __slots__ = ("_sum", "rows")

    def __init__(self, rows: Floats) -> None:
        self.rows: Any = np.ascontiguousarray(rows)
        self._sum = (rows.shape, blake2b(self.rows.tobytes(), digest_size=16).digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and self._sum == other._sum

    def __hash__(self) -> int:
        return hash(self._sum)


@lru_cache(maxsize=64)
def _kept_radii(table: _Table, k: int) -> Floats:
    radii = nearest(table.rows, k)
    radii.flags.writeable = False
    table.rows = None
    return radii


@lru_cache(maxsize=64)
def _kept_distance(table: _Table) -> float:
    distance = distance_within(table.rows)
    table.rows = None
    return distance


def _without_self(part: slice, squares: Floats) -> None:
    """Write exact zeros for the distance of each row to itself."""
    squares[np.arange(len(squares)), np.arange(part.start, part.start + len(squares))] = 0
