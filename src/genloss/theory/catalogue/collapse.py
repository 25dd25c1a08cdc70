"""Laws of total collapse of symbols: when one alone is left, which one, and what real rows or contexts change."""

import numpy as np

from genloss.chain.data import Array, Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import FixedReal, Replace
from genloss.families.categorical import Categorical, CategoricalMLE
from genloss.theory.catalogue.categorical import DUALITY, SEDDIK, Symbols, dual_sum, heterozygosity_of, listed, neutral
from genloss.theory.catalogue.gaussian_regimes import TWO_POINT
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.measures import PATHS
from genloss.theory.recursions.duality import expected_generations, merged, power_sums
from genloss.theory.recursions.numerics import log_product

SOFTMAX = "softmax bounds"
_LONGEST = 20_000
_SETTLED = 1e-4
_FEW = Chain(Categorical([0.5, 0.3, 0.2]), CategoricalMLE(), Replace(8), n0=8)
_LONG = Chain(Categorical([0.6, 0.4]), CategoricalMLE(), Replace(6), n0=6)
_FIXED = Chain(Categorical([0.4, 0.3, 0.2, 0.1]), CategoricalMLE(), FixedReal(30, 10), n0=10)


def _even(chain: Chain) -> bool:
    return neutral(chain) and chain.regime.n in ("n0", chain.n0)  # type: ignore[attr-defined]


def keeping(source: Symbols) -> tuple[Floats, Array]:
    """List -log of the different probabilities, largest first, and how many symbols have each."""
    values, counts = np.unique(source.p[source.p > 0], return_counts=True)
    return -np.log(values[::-1]), counts[::-1]


@law(
    "collapsed",
    example=_FEW,
    when=neutral,
    reference=DUALITY,
    formula=r"P(\text{one symbol left by } t)=\sum_kE\,p_k^{A_t}",
    generations=12,
)
def collapsed_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """The chance of total collapse."""
    return dual_sum(n, *keeping(source))


@law(
    "collapsed",
    kind="upper bound",
    example=_FEW,
    when=neutral,
    reference=SEDDIK + ", equation 7",
    formula=r"P(\text{collapsed})\le1-\frac{H\prod(1-1/n_i)}{1-1/K}",
    generations=20,
    tags=(SOFTMAX,),
)
def collapsed_most_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """Total collapse cannot come faster than diversity falls."""
    left = heterozygosity_of(source) * log_product(-1 / n)
    return np.asarray(1 - left / (1 - 1 / np.count_nonzero(source.p)))


@law(
    "collapsed",
    kind="lower bound",
    example=_FEW,
    when=_even,
    reference=SEDDIK + ", equation 7",
    formula=r"P(\text{collapsed})\ge1-nH(1-1/n)^{t+1}",
    generations=20,
    tags=(SOFTMAX,),
)
def collapsed_least_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """Total collapse is certain in the long run."""
    return np.asarray(np.maximum(0, 1 - unsettled(source, n)))


PATHS["collapsed"] = lambda draws: (1 - draws).sum(axis=1)


@law(
    "collapsed",
    kind="exact",
    scalar=True,
    example=_LONG,
    when=_even,
    reference=DUALITY,
    formula=r"E\,\tau=\sum_{t\ge0}\Bigl(1-\sum_kE\,p_k^{A_t}\Bigr)",
    generations=120,
    replicates=20_000,
    tags=(SOFTMAX,),
)
def collapsed_time_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """The expected generation of total collapse: about n, never more than 2n."""
    if n[0] > _LONGEST:
        return np.asarray(np.nan)
    alike = power_sums(np.arange(int(n[0]) + 1), *merged(*keeping(source), float(n[0])))
    return np.asarray(expected_generations(int(n[0]), 1 - alike))


@law(
    "collapsed",
    kind="upper bound",
    scalar=True,
    example=_LONG,
    when=_even,
    reference="time to the most recent common ancestor; sharper than " + SEDDIK + ", equation 8",
    formula=r"E\,\tau\le E\,T_{\mathrm{MRCA}}<2n",
    generations=120,
    replicates=20_000,
    tags=(SOFTMAX,),
)
def collapsed_time_most_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """Total collapse takes O(n) generations, not O(n^2)."""
    return np.asarray(2 * n[0])


@law(
    "collapsed",
    kind="upper bound",
    scalar=True,
    example=_LONG,
    when=_even,
    reference=SEDDIK + ", equation 8",
    formula=r"E\,\tau\le H\,n(n-1)",
    generations=120,
    replicates=20_000,
    tags=(SOFTMAX,),
    sharper="collapsed_time_replace",
)
def collapsed_time_seddik_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """The published bound on the time of total collapse: right, and loose by a factor of order n."""
    return np.asarray(heterozygosity_of(source) * n[0] * (n[0] - 1))


@law(
    "collapsed",
    kind="lower bound",
    scalar=True,
    example=_LONG,
    when=_even,
    reference=SEDDIK + ", equation 8",
    formula=r"E\,\tau\ge\frac{H(n-1)}{1-1/K}",
    generations=120,
    replicates=20_000,
    tags=(SOFTMAX,),
)
def collapsed_time_least_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """Total collapse takes at least of the order of n generations."""
    return np.asarray(heterozygosity_of(source) * (n[0] - 1) / (1 - 1 / np.count_nonzero(source.p)))


@law(
    "fixed_symbols",
    kind="asymptotic",
    dims=("symbol",),
    example=Chain(Categorical([0.6, 0.4]), CategoricalMLE(), Replace(3), n0=3),
    when=listed,
    reference=SEDDIK + ", proposition 1; Wright 1931",
    formula=r"P(\text{the symbol left is } k)=p_k,\ \text{once } n_tH\textstyle\prod_{i\le t}(1-1/n_i)<10^{-4}",
    generations=30,
    first=24,
    replicates=20_000,
)
def fixed_symbols_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """The symbol that is left at last is a draw from the truth; it speaks once hardly any chain has more than one."""
    settled = unsettled(source, n) < _SETTLED
    return np.where(settled[:, None], source.p, np.nan)


def unsettled(source: Symbols, n: Sizes) -> Floats:
    """Bound the chance that more than one symbol is left: then two draws differ with a chance of at least 1/n."""
    return np.asarray(n * heterozygosity_of(source) * log_product(-1 / n))


def _kept(regime: FixedReal, n: Sizes) -> tuple[float, float]:
    kept = float(regime.n_real)
    return kept, 1 - kept / float(n[-1])


def _seddik(chain: Chain) -> bool:
    regime = chain.regime
    same = regime.n_real == chain.n0 and not callable(regime.n)  # type: ignore[attr-defined]
    return same and neutral(chain)


@law(
    "heterozygosity",
    example=_FIXED,
    when=_seddik,
    reference=SEDDIK + ", theorem 2 corrected; " + TWO_POINT,
    formula=r"H_t=H\,(1-\tfrac1N)\frac{1+\alpha+\frac\alpha N\beta^t}{1+(1+\frac1N)\alpha},"
    r"\ \beta=\alpha[(1+\tfrac1N)\alpha-\tfrac1N]",
    tags=(SOFTMAX,),
)
def heterozygosity_fixed_real(source: Symbols, learner: CategoricalMLE, regime: FixedReal, n: Sizes) -> Values:
    """With N real rows kept, total collapse never comes; alpha is the synthetic share."""
    kept, alpha = _kept(regime, n)
    beta = alpha * ((1 + 1 / kept) * alpha - 1 / kept)
    fall = (1 + alpha + alpha / kept * beta ** np.arange(len(n))) / (1 + (1 + 1 / kept) * alpha)
    return np.asarray(heterozygosity_of(source) * (1 - 1 / kept) * fall)


@law(
    "squared_distance_to_first",
    kind="upper bound",
    example=_FIXED,
    when=_seddik,
    reference=TWO_POINT + "; sharper than " + SEDDIK + ", theorem 3",
    formula=r"E\|p_t-p_0\|_2^2\le\frac\alpha N\frac{(1-1/N)H}{1+(1+1/N)\alpha}",
    generations=20,
    tags=(SOFTMAX,),
)
def squared_distance_to_first_fixed_real(
    source: Symbols, learner: CategoricalMLE, regime: FixedReal, n: Sizes
) -> Values:
    """However much synthetic data is added, the model stays within 1/(2N) of the one fitted to the N real rows."""
    kept, alpha = _kept(regime, n)
    limit = alpha / kept * (1 - 1 / kept) * heterozygosity_of(source) / (1 + (1 + 1 / kept) * alpha)
    return np.full(len(n), limit)


@law(
    "distance_to_first",
    kind="upper bound",
    example=_FIXED,
    when=_seddik,
    reference="Cauchy-Schwarz on the squared distance; the bound of " + SEDDIK + ", theorem 3, without its condition",
    formula=r"E\|p_t-p_0\|_1\le\sqrt{K/(2N)}",
    generations=20,
    tags=(SOFTMAX,),
)
def distance_to_first_fixed_real(source: Symbols, learner: CategoricalMLE, regime: FixedReal, n: Sizes) -> Values:
    """Synthetic rows need not be few: N real rows of the order of K bound the distance for any number of them."""
    return np.full(len(n), float(np.sqrt(np.count_nonzero(source.p) / (2 * regime.n_real))))
