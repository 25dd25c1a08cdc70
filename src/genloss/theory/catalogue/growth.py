"""Laws of growing samples under replace: how fast sizes must grow for the loss to stop, and where it stops."""

from typing import Any

import numpy as np

from genloss.chain.data import Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Replace
from genloss.chain.schedules import Geometric, Linear, Power
from genloss.families.categorical import CategoricalMLE, Zipf
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.families.regression import OLS, LinearModel
from genloss.theory.catalogue.categorical import Symbols, heterozygosity_of, neutral
from genloss.theory.catalogue.gaussian import SHUMAILOV, plain, unbiased
from genloss.theory.catalogue.regression import SCALING, dimensions
from genloss.theory.laws import Sizes, Values, law, sizes
from genloss.theory.recursions.numerics import log_c4
from genloss.theory.recursions.walk import Walk

SUPER_LINEAR = "super-linear sampling bounds it"
_CRITERION = SHUMAILOV + ", schedule criterion"
_TERMS = 20_000
_LINEAR = Chain(Gaussian(var=2.0), GaussianMLE(ddof=1), Replace(Linear(20, 5)), n0=20)
_POWER = Chain(Gaussian(var=2.0), GaussianMLE(ddof=1), Replace(Power(10, 1.5)), n0=10)
_GEOMETRIC = Chain(Gaussian(), GaussianMLE(), Replace(Geometric(8, 1.5)), n0=8)


def _super_linear(chain: Chain) -> bool:
    """Whether sizes grow faster than linearly, so that the sum of 1/n converges."""
    size: Any = chain.regime.n  # type: ignore[attr-defined]
    return (isinstance(size, Power) and size.exponent > 1) or (isinstance(size, Geometric) and size.ratio > 1)


def _all_sizes(chain: Chain) -> tuple[Sizes, float]:
    """List the first 20,000 sizes, and the sum of 1/n over all later ones."""
    from scipy.special import zeta

    size: Any = chain.regime.n  # type: ignore[attr-defined]
    rest = float(zeta(size.exponent, _TERMS + 1)) / size.scale if isinstance(size, Power) else 0.0
    if isinstance(size, Geometric):
        with np.errstate(over="ignore", under="ignore"):
            first = size.start * np.float64(size.ratio) ** _TERMS
            rest = float(1 / first / (1 - 1 / size.ratio))
    return sizes(chain, _TERMS - 1), rest


def _linear(chain: Chain) -> bool:
    """Whether sizes grow by the same amount, with the divisor n - 1 at temperature 1."""
    size: Any = chain.regime.n  # type: ignore[attr-defined]
    return unbiased(chain) and isinstance(size, Linear) and size.step > 0 and size.start + size.step / 2 > 0


def _growth(regime: Replace, n: Sizes) -> tuple[Floats, float]:
    """Compute the growth (n_t + c/2) / (n_1 - c/2) of linear sizes, 1 at generation 0, and the step c."""
    size: Any = regime.n
    t = np.arange(len(n))
    return np.asarray((size.start + size.step * (t + 0.5)) / (size.start + 0.5 * size.step)), float(size.step)


@law(
    "second_moment",
    kind="asymptotic",
    example=_LINEAR,
    when=_linear,
    reference=_CRITERION + ", at its border",
    formula=r"\mathrm{Var}\,X_t\simeq\sigma^2\Bigl[1+\frac1{n_0}+\frac1c\log\frac{n_t+c/2}{n_1-c/2}\Bigr],"
    r"\ n_t=n_{t-1}+c",
    generations=30,
    tolerance=0.001,
    power=0.2,
    tags=(SUPER_LINEAR,),
)
def second_moment_linear_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """Sizes that grow linearly are not enough: the error grows without bound, like log(t) / c."""
    ratio, step = _growth(regime, n)
    return np.asarray(source.var * (1 + 1 / n[0] + np.log(ratio) / step))


@law(
    "std",
    statistic="median",
    kind="asymptotic",
    example=_LINEAR,
    when=_linear,
    reference=_CRITERION + ", at its border",
    formula=r"\mathrm{median}\,\sigma_t\simeq\sigma e^{-1/(2n_0)}\Bigl(\frac{n_1-c/2}{n_t+c/2}\Bigr)^{1/(2c)}",
    generations=30,
    tolerance=0.01,
    tags=(SUPER_LINEAR,),
)
def std_median_linear_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """With linear growth a typical spread still tends to 0, as a power of the generation, no longer exponentially."""
    ratio, step = _growth(regime, n)
    return np.asarray(np.sqrt(source.var) * np.exp(-0.5 / n[0]) * ratio ** (-0.5 / step))


@law(
    "wasserstein2_squared",
    kind="upper bound",
    example=_POWER,
    when=lambda chain: unbiased(chain) and _super_linear(chain),
    reference=_CRITERION + ", with the exact limit",
    formula=r"E W_2^2\le\sigma^2\Bigl[\sum_{i=0}^\infty\frac1{n_i}+2\Bigl(1-\prod_{i=0}^\infty c_4(n_i)\Bigr)\Bigr],"
    r"\ \text{the limit}",
    generations=30,
    tags=(SUPER_LINEAR,),
)
def wasserstein2_squared_limit_replace(
    source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes, chain: Chain
) -> Values:
    """Where sizes grow faster than linearly the distance to the truth has a limit, which the first sizes decide."""
    early, rest = _all_sizes(chain)
    known = early[np.isfinite(early)]
    total = float((1 / known).sum()) + rest
    kept = float(log_c4(known).sum()) - rest / 4
    return np.full(len(n), source.var * (total - 2 * np.expm1(kept)))


@law(
    "std",
    kind="lower bound",
    example=_GEOMETRIC,
    when=lambda chain: plain(chain) and chain.learner.ddof <= 1 and _super_linear(chain),  # type: ignore[attr-defined]
    reference=_CRITERION + ", with the exact limit",
    formula=r"E\sigma_t\ge\sigma\prod_{i=0}^\infty E\sqrt{f_i}>0,\ \text{the limit}",
    generations=20,
    tags=(SUPER_LINEAR,),
)
def std_limit_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes, chain: Chain) -> Values:
    """Where sizes grow faster than linearly the spread keeps a positive limit in every chain."""
    early, rest = _all_sizes(chain)
    known = early[np.isfinite(early)]
    lost = rest * (1 / 4 + (1 - learner.ddof) / 2)
    return np.full(len(n), float(np.sqrt(source.var) * np.exp(Walk(learner, known).moment(1)[-1] - lost)))


@law(
    "heterozygosity",
    kind="lower bound",
    example=Chain(Zipf(30, 1.0), CategoricalMLE(), Replace(Power(10, 2.0)), n0=10),
    when=lambda chain: neutral(chain) and _super_linear(chain),
    reference=_CRITERION + ", for symbols",
    formula=r"E H_t\ge H\prod_{i=0}^\infty(1-1/n_i),\ \text{the limit}",
    generations=20,
    tags=(SUPER_LINEAR,),
)
def heterozygosity_limit_replace(
    source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes, chain: Chain
) -> Values:
    """Symbols keep their diversity under the same condition: sizes that grow faster than linearly."""
    early, rest = _all_sizes(chain)
    kept = float(np.log1p(-1 / early).sum()) - rest
    return np.full(len(n), heterozygosity_of(source) * np.exp(kept))


def _grows_from_enough(chain: Chain) -> bool:
    """Whether sizes grow faster than linearly and are at least d + 2, without ridge."""
    learner: Any = chain.learner
    return _super_linear(chain) and learner.ridge == 0 and sizes(chain, 1).min() >= dimensions(chain.source) + 2


@law(
    "excess_risk",
    kind="upper bound",
    example=Chain(LinearModel([1.0, -1.0, 0.5, 2.0]), OLS(), Replace(Power(12, 1.5)), n0=12),
    when=_grows_from_enough,
    reference=_CRITERION + ", for regression",
    formula=r"E\|w_t-w\|_\Sigma^2\le s^2d\sum_{i=0}^\infty\frac1{n_i-d-1},\ \text{the limit}",
    generations=20,
    tags=(SUPER_LINEAR, SCALING),
)
def excess_risk_limit_replace(source: LinearModel, learner: OLS, regime: Replace, n: Sizes, chain: Chain) -> Values:
    """A regression's error stays bounded under the same condition: sizes that grow faster than linearly."""
    d = dimensions(source)
    early, rest = _all_sizes(chain)
    return np.full(len(n), source.noise**2 * d * (float((1 / (early - d - 1)).sum()) + rest))
