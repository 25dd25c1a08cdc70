"""Tails: what of a distribution is still there, and how far its extremes reach."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError
from genloss.metrics.estimate import (
    Array,
    Estimate,
    Floats,
    aligned,
    estimate,
    frequencies,
    resampled,
    share_error,
    table,
)
from genloss.metrics.geometry import squared_distances, squared_radii


def lost_mass(p: ArrayLike, q: ArrayLike, *, interval: bool = False) -> Estimate:
    """The true probability of the symbols that are no longer produced.

    Definition: sum of p over the symbols with q = 0.
    Units: none. Range: from 0 to 1.
    Sample size: of probabilities q it is exact; of counts q it is an upper bound, which falls as more are drawn.
    Standard error: that of a share of the rows counted in p (Agresti and Coull 1998); 0 if p are probabilities.
    Source: the missing mass of Good 1953; tails as in Shumailov et al. 2024 (2305.17493).

    Args:
        p: The truth: probabilities, or counts of real symbols; shape (k,).
        q: What is produced: probabilities or counts; shape (..., k), with one value per leading entry.
        interval: Whether an interval is wanted.
    """
    (true, n), (made, _) = frequencies(p, "lost_mass"), frequencies(q, "lost_mass")
    true, made = aligned(true, made)
    value = lost(true, made > 0)
    return estimate(value, (lambda: share_error(value, n)) if n else None, n, interval, (0, 1))


def support(p: ArrayLike, q: ArrayLike, *, interval: bool = False) -> Estimate:
    """The share of the true symbols that are still produced, each symbol counting alike.

    Definition: number of symbols with p > 0 and q > 0, over the number with p > 0.
    Units: none. Range: from 0 to 1.
    Sample size: of probabilities q it is exact; of counts q it is a lower bound, which rises as more are drawn.
    Standard error: none: which symbols are true is taken as known.
    Source: richness in ecology; support of a distribution, Shumailov et al. 2024 (2305.17493).

    Args:
        p: The truth: probabilities or counts; shape (k,).
        q: What is produced: probabilities or counts; shape (..., k).
        interval: Whether an interval is wanted.
    """
    (true, n), (made, _) = frequencies(p, "support"), frequencies(q, "support")
    true, made = aligned(true, made)
    return estimate(kept_share(true, made > 0), None, n, interval, (0, 1))


def recall(real: ArrayLike, rows: ArrayLike, k: int = 5, *, interval: bool = False) -> Estimate:
    """The share of real rows that generated rows still reach.

    Definition: share of real rows with a generated row no farther than their k-th nearest other real row.
    Units: none. Range: from 0 to 1.
    Sample size: rises with the number of generated rows; below 1 for equal laws.
    Standard error: that of a share of the real rows (Agresti and Coull 1998).
    Source: coverage of Naeem et al. 2020; improved recall of Kynkaanniemi et al. 2019.

    Args:
        real: Real rows: shape (n,) or (n, d).
        rows: Generated rows: shape (m,) or (m, d).
        k: Which nearest real row sets the distance.
        interval: Whether an interval is wanted.
    """
    truth = table(real, "recall", 2)
    made = table(rows, "recall", 1, truth.shape[1])
    value = reached(truth, made, k).mean()
    return estimate(value, lambda: share_error(value, len(truth)), len(truth), interval, (0, 1))


def tail_ratio(real: ArrayLike, rows: ArrayLike, q: float = 0.01, *, interval: bool = False) -> Estimate:
    """How far the q-quantiles lie from the median, as a ratio to the same distance of real rows.

    Definition: (median - Q(q)) and (Q(1 - q) - median) of the rows over those of the real ones: two values.
    Units: none. Range: from 0; 1 is nothing lost.
    Sample size: extreme quantiles of few rows fall short, on both sides of the ratio alike if n is alike.
    Standard error: by resampling both samples (200 times); too small if q n is below about 5.
    Source: quantile ratios (Hyndman and Fan 1996, type 7 quantiles).
    """
    return _reaches(real, rows, q, interval, "tail_ratio", quantile_reach)


def expected_shortfall(real: ArrayLike, rows: ArrayLike, q: float = 0.05, *, interval: bool = False) -> Estimate:
    """How far the mean of the outermost share q lies from the median, as a ratio to the same distance of real rows.

    Definition: median minus the mean of the ceil(q n) lowest rows, and the mean of the highest minus the median.
    Units: none. Range: from 0; 1 is nothing lost.
    Sample size: as `tail_ratio`.
    Standard error: by resampling both samples (200 times).
    Source: Acerbi and Tasche 2002.
    """
    return _reaches(real, rows, q, interval, "expected_shortfall", shortfall_reach)


def lost(mass: Floats, kept: Array) -> Any:
    """The mass of the cells that are not kept, along the last axis; `kept` may be a chance."""
    return np.multiply(1.0 - kept, mass, order="C").sum(-1)


def kept_share(mass: Floats, kept: Array) -> Floats:
    """The share of the cells with mass that are kept, along the last axis."""
    return np.asarray(kept, dtype=float)[..., mass > 0].mean(-1)  # type: ignore[no-any-return]


def reached(real: Floats, rows: Floats, k: int) -> Array:
    """Whether each real row has a generated one within the distance to its k-th nearest real row: shape (n,)."""
    centre = real.mean(0)
    radii = squared_radii(real - centre, k)
    near = [squares.min(1) for _, squares in squared_distances(real - centre, rows - centre)]
    return np.asarray(np.concatenate(near) <= radii)


def quantile_reach(line: Floats, q: float) -> Floats:
    """How far the q-quantiles lie from the median, on either side."""
    low, middle, high = np.quantile(line, [q, 0.5, 1 - q])
    return np.array([middle - low, high - middle])


def shortfall_reach(line: Floats, q: float) -> Floats:
    """How far the means of the outermost shares q lie from the median, on either side."""
    line = np.sort(line)
    m = max(1, int(np.ceil(q * len(line) - 1e-9)))
    middle = np.quantile(line, 0.5)
    return np.array([middle - line[:m].mean(), line[-m:].mean() - middle])


def _reaches(real: ArrayLike, rows: ArrayLike, q: float, interval: bool, name: str, reach: Any) -> Estimate:
    if not 0 < q < 0.5:
        raise SpecError(f"metrics.{name}: q must be above 0 and below 0.5, got {q!r}")
    truth, made = table(real, name, 2), table(rows, name, 2, 1)
    if truth.shape[1] != 1:
        raise SpecError(f"metrics.{name}: rows must be single numbers, got {truth.shape[1]}; project vectors first")

    def value(one: Floats, other: Floats) -> Floats:
        true = reach(one[:, 0], q)
        return np.where(true > 0, reach(other[:, 0], q) / np.where(true > 0, true, 1), np.nan)

    return estimate(value(truth, made), lambda: resampled(value, truth, made), len(made), interval, (0, np.inf))
