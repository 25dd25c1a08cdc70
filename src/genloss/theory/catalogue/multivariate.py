"""Laws of the normal law in d dimensions."""

from typing import Any

import numpy as np

from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FixedReal, FreshReal, PastModels, Replace, Window
from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE
from genloss.theory.catalogue.gaussian import SHUMAILOV, unbiased
from genloss.theory.catalogue.gaussian_regimes import GENTLE, TWO_POINT, followed
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.chosen import Blind
from genloss.theory.recursions.numerics import digamma_gap
from genloss.theory.recursions.twopoint import FAMILIES, Fit, divided, pair_spread

EXACT_COLLAPSE = "exact collapse in d dimensions"
BARTLETT = "exact, from Bartlett's decomposition"
_SOURCE = MultivariateGaussian([1.0, 0.0, -1.0], [3.0, 2.0, 1.0])
_REPLACE = Chain(_SOURCE, MultivariateGaussianMLE(ddof=1), Replace(30), n0=20)
_WIDE = Chain(MultivariateGaussian([0.0] * 4, 1.0), MultivariateGaussianMLE(ddof=1), Replace(10), n0=10)
Regimes = Replace | Accumulate | FreshReal | FixedReal | PastModels | Window


def _normal(source: Any, learner: Any) -> Fit | None:
    fits = isinstance(source, MultivariateGaussian) and isinstance(learner, MultivariateGaussianMLE)
    if not fits or learner.temperature != 1 or source.temperature != 1:
        return None
    return Fit("total_variance", float(np.trace(source.cov)), divided(learner.ddof))


FAMILIES.append(_normal)


@law(
    "total_variance",
    example=Chain(_SOURCE, MultivariateGaussianMLE(), Accumulate(6), n0=6),
    when=followed,
    reference="Kazdan et al. 2024 (2410.16713) for accumulate; " + TWO_POINT,
    formula=r"E\,\mathrm{tr}\,\Sigma_t=\mathrm{tr}\,\Sigma\;C(t,t)",
    tags=(GENTLE,),
)
def total_variance_regimes(
    source: MultivariateGaussian,
    learner: MultivariateGaussianMLE,
    regime: Regimes,
    curator: Blind,
    n: Sizes,
    chain: Chain,
) -> Values:
    """The expected covariance shrinks by the same factor as a variance on the line, in every regime."""
    return float(np.trace(source.cov)) * pair_spread(chain, n).own


@law(
    "covariance",
    dims=("row", "column"),
    example=Chain(
        MultivariateGaussian([0.0, 0.0], [[2.0, 0.9], [0.9, 1.0]]),
        MultivariateGaussianMLE(),
        FreshReal(12, 0.25),
        n0=12,
    ),
    when=followed,
    reference=TWO_POINT + " for every direction",
    formula=r"E\,\Sigma_t=\Sigma\;C(t,t)",
)
def covariance_regimes(
    source: MultivariateGaussian,
    learner: MultivariateGaussianMLE,
    regime: Regimes,
    curator: Blind,
    n: Sizes,
    chain: Chain,
) -> Values:
    """The expected covariance keeps its shape."""
    return np.asarray(pair_spread(chain, n).own[:, None, None] * source.cov)


@law(
    "squared_offset",
    example=_REPLACE,
    when=followed,
    reference=SHUMAILOV + "; " + TWO_POINT,
    formula=r"E\|\mu_t-\mu\|^2=\mathrm{tr}\,\Sigma\,[2C(\text{truth},t)-1-C(t,t)]",
)
def squared_offset_normal(
    source: MultivariateGaussian,
    learner: MultivariateGaussianMLE,
    regime: Regimes,
    curator: Blind,
    n: Sizes,
    chain: Chain,
) -> Values:
    """How far the mean has strayed."""
    return np.asarray(float(np.trace(source.cov)) * pair_spread(chain, n).offset)


def _falls(source: MultivariateGaussian, learner: MultivariateGaussianMLE, n: Sizes) -> Values:
    """Degrees of freedom of the Bartlett diagonal over the divisor: shape (t, d)."""
    d = source.width
    return np.asarray((n[:, None] - 1 - np.arange(d)) / (n[:, None] - learner.ddof))


@law(
    "log_determinant",
    example=_REPLACE,
    when=followed,
    reference=BARTLETT,
    formula=r"E\log\det\Sigma_t=\log\det\Sigma+\sum_{i\le t}\sum_{k=1}^d\Bigl[\psi\bigl(\tfrac{n_i-k}2\bigr)"
    r"-\log\tfrac{q_i}2\Bigr]",
    generations=20,
    tags=(EXACT_COLLAPSE,),
)
def log_determinant_replace(
    source: MultivariateGaussian, learner: MultivariateGaussianMLE, regime: Replace, n: Sizes
) -> Values:
    """The volume of what is modelled falls exponentially in every chain: collapse is exact, in all directions."""
    free = n[:, None] - 1 - np.arange(source.width)
    steps = digamma_gap(free / 2) + np.log(_falls(source, learner, n))
    return np.asarray(np.linalg.slogdet(source.cov)[1] + np.cumsum(steps.sum(1)))


@law(
    "determinant",
    example=_REPLACE,
    when=followed,
    reference=BARTLETT,
    formula=r"E\det\Sigma_t=\det\Sigma\prod_{i\le t}\prod_{j<d}\frac{n_i-1-j}{q_i}",
    power=0.2,
    tags=(EXACT_COLLAPSE,),
)
def determinant_replace(
    source: MultivariateGaussian, learner: MultivariateGaussianMLE, regime: Replace, n: Sizes
) -> Values:
    """The expected generalised variance falls even with the unbiased covariance."""
    return np.asarray(np.linalg.det(source.cov) * np.cumprod(_falls(source, learner, n).prod(1)))


@law(
    "symmetric_functions",
    dims=("order",),
    example=_REPLACE,
    when=followed,
    reference=BARTLETT,
    formula=r"E\,e_k(\Sigma_t)=e_k(\Sigma)\prod_{i\le t}\prod_{j<k}\Bigl(1-\frac j{n_i-1}\Bigr)"
    r"\ (q_i=n_i-1),\ k=1,\dots,d",
    power=0.25,
    tags=(EXACT_COLLAPSE,),
)
def symmetric_functions_replace(
    source: MultivariateGaussian, learner: MultivariateGaussianMLE, regime: Replace, n: Sizes
) -> Values:
    """The k-th symmetric function of the eigenvalues falls by the factor that the determinant of k dimensions has."""
    start = np.poly(np.linalg.eigvalsh(source.cov))[1:] * (-1.0) ** np.arange(1, source.width + 1)
    return np.asarray(start * np.cumprod(np.cumprod(_falls(source, learner, n), axis=1), axis=0))


@law(
    "squared_spectrum",
    example=_REPLACE,
    when=lambda chain: followed(chain) and unbiased(chain),
    reference="second moments of the Wishart law",
    formula=r"p=E\,\mathrm{tr}\,\Sigma_t^2,\ q=E(\mathrm{tr}\,\Sigma_t)^2:\ 2p+q\to(1+\tfrac2\nu)(2p+q),"
    r"\ p-q\to(1-\tfrac1\nu)(p-q)",
    power=0.2,
)
def squared_spectrum_replace(
    source: MultivariateGaussian, learner: MultivariateGaussianMLE, regime: Replace, n: Sizes
) -> Values:
    """The spectrum spreads: the largest eigenvalues grow on average while their sum stands still."""
    p, q = float((source.cov**2).sum()), float(np.trace(source.cov) ** 2)
    up, down = np.cumprod(1 + 2 / (n - 1)), np.cumprod(1 - 1 / (n - 1))
    return np.asarray(((2 * p + q) * up + (p - q) * down) / 3)


@law(
    "collapse_rates",
    statistic="median",
    kind="asymptotic",
    dims=("direction",),
    example=_WIDE,
    when=lambda chain: followed(chain) and chain.n0 > chain.source.width and not callable(chain.regime.n),  # type: ignore[attr-defined]
    reference="Newman 1986: Lyapunov exponents of Gaussian matrices",
    formula=r"\tfrac1t\log s_k(\Sigma_t^{1/2})\to\tfrac12\Bigl[\psi\bigl(\tfrac{n-k}2\bigr)-\log\tfrac{q}2\Bigr]",
    generations=400,
    first=390,
    replicates=500,
    ways=("exact",),
    tolerance=0.06,
    tags=(EXACT_COLLAPSE,),
)
def collapse_rates_replace(
    source: MultivariateGaussian, learner: MultivariateGaussianMLE, regime: Replace, n: Sizes
) -> Values:
    """Direction k dies about k times faster than the first: what is modelled becomes a line, then a point."""
    last = n[-1:]
    free = last[:, None] - 1 - np.arange(source.width)
    rates = 0.5 * (digamma_gap(free / 2) + np.log(_falls(source, learner, last)))
    return np.repeat(rates, len(n), axis=0)


@law(
    "wasserstein2_squared_vectors",
    kind="asymptotic",
    example=Chain(_SOURCE, MultivariateGaussianMLE(ddof=1), Replace(400), n0=400),
    when=lambda chain: followed(chain) and unbiased(chain),
    reference=SHUMAILOV + ", with the exact constant",
    formula=r"E W_2^2\simeq\sum_{i\le t}\frac1{n_i}\Bigl[\mathrm{tr}\,\Sigma+\tfrac12\sum_{jk}\frac{l_jl_k"
    r"(1+\delta_{jk})}{l_j+l_k}\Bigr],\ l=\mathrm{eig}\,\Sigma",
    generations=4,
    tolerance=0.02,
    replicates=20_000,
    tags=(EXACT_COLLAPSE,),
)
def wasserstein2_squared_vectors_replace(
    source: MultivariateGaussian, learner: MultivariateGaussianMLE, regime: Replace, n: Sizes
) -> Values:
    """The distance to the truth grows with the sum of 1/n, and with the square of the dimension."""
    values = np.linalg.eigvalsh(source.cov)
    total = values[:, None] + values
    pairs = np.where(total > 0, np.outer(values, values) / np.where(total > 0, total, 1), 0.0)
    return np.asarray(np.cumsum(1 / n) * (values.sum() + 0.5 * (pairs.sum() + np.trace(pairs))))
