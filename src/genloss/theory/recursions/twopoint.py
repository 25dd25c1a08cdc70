"""The two-point engine: expected spread in any regime, by following two rows back to the model that drew them both.

Let C(s, t) be half the expected squared distance (for symbols: the chance of a difference) of independent draws from s
and t, each the truth or a model. Two rows of a training set are one row, or were drawn from some s and t, so a model
that keeps the mean and the maximum-likelihood variance (or the frequencies) of its rows has C equal to a weighted sum
of earlier C. A divisor n - ddof multiplies the variance by n / (n - ddof) and adds half of the gain to each C with
the model. Nothing else of the family matters. All values are in units of the source's own spread.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genloss.chain.curators import KeepAll, Subsample
from genloss.chain.data import Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FixedReal, FreshReal, PastModels, Replace, Window
from genloss.errors import SpecError
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.theory.laws import Sizes, sizes
from genloss.theory.recursions.chosen import UnsupportedError, choice_of, follow


class Spread:
    """What the recursion knows of every generation, in units of the source's spread; computed where it is asked for."""

    def __init__(self, run: Callable[[float], "_Path"]) -> None:
        self._run = run

    @cached_property
    def own(self) -> Floats:
        """C(t, t): the expected variance (or heterozygosity) of model t."""
        return np.array(self._run(0.0).own)

    @cached_property
    def _near(self) -> "_Path":
        return self._run(1.0)

    @property
    def truth(self) -> Floats:
        """C(truth, t) - 1, where C(truth, t) is half the expected squared distance of a real draw and a model's."""
        return np.array(self._near.truth)

    @property
    def offset(self) -> Floats:
        """The expected squared distance of the model's mean from the true one."""
        return np.asarray(2 * self.truth - np.array(self._near.own))


@dataclass(frozen=True)
class Fit:
    """What a learner makes of the mean and the variance v (divisor n) of its rows: that mean, v * (1 + gain) + added.

    Attributes:
        probe: The probe that measures the variance (or heterozygosity).
        spread: Its value for the true source.
        gain: The gain as a function of the number of rows.
        added: What is added, in units of the true spread.
    """

    probe: str
    spread: float
    gain: Callable[[Any], Any] = lambda rows: 0.0 * rows
    added: float = 0.0


def two_point(chain: Chain, n: Sizes) -> Floats:
    """Compute the expected variance (or heterozygosity) of every generation.

    Args:
        chain: A chain whose learner keeps the mean and the maximum-likelihood variance, or the frequencies.
        n: Rows drawn at each generation, as `genloss.theory.laws.sizes` lists them.

    Returns:
        The expected values of the probe that `fit_of(chain)` names.

    Raises:
        UnsupportedError: If the learner, regime or curator does not satisfy the conditions.
    """
    return np.asarray(fit_of(chain).spread * pair_spread(chain, n).own)


def fit_of(chain: Chain) -> Fit:
    """Say what the chain's learner makes of its rows.

    Raises:
        UnsupportedError: If it is not known to keep their mean and variance.
    """
    if chain.warm_start:
        raise UnsupportedError("a warm start remembers more than the rows")
    for known in FAMILIES:
        found = known(chain.source, chain.learner)
        if found is not None:
            return found
    raise UnsupportedError(f"{type(chain.learner).__name__} is not known to keep the mean and variance of its rows")


@functools.cache
def divided(ddof: int) -> Callable[[Any], Any]:
    """Give the gain of a divisor n - ddof; NaN where that is not positive."""
    return lambda rows: np.where(rows > ddof, ddof / np.where(rows > ddof, rows - ddof, 1), np.nan)


def _gaussian(source: Any, learner: Any) -> Fit | None:
    fits = isinstance(source, Gaussian) and isinstance(learner, GaussianMLE)
    if not fits or learner.temperature != 1 or source.temperature != 1 or source.var == 0:
        return None
    return Fit("variance", float(source.var), divided(learner.ddof))


FAMILIES: list[Callable[[Any, Any], Fit | None]] = [_gaussian]
"""Functions of (source, learner) that know the `Fit` of a family, else None."""


def pair_spread(chain: Chain, n: Sizes) -> Spread:
    """Compute the expected spread of every generation in units of the source's.

    Raises:
        UnsupportedError: If the regime or curator has no recursion.
    """
    fit, step = fit_of(chain), _recursion(chain)
    return Spread(lambda base: step(n, _Path(fit, base)))


def _recursion(chain: Chain) -> Callable[[Sizes, "_Path"], "_Path"]:
    regime: Any = chain.regime
    curator = chain.curator
    if isinstance(curator, Subsample):
        if isinstance(regime, Accumulate):
            return lambda n, path: _thinned_pool(curator, n, path)
        if isinstance(regime, Replace):
            return lambda n, path: _thinned(curator, n, path)
    for kind, recursion in _RECURSIONS.items():
        if isinstance(regime, kind):
            choice = choice_of(curator)
            if choice is None:
                raise UnsupportedError(f"{type(curator).__name__} chooses rows by what they are")
            if isinstance(curator, KeepAll):
                return lambda n, path: recursion(regime, n, path)
            return lambda n, path: follow(regime, choice, n, path)
    raise UnsupportedError(f"no two-point recursion for {type(regime).__name__}")


def follows(chain: Chain) -> bool:
    """Whether the recursion follows a chain; its first generations are tried."""
    try:
        return bool(np.isfinite(pair_spread(chain, sizes(chain, 2)).own).all())
    except (UnsupportedError, SpecError):
        return False


class _Path:
    """The generations so far. Every C is kept as its distance from `base`: 0 keeps small ones' digits, 1 those near 1.

    Attributes:
        base: What every C is measured from.
        own: C(t, t) of every generation.
        truth: C(truth, t) of every generation.
    """

    def __init__(self, fit: Fit, base: float) -> None:
        self._fit = fit
        self.base = base
        self.one = 1 - base
        self.own: list[float] = []
        self.truth: list[float] = []

    def fit(self, rows: float, variance: float, truth: float) -> float:
        """Fit to rows with this maximum-likelihood variance; return half of what the model's variance gained."""
        return self.gained(variance, float(self._fit.gain(rows)) * (self.base + variance), truth)

    @property
    def gain(self) -> Callable[[Any], Any]:
        """The gain of a fit as a function of the number of rows."""
        return self._fit.gain

    def gained(self, variance: float, gain: float, truth: float) -> float:
        """Do as `fit` where the gain is known, on average over the number of rows."""
        half = (gain + self._fit.added) / 2
        self.own.append(variance + 2 * half)
        self.truth.append(truth + half)
        return half

    def lost(self, c: float, chance: float) -> float:
        """Compute C of two rows that are one row by chance, and else have C = c."""
        return c - chance * (self.base + c)

    def begin(self, rows: float) -> float:
        """Fit generation 0 to real rows."""
        return self.fit(rows, self.lost(self.one, 1 / rows), self.one)


def _replace(regime: Replace, n: Sizes, path: _Path) -> _Path:
    own, truth = path.one, path.one
    for rows in n.tolist():
        path.fit(rows, path.lost(own, 1 / rows), truth)
        own, truth = path.own[-1], path.truth[-1]
    return path


def _thinned(curator: Subsample, n: Sizes, path: _Path) -> _Path:
    """Replace with a subsample: rows chosen again and again are a second round of coincidences."""
    if not curator.replacement:
        return _replace(Replace(), np.minimum(curator.n, n), path)
    own, truth = path.one, path.one
    for rows in n.tolist():
        path.fit(float(curator.n), path.lost(path.lost(own, 1 / rows), 1 / curator.n), truth)
        own, truth = path.own[-1], path.truth[-1]
    return path


def _accumulate(regime: Accumulate, n: Sizes, path: _Path) -> _Path:
    """Add rows to a pool: two rows of it are old or new, and two new ones are one row by chance 1/added."""
    total = float(n[0])
    pool, away = path.lost(path.one, 1 / total), path.one
    half = path.fit(total, pool, away)
    for added in n[1:].tolist():
        new = added / (total + added)
        # A draw from the model is a row of the pool, with half of the gain; two draws have all of it.
        gain = 2 * half * new * (1 - new) + 2 * half * new**2
        pool, away = pool + gain - new / (total + added) * (path.base + path.own[-1]), away + new * half
        total += added
        half = path.fit(total, pool, away)
    return path


def _fresh(regime: FreshReal, n: Sizes, path: _Path) -> _Path:
    alpha, binomial = regime.real_fraction, regime.ragged
    path.begin(float(n[0]))
    for rows in n[1:].tolist():
        own, truth = path.own[-1], path.truth[-1]
        real = alpha if binomial else round(rows * alpha) / rows
        made = 1 - real
        noise = real * made / rows if binomial else 0.0
        pairs = (real**2 + noise) * path.one + (made**2 + noise) * own + 2 * (real * made - noise) * truth
        path.fit(rows, pairs - (path.base + real * path.one + made * own) / rows, real * path.one + made * truth)
    return path


def _fixed(regime: FixedReal, n: Sizes, path: _Path) -> _Path:
    kept = float(regime.n_real)
    half = path.begin(float(n[0]))
    # kept against kept may be the same row; cross is a kept row against a draw from the last model.
    real = path.lost(path.one, 1 / kept)
    cross = path.lost(path.one, 1 / float(n[0])) + half
    for rows in n[1:].tolist():
        own, truth = path.own[-1], path.truth[-1]
        share = kept / rows
        made = 1 - share
        pairs = share**2 * real + 2 * share * made * cross + made**2 * own - made / rows * (path.base + own)
        half = path.fit(rows, pairs, share * path.one + made * truth)
        cross = share * real + made * cross + half
    return path


def _past(regime: PastModels, n: Sizes, path: _Path) -> _Path:
    path.begin(float(n[0]))
    # pool: C of two independent draws from the mixture of all components; away: C of the truth and such a draw.
    count = 1
    pool, away = path.own[0], path.truth[0]
    if regime.include_real:
        pool, away, count = (path.one + 2 * away + pool) / 4, (path.one + away) / 2, 2
    for rows in n[1:].tolist():
        half = path.fit(rows, path.lost(pool, 1 / rows), away)
        pool = (count**2 * pool + 2 * count * (pool + half) + path.own[-1]) / (count + 1) ** 2
        away = (count * away + path.truth[-1]) / (count + 1)
        count += 1
    return path


def _window(regime: Window, n: Sizes, path: _Path) -> _Path:
    """Follow the blocks in the window; a block's rows are used again, so each block is a node of its own."""
    half = path.begin(float(n[0]))
    # between[i, j]: C of a random row of block i and one of block j, which may be the same row where i = j.
    between = np.array([[path.lost(path.one, 1 / float(n[0]))]])
    away, rows = np.array([path.one]), n[:1]
    for added in n[1:]:
        weight = rows / rows.sum()
        grown = np.empty((len(rows) + 1, len(rows) + 1))
        grown[:-1, :-1] = between
        grown[-1, :-1] = grown[:-1, -1] = between @ weight + half
        grown[-1, -1] = path.lost(path.own[-1], 1 / float(added))
        between = grown[-regime.k :, -regime.k :]
        away = np.append(away, path.truth[-1])[-regime.k :]
        rows = np.append(rows, added)[-regime.k :]
        weight = rows / rows.sum()
        half = path.fit(float(rows.sum()), float(weight @ between @ weight), float(weight @ away))
    return path


def _thinned_pool(curator: Subsample, n: Sizes, path: _Path) -> _Path:
    """Accumulate with a subsample: follow two distinct rows of the pool."""
    distinct, away, total, half = path.one, path.one, 0.0, 0.0
    for added in n.tolist():
        if total > 0:
            # A draw from the model is a row of the pool, the same as a given one with chance 1/total.
            cross = path.lost(distinct, 1 / total) + half
            pairs = total * (total - 1) * distinct + added * (added - 1) * path.own[-1] + 2 * total * added * cross
            away = (total * away + added * path.truth[-1]) / (total + added)
            distinct = pairs / ((total + added) * (total + added - 1))
        total += added
        kept = float(curator.n) if curator.replacement else min(float(curator.n), total)
        again = path.lost(distinct, 1 / total) if curator.replacement else distinct
        half = path.fit(kept, path.lost(again, 1 / kept), away)
    return path


_RECURSIONS: dict[type, Callable[[Any, Sizes, _Path], _Path]] = {
    Replace: _replace,
    Accumulate: _accumulate,
    FreshReal: _fresh,
    FixedReal: _fixed,
    PastModels: _past,
    Window: _window,
}
