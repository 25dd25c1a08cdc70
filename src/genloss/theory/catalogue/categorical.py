"""Laws of symbols refitted to their own draws: neutral Wright-Fisher drift, by duality and by pairs."""

import functools
from typing import Any

import numpy as np

from genloss.chain.curators import Subsample
from genloss.chain.data import Array, Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FixedReal, FreshReal, PastModels, Replace, Window
from genloss.families.categorical import Categorical, CategoricalMLE, Zipf
from genloss.families.exponential import Bernoulli, BernoulliMLE
from genloss.theory.catalogue.gaussian_regimes import GENTLE, TWO_POINT
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.chosen import Blind
from genloss.theory.recursions.duality import ancestors, merged, power_sums, transform, transform_sum
from genloss.theory.recursions.numerics import log_product
from genloss.theory.recursions.twopoint import FAMILIES, Fit, follows, pair_spread

TAILS_FIRST = "tails first, variance later"
DUALITY = "duality with the number of ancestors (Kingman 1982; Wright-Fisher)"
SEDDIK = "Seddik et al. 2024 (2404.05090)"
Symbols = Categorical | Zipf
_BUDGET = 4e6
_RARE, _SHORT, _LEFT = 0.05, 0.1, 2.0  # what an asymptotic law of rare symbols may leave out
_ZIPF = Chain(Zipf(30, 1.5), CategoricalMLE(), Replace(40), n0=40)
_FEW = Chain(Categorical([0.5, 0.3, 0.2]), CategoricalMLE(), Replace(8), n0=8)
_TALE = Chain(Zipf(3_000, 1.5), CategoricalMLE(), Replace(100), n0=100)


def _neutral(source: Any, learner: Any) -> bool:
    plain = learner.temperature == 1 and learner.top_k is None and learner.top_p == 1 and learner.alpha == 0
    cool = isinstance(source, Zipf) or (source.temperature == 1 and source.top_k is None and source.top_p == 1)
    return bool(plain and cool)


def _categorical(source: Any, learner: Any) -> Fit | None:
    if isinstance(source, Symbols) and isinstance(learner, CategoricalMLE) and _neutral(source, learner):
        return Fit("heterozygosity", heterozygosity_of(source))
    return None


def _bernoulli(source: Any, learner: Any) -> Fit | None:
    if isinstance(source, Bernoulli) and isinstance(learner, BernoulliMLE):
        return Fit("variance", float(source.var))
    return None


FAMILIES.extend([_categorical, _bernoulli])


def heterozygosity_of(source: Any) -> float:
    """Compute the chance that two draws from the truth differ."""
    return float(1 - (source.p**2).sum())


def neutral(chain: Chain) -> bool:
    """Whether symbols are refitted by their frequencies and drawn as fitted, with a duality of affordable cost."""
    return _neutral(chain.source, chain.learner)


def varied(chain: Chain) -> bool:
    """The same, and there are two symbols or more to choose from."""
    return neutral(chain) and int(np.count_nonzero(chain.source.p)) > 1  # type: ignore[attr-defined]


def listed(chain: Chain) -> bool:
    """At most 10,000 symbols are refitted by their frequencies and drawn as fitted."""
    return neutral(chain) and len(chain.source.p) <= 10_000  # type: ignore[attr-defined]


@functools.lru_cache(maxsize=2)
def _ancestors(rows: tuple[float, ...]) -> list[tuple[int, Floats]]:
    return ancestors(np.array(rows))


def affordable(n: Sizes) -> bool:
    """Whether the duality takes seconds at most."""
    return float(n.sum()) <= _BUDGET and (len(set(n[1:])) <= 1 or float(n.max()) <= 2_000)


def dual(n: Sizes, base: Any) -> Floats:
    """Compute E base^A_t, or NaN if the duality is not affordable."""
    if not affordable(n):
        return np.full((len(n), *np.shape(base)), np.nan)
    return transform(_ancestors(tuple(n.tolist())), base)


def dual_sum(n: Sizes, decay: Floats, weights: Array) -> Floats:
    """Compute sum_k weights_k E exp(-A_t decay_k) for every t, or NaN if the duality is not affordable.

    The cost does not depend on the number of symbols, but for one pass over them.

    Args:
        n: Rows of each generation.
        decay: -log of each symbol's base.
        weights: Its weight, 0 or more.
    """
    if not affordable(n):
        return np.full(len(n), np.nan)
    return transform_sum(_ancestors(tuple(n.tolist())), *merged(decay, weights, float(n.max())))


def losing(source: Symbols) -> tuple[Floats, Floats, Array]:
    """List the different probabilities, -log of the chance not to be drawn, and how many symbols have each."""
    values, counts = np.unique(source.p, return_counts=True)
    with np.errstate(divide="ignore"):
        return values, -np.log1p(-values), counts


@law(
    "heterozygosity",
    example=_ZIPF,
    when=neutral,
    reference=SEDDIK + ", equation 6; Wright 1931",
    formula=r"E H_t=H\prod_{i\le t}(1-1/n_i),\ H=1-\sum_k p_k^2",
)
def heterozygosity_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """Diversity falls by 1/n a generation, whatever the vocabulary."""
    return np.asarray(heterozygosity_of(source) * log_product(-1 / n))


@law(
    "heterozygosity",
    example=Chain(Zipf(30, 1.0), CategoricalMLE(), Accumulate(6), n0=6),
    when=neutral,
    reference="Kazdan et al. 2024 (2410.16713) for the Gaussian; " + TWO_POINT,
    formula=r"E H_t=H\prod_{i\le t}(1-n_i/N_i^2)",
    tags=(GENTLE,),
)
def heterozygosity_accumulate(
    source: Symbols, learner: CategoricalMLE, regime: Accumulate, n: Sizes, chain: Chain
) -> Values:
    """Accumulating keeps diversity exactly as it keeps a Gaussian's variance."""
    return heterozygosity_of(source) * pair_spread(chain, n).own


@law(
    "heterozygosity",
    example=Chain(Categorical([0.4, 0.3, 0.2, 0.1]), CategoricalMLE(), Accumulate(9), 9, Subsample(6)),
    when=follows,
    reference=TWO_POINT,
    formula=r"C(m,m)=\sum_{s,t}w_sw_tC(s,t)-\tfrac1n\sum_tw_tC(t,t)",
)
def heterozygosity_regimes(
    source: Symbols,
    learner: CategoricalMLE,
    regime: Replace | Accumulate | FreshReal | FixedReal | PastModels | Window,
    curator: Blind,
    n: Sizes,
    chain: Chain,
) -> Values:
    """Expected diversity in every regime, by the same recursion as a Gaussian's variance."""
    return heterozygosity_of(source) * pair_spread(chain, n).own


@law(
    "variance",
    example=Chain(Bernoulli(0.3), BernoulliMLE(), FixedReal(12, 4), n0=12),
    when=follows,
    reference=TWO_POINT,
    formula=r"E\,\hat p_t(1-\hat p_t)=p(1-p)\,C(t,t)",
)
def variance_bernoulli(
    source: Bernoulli,
    learner: BernoulliMLE,
    regime: Replace | Accumulate | FreshReal | FixedReal | PastModels | Window,
    curator: Blind,
    n: Sizes,
    chain: Chain,
) -> Values:
    """Two alleles: the same drift."""
    return float(source.var) * pair_spread(chain, n).own


@law(
    "lost_mass",
    example=_ZIPF,
    when=neutral,
    reference=DUALITY,
    formula=r"E\,\text{lost}_t=\sum_kp_k\,E(1-p_k)^{A_t},\ A_{t}\ \text{occupied boxes of } n",
    tags=(TAILS_FIRST,),
)
def lost_mass_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """The true mass of what can no longer be produced: rare symbols go in the first generations and never return."""
    values, decay, counts = losing(source)
    return dual_sum(n, decay, values * counts)


@law(
    "support",
    example=_ZIPF,
    when=neutral,
    reference=DUALITY,
    formula=r"E\,\text{support}_t=1-\tfrac1K\sum_kE(1-p_k)^{A_t}",
    tags=(TAILS_FIRST,),
)
def support_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """The share of the true symbols that survive."""
    values, decay, counts = losing(source)
    true = np.where(values > 0, counts, 0)
    return 1 - dual_sum(n, decay, true / true.sum())


@law(
    "tails_before_spread",
    example=_ZIPF,
    when=varied,
    reference=DUALITY,
    formula=r"\tfrac1K\sum_kE(1-p_k)^{A_t}-\Bigl[1-\prod_{i\le t}(1-1/n_i)\Bigr]",
    tags=(TAILS_FIRST,),
)
def tails_before_spread_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """By how much the loss of symbols runs ahead of the loss of diversity: most in the first generations."""
    spread = log_product(-1 / n)
    return np.asarray(spread - np.asarray(support_replace(source, learner, regime, n)))


@law(
    "lost_symbols",
    dims=("symbol",),
    example=_ZIPF,
    when=listed,
    reference=DUALITY,
    formula=r"P(k\ \text{lost by } t)=E(1-p_k)^{A_t}",
    replicates=20_000,
    power=0.5,
    tags=(TAILS_FIRST,),
)
def lost_symbols_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """The chance of each symbol to be lost."""
    values, back = np.unique(source.p, return_inverse=True)
    return dual(n, 1 - values)[:, back]


@law(
    "lost_mass",
    kind="asymptotic",
    example=Chain(Zipf(500, 1.1), CategoricalMLE(), Replace(300), n0=300),
    when=lambda chain: neutral(chain) and not callable(chain.regime.n),  # type: ignore[attr-defined]
    reference="Kolmogorov 1938: critical branching",
    formula=r"P(k\ \text{lost by } t)\simeq e^{-p_ka_t},\ a_0=n_0,\ a_t=n_0(1-e^{-\frac n{n_0}(1-f_{t-1})}),\ f_0=0,"
    r"\ f_{t+1}=e^{f_t-1}\ (n=n_0:\ a_t=n(1-f_t));\ \text{while what is lost is rare}",
    tolerance=0.02,
    tags=(TAILS_FIRST,),
)
def lost_mass_branching_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """A rare symbol's copies are a critical branching process: it is lost like 1 - 2/t."""
    values, decay, counts = losing(source)
    first = float(values * counts @ np.exp(-n[0] * decay))
    lines = surviving(n, survival(len(n)))
    total = power_sums(lines, *merged(values, values * counts, float(n[0])))
    commonest = values[-1] * np.exp(-lines * values[-1])
    rare = (commonest < _RARE * total) & (abs(total[0] - first) < _RARE * first)
    return np.where(rare, total, np.nan)


def surviving(n: Sizes, alive: Floats) -> Floats:
    """Compute how many of the n_0 first rows have descendants, where those of one row of a later generation do.

    A row of generation 0 has a Poisson number of copies in generation 1, n / n_0 on average, and later ones 1.

    Args:
        n: Rows of each generation; all but the first equal.
        alive: The chance that a row has descendants so many generations later.
    """
    return np.concatenate((n[:1], n[0] * -np.expm1(-n[1:] / n[0] * alive[: len(n) - 1])))


def survival(generations: int) -> Floats:
    """Compute 1 - f_t, the chance that critical Poisson branching from one is alive after t generations."""
    out = np.ones(generations)
    for t in range(1, generations):
        out[t] = -np.expm1(-out[t - 1])
    return out


@law(
    "lost_mass",
    kind="asymptotic",
    example=_TALE,
    when=lambda chain: neutral(chain) and chain.source.exponent > 1 and not callable(chain.regime.n),  # type: ignore[attr-defined]
    reference="Dohmatob et al. 2024 (2402.07043) for one generation; later ones by " + DUALITY,
    formula=r"E\,\text{lost}_t\simeq E\,\text{lost}_0\bigl(1-e^{-\frac{2n}{n_0(t+1)}}\bigr)^{-c},\ c=1-1/\beta,\ t\ge1"
    r"\ (n=n_0:\ \approx E\,\text{lost}_0(\tfrac{t+2}2)^c);\ \text{tail beyond } n_0\text{ rows long}",
    generations=7,
    tolerance=0.06,
    tags=(TAILS_FIRST,),
)
def lost_mass_zipf_replace(source: Zipf, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """With Zipf tails the loss grows like a power of the generation below 1: not linearly."""
    first = float(source.p @ np.exp(n[0] * np.log1p(-np.minimum(source.p, 1 - 1e-16))))
    lines = surviving(n, 2 / (np.arange(len(n)) + 2))
    # What an endless tail would hold beyond the last symbol, and the copies of the commonest one that are left.
    beyond = len(source.p) * source.p.min() / (source.exponent - 1)
    speaks = (beyond < _SHORT * first) & (lines * source.p.max() > _LEFT)
    return np.where(speaks, first * (n[0] / lines) ** (1 - 1 / source.exponent), np.nan)


@law(
    "lost_mass",
    example=Chain(Zipf(30, 1.5), CategoricalMLE(), Accumulate(20), n0=40),
    when=neutral,
    reference="what is in the pool stays in it",
    formula=r"E\,\text{lost}_t=\sum_kp_k(1-p_k)^{n_0}",
    tags=(GENTLE, TAILS_FIRST),
)
def lost_mass_accumulate(source: Symbols, learner: CategoricalMLE, regime: Accumulate, n: Sizes) -> Values:
    """Accumulating loses nothing after the first generation: the tails do not go on falling."""
    return np.full(len(n), float(source.p @ np.exp(n[0] * np.log1p(-source.p))))


@law(
    "lost_mass",
    kind="upper bound",
    example=Chain(Zipf(30, 1.5), CategoricalMLE(), FixedReal(40, 10), n0=40),
    when=neutral,
    reference="what is in the fixed real rows stays there",
    formula=r"E\,\text{lost}_t\le\sum_kp_k(1-p_k)^{n_R}",
)
def lost_mass_fixed_real(source: Symbols, learner: CategoricalMLE, regime: FixedReal, n: Sizes) -> Values:
    """The fixed real rows bound the loss for ever."""
    return np.full(len(n), float(source.p @ np.exp(regime.n_real * np.log1p(-source.p))))


@law(
    "frequency",
    dims=("symbol",),
    example=_FEW,
    when=neutral,
    reference="martingale; Borkar 2025 (2506.09401)",
    formula=r"E\,\hat p_{t,k}=p_k",
)
def frequency_regimes(
    source: Symbols,
    learner: CategoricalMLE,
    regime: Replace | Accumulate | FreshReal | FixedReal | PastModels | Window,
    curator: Blind,
    n: Sizes,
) -> Values:
    """On average over histories every symbol keeps its frequency: each history loses others."""
    return np.broadcast_to(source.p, (len(n), len(source.p)))
