"""The two-point engine: expected spread in any regime, by following two rows back to the model that drew them both.

Let C(s, t) be half the expected squared distance (for symbols: the chance of a difference) of independent draws from s
and t, each the truth or a model. Two rows of a training set are one row, or were drawn from some s and t, so a model
that keeps the mean and the maximum-likelihood variance (or the frequencies) of its rows has C equal to a weighted sum
of earlier C. A divisor n - ddof multiplies the variance by n / (n - ddof) and adds half of what that adds to each C with
the model. Nothing else of the family matters. All values are in units of the source's own spread.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain import Chain
from genloss.curators import KeepAll, Subsample
from genloss.data import Floats
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.regimes import Accumulate, FixedReal, FreshReal, PastModels, Replace, Window
from genloss.theory.laws import Sizes
from genloss.theory.numerics import before


class UnsupportedError(TypeError):
    """Raised where the conditions of the two-point recursion do not hold."""


@dataclass(frozen=True)
class Spread:
    """What the recursion knows of every generation, in units of the source's spread.

    Attributes:
        own: C(t, t): the expected variance (or heterozygosity) of model t.
        truth: C(truth, t): half the expected squared distance of a real draw and a draw from model t.
    """

    own: Floats
    truth: Floats

    @property
    def offset(self) -> Floats:
        """Compute the expected squared distance of the model's mean from the true one."""
        return 2 * self.truth - 1 - self.own


def two_point(chain: Chain, n: Sizes) -> tuple[str, Floats]:
    """Compute the expected variance (or heterozygosity) of every generation.

    Args:
        chain: A chain whose learner keeps the mean and the maximum-likelihood variance, or the frequencies.
        n: Rows drawn at each generation, as `genloss.theory.laws.sizes` lists them.

    Returns:
        The probe's name and its expected values.

    Raises:
        UnsupportedError: Where the learner, regime or curator does not satisfy the conditions.
    """
    probe, spread, ddof = spread_of(chain)
    return probe, np.asarray(spread * pair_spread(chain, n, ddof).own)


def spread_of(chain: Chain) -> tuple[str, float, int]:
    """Name the probe that the recursion speaks of, its value for the true source, and the divisor's ddof."""
    if chain.warm_start:
        raise UnsupportedError("a warm start remembers more than the rows")
    for known in FAMILIES:
        found = known(chain.source, chain.learner)
        if found is not None:
            return found
    raise UnsupportedError(f"{type(chain.learner).__name__} is not known to keep the mean and variance of its rows")


def _gaussian(source: Any, learner: Any) -> tuple[str, float, int] | None:
    fits = isinstance(source, Gaussian) and isinstance(learner, GaussianMLE)
    if not fits or learner.temperature != 1 or source.temperature != 1:
        return None
    return "variance", float(source.var), learner.ddof


FAMILIES: list[Callable[[Any, Any], tuple[str, float, int] | None]] = [_gaussian]
"""Functions of (source, learner): (probe, true value, ddof) for a family that satisfies the conditions, else None."""


def pair_spread(chain: Chain, n: Sizes, ddof: int = 0) -> Spread:
    """Compute the expected spread of every generation in units of the source's.

    Raises:
        UnsupportedError: Where the regime or curator has no recursion.
    """
    regime, curator = chain.regime, chain.curator
    if isinstance(curator, Subsample):
        if isinstance(regime, Accumulate):
            return _thinned_pool(curator, n, ddof)
        if isinstance(regime, Replace):
            return _thinned(curator, n, ddof)
        raise UnsupportedError(f"no two-point recursion for {type(regime).__name__} with a subsample")
    if not isinstance(curator, KeepAll):
        raise UnsupportedError(f"{type(curator).__name__} does not choose rows blindly")
    if isinstance(regime, Accumulate):
        return _accumulate(n, ddof)
    for kind, recursion in _RECURSIONS.items():
        if isinstance(regime, kind):
            return recursion(regime, n, ddof)
    raise UnsupportedError(f"no two-point recursion for {type(regime).__name__}")


class _Path:
    """The spread of the generations so far: `fit` adds a model from what the rows of its training set say."""

    def __init__(self, rows: float, ddof: int) -> None:
        self.ddof = ddof
        self.own: list[float] = []
        self.truth: list[float] = []
        self.fit(rows, 1 - 1 / rows, 1.0)

    def fit(self, rows: float, variance: float, truth: float) -> tuple[float, float]:
        """Fit to rows with this maximum-likelihood variance; return the model's variance and half of what it gained."""
        own = variance * (rows / (rows - self.ddof) if rows > self.ddof else math.nan)
        half = (own - variance) / 2
        self.own.append(own)
        self.truth.append(truth + half)
        return own, half

    def spread(self) -> Spread:
        return Spread(np.array(self.own), np.array(self.truth))


def _replace(regime: Replace, n: Sizes, ddof: int) -> Spread:
    own = np.exp(np.cumsum(np.log1p(-1 / n) - np.log1p(-ddof / n)))
    gain = own * ddof / n / 2
    return Spread(own, 1 + np.cumsum(gain))


def _thinned(curator: Subsample, n: Sizes, ddof: int) -> Spread:
    """Replace with a subsample: rows chosen again and again are a second round of coincidences."""
    kept = np.full(len(n), float(curator.n)) if curator.replacement else np.minimum(curator.n, n)
    if not curator.replacement:
        return _replace(Replace(), kept, ddof)
    own = np.exp(np.cumsum(np.log1p(-1 / n) + np.log1p(-1 / kept) - np.log1p(-ddof / kept)))
    return Spread(own, 1 + np.cumsum(own * ddof / kept / 2))


def _accumulate(n: Sizes, ddof: int) -> Spread:
    total = np.cumsum(n)
    step = np.log1p(-n / (total * (total - ddof)))
    step[0] = np.log1p(-1 / n[0]) - np.log1p(-ddof / n[0])
    own = np.exp(np.cumsum(step))
    # The pool's truth is the mean of its blocks', so its model's gains are carried with the share of each new block.
    gain = own * ddof / total / 2
    return Spread(own, 1 + np.cumsum(before(gain) * n / total) + gain)


def _fresh(regime: FreshReal, n: Sizes, ddof: int) -> Spread:
    path = _Path(float(n[0]), ddof)
    alpha, binomial = regime.real_fraction, regime.ragged
    for rows in n[1:].tolist():
        own, truth = path.own[-1], path.truth[-1]
        share = alpha if binomial else round(rows * alpha) / rows
        noise = share * (1 - share) / rows if binomial else 0.0
        pairs = share**2 + noise + ((1 - share) ** 2 + noise) * own + 2 * (share * (1 - share) - noise) * truth
        path.fit(rows, pairs - (share + (1 - share) * own) / rows, share + (1 - share) * truth)
    return path.spread()


def _fixed(regime: FixedReal, n: Sizes, ddof: int) -> Spread:
    kept = float(regime.n_real)
    path = _Path(float(n[0]), ddof)
    # kept against kept may be the same row; cross is a kept row against a draw from the last model.
    real = 1 - 1 / kept
    cross = kept / n[0] * real + (1 - kept / n[0]) + (path.truth[-1] - 1)
    for rows in n[1:].tolist():
        own, truth = path.own[-1], path.truth[-1]
        share = kept / rows
        made = 1 - share
        pairs = share**2 * real + 2 * share * made * cross + made * (made - 1 / rows) * own
        _, half = path.fit(rows, pairs, share + made * truth)
        cross = share * real + made * cross + half
    return path.spread()


def _past(regime: PastModels, n: Sizes, ddof: int) -> Spread:
    path = _Path(float(n[0]), ddof)
    # pool: C of two independent draws from the mixture of all components; away: C of the truth and such a draw.
    count = 1
    pool, away = path.own[0], path.truth[0]
    if regime.include_real:
        pool, away = (1 + 2 * away + pool) / 4, (1 + away) / 2
        count = 2
    for rows in n[1:].tolist():
        own, half = path.fit(rows, pool * (1 - 1 / rows), away)
        pool = (count**2 * pool + 2 * count * (pool + half) + own) / (count + 1) ** 2
        away = (count * away + path.truth[-1]) / (count + 1)
        count += 1
    return path.spread()


def _window(regime: Window, n: Sizes, ddof: int) -> Spread:
    """Follow the blocks in the window; a block's rows are used again, so each block is a node of its own."""
    path = _Path(float(n[0]), ddof)
    # between[i, j]: C of a random row of block i and one of block j, which may be the same row where i = j.
    between = np.array([[1 - 1 / n[0]]])
    away, rows = np.ones(1), n[:1]
    half = path.truth[0] - 1
    for added in n[1:]:
        weight = rows / rows.sum()
        grown = np.empty((len(rows) + 1, len(rows) + 1))
        grown[:-1, :-1] = between
        grown[-1, :-1] = grown[:-1, -1] = between @ weight + half
        grown[-1, -1] = path.own[-1] * (1 - 1 / added)
        between = grown[-regime.k :, -regime.k :]
        away = np.append(away, path.truth[-1])[-regime.k :]
        rows = np.append(rows, added)[-regime.k :]
        weight = rows / rows.sum()
        _, half = path.fit(float(rows.sum()), float(weight @ between @ weight), float(weight @ away))
    return path.spread()


def _thinned_pool(curator: Subsample, n: Sizes, ddof: int) -> Spread:
    """Accumulate with a subsample: follow two distinct rows of the pool."""
    path: _Path | None = None
    distinct, away, total, half = 1.0, 1.0, 0.0, 0.0
    for added in n.tolist():
        if path is None:
            total = added
        else:
            # A draw from the model is a row of the pool, the same as a given one with chance 1/total.
            cross = distinct * (1 - 1 / total) + half
            pairs = total * (total - 1) * distinct + added * (added - 1) * path.own[-1] + 2 * total * added * cross
            away = (total * away + added * path.truth[-1]) / (total + added)
            total += added
            distinct = pairs / (total * (total - 1))
        kept = float(curator.n) if curator.replacement else min(float(curator.n), total)
        again = distinct * (1 - 1 / total) if curator.replacement else distinct
        if path is None:
            path = _Path(kept, ddof)
            path.own.clear()
            path.truth.clear()
        _, half = path.fit(kept, again * (1 - 1 / kept), away)
    assert path is not None
    return path.spread()


_RECURSIONS: dict[type, Callable[[Any, Sizes, int], Spread]] = {
    Replace: _replace,
    FreshReal: _fresh,
    FixedReal: _fixed,
    PastModels: _past,
    Window: _window,
}
