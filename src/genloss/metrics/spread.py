"""Spread: how wide a distribution is, of numbers, vectors or symbols."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError
from genloss.metrics.estimate import Array, Estimate, Floats, estimate, frequencies, resampled, table
from genloss.metrics.geometry import nearest


def variance(rows: ArrayLike, *, interval: bool = False) -> Estimate:
    """The variance of numbers.

    Definition: s^2 = sum (x - mean)^2 / (n - 1).
    Units: those of a row, squared. Range: from 0.
    Sample size: unbiased for every n >= 2.
    Standard error: sqrt((m4 - s^4 (n - 3) / (n - 1)) / n), with m4 the fourth central moment.
    Source: Cramer 1946, section 27.4.
    """
    x = table(rows, "variance", 2)
    if x.shape[1] != 1:
        raise SpecError("metrics.variance: rows must be single numbers; total_variance takes vectors")
    return total_variance(rows, interval=interval)


def total_variance(rows: ArrayLike, *, interval: bool = False) -> Estimate:
    """The variances of all columns, added up.

    Definition: trace of the covariance, with divisor n - 1.
    Units: those of a row, squared. Range: from 0.
    Sample size: unbiased for every n >= 2.
    Standard error: that of the mean squared distance from the centre, sqrt((E|x - m|^4 - V^2 (n - 3) / (n - 1)) / n).
    Source: Seber 1984, section 1.3 (total variation).
    """
    x = table(rows, "total_variance", 2)
    n = len(x)
    squares = ((x - x.mean(0)) ** 2).sum(1)
    value = squares.sum() / (n - 1)

    def error() -> float:
        return float(np.sqrt(max(0.0, (squares**2).mean() - value**2 * (n - 3) / (n - 1)) / n))

    return estimate(value, error, n, interval, (0, np.inf))


def heterozygosity(p: ArrayLike, *, interval: bool = False) -> Estimate:
    """The probability that two symbols drawn at random differ.

    Definition: 1 - sum p^2 of probabilities; n / (n - 1) (1 - sum (c / n)^2) of counts c.
    Units: none. Range: from 0 (one symbol) to 1 - 1 / k.
    Sample size: the form for counts is unbiased.
    Standard error: 2 sqrt((sum p^3 - (sum p^2)^2) / n), by the delta method; 0 for probabilities.
    Source: Nei 1973; Nei 1978 for counts. Also called gene diversity and Gini-Simpson index.
    """
    q, n = frequencies(p, "heterozygosity")
    value = differ(q) * (n / (n - 1) if n > 1 else 1.0)

    def error() -> Floats:
        second, third = (q**2).sum(-1), (q**3).sum(-1)
        return np.asarray(2 * np.sqrt(np.maximum(third - second**2, 0) / n))

    return estimate(value, error if n else None, n, interval, (0, 1))


def entropy(p: ArrayLike, *, interval: bool = False) -> Estimate:
    """The Shannon entropy of symbols.

    Definition: -sum p log p; of counts with (m - 1) / (2 n) added for the m symbols seen.
    Units: nats. Range: from 0 (one symbol) to log k.
    Sample size: the plain form falls short by about (k - 1) / (2 n), which is added.
    Standard error: sqrt(Var(log p) / n), by the delta method; 0 for probabilities.
    Source: Shannon 1948; Miller 1955 for counts.
    """
    q, n = frequencies(p, "entropy")
    value = shannon(q) + (((q > 0).sum(-1) - 1) / (2 * n) if n else 0.0)

    def error() -> Floats:
        logs = np.log(np.where(q > 0, q, 1))
        second = (q * logs**2).sum(-1)
        return np.asarray(np.sqrt(np.maximum(second - shannon(q) ** 2, 0) / n))

    return estimate(value, error if n else None, n, interval, (0, np.inf))


def hill_number(p: ArrayLike, order: float = 1.0, *, interval: bool = False) -> Estimate:
    """The effective number of symbols: how many equally likely ones would be as diverse.

    Definition: (sum p^q)^(1 / (1 - q)); exp of the entropy for order q = 1, the number of symbols for q = 0.
    Units: symbols. Range: from 1 to k.
    Sample size: rare symbols are missed, so it rises with n, most for small orders.
    Standard error: by resampling the counts (multinomial, 200 times); 0 for probabilities.
    Source: Hill 1973.
    """
    if not 0 <= order < np.inf:
        raise SpecError(f"metrics.hill_number: order must be finite and >= 0, got {order!r}")
    q, n = frequencies(p, "hill_number")

    def value(shares: Floats) -> Any:
        if order == 1:
            return np.exp(shannon(shares))
        powers = np.where(shares > 0, np.where(shares > 0, shares, 1) ** order, 0).sum(-1)
        return powers ** (1 / (1 - order))

    def error() -> Floats:
        rng = np.random.default_rng(0)
        drawn = [value(rng.multinomial(n, q) / n) for _ in range(200)]
        return np.asarray(np.std(drawn, axis=0, ddof=1))

    return estimate(value(q), error if n else None, n, interval, (0, np.inf))


def differential_entropy(rows: ArrayLike, k: int = 3, *, interval: bool = False) -> Estimate:
    """The entropy of a continuous distribution, from the distances between its rows.

    Definition: psi(n) - psi(k) + log of the unit ball's volume + d times the mean log distance to the k-th nearest row.
    Units: nats, relative to the units of a row. Range: all numbers; -inf where a row occurs more than k times.
    Sample size: nearly unbiased for smooth densities in few dimensions; its bias grows with d.
    Standard error: standard deviation of the rows' terms over sqrt(n), which leaves out their dependence.
    Source: Kozachenko and Leonenko 1987.
    """
    from scipy.special import digamma, gammaln

    x = table(rows, "differential_entropy", k + 2)
    n, d = x.shape
    with np.errstate(divide="ignore"):
        logs = 0.5 * d * np.log(nearest(x - x.mean(0), k))
    value = digamma(n) - digamma(k) + 0.5 * d * np.log(np.pi) - gammaln(0.5 * d + 1) + logs.mean()
    return estimate(value, lambda: logs.std(ddof=1) / np.sqrt(n), n, interval)


def effective_rank(rows: ArrayLike, *, interval: bool = False) -> Estimate:
    """How many directions rows vary in.

    Definition: exp of the entropy of the covariance's eigenvalues, divided by their sum.
    Units: directions. Range: from 1 (a line) to d; 0 if nothing varies.
    Sample size: n rows never show more than n - 1 directions, so it rises with n until n is well above d.
    Standard error: by resampling the rows (200 times).
    Source: Roy and Vetterli 2007.
    """
    x = table(rows, "effective_rank", 2)

    def value(some: Array) -> float:
        return float(rank_of(np.linalg.svd(some - some.mean(0), compute_uv=False) ** 2))

    return estimate(value(x), lambda: resampled(value, x), len(x), interval, (0, x.shape[1]))


def differ(p: Array) -> Any:
    """1 - sum p^2 along the last axis."""
    return 1 - np.einsum("...k,...k->...", p, p)


def shannon(p: Array) -> Floats:
    """-sum p log p along the last axis."""
    return -(p * np.log(np.where(p > 0, p, 1))).sum(-1)  # type: ignore[no-any-return]


def rank_of(eigenvalues: Array) -> Array:
    """The effective rank of eigenvalues along the last axis."""
    eigenvalues = np.maximum(eigenvalues, 0)
    total = eigenvalues.sum(-1, keepdims=True)
    alive = total[..., 0] > 0
    return np.where(alive, np.exp(shannon(eigenvalues / np.where(total > 0, total, 1))), 0.0)
