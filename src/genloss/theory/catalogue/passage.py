"""Laws of when a Gaussian replace-chain has first lost nine tenths of its spread: mean, spread and distribution."""

import functools
import math
from typing import Any

import numpy as np

from genloss.chain.curators import KeepAll
from genloss.chain.data import Array, Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Replace
from genloss.errors import SpecError
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.theory.catalogue.gaussian import SIMPLEST, plain
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.measures import PATHS
from genloss.theory.recursions.numerics import digamma_gap
from genloss.theory.recursions.walk import Walk

_SIEGMUND = 0.5825971579390106  # -zeta(1/2) / sqrt(2 pi)
_RENEWAL = "renewal equation of the random walk log sigma, by quadrature"
_WALD = "Wald's identity; Siegmund 1979 for the overshoot"
_MOST = 20
_SMALL = Chain(Gaussian(), GaussianMLE(ddof=1), Replace(10), n0=10)
_MIDDLE = Chain(Gaussian(), GaussianMLE(ddof=1), Replace(30), n0=30)


class FirstPassage:
    """When sigma first falls below a share of the true one, for equal sizes: closed forms for any number of rows.

    The number of fits counts from 1, so generation = fits - 1.

    Attributes:
        mean: Expected number of fits (Wald's identity, Siegmund's overshoot and two corrections): right to .4% for two
            rows and a share of a tenth, to .03% for ten.
        std: Its standard deviation, right to 2% and .3%.
        shape: The shape of the inverse Gaussian law with this mean and standard deviation.
    """

    def __init__(self, learner: GaussianMLE, n: float, share: float) -> None:
        from scipy.special import zeta

        nu = n - 1
        fall = -float(Walk(learner, np.array([n])).drift[0] + 0.5 * digamma_gap(nu / 2))
        step = 0.5 * math.sqrt(float(zeta(2.0, nu / 2)))
        far = math.log(1 / share) + _SIEGMUND * step
        self.mean = far / fall + (7 / 12 if learner.ddof == 1 else 5 / 12)
        self.std = math.sqrt(far * step**2 / fall**3)
        self.shape = self.mean**3 / self.std**2

    def cdf(self, fits: Any) -> Floats:
        """Approximate P(passed after so many fits): within .016 for ten rows and .003 for fifty."""
        from scipy.special import log_ndtr, ndtr

        x = np.maximum(np.asarray(fits, dtype=float), 1e-12)
        root = np.sqrt(self.shape / x)
        far = np.exp(2 * self.shape / self.mean + log_ndtr(-root * (x / self.mean + 1)))
        return np.asarray(ndtr(root * (x / self.mean - 1)) + far)


class ExactPassage:
    """When sigma first falls below a share of the true one, for equal sizes: the walk's density followed step by step.

    The density of log sigma on the paths that have not passed obeys an integral equation, solved by Gauss's rule on
    panels of four of the step's standard deviations (Nystrom's method). Paths that rise by a factor exp(8) are cut off:
    their chance is about exp(-16), which is how exact it is.

    Attributes:
        mean: Expected number of fits.
        std: Its standard deviation.
    """

    def __init__(self, learner: GaussianMLE, n: float, share: float) -> None:
        from scipy.special import gammaln, zeta

        nu, divisor = n - 1, n - learner.ddof
        wide = (4 if nu > 3 else 2) * 0.5 * math.sqrt(float(zeta(2.0, nu / 2)))
        panels = math.ceil((math.log(1 / share) + 8) / wide)
        nodes, weights = np.polynomial.legendre.leggauss(10)
        edges = np.linspace(math.log(share), 8, panels + 1)
        x = (edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2).ravel()
        self._weight = (np.diff(edges)[:, None] / 2 * weights).ravel()

        def density(step: Floats) -> Floats:
            log = math.log(divisor / 2) + 2 * step
            return np.asarray(2 * np.exp(nu / 2 * log - np.exp(log) - gammaln(nu / 2)))

        self._step = density(x[:, None] - x) * self._weight
        self._first = density(x)
        inverse = np.linalg.inv(np.eye(len(x)) - self._step)
        once = inverse @ self._first
        self.mean = 1 + float(self._weight @ once)
        square = 1 + float(self._weight @ once) + 2 * float(self._weight @ (inverse @ once))
        self.std = math.sqrt(square - self.mean**2)

    def cdf(self, fits: int) -> Floats:
        """Compute P(passed after k fits) for k = 1 to `fits`."""
        density, out = self._first, np.empty(fits)
        for k in range(fits):
            left = self._weight @ density
            if left < 1e-9:
                out[k:] = 1.0
                break
            out[k] = 1 - left
            density = self._step @ density
        return out


def first_passage(chain: Chain, share: float) -> FirstPassage | ExactPassage:
    """Say when a chain first has less than a share of the true standard deviation.

    Args:
        chain: A Gaussian replace-chain of equal sizes, with the divisor n or n - 1.
        share: The share, between 0 and 1.

    Returns:
        Mean, standard deviation and distribution of the number of fits: exact for up to 20 rows, in closed form beyond.

    Raises:
        SpecError: For another chain or share.
    """
    if not 0 < share < 1:
        raise SpecError(f"share: {share} is not a share below which sigma may fall; give a number between 0 and 1")
    fits = isinstance(chain.source, Gaussian) and isinstance(chain.learner, GaussianMLE)
    if not (fits and isinstance(chain.regime, Replace) and isinstance(chain.curator, KeepAll) and _equal(chain)):
        raise SpecError("chain: no Gaussian replace-chain of equal sizes, so its first passage is not known")
    assert isinstance(chain.learner, GaussianMLE)
    kind = ExactPassage if _few(chain) else FirstPassage
    return kind(chain.learner, float(chain.n0), share)


@functools.lru_cache(maxsize=4)
def _exact(ddof: int, n: float) -> ExactPassage:
    return ExactPassage(GaussianMLE(ddof=ddof), n, 0.1)


def _equal(chain: Chain) -> bool:
    """Whether every generation draws as many rows as the first, two or more, with a divisor n or n - 1."""
    regime: Any = chain.regime
    learner: Any = chain.learner
    return plain(chain) and regime.n in ("n0", chain.n0) and chain.n0 > 1 and learner.ddof in (0, 1)


def _few(chain: Chain) -> bool:
    """Whether every generation draws as many rows as the first, from 2 to 20, with a divisor n or n - 1."""
    return _equal(chain) and chain.n0 <= _MOST


def _first(draws: Array) -> Array:
    return np.asarray(np.where(draws.any(axis=1), draws.argmax(axis=1).astype(float), draws.shape[1] - 1.0))


PATHS["std_below_tenth"] = _first


@law(
    "std_below_tenth",
    scalar=True,
    example=_SMALL,
    when=_few,
    reference=_RENEWAL,
    formula=r"E\tau=\sum_{t\ge0}P(\tau>t),\ P(\tau>t)=\int_{\log(1/10)}^\infty f_t,\ "
    r"f_t(x)=\int_{\log(1/10)}^\infty k(x-y)f_{t-1}(y)\,dy",
    generations=300,
    tags=(SIMPLEST,),
)
def std_below_tenth_exact_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The first generation with less than a tenth of the spread, on average."""
    return np.asarray(_exact(learner.ddof, float(n[0])).mean - 1)


@law(
    "std_below_tenth",
    statistic="var",
    scalar=True,
    example=_SMALL,
    when=_few,
    reference=_RENEWAL,
    formula=r"\mathrm{Var}\,\tau=\sum_{t\ge0}(2t+1)P(\tau>t)-(E\tau)^2",
    generations=300,
    power=0.2,
)
def std_below_tenth_spread_exact_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """When chains lose nine tenths of the spread differs from chain to chain by about two thirds of the mean time."""
    return np.asarray(_exact(learner.ddof, float(n[0])).std ** 2)


@law(
    "ever_below_tenth",
    example=_SMALL,
    when=_few,
    reference=_RENEWAL,
    formula=r"P(\tau\le t)=1-\int_{\log(1/10)}^\infty f_t,\ f_t(x)=\int_{\log(1/10)}^\infty k(x-y)f_{t-1}(y)\,dy",
    generations=60,
    first=8,
)
def ever_below_tenth_exact_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The share of chains that have had less than a tenth of the spread by each generation."""
    return _exact(learner.ddof, float(n[0])).cdf(len(n))


@law(
    "std_below_tenth",
    kind="asymptotic",
    scalar=True,
    example=_SMALL,
    when=_equal,
    reference=_WALD,
    formula=r"E\tau\simeq\frac{\log 10+0.5826\,s}{m}+k-1,\ m=\tfrac12[\log\tfrac q2-\psi(\tfrac\nu2)],"
    r"\ k=\tfrac7{12}\ (q=n-1),\ \tfrac5{12}\ (q=n),\ s=\tfrac12\sqrt{\psi'(\nu/2)}",
    generations=300,
    tolerance=0.001,
    tags=(SIMPLEST,),
)
def std_below_tenth_passage_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """Nine tenths of the spread are lost after about 2 n log(10) generations, with the divisor n after half of that."""
    return np.asarray(FirstPassage(learner, float(n[0]), 0.1).mean - 1)


@law(
    "std_below_tenth",
    statistic="var",
    kind="asymptotic",
    scalar=True,
    example=_SMALL,
    when=_equal,
    reference=_WALD,
    formula=r"\mathrm{Var}\,\tau\simeq\frac{(\log 10+0.5826\,s)\,s^2}{m^3}",
    generations=300,
    power=0.2,
    tolerance=0.01,
)
def std_below_tenth_spread_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The time's standard deviation is of the order of n, too: no chain's fate says when another's comes."""
    return np.asarray(FirstPassage(learner, float(n[0]), 0.1).std ** 2)


@law(
    "ever_below_tenth",
    kind="asymptotic",
    example=_MIDDLE,
    when=_equal,
    reference="inverse Gaussian law of a Brownian motion's first passage; " + _WALD,
    formula=r"P(\tau\le t)\simeq\Phi\Bigl(\sqrt{\tfrac\lambda x}(\tfrac x\mu-1)\Bigr)"
    r"+e^{2\lambda/\mu}\Phi\Bigl(-\sqrt{\tfrac\lambda x}(\tfrac x\mu+1)\Bigr),\ x=t+1,\ \mu=E\tau+1,"
    r"\ \lambda=\mu^3/\mathrm{Var}\,\tau",
    generations=200,
    first=60,
    tolerance=0.02,
)
def ever_below_tenth_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The share of chains that have had less than a tenth of the spread, in closed form for any number of rows."""
    return FirstPassage(learner, float(n[0]), 0.1).cdf(np.arange(1, len(n) + 1))
