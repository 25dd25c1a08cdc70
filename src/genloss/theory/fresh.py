"""Laws of which symbols are lost where real rows come fresh in every generation, or stay in the pool."""

import functools
from typing import Any

import numpy as np

from genloss.chain import Chain
from genloss.data import Floats
from genloss.families.categorical import CategoricalMLE, Zipf
from genloss.regimes import Accumulate, FreshReal
from genloss.theory.categorical import TAILS_FIRST, Symbols, listed, losing, neutral
from genloss.theory.duality import merged
from genloss.theory.gaussian_regimes import GENTLE
from genloss.theory.laws import Sizes, Values, law, sizes

_MOST = 400
_LISTED = 200
_SETTLED = 1e-15
_DUALITY = "duality with the number of real ancestors (Kingman 1982; Wright-Fisher)"
_FORMULA = (
    r"g_t(b)=E\,x^J\,h_t(b-J),\ h_t(m)=E\,g_{t-1}(\text{boxes of } n_{t-1}\text{ that } m\text{ balls occupy}),"
    r"\ J\text{ of } b\text{ rows real},\ g_0(b)=x^b,\ x=1-p_k"
)
_KEPT = "what is in the pool stays in it"
_FRESH = Chain(Zipf(30, 0.5), CategoricalMLE(), FreshReal(24, 0.25), n0=30)
_POOL = Chain(Zipf(30, 0.5), CategoricalMLE(), Accumulate(10), n0=20)


def lost(regime: FreshReal, n: Sizes, absent: Floats) -> Floats:
    """Compute the chance of each symbol to be lost: shape (t, symbols).

    A row of a generation is real, or a copy of a row of the generation before. So b different rows of generation t lack
    a symbol with chance g_t(b): each real one does with chance x, and the others' parents are the boxes that as many
    balls occupy.

    Args:
        regime: The regime; its composition may be fixed or binomial.
        n: Rows of each generation.
        absent: The chance x that a real row is another symbol: shape (symbols,).
    """
    rows = np.rint(n).astype(int)
    x = np.asarray(absent, dtype=float)
    powers = x ** np.arange(rows.max() + 1)[:, None]
    out = np.empty((len(rows), len(x)))
    chance, out[0] = powers[: rows[0] + 1], powers[rows[0]]
    for t in range(1, len(rows)):
        now = int(rows[t])
        parents = _occupied(now, int(rows[t - 1])) @ chance
        chance = _shared(regime, now, powers, parents)
        out[t] = chance[now]
        if t > 2 and rows[t - 2] == rows[t - 1] == now and np.abs(out[t] - out[t - 1]).max() < _SETTLED:
            same = int(np.argmax(np.append(rows[t:] != now, True)))
            out[t : t + same] = out[t]
            if same == len(rows) - t:
                break
    return out


def _shared(regime: FreshReal, rows: int, powers: Floats, parents: Floats) -> Floats:
    """Compute g(b) for b = 0 to `rows`, over how many of b rows are real."""
    real = np.arange(rows + 1)
    out = np.empty((rows + 1, powers.shape[1]))
    table = _shares(regime.real_fraction, regime.ragged, rows)
    for b in real:
        out[b] = table[b, : b + 1] @ (powers[: b + 1] * parents[b::-1])
    return out


@functools.lru_cache(maxsize=4)
def _shares(fraction: float, ragged: bool, rows: int) -> Floats:
    """Give the law of the number of real ones among b rows, for b = 0 to `rows`."""
    from scipy.stats import binom, hypergeom

    b, j = np.arange(rows + 1)[:, None], np.arange(rows + 1)
    if ragged:
        return np.asarray(binom.pmf(j, b, fraction))
    return np.asarray(hypergeom.pmf(j, rows, round(rows * fraction), b))


@functools.lru_cache(maxsize=4)
def _occupied(balls: int, boxes: int) -> Floats:
    """Give the law of the number of boxes that m balls occupy, for m = 0 to `balls`."""
    out = np.zeros((balls + 1, boxes + 1))
    out[0, 0] = 1.0
    taken = np.arange(boxes + 1) / boxes
    for m in range(balls):
        out[m + 1] = out[m] * taken
        out[m + 1, 1:] += out[m, :-1] * (1 - taken[:-1])
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
    return np.asarray(lost(regime, n, np.exp(-decay)) @ weights)


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
