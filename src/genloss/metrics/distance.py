"""Distance: how far one distribution lies from another."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError
from genloss.metrics.estimate import Estimate, Floats, aligned, estimate, frequencies, resampled, table
from genloss.metrics.geometry import distance_within, pair_sum, squared_distances


def kl_forward(p: ArrayLike, q: ArrayLike, *, interval: bool = False) -> Estimate:
    """The divergence of what is produced from the truth: large if something real is missing.

    Definition: KL(p || q) = sum p log(p / q) of the truth p and what is produced, q.
    Units: nats. Range: from 0; infinite as soon as a true symbol is lost.
    Sample size: of counts the plug-in form is too large by about (k - 1) / (2 n).
    Standard error: sqrt(Var_p(log(p / q)) / n) for counts p, by the delta method; 0 for probabilities.
    Source: Kullback and Leibler 1951.

    Args:
        p: The truth: probabilities or counts of symbols; shape (k,).
        q: What is produced: probabilities or counts; shape (..., k).
        interval: Whether an interval is wanted.
    """
    return _divergence(p, q, "kl_forward", interval, 0)


def kl_reverse(p: ArrayLike, q: ArrayLike, *, interval: bool = False) -> Estimate:
    """The divergence of the truth from what is produced: large if something is produced that is not real.

    Definition: KL(q || p) = sum q log(q / p) of the truth p and what is produced, q.
    Units: nats. Range: from 0; finite for what keeps to a part of the truth.
    Sample size: of counts the plug-in form is too large by about (k - 1) / (2 n).
    Standard error: sqrt(Var_q(log(q / p)) / n) for counts q, by the delta method; 0 for probabilities.
    Source: Kullback and Leibler 1951.

    Args:
        p: The truth: probabilities or counts of symbols; shape (k,).
        q: What is produced: probabilities or counts; shape (..., k).
        interval: Whether an interval is wanted.
    """
    return _divergence(p, q, "kl_reverse", interval, 1)


def w1(real: ArrayLike, rows: ArrayLike, *, interval: bool = False) -> Estimate:
    """The Wasserstein-1 distance between two samples of numbers.

    Definition: area between the two distribution functions.
    Units: those of a row. Range: from 0.
    Sample size: equal laws are of order 1 / sqrt(n) apart.
    Standard error: by resampling both samples (200 times).
    Source: Kantorovich 1942; Vallender 1974 for the line.
    """
    return _transported(real, rows, "w1", interval, lambda off, weights: np.abs(off) @ weights)


def w2(real: ArrayLike, rows: ArrayLike, *, interval: bool = False) -> Estimate:
    """The Wasserstein-2 distance between two samples of numbers.

    Definition: root of the mean squared difference of the two quantile functions.
    Units: those of a row. Range: from 0.
    Sample size: equal laws are of order 1 / sqrt(n) apart, more if their tails are heavy.
    Standard error: by resampling both samples (200 times).
    Source: Villani 2009, chapter 6; `sliced_w2` takes vectors.
    """
    return _transported(real, rows, "w2", interval, lambda off, weights: np.sqrt(off**2 @ weights))


def sliced_w2(real: ArrayLike, rows: ArrayLike, projections: int = 64, *, interval: bool = False) -> Estimate:
    """The Wasserstein-2 distance of vectors seen along directions.

    Definition: root of the mean squared w2 along `projections` directions, which are always the same.
    Units: those of a row. Range: from 0.
    Sample size: equal laws are of order 1 / sqrt(n) apart.
    Standard error: by resampling both samples (200 times), for these directions.
    Source: Rabin et al. 2011; Bonneel et al. 2015.
    """
    truth = table(real, "sliced_w2")
    made = table(rows, "sliced_w2", 1, truth.shape[1])
    directions = np.random.default_rng(0).standard_normal((truth.shape[1], projections))
    directions /= np.sqrt((directions**2).sum(0))
    value = _sliced(directions)
    return estimate(value(truth, made), lambda: resampled(value, truth, made), len(made), interval, (0, np.inf))


def energy(real: ArrayLike, rows: ArrayLike, *, interval: bool = False) -> Estimate:
    """The energy distance between two samples.

    Definition: 2 E|X - Y| - E|X - X'| - E|Y - Y'|, no row compared with itself.
    Units: those of a row. Range: from 0 for laws; slightly negative by chance for samples.
    Sample size: unbiased for every n >= 2.
    Standard error: by resampling both samples (200 times).
    Source: Szekely and Rizzo 2013.
    """
    truth = table(real, "energy", 2)
    made = table(rows, "energy", 2, truth.shape[1])
    return estimate(energy_of(truth, made), lambda: resampled(energy_of, truth, made), len(made), interval)


def kl_normal(mean: Any, spread: Any, other_mean: Any, other_spread: Any) -> Any:
    """KL(one || other) of two normal laws on the line, from means and standard deviations."""
    ratio = np.square(np.divide(spread, other_spread))
    off = np.square(np.divide(mean - other_mean, other_spread))
    value = 0.5 * (ratio + off - 1 - np.log(ratio))
    same = (np.asarray(spread) == other_spread) & (np.asarray(mean) == other_mean)
    return np.where(np.isnan(value), np.where(same, 0.0, np.inf), value)


def kl_normals(mean: Any, factor: Any, other_mean: Any, other_factor: Any) -> Any:
    """KL(one || other) of two normal laws of vectors, from means and factors F of their covariances F F'.

    By the singular values of the second factor, so that a lost direction gives infinity and no error.
    """
    d = factor.shape[-1]
    vectors, roots, _ = np.linalg.svd(other_factor)
    turned = (vectors.mT @ factor) / roots[..., None]
    off = (vectors.mT @ np.asarray(mean - other_mean)[..., None])[..., 0] / roots
    logs = np.log(roots).sum(-1) - np.linalg.slogdet(factor)[1]
    value = 0.5 * ((turned**2).sum((-2, -1)) + (off**2).sum(-1) - d) + logs
    return np.where(np.isnan(value), np.inf, np.maximum(value, 0))


def kl_symbols(p: Floats, q: Floats) -> Floats:
    """KL(p || q) of laws of symbols along the last axis."""
    p, q = aligned(p, q)
    terms = np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / q), 0)
    return np.maximum(terms.sum(-1), 0.0)  # type: ignore[no-any-return]


def coupling(n: int, m: int) -> tuple[Any, Any, Floats]:
    """Pair n sorted rows with m sorted rows: positions in both and the share of mass that each pair moves."""
    cuts = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    return cuts[:-1] // m, cuts[:-1] // n, np.diff(cuts) / (n * m)


def mean_across(rows: Floats, others: Floats) -> float:
    """The mean distance between the rows of two tables; on the line from the order of all."""
    n, m = len(rows), len(others)
    if rows.shape[1] == 1:
        together = pair_sum(np.concatenate((rows[:, 0], others[:, 0])))
        return (together - pair_sum(rows[:, 0]) - pair_sum(others[:, 0])) / (n * m)
    return sum(float(np.sqrt(squares).sum()) for _, squares in squared_distances(rows, others)) / (n * m)


def energy_of(real: Floats, rows: Floats) -> float:
    """The energy distance of two tables."""
    centre = real.mean(0)
    real, rows = real - centre, rows - centre
    return 2 * mean_across(rows, real) - distance_within(rows) - distance_within(real)


def _divergence(p: ArrayLike, q: ArrayLike, name: str, interval: bool, reverse: int) -> Estimate:
    (true, n), (made, m) = frequencies(p, name), frequencies(q, name)
    true, made = aligned(true, made)
    one, other = (made, true) if reverse else (true, made)
    count = m if reverse else n
    with np.errstate(divide="ignore", invalid="ignore"):
        value = kl_symbols(one, other)

    def error() -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(one > 0, np.log(np.where(one > 0, one, 1) / other), 0)
            second = np.where(one > 0, one * logs**2, 0).sum(-1)
            return np.asarray(np.sqrt(np.maximum(second - value**2, 0) / count))

    return estimate(value, error if count else None, count, interval, (0, np.inf))


def _transported(real: ArrayLike, rows: ArrayLike, name: str, interval: bool, measure: Any) -> Estimate:
    truth, made = table(real, name), table(rows, name, 1, 1)
    if truth.shape[1] != 1:
        raise SpecError(f"metrics.{name}: rows must be single numbers, got {truth.shape[1]}; sliced_w2 takes vectors")

    def value(one: Floats, other: Floats) -> float:
        here, there, weights = coupling(len(other), len(one))
        return float(measure(np.sort(other[:, 0])[here] - np.sort(one[:, 0])[there], weights))

    return estimate(value(truth, made), lambda: resampled(value, truth, made), len(made), interval, (0, np.inf))


def _sliced(directions: Floats) -> Any:
    def value(one: Floats, other: Floats) -> float:
        here, there, weights = coupling(len(other), len(one))
        off = np.sort(other @ directions, 0)[here] - np.sort(one @ directions, 0)[there]
        return float(np.sqrt(weights @ (off**2).mean(1)))

    return value
