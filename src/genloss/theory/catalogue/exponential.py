"""Laws of one-parameter families refitted to their own draws: Poisson, exponential, uniform, Pareto."""

import numpy as np

from genloss.chain.recursion import Chain
from genloss.chain.regimes import Replace
from genloss.families.exponential import Exponential, ExponentialMLE, Poisson, PoissonMLE
from genloss.families.extremes import Pareto, ParetoMLE, Uniform, UniformMLE
from genloss.theory.catalogue.categorical import survival
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.numerics import digamma_gap

_POISSON = Chain(Poisson(0.5), PoissonMLE(), Replace(10), n0=10)
_EXPONENTIAL = Chain(Exponential(2.0), ExponentialMLE(), Replace(20), n0=10)
_BRANCHING = "Kolmogorov 1938: critical Poisson branching"


@law(
    "mean",
    example=_POISSON,
    reference="martingale",
    formula=r"E\lambda_t=\lambda",
)
def mean_poisson(source: Poisson, learner: PoissonMLE, regime: Replace, n: Sizes) -> Values:
    """The expected rate stands still while most chains die out."""
    return np.full(len(n), float(source.rate))


@law(
    "mean",
    statistic="var",
    example=_POISSON,
    reference=_BRANCHING,
    formula=r"\mathrm{Var}\,\lambda_t=\lambda\sum_{i\le t}1/n_i",
    power=0.2,
)
def mean_spread_poisson(source: Poisson, learner: PoissonMLE, regime: Replace, n: Sizes) -> Values:
    """The rates of replicates spread linearly."""
    return np.asarray(float(source.rate) * np.cumsum(1 / n))


def _equal(chain: Chain) -> bool:
    return chain.regime.n in ("n0", chain.n0)  # type: ignore[attr-defined]


@law(
    "alive",
    example=_POISSON,
    when=_equal,
    reference=_BRANCHING,
    formula=r"P(\lambda_t>0)=1-e^{-n\lambda(1-f_t)},\ f_0=0,\ f_{t+1}=e^{f_t-1}",
    generations=20,
)
def alive_poisson(source: Poisson, learner: PoissonMLE, regime: Replace, n: Sizes) -> Values:
    """A critical branching process dies out almost surely; about 2 n lambda / t of its lines live on."""
    return np.asarray(-np.expm1(-n[0] * float(source.rate) * survival(len(n))))


@law(
    "alive",
    kind="lower bound",
    example=_POISSON,
    when=_equal,
    reference="Suresh et al. 2024 (2412.17646)",
    formula=r"P(\lambda_t>0)\ge1-e^{-n\lambda/(t+1)}",
    generations=20,
    sharper="alive_poisson",
)
def alive_least_poisson(source: Poisson, learner: PoissonMLE, regime: Replace, n: Sizes) -> Values:
    """The published bound: tight at first, later a factor 2 loose in the exponent."""
    return np.asarray(-np.expm1(-n[0] * float(source.rate) / np.arange(1, len(n) + 1)))


@law(
    "mean",
    example=_EXPONENTIAL,
    reference="Gamma law of a sum",
    formula=r"E\theta_t=\theta",
)
def mean_exponential(source: Exponential, learner: ExponentialMLE, regime: Replace, n: Sizes) -> Values:
    """The mean is a martingale."""
    return np.full(len(n), float(source.mean))


@law(
    "mean",
    statistic="var",
    example=_EXPONENTIAL,
    reference="Gamma law of a sum",
    formula=r"\mathrm{Var}\,\theta_t=\theta^2\Bigl[\prod_{i\le t}(1+1/n_i)-1\Bigr]",
    power=0.3,
)
def mean_spread_exponential(source: Exponential, learner: ExponentialMLE, regime: Replace, n: Sizes) -> Values:
    """Between replicates the scale spreads exponentially."""
    return np.asarray(float(source.mean) ** 2 * np.expm1(np.cumsum(np.log1p(1 / n))))


@law(
    "log_mean",
    example=_EXPONENTIAL,
    reference="Gamma law of a sum",
    formula=r"E\log\theta_t=\log\theta+\sum_{i\le t}[\psi(n_i)-\log n_i]",
)
def log_mean_exponential(source: Exponential, learner: ExponentialMLE, regime: Replace, n: Sizes) -> Values:
    """In every chain the scale tends to 0, like exp(-t/(2n))."""
    return np.asarray(np.log(float(source.mean)) + np.cumsum(digamma_gap(n)))


@law(
    "mean",
    example=Chain(Uniform(2.0), UniformMLE(), Replace(10), n0=5),
    reference="Beta law of a maximum",
    formula=r"E\theta_t=\theta\prod_{i\le t}\frac{n_i}{n_i+1},\ \text{mean}=\theta_t/2",
)
def mean_uniform(source: Uniform, learner: UniformMLE, regime: Replace, n: Sizes) -> Values:
    """A bound fitted by the maximum falls in every step, even on average."""
    return np.asarray(float(source.high) / 2 * np.exp(-np.cumsum(np.log1p(1 / n))))


@law(
    "tail_exponent",
    example=Chain(Pareto(1.0, 2.0), ParetoMLE(), Replace(20), n0=20),
    reference="Gamma law of the logarithms",
    formula=r"E a_t=a\prod_{i\le t}\frac{n_i}{n_i-2}",
)
def tail_exponent_pareto(source: Pareto, learner: ParetoMLE, regime: Replace, n: Sizes) -> Values:
    """Power-law tails get lighter with every generation."""
    return np.asarray(float(source.shape) * np.exp(-np.cumsum(np.log1p(-2 / n))))
