"""Symbols refitted to their own draws, followed backwards: how many ancestors a generation has among real rows.

The n rows of a generation are copies of rows of the generation before, each chosen at random, so their ancestors are
the boxes that balls thrown at random occupy. The rows of generation t hold a given symbol exactly if one of their A_t
ancestors among the real rows does: whatever is asked of the forward chain is an expectation over A_t, at a cost that
does not depend on the number of symbols but for one last step.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from genloss.chain.data import Array, Floats
from genloss.theory.laws import Sizes

_NEGLIGIBLE = 1e-18
_NODES, _REACH, _DIGITS = 18, 4.0, 41.0  # nodes a panel, its width in units of 1 / a, and -log of what is not a digit
_FEW = 1_000
_NUMBERS, _TABLE = 1_000_000, 256


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
    flat = base.ravel()
    with np.errstate(divide="ignore"):
        logs = np.log(flat)
    out = np.empty((len(laws), logs.size))
    for begin, end, low, table in _stacked(laws):
        with np.errstate(invalid="ignore"):
            value = np.where(flat > 0, np.exp(low * logs), 0.0)
        powers = np.empty((table.shape[1], logs.size))
        for row in powers:
            row[:] = value
            value = value * flat
        out[begin:end] = table @ powers
    return out.reshape(len(laws), *base.shape)


def transform_sum(laws: list[tuple[int, Floats]], decay: Floats, weights: Floats) -> Floats:
    """Compute sum_k weights_k E exp(-A decay_k) for every generation: shape (t,).

    The sums of powers sum_k weights_k exp(-a decay_k) are needed once for each number a of ancestors.

    Args:
        laws: The laws of A, from `ancestors`.
        decay: -log of the bases, 0 or more; infinite for a base of 0. Many are best `merged` first.
        weights: One number each.
    """
    out = np.empty(len(laws))
    for begin, end, low, table in _stacked(laws):
        out[begin:end] = table @ power_sums(low + np.arange(table.shape[1]), decay, weights)
    return out


def power_sums(a: Array, decay: Floats, weights: Floats) -> Floats:
    """Compute sum_k weights_k exp(-a decay_k) for every a > 0."""
    rows = max(1, _NUMBERS // max(1, len(decay)))
    parts = [np.exp(-np.outer(a[i : i + rows], decay)) @ weights for i in range(0, len(a), rows)]
    return np.concatenate(parts) if parts else np.empty(0)


def merged(decay: Floats, weights: Floats, most: float) -> tuple[Floats, Floats]:
    """Replace many exponentials by few: sum_k w_k exp(-a d_k) keeps its value for all real a from 0 to `most`.

    The symbols are sorted into panels, on which exp(-a d) is a polynomial in d to working precision; each panel's
    weights are carried over to Chebyshev nodes. A panel may be the wider the further its symbols lie from the slowest
    decay: where a is so large that the polynomial would fail there, the slowest one outweighs all of the panel. The
    number of nodes grows like log(most), whatever the number of symbols, and the relative error of the sums stays near
    1e-14 (beside a d rounding errors of the exponential itself).

    Args:
        decay: Rates of decay, 0 or more.
        weights: Their weights, 0 or more.
        most: The largest a that will be asked for.

    Returns:
        Decays and weights that do the same; weights may be negative.
    """
    used = np.isfinite(decay) & (weights > 0)
    decay, weights = decay[used], np.asarray(weights, dtype=float)[used]
    if len(decay) <= _FEW:
        return decay, weights
    if (np.diff(decay) < 0).any():
        order = np.argsort(decay)
        decay, weights = decay[order], weights[order]
    outweighed = _DIGITS + np.log(weights.sum() / weights[0])
    starts, ends = [0], []
    while True:
        low = decay[starts[-1]]
        ends.append(low + _REACH * max(1 / most, (low - decay[0]) / outweighed))
        following = int(np.searchsorted(decay, ends[-1], side="right"))
        if following >= len(decay):
            break
        starts.append(following)
    counts = np.diff([*starts, len(decay)])
    width = np.array(ends) - decay[starts]
    place = 2 * (decay - np.repeat(decay[starts], counts)) / np.repeat(width, counts) - 1
    # Moments of the Chebyshev polynomials T_0, T_1, ... over each panel, by their recurrence.
    moments = np.empty((_NODES, len(starts)))
    before, now = place, np.ones_like(place)
    for moment in moments:
        moment[:] = np.add.reduceat(weights * now, starts)
        before, now = now, 2 * place * now - before
    angles = np.pi * (np.arange(_NODES) + 0.5) / _NODES
    share = np.cos(np.outer(angles, np.arange(_NODES))) * np.where(np.arange(_NODES) == 0, 1, 2) / _NODES
    nodes = decay[starts] + width * (np.cos(angles)[:, None] + 1) / 2
    crowded = counts > _NODES
    alone = np.repeat(~crowded, counts)
    return (
        np.concatenate((decay[alone], nodes[:, crowded].ravel())),
        np.concatenate((weights[alone], (share @ moments)[:, crowded].ravel())),
    )


def _stacked(laws: list[tuple[int, Floats]]) -> Iterator[tuple[int, int, int, Floats]]:
    """Put successive laws of about the same place into one table: first and last law, smallest number, table."""
    begin = 0
    while begin < len(laws):
        low, high = laws[begin][0], laws[begin][0] + len(laws[begin][1])
        widest, end = high - low, begin + 1
        while end < len(laws) and end - begin < _TABLE:
            down, up = laws[end][0], laws[end][0] + len(laws[end][1])
            widest = max(widest, up - down)
            if max(up, high) - min(low, down) > 2 * widest + 16:
                break
            low, high, end = min(low, down), max(up, high), end + 1
        table = np.zeros((end - begin, high - low))
        for row, (first, law) in zip(table, laws[begin:end], strict=True):
            row[first - low : first - low + len(law)] = law
        yield begin, end, low, table
        begin = end


def expected_generations(rows: int, cost: Floats) -> float:
    """Compute the expected sum of cost[A_t] over t = 0, 1, ... for generations of equal size; cost[0:2] are ignored.

    The numbers of ancestors fall until one is left; from a the next number is that of boxes that a balls occupy, so
    that what is still to come follows from that of all smaller numbers.

    Args:
        rows: Rows of every generation.
        cost: The cost of each number of ancestors from 0 to `rows`.
    """
    ahead = np.zeros(rows + 1)
    for ball, left, law in _thrown(rows, rows):
        if ball < 2:
            continue
        stays = law[ball - left] if ball < left + len(law) else 0.0
        ahead[ball] = cost[ball] + law[: ball - left] @ ahead[left : min(ball, left + len(law))]
        ahead[ball] /= 1 - stays
    return float(ahead[rows])
