"""Laws of which symbols are lost where real rows come fresh in every generation, or stay in the pool."""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain.data import Floats, Ints
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FreshReal
from genloss.families.categorical import CategoricalMLE, Zipf
from genloss.theory.catalogue.categorical import TAILS_FIRST, Symbols, listed, losing, neutral
from genloss.theory.catalogue.gaussian_regimes import GENTLE
from genloss.theory.laws import Sizes, Values, law, sizes
from genloss.theory.recursions.duality import merged

_MOST = 400
_LISTED = 200
_SETTLED = 1e-14
_DIGITS = 30.0
_OVERHEAD, _BUDGET = 4_000.0, 2.5e8
_DUALITY = "duality with the number of real ancestors (Kingman 1982; Wright-Fisher)"
_FORMULA = (
    r"g_t(b)=E\,x^J\,h_t(b-J),\ h_t(m)=E\,g_{t-1}(\text{boxes of } n_{t-1}\text{ that } m\text{ balls occupy}),"
    r"\ J\text{ of } b\text{ rows real},\ g_0(b)=x^b,\ x=1-p_k"
)
_KEPT = "what is in the pool stays in it"
_FRESH = Chain(Zipf(30, 0.5), CategoricalMLE(), FreshReal(24, 0.25), n0=30)
_POOL = Chain(Zipf(30, 0.5), CategoricalMLE(), Accumulate(10), n0=20)


def lost(regime: FreshReal, n: Sizes, absent: Floats) -> Floats:
    """Compute the chance of each symbol to be lost: shape (t, symbols); NaN from where it would take too long.

    A row of a generation is real, or a copy of a row of the generation before. So b different rows of generation t lack
    a symbol with chance g_t(b): each real one does with chance x, and the others' parents are the boxes that as many
    balls occupy. That is a polynomial in x of degree n at most, so a few values of x stand in for many.

    Args:
        regime: The regime; its composition may be fixed or binomial.
        n: Rows of each generation.
        absent: The chance x that a real row is another symbol: shape (symbols,).
    """
    x, share = stand_ins(np.asarray(absent, dtype=float), float(n.max()))
    found = _lost(regime, np.rint(n).astype(int), x)
    return found if share is None else np.clip(found @ share.T, 0, 1)


def stand_ins(x: Floats, degree: float) -> tuple[Floats, Floats | None]:
    """Choose few points from which any mixture of x^0, ..., x^degree is interpolated to 1e-13 of its largest value.

    The points are Chebyshev's. Their number follows from the size of x^degree on ellipses around the interval.

    Args:
        x: Where values are wanted, from 0 to 1.
        degree: The largest power.

    Returns:
        The points, and the weights of their values at each x: shape (len(x), points); None if they are x itself.
    """
    if len(x) < 2:
        return x, None
    middle, half = (x.max() + x.min()) / 2, (x.max() - x.min()) / 2
    size = np.geomspace(1e-3, 8, 200)
    largest = degree * np.log(np.maximum(middle + half * np.cosh(size), 1.0))
    points = int(np.ceil(((_DIGITS + largest) / size).min())) + 1
    if points >= len(x):
        return x, None
    angles, order = np.pi * (np.arange(points) + 0.5) / points, np.arange(points)
    place = np.arccos(np.clip((x - middle) / half, -1, 1))
    values = np.cos(np.outer(angles, order)) * np.where(order == 0, 1, 2) / points
    return middle + half * np.cos(angles), np.cos(np.outer(place, order)) @ values.T


def _lost(regime: FreshReal, rows: Ints, x: Floats) -> Floats:
    """Follow g_t over generations; where they are of equal size, until it stands still."""
    powers = x ** np.arange(rows.max() + 1)[:, None]
    out = np.full((len(rows), len(x)), np.nan)
    chance, out[0] = powers[: rows[0] + 1], powers[rows[0]]
    spent, t = 0.0, 1
    while t < len(rows) and spent < _BUDGET:
        now, before = int(rows[t]), int(rows[t - 1])
        mixing = _mixing(regime.real_fraction, regime.ragged, now)
        chance = mixing.apply(powers, _occupied(mixing.made, before) @ chance)
        out[t] = chance[now]
        spent += _OVERHEAD * len(mixing.parts) + now * len(mixing.parts) * len(x) + mixing.made * before * 3
        still = t > 2 and rows[t - 2] == before == now and np.abs(out[t] - out[t - 1]).max(initial=0) < _SETTLED
        if still:
            same = int(np.argmax(np.append(rows[t:] != now, True)))
            out[t : t + same] = out[t]
            t += same
        else:
            t += 1
    return out


@dataclass(frozen=True)
class _Mixing:
    """How many of b rows of a generation are real.

    Attributes:
        rows: Rows of the generation.
        made: The most of them that are synthetic.
        by_real: Whether parts are listed by how many are real; else by how many are not.
        parts: For each such number j, the chance of it among b = j, j + 1, ... rows.
    """

    rows: int
    made: int
    by_real: bool
    parts: tuple[Floats, ...]

    def apply(self, powers: Floats, parents: Floats) -> Floats:
        """Compute g(b) for b = 0 to all rows, from the chances of the real ones and of the others' parents."""
        out = np.zeros((self.rows + 1, powers.shape[1]))
        few, rest = (powers, parents) if self.by_real else (parents, powers)
        for j, part in enumerate(self.parts):
            end = len(part)
            out[j : j + end] += (part[:, None] * few[j]) * rest[:end]
        return out


@functools.lru_cache(maxsize=4)
def _mixing(fraction: float, ragged: bool, rows: int) -> _Mixing:
    """Give the law of the number of real ones among b rows: hypergeometric, or binomial."""
    from scipy.special import gammaln

    factorial = gammaln(np.arange(rows + 1) + 1.0)
    if ragged:
        by_real = fraction <= 0.5
        few = fraction if by_real else 1 - fraction
        most = min(rows, int(rows * few + 9 * np.sqrt(rows * few * (1 - few)) + 20))
        parts = []
        for j in range(most + 1):
            others = np.arange(rows - j + 1)
            ways = factorial[j:] - factorial[j] - factorial[others]
            parts.append(np.exp(ways + j * math.log(few) + others * math.log1p(-few)))
        return _Mixing(rows, rows, by_real, tuple(parts))
    real = round(rows * fraction)
    by_real = 2 * real <= rows
    few = real if by_real else rows - real
    parts = []
    for j in range(few + 1):
        # b - j of the others; n - b rows are not among the b.
        others = np.arange(rows - few + 1)
        rest = rows - j - others
        ways = factorial[j + others] - factorial[j] - factorial[others]
        ways += factorial[rest] - factorial[few - j] - factorial[rest - few + j]
        parts.append(np.exp(ways - (factorial[rows] - factorial[few] - factorial[rows - few])))
    return _Mixing(rows, rows - real, by_real, tuple(parts))


@functools.lru_cache(maxsize=4)
def _occupied(balls: int, boxes: int) -> Floats:
    """Give the law of the number of boxes that m balls occupy, for m = 0 to `balls`."""
    out = np.zeros((balls + 1, boxes + 1))
    out[0, 0] = 1.0
    taken = np.arange(boxes + 1) / boxes
    free = 1 - taken[:-1]
    for m in range(balls):
        end = min(m + 1, boxes) + 1
        out[m + 1, :end] = out[m, :end] * taken[:end]
        out[m + 1, 1:end] += out[m, : end - 1] * free[: end - 1]
    return out


def _affordable(chain: Chain) -> bool:
    """Symbols are refitted by their frequencies and drawn as fitted, from at most 400 rows."""
    regime: Any = chain.regime
    return bool(neutral(chain) and sizes(chain, 2).max() <= _MOST and regime.real_fraction > 0)


def _few(chain: Chain) -> bool:
    """Symbols are refitted by their frequencies and drawn as fitted: at most 200, from at most 400 rows."""
    return _affordable(chain) and len(chain.source.p) <= _LISTED  # type: ignore[attr-defined]


def _sum(source: Symbols, regime: FreshReal, n: Sizes, weights: Any) -> Values:
    """Sum the chances to be lost with a weight for each symbol, over few stand-ins for many symbols."""
    if n.max() > _MOST:
        return np.full(len(n), np.nan)
    decay, weights = merged(losing(source)[1], weights, float(n.max()))
    x, share = stand_ins(np.exp(-decay), float(n.max()))
    found = _lost(regime, np.rint(n).astype(int), x) @ (weights if share is None else weights @ share)
    return np.asarray(np.maximum(found, 0))


@law(
    "lost_mass",
    example=_FRESH,
    when=_affordable,
    reference=_DUALITY,
    formula=r"E\,\text{lost}_t=\sum_kp_k\,g_t(n_t),\ " + _FORMULA,
    tags=(TAILS_FIRST, GENTLE),
)
def lost_mass_fresh_real(source: Symbols, learner: CategoricalMLE, regime: FreshReal, n: Sizes) -> Values:
    """Fresh real rows bring lost symbols back: the loss settles where as many return as go."""
    values, _, counts = losing(source)
    return _sum(source, regime, n, values * counts)


@law(
    "support",
    example=Chain(Zipf(30, 1.2), CategoricalMLE(), FreshReal(20, 0.3, "binomial"), n0=20),
    when=_affordable,
    reference=_DUALITY,
    formula=r"E\,\text{support}_t=1-\tfrac1K\sum_kg_t(n_t),\ " + _FORMULA,
    tags=(TAILS_FIRST, GENTLE),
)
def support_fresh_real(source: Symbols, learner: CategoricalMLE, regime: FreshReal, n: Sizes) -> Values:
    """The share of symbols that the model produces, with fresh real rows in every generation."""
    values, _, counts = losing(source)
    return np.asarray(1 - _sum(source, regime, n, np.where(values > 0, counts, 0)) / counts[values > 0].sum())


@law(
    "lost_symbols",
    dims=("symbol",),
    example=_FRESH,
    when=_few,
    reference=_DUALITY,
    formula=r"P(k\ \text{lost at } t)=g_t(n_t),\ " + _FORMULA,
    replicates=20_000,
    power=0.5,
    tags=(TAILS_FIRST, GENTLE),
)
def lost_symbols_fresh_real(source: Symbols, learner: CategoricalMLE, regime: FreshReal, n: Sizes) -> Values:
    """The chance of each symbol to be missing, with fresh real rows in every generation."""
    if n.max() > _MOST:
        return np.full((len(n), len(source.p)), np.nan)
    values, back = np.unique(source.p, return_inverse=True)
    return lost(regime, n, 1 - values)[:, back]


@law(
    "lost_symbols",
    dims=("symbol",),
    example=_POOL,
    when=listed,
    reference=_KEPT,
    formula=r"P(k\ \text{lost at } t)=(1-p_k)^{n_0}",
    replicates=20_000,
    power=0.5,
    tags=(GENTLE, TAILS_FIRST),
)
def lost_symbols_accumulate(source: Symbols, learner: CategoricalMLE, regime: Accumulate, n: Sizes) -> Values:
    """A symbol that the real rows hold is never lost under accumulation, and no other ever comes."""
    return np.tile(np.exp(n[0] * np.log1p(-np.minimum(source.p, 1 - 1e-16))), (len(n), 1))


@law(
    "support",
    example=_POOL,
    when=neutral,
    reference=_KEPT,
    formula=r"E\,\text{support}_t=1-\tfrac1K\sum_k(1-p_k)^{n_0}",
    tags=(GENTLE, TAILS_FIRST),
)
def support_accumulate(source: Symbols, learner: CategoricalMLE, regime: Accumulate, n: Sizes) -> Values:
    """Accumulating keeps every symbol that the first real rows hold."""
    p = source.p[source.p > 0]
    return np.full(len(n), 1 - float(np.exp(n[0] * np.log1p(-np.minimum(p, 1 - 1e-16))).mean()))
