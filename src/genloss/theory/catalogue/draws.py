"""The law of a draw from a collapsing Gaussian chain over all its histories: density, distribution and kurtosis."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from genloss.chain.data import Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Replace
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.theory.catalogue.gaussian import COCHRAN, plain
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.walk import Walk

_STEP = 0.06
_LEFT = -46.0
_SEEN = -32.0  # below it the transform is 1 to rounding errors
_FINER = 8
_MOST_EQUAL, _MOST_UNEQUAL = 16, 6
_SMALL = Chain(Gaussian(), GaussianMLE(ddof=1), Replace(10), n0=10)


class Draws:
    """The law of a draw X_t from each generation t of a Gaussian replace-chain, over all its histories.

    Given the path of sigma, X_t is normal with variance Q = sum_i sigma_(i-1)^2 / n_i + sigma_t^2. The Laplace
    transform of Q follows from the last generation backwards, psi(v) = exp(-v / n) E psi(g v) with a gamma variable g:
    in log v a convolution, done by its Fourier transform on what psi differs from an exponential. The characteristic
    function of X_t is psi(u^2 / 2). At t = 0 the law is a normal law whose variance is random: a variance-gamma law
    about a normal shift; later ones have heavier tails.

    All is in units of the true standard deviation, about the true mean.

    Args:
        n: Rows drawn at generations 0 to t.
        ddof: The divisor is n - ddof.
    """

    def __init__(self, n: Sizes, ddof: int = 1) -> None:
        n = np.asarray(n, dtype=float)
        steps = _Steps(n, ddof)
        self._grid = steps.grid
        self._psi = np.array(list(steps.equal(n) if (n[1:] == n[-1]).all() else steps.unequal(n)))

    def pdf(self, x: Any) -> Floats:
        """Compute the density at x: shape (t, points)."""
        points = np.atleast_1d(np.asarray(x, dtype=float))
        return np.array([np.cos(np.outer(points, u)) @ psi for u, psi in self._cosines(points)])

    def cdf(self, x: Any) -> Floats:
        """Compute the distribution function at x: shape (t, points)."""
        points = np.atleast_1d(np.asarray(x, dtype=float))
        return np.array([0.5 + np.sin(np.outer(points, u)) @ (psi / u) for u, psi in self._cosines(points)])

    def _cosines(self, points: Floats) -> Iterator[tuple[Floats, Floats]]:
        """Give for each generation nodes u and psi(u^2 / 2) times their weights over pi."""
        from scipy.interpolate import CubicSpline

        nodes, weights = np.polynomial.legendre.leggauss(20)
        seen = int(np.searchsorted(self._grid, _SEEN))
        for psi in self._psi:
            last = np.flatnonzero(np.abs(psi) > 1e-14)[-1]
            far = np.sqrt(2 * np.exp(self._grid[last]))
            panels = 20 + int(far * np.abs(points).max() / 10)
            edges = np.linspace(0, far, panels + 1)
            u = (edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2).ravel()
            weight = (np.diff(edges)[:, None] / 2 * weights).ravel()
            part = slice(seen, last + 8)
            at = np.clip(np.log(u**2 / 2), self._grid[seen], self._grid[last])
            yield u, CubicSpline(self._grid[part], psi[part])(at) * weight / np.pi


class _Steps:
    """The backward recursion of the Laplace transform on a grid of log v."""

    def __init__(self, n: Floats, ddof: int) -> None:
        # The mass that a convolution carries past the ends must meet zeros: room for the long tail of log chi-square.
        right = np.log(37 * n.max()) + 74 / (n.min() - 1) + 5
        size = 2 ** int(np.ceil(np.log2((right - _LEFT) / _STEP)))
        self._x = _LEFT + _STEP * np.arange(size)
        self._v = np.exp(np.minimum(self._x, 600.0))
        self._ddof = ddof
        self._kernels: dict[float, Any] = {}
        self.grid = _LEFT + _STEP / _FINER * np.arange(size * _FINER)

    def equal(self, n: Floats) -> Iterator[Floats]:
        """All later generations have one size: each adds one step, with the first generation's own step last."""
        psi, mean = self._start()
        yield self._fine(*self._back(psi, mean, n[0]))
        for rows in n[1:].tolist():
            psi, mean = self._back(psi, mean, rows)
            yield self._fine(*self._back(psi, mean, n[0]))

    def unequal(self, n: Floats) -> Iterator[Floats]:
        """Every generation has its own recursion."""
        for t in range(len(n)):
            psi, mean = self._start()
            for rows in n[t::-1].tolist():
                psi, mean = self._back(psi, mean, rows)
            yield self._fine(psi, mean)

    def _start(self) -> tuple[Floats, float]:
        return np.exp(-self._v), 1.0

    def _back(self, psi: Floats, mean: float, rows: float) -> tuple[Floats, float]:
        """Go back over one generation: the new transform, and the mean of what it transforms."""
        half, divisor = (rows - 1) / 2, rows - self._ddof
        rest = np.fft.irfft(np.fft.rfft(psi - np.exp(-mean * self._v)) * self._kernel(rows), len(psi))
        kept = np.exp(-half * np.log1p(2 * mean * self._v / divisor))
        return np.exp(-self._v / rows) * (rest + kept), 1 / rows + 2 * half / divisor * mean

    def _kernel(self, rows: float) -> Any:
        """Compute the Fourier transform of the law of log(chi2 / divisor)."""
        from scipy.special import loggamma

        if rows not in self._kernels:
            half = (rows - 1) / 2
            power = 2j * np.pi * np.fft.rfftfreq(len(self._x), _STEP)
            scale = np.log((rows - self._ddof) / 2)
            self._kernels[rows] = np.exp(loggamma(half + power) - loggamma(half) - power * scale)
        return self._kernels[rows]

    def _fine(self, psi: Floats, mean: float) -> Floats:
        """Evaluate on the finer grid, by adding zeros to the Fourier transform of what is smooth and vanishes."""
        size = len(psi)
        rest = np.fft.irfft(np.fft.rfft(psi - np.exp(-mean * self._v)), size * _FINER) * _FINER
        return np.asarray(rest + np.exp(-mean * np.exp(np.minimum(self.grid, 600.0))))


def _reached(n: Sizes) -> int:
    """For how many generations the inversion is affordable."""
    return min(len(n), _MOST_EQUAL if (n[1:] == n[-1]).all() else _MOST_UNEQUAL)


@law(
    "draw_beyond_three",
    example=_SMALL,
    when=plain,
    reference=COCHRAN + "; variance-gamma at generation 0 (Madan and Seneta 1990); inversion of the transform later",
    formula=r"P(|X_t-\mu|>3\sigma)=1-\tfrac2\pi\int_0^\infty\frac{\sin 3u}{u}\,\psi_t(u^2/2)\,du,\ "
    r"\psi_t(v)=E e^{-vQ_t},\ Q_t=\sum_{i\le t}\frac{\sigma_{i-1}^2}{n_i\sigma^2}+\frac{\sigma_t^2}{\sigma^2}",
    power=0.2,
    generations=12,
)
def draw_beyond_three_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """How often a draw lies three true standard deviations out: ever more often with n - 1, though chains shrink."""
    out = np.full(len(n), np.nan)
    reached = _reached(n)
    if n[:reached].min() < 2:
        return out
    out[:reached] = 2 * Draws(n[:reached], learner.ddof).cdf(-3.0)[:, 0]
    return out


@law(
    "draw",
    statistic="kurtosis",
    example=_SMALL,
    when=plain,
    reference=COCHRAN + "; variance-gamma at generation 0 (Madan and Seneta 1990)",
    formula=r"\frac{E(X_t-\mu)^4}{(\mathrm{Var}\,X_t)^2}=3\,\frac{E V_t^2+2E V_t\sigma_t^2+E\sigma_t^4}"
    r"{(E V_t+E\sigma_t^2)^2},\ V_t=\sum_{i\le t}\sigma_{i-1}^2/n_i",
    power=0.25,
    generations=3,
    replicates=100_000,
)
def draw_kurtosis_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """Over all histories a draw has heavier tails than any model of the chain: its kurtosis grows exponentially."""
    walk = Walk(learner, n)
    fourth = walk.offset_squared() + 2 * walk.offset_times_variance() + np.exp(walk.moment(4))
    return np.asarray(3 * fourth / (walk.offset() + np.exp(walk.moment(2))) ** 2)
