"""Laws of where spread and diversity settle in d dimensions and for symbols, where real or earlier data stay."""

from typing import Any

import numpy as np
from numpy.random import Generator

from genloss.chain.curators import KeepAll, Subsample
from genloss.chain.data import Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FixedReal, FreshReal, PastModels
from genloss.families.categorical import Categorical, CategoricalMLE
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE
from genloss.theory.catalogue.categorical import Symbols, heterozygosity_of, neutral
from genloss.theory.catalogue.gaussian import likelihood
from genloss.theory.catalogue.gaussian_regimes import GENTLE, TWO_POINT, limit, subsample_plateau
from genloss.theory.laws import Sizes, Values, law

_KAZDAN = "Kazdan et al. 2024 (2410.16713) on the line; any dimension: " + TWO_POINT
_FLOOR = (
    r"\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}\ \text{(all rows)},\ "
    r"(1-\tfrac1n)\frac{\Gamma(2-1/n)}{\Gamma(2-r_+)\Gamma(2-r_-)}\ \text{(}n\text{ of them)},"
    r"\ r_\pm=\frac{1\pm\sqrt{12n-3}}{2n}"
)
_SETTLED = (
    r"1-\frac1{n\alpha(2-\alpha)+1-\alpha}\ \text{(fresh real share }\alpha),\ "
    r"(1-\tfrac1{n_R})\frac{1+\beta}{1+\beta+\beta/n_R}\ \text{(}n_R\text{ fixed real rows, synthetic share }\beta)"
)
_WIDE = MultivariateGaussian([1.0, 0.0, -1.0], [3.0, 2.0, 1.0])
_FOUR = Categorical([0.4, 0.3, 0.2, 0.1])


def _even(chain: Chain) -> bool:
    """Whether every generation draws as many rows as the first, trained on all of the pool or on as many of it."""
    regime: Any = chain.regime
    thinned = isinstance(chain.curator, Subsample)
    whole = not thinned or (isinstance(regime, Accumulate) and chain.curator == Subsample(chain.n0))
    return regime.n in ("n0", chain.n0) and whole and getattr(regime, "include_real", True)


def _floor(curator: KeepAll | Subsample, n: Sizes) -> float:
    """Compute what accumulating keeps for ever, in units of the true spread."""
    rows = float(n[0])
    return subsample_plateau(rows) if isinstance(curator, Subsample) else float(np.sinc(1 / np.sqrt(rows)))


def _constant(chain: Chain) -> bool:
    """Whether every generation draws equally many rows, some of them real."""
    regime: Any = chain.regime
    return not callable(regime.n) and getattr(regime, "real_fraction", 1.0) > 0 and getattr(regime, "n_real", 2) > 1


@law(
    "variance",
    kind="lower bound",
    example=Chain(Gaussian(), GaussianMLE(), PastModels(5), n0=5),
    when=lambda chain: likelihood(chain) and _even(chain),
    reference="Seddik et al. 2024 (2404.05090) for the regime; limit: " + TWO_POINT,
    formula=r"E\sigma_t^2\ge\sigma^2\,\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n},\ \text{the limit}",
    tags=(GENTLE,),
    generations=20,
)
def variance_floor_past_models(source: Gaussian, learner: GaussianMLE, regime: PastModels, n: Sizes) -> Values:
    """Drawing from all models so far keeps for ever what accumulating their data keeps."""
    return np.full(len(n), float(source.var) * _floor(KeepAll(), n))


@law(
    "total_variance",
    kind="lower bound",
    example=Chain(_WIDE, MultivariateGaussianMLE(), Accumulate(6), 6, Subsample(6)),
    when=lambda chain: likelihood(chain) and _even(chain),
    reference=_KAZDAN,
    formula=r"E\,\mathrm{tr}\,\Sigma_t\ge\mathrm{tr}\,\Sigma\;L,\ L=" + _FLOOR,
    tags=(GENTLE,),
    generations=20,
)
def total_variance_floor(
    source: MultivariateGaussian,
    learner: MultivariateGaussianMLE,
    regime: Accumulate | PastModels,
    curator: KeepAll | Subsample,
    n: Sizes,
) -> Values:
    """Accumulating keeps the same share of the spread for ever in any number of dimensions."""
    return np.full(len(n), float(np.trace(source.cov)) * _floor(curator, n))


@law(
    "total_variance",
    kind="asymptotic",
    example=Chain(_WIDE, MultivariateGaussianMLE(), FreshReal(20, 0.5), n0=20),
    when=lambda chain: likelihood(chain) and _constant(chain),
    reference="fixed point of the " + TWO_POINT,
    formula=r"E\,\mathrm{tr}\,\Sigma_t\to\mathrm{tr}\,\Sigma\;L,\ L=" + _SETTLED,
    generations=20,
    first=10,
    tolerance=0.001,
)
def total_variance_limit(
    source: MultivariateGaussian, learner: MultivariateGaussianMLE, regime: FreshReal | FixedReal, n: Sizes
) -> Values:
    """Real rows in every generation hold the same share of the spread in any number of dimensions."""
    return float(np.trace(source.cov)) * limit(regime, n)


@law(
    "heterozygosity",
    kind="lower bound",
    example=Chain(_FOUR, CategoricalMLE(), Accumulate(6), n0=6),
    when=lambda chain: neutral(chain) and _even(chain),
    reference=_KAZDAN.replace("dimension", "family"),
    formula=r"E H_t\ge H\,L,\ L=" + _FLOOR,
    tags=(GENTLE,),
    generations=20,
)
def heterozygosity_floor(
    source: Symbols,
    learner: CategoricalMLE,
    regime: Accumulate | PastModels,
    curator: KeepAll | Subsample,
    n: Sizes,
) -> Values:
    """Accumulating keeps a share of the diversity for ever, the share that it keeps of a variance."""
    return np.full(len(n), heterozygosity_of(source) * _floor(curator, n))


@law(
    "heterozygosity",
    kind="asymptotic",
    example=Chain(_FOUR, CategoricalMLE(), FreshReal(20, 0.25, "binomial"), n0=20),
    when=lambda chain: neutral(chain) and _constant(chain),
    reference="fixed point of the " + TWO_POINT,
    formula=r"E H_t\to H\,L,\ L=" + _SETTLED,
    generations=25,
    first=18,
    tolerance=0.002,
)
def heterozygosity_limit(source: Symbols, learner: CategoricalMLE, regime: FreshReal | FixedReal, n: Sizes) -> Values:
    """Real rows in every generation hold a share of the diversity, the share that they hold of a variance."""
    return heterozygosity_of(source) * limit(regime, n)


_KEPT, _ADDED, _AFTER = 20, 8, 3
_RATIO = _ADDED / _KEPT


def _deviations(rng: Generator, replicates: int) -> Floats:
    """Start one unit off the mean of the real rows, which stay, and refit to them with fresh synthetic rows."""
    off, var = np.ones(replicates), np.ones(replicates)
    out = [off]
    for _ in range(_AFTER):
        added = off + np.sqrt(var / _ADDED) * rng.standard_normal(replicates)
        within = _KEPT + var * rng.chisquare(_ADDED - 1, replicates)  # the real rows have variance 1
        off = added * _ADDED / (_KEPT + _ADDED)
        between = _KEPT * _ADDED / (_KEPT + _ADDED) * added**2
        var = (within + between) / (_KEPT + _ADDED)
        out.append(off)
    return np.stack(out, -1)


@law(
    "deviation",
    example=None,
    experiment=_deviations,
    replicates=40_000,
    power=0.3,
    reference=TWO_POINT,
    formula=r"E(\mu_t-m_R)=\Bigl(\frac\lambda{1+\lambda}\Bigr)^t(\mu_0-m_R),\ \lambda=m/n_R",
)
def deviation_fixed_real() -> Values:
    """Fixed real rows call a strayed model back, by the synthetic share in each generation, for any such share."""
    return np.asarray((_RATIO / (1 + _RATIO)) ** np.arange(_AFTER + 1.0))


@law(
    "deviation",
    kind="upper bound",
    example=None,
    experiment=_deviations,
    sharper="deviation_fixed_real",
    reference="Bertrand et al. 2024 (2310.00429), local stability for lambda < 1/2",
    formula=r"\|\theta_t-\theta\|\le\Bigl(\frac\lambda{1-\lambda}\Bigr)^t\|\theta_0-\theta\|,"
    r"\ \lambda=m/n_R<\tfrac12",
)
def deviation_bound_fixed_real() -> Values:
    """The published condition of stability suffices and is not needed: the bound says nothing from 1/2 on."""
    return np.asarray((_RATIO / (1 - _RATIO)) ** np.arange(_AFTER + 1.0))
