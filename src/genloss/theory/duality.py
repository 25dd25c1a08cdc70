"""Symbols refitted to their own draws, followed backwards: how many ancestors a generation has among real rows.

The n rows of a generation are copies of rows of the generation before, each chosen at random, so their ancestors are
the boxes that balls thrown at random occupy. The rows of generation t hold a given symbol exactly if one of their A_t
ancestors among the real rows does: whatever is asked of the forward chain is an expectation over A_t, at a cost that
does not depend on the number of symbols but for one last step.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from genloss.data import Array, Floats
from genloss.theory.laws import Sizes

_NEGLIGIBLE = 1e-18


def ancestors(n: Sizes) -> list[tuple[int, Floats]]:
    """Compute the law of the number of ancestors among the real rows, for every generation.

    Args:
        n: Rows of generations 0, 1, ..., t; all but the first are drawn from the model before.

    Returns:
        For every generation the smallest number considered and the probabilities of it and the following numbers;
        probabilities below 1e-18 are left out.
    """
    rows = np.rint(n).astype(int)
    if (rows[1:] == rows[-1]).all():
        return _equal(int(rows[0]), int(rows[-1]), len(rows))
    return _scheduled(rows)


def _equal(first: int, rows: int, generations: int) -> list[tuple[int, Floats]]:
    """Follow generations of equal size: one more generation is one more throw, with the first of its own size last."""
    out = [(first, np.ones(1))]
    low, law = rows, np.ones(1)
    for _ in range(1, generations):
        out.append(throw(low, law, first))
        low, law = throw(low, law, rows)
    return out


def _scheduled(rows: Array) -> list[tuple[int, Floats]]:
    """Follow all generations back at once, level by level: at each one they throw into the same boxes."""
    laws = np.zeros((len(rows), int(rows.max()) + 1))
    laws[np.arange(len(rows)), rows] = 1.0
    for level in range(len(rows) - 2, -1, -1):
        later = laws[level + 1 :]
        most = int(np.flatnonzero(later.any(axis=0))[-1])
        table = np.zeros((most + 1, laws.shape[1]))
        for ball, left, law in _thrown(most, int(rows[level])):
            table[ball, left : left + len(law)] = law
        laws[level + 1 :] = later[:, : most + 1] @ table
    out = []
    for law in laws:
        kept = np.flatnonzero(law > _NEGLIGIBLE)
        out.append((int(kept[0]), law[kept[0] : kept[-1] + 1] / law.sum()))
    return out


def throw(low: int, law: Floats, boxes: int) -> tuple[int, Floats]:
    """Throw a random number of balls, `low` or more with probabilities `law`; give the law of occupied boxes.

    The cost is the number of balls times the width of the law of occupied boxes.
    """
    most = low + len(law) - 1
    total = np.zeros(min(most, boxes) + 1)
    for ball, left, occupied in _thrown(most, boxes):
        if ball >= low:
            total[left : left + len(occupied)] += law[ball - low] * occupied
    kept = np.flatnonzero(total > _NEGLIGIBLE)
    return int(kept[0]), total[kept[0] : kept[-1] + 1] / total.sum()


def _thrown(most: int, boxes: int) -> Iterator[tuple[int, int, Floats]]:
    """Throw balls one by one: after each, its number, the smallest number of occupied boxes, and the probabilities."""
    occupied = np.zeros(min(most, boxes) + 2)
    occupied[0] = 1.0
    numbers = np.arange(len(occupied)) / boxes
    left, right = 0, 0
    for ball in range(1, most + 1):
        right = min(right + 1, boxes)
        part = occupied[left : right + 1] * numbers[left : right + 1]
        part[1:] += occupied[left:right] * (1 - numbers[left:right])
        occupied[left : right + 1] = part
        while left < right and occupied[left] < _NEGLIGIBLE:
            occupied[left] = 0.0
            left += 1
        while right > left and occupied[right] < _NEGLIGIBLE:
            occupied[right] = 0.0
            right -= 1
        yield ball, left, occupied[left : right + 1]


def transform(laws: list[tuple[int, Floats]], base: Any) -> Floats:
    """Compute E base^A for every generation and every base in [0, 1]: shape (t, ...)."""
    base = np.asarray(base, dtype=float)
    with np.errstate(divide="ignore"):
        logs = np.log(base.ravel())
    out = np.empty((len(laws), logs.size))
    for t, (low, law) in enumerate(laws):
        # Horner's rule over the numbers of ancestors, most first.
        value = np.zeros(logs.size)
        for weight in law[::-1]:
            value = value * base.ravel() + weight
        with np.errstate(invalid="ignore"):
            out[t] = np.where(base.ravel() > 0, np.exp(low * logs), 0.0) * value
    return out.reshape(len(laws), *base.shape)
