"""Laws of the whole path of a Gaussian replace-chain: quantiles of sigma, and its rate."""

from typing import Any

import numpy as np

from genloss.chain.data import Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Replace
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.theory.catalogue.gaussian import COCHRAN, MLE, SIMPLEST, UNBIASED, cool, plain, unbiased
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.inversion import log_chi_squares
from genloss.theory.recursions.walk import Walk

_LEVELS = (0.05, 0.25, 0.75, 0.95)
_SMALL = Chain(Gaussian(), GaussianMLE(ddof=1), Replace(10), n0=10)


class StdLaw:
    """The law of sigma_t / sigma at every generation of a Gaussian replace-chain, to about nine digits or more.

    Its square is a product of independent gamma variables (a Meijer G density, which nobody wants to evaluate); the
    logarithm is a sum, whose characteristic function is inverted.

    Args:
        learner: The learner.
        n: Rows drawn at generations 0 to t.
    """

    def __init__(self, learner: GaussianMLE, n: Sizes) -> None:
        walk = Walk(learner, np.asarray(n, dtype=float))
        self._law, self._drift = log_chi_squares(walk.nu), np.cumsum(walk.drift)[:, None]

    def pdf(self, x: Any) -> Floats:
        """Compute the density at x > 0: shape (t, points)."""
        x = np.atleast_1d(np.asarray(x, dtype=float))
        return np.asarray(2 / x * self._law.pdf(2 * (np.log(x) - self._drift)))

    def cdf(self, x: Any) -> Floats:
        """Compute the distribution function at x > 0: shape (t, points)."""
        return self._law.cdf(2 * (np.log(np.atleast_1d(np.asarray(x, dtype=float))) - self._drift))

    def quantile(self, levels: Any) -> Floats:
        """Compute quantiles: shape (t, levels)."""
        return np.asarray(np.exp(0.5 * self._law.quantile(levels) + self._drift))


def std_quantiles(learner: GaussianMLE, n: Sizes, levels: Any) -> Floats:
    """Compute quantiles of sigma_t / sigma at every generation, to about nine digits: shape (t, levels)."""
    return StdLaw(learner, n).quantile(levels)


@law(
    "std",
    statistic="median",
    example=_SMALL,
    when=cool,
    reference=COCHRAN + "; Gil-Pelaez 1951 for the inversion",
    formula=r"P(\sigma_t\le x)=\tfrac12-\tfrac1\pi\int_0^\infty\mathrm{Im}\Bigl[e^{-iu\log(x^2/\sigma^2)}\prod_i"
    r"\frac{\Gamma(\nu_i/2+iu)}{\Gamma(\nu_i/2)}(q_i/2)^{-iu}\Bigr]\frac{du}{u}=\tfrac12",
    tags=(SIMPLEST,),
    generations=20,
)
def std_median_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """A typical chain's standard deviation decays like exp(-t/(2n)): far below the mean over chains."""
    return np.asarray(np.sqrt(source.var) * std_quantiles(learner, n, 0.5)[:, 0])


@law(
    "std",
    statistic="median",
    kind="asymptotic",
    example=Chain(Gaussian(), GaussianMLE(ddof=1), Replace(50), n0=50),
    when=unbiased,
    reference="leading order of the exact median",
    formula=r"\mathrm{median}\,\sigma_t\simeq\sigma e^{-\frac12\sum_{i\le t}1/n_i}",
    generations=20,
    tolerance=0.02,
)
def std_median_leading_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """To leading order a typical standard deviation depends on the sum of 1/n; linear schedules give a power."""
    return np.asarray(np.sqrt(source.var) * np.exp(-0.5 * np.cumsum(1 / n)))


@law(
    "std",
    statistic="quantile",
    levels=_LEVELS,
    dims=("quantile",),
    example=MLE,
    when=cool,
    reference=COCHRAN + "; Gil-Pelaez 1951 for the inversion",
    formula=r"P(\sigma_t\le q_\alpha)=\alpha",
)
def std_quantiles_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """Between which standard deviations half, and nine tenths, of all chains lie."""
    return np.asarray(np.sqrt(source.var) * std_quantiles(learner, n, _LEVELS))


@law(
    "std_above_tenth",
    kind="upper bound",
    example=_SMALL,
    when=plain,
    reference="Suresh et al. 2024 (2412.17646); Markov's inequality on E sigma_t",
    formula=r"P(\sigma_t>\sigma/10)\le 10\prod_{i\le t}E f_i\le10e^{-\sum_i 1/(4n_i)}",
    generations=120,
    replicates=20_000,
    tags=(SIMPLEST,),
    sharper="std_above_tenth_exact_replace",
)
def std_above_tenth_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The chance of keeping a tenth of the spread falls exponentially."""
    return np.asarray(np.minimum(1, 10 * np.exp(Walk(learner, n).moment(1))))


@law(
    "std_above_tenth",
    example=_SMALL,
    when=plain,
    reference=COCHRAN + "; Gil-Pelaez 1951 for the inversion",
    formula=r"P(\sigma_t>\sigma/10)\ \text{from the law of}\ \sum_i\log(\chi^2_{\nu_i}/q_i)",
    generations=60,
    replicates=20_000,
    first=15,
)
def std_above_tenth_exact_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The exact chance that a chain still has a tenth of the true spread."""
    return 1 - StdLaw(learner, n).cdf(0.1)[:, 0]


@law(
    "log_std",
    kind="asymptotic",
    example=UNBIASED,
    when=unbiased,
    reference="leading order of the exact drift",
    formula=r"E\log\sigma_t\simeq\log\sigma-\sum_{i\le t}\Bigl[\frac1{2\nu_i}+\frac1{6\nu_i^2}\Bigr]",
    tolerance=0.01,
)
def log_std_leading_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """Sigma tends to 0 almost surely at the rate exp(-t/(2n)), unless the sum of 1/n converges."""
    return np.asarray(0.5 * np.log(source.var) - np.cumsum(1 / (2 * (n - 1)) + 1 / (6 * (n - 1) ** 2)))
