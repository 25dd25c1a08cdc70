"""Exact upper tails as natural logarithms, finite at any distance: binomial, gamma, hypergeometric and lattice sums.

Every function takes arrays and gives log P(X >= x) under the null; none of them rounds to -inf where X can be as large.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genloss.chain.data import Array, Floats

_SAFE = 1e-250
"""Above this, tails are left to scipy.special."""
_FEW, _PLACES = 24, 1 << 13
"""How many numbers are always added up exactly, and how many places the law of a sum of more may have for that."""


def log_binomial_tail(k: Any, n: Any, p: float) -> Floats:
    """Log P(X >= k) for X ~ Binomial(n, p).

    Far out, where the incomplete beta function underflows, the probability of k times the series of the ratios of
    successive probabilities.
    """
    from scipy.special import betainc

    shape, k, n = _level(k, n)
    inside = (k > 0) & (k <= n)
    tail = betainc(np.where(inside, k, 1.0), np.where(inside, n - k + 1, 1.0), p)
    found = np.where(k <= 0, 0.0, -np.inf)
    found = np.where(inside & (tail > _SAFE), np.log(np.maximum(tail, _SAFE)), found)
    for at in map(tuple, np.argwhere(inside & (tail <= _SAFE))):
        x, m = float(k[at]), float(n[at])
        ratios = _ratios(lambda j, x=x, m=m: (m - x - j) / (x + j + 1) * (p / (1 - p)), m - x)
        found[at] = _log_binomial(x, m, p) + ratios
    return found.reshape(shape)


def log_gamma_tail(shape: Any, x: Any) -> Floats:
    """Log P(X >= x) for X ~ Gamma(shape, 1); with whole shapes a sum of so many exponential variables.

    Far out, Legendre's continued fraction for the upper incomplete gamma function (DLMF 8.9.2).
    """
    from scipy.special import gammaincc

    outer, a, x = _level(shape, x)
    ordinary = (a > 0) & (x > 0)
    tail = gammaincc(np.where(ordinary, a, 1.0), np.where(ordinary, x, 0.0))
    found = np.log(np.maximum(tail, _SAFE))
    for at in map(tuple, np.argwhere(ordinary & (tail <= _SAFE))):
        m, s = float(a[at]), float(x[at])
        # s^m e^-s / Gamma(m) is m times the Poisson probability of m at mean s.
        found[at] = np.log(m) + _log_poisson(m, s) + np.log(_upper_fraction(m, s))
    return np.where(a > 0, np.minimum(found, 0.0), 0.0).reshape(outer)


def log_hypergeometric_tail(k: Any, population: int, marked: int, n: Any) -> Floats:
    """Log P(X >= k) for X marked among n drawn without replacement.

    The probability of k times the series of ratios of successive probabilities; below the mean, one minus the other
    side.
    """
    shape, k, n = _level(k, n)
    found = np.zeros(k.shape)
    total, good = float(population), float(marked)
    for at in np.ndindex(k.shape):
        x, m = float(k[at]), float(n[at])
        least, most = max(0.0, m + good - total), min(m, good)
        if x <= least:
            continue
        if x > most:
            found[at] = -np.inf
        elif x > m * good / total:
            found[at] = min(0.0, _hypergeometric_side(x, total, good, m))
        else:
            # P(X < x) is the upper tail of the unmarked ones among the n.
            other = _hypergeometric_side(m - x + 1, total, total - good, m)
            found[at] = np.log1p(-np.exp(min(other, -1e-15)))
    return found.reshape(shape)


def _level(one: Any, other: Any) -> tuple[tuple[int, ...], Floats, Floats]:
    """Two arrays of one shape, laid flat."""
    first, second = np.broadcast_arrays(np.asarray(one, dtype=float), np.asarray(other, dtype=float))
    return first.shape, first.ravel(), second.ravel()


def _hypergeometric_side(x: float, total: float, good: float, m: float) -> float:
    bad = total - good
    first = (
        _log_binomial(x, good, m / total) + _log_binomial(m - x, bad, m / total) - _log_binomial(m, total, m / total)
    )
    ratios = _ratios(lambda j: (good - x - j) * (m - x - j) / ((x + j + 1) * (bad - m + x + j + 1)), min(good, m) - x)
    return first + ratios


def _ratios(ratio: Any, most: float, block: int = 4096) -> float:
    """log(1 + r0 + r0 r1 + ...), the ratios falling."""
    total, last, begin = 1.0, 1.0, 0
    while begin < most:
        j = np.arange(begin, min(begin + block, most))
        terms = last * np.cumprod(ratio(j))
        total += float(terms.sum())
        last = float(terms[-1])
        begin += block
        if last < 1e-18 * total:
            break
    return float(np.log(total))


def _log_binomial(x: float, n: float, p: float) -> float:
    """Log probability of x, by Loader's saddle point form (2000): exact to rounding at any size."""
    if x < 0 or x > n:
        return -np.inf
    if n == 0:
        return 0.0
    if x == 0:
        return float(n * np.log1p(-p))
    if x == n:
        return float(n * np.log(p))
    inner = _stirling(n) - _stirling(x) - _stirling(n - x) - _deviance(x, n * p) - _deviance(n - x, n * (1 - p))
    return float(inner + 0.5 * np.log(n / (2 * np.pi * x * (n - x))))


def _log_poisson(x: float, mean: float) -> float:
    return float(-_stirling(x) - _deviance(x, mean) - 0.5 * np.log(2 * np.pi * x))


def _stirling(n: float) -> float:
    """Log n! less Stirling's formula."""
    from scipy.special import gammaln

    if n < 16:
        return float(gammaln(n + 1) - (n + 0.5) * np.log(n) + n - 0.5 * np.log(2 * np.pi)) if n > 0 else 0.0
    m = 1 / (n * n)
    return float((1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - m / 1188) * m) * m) * m) / n)


def _deviance(x: float, mean: float) -> float:
    """X log(x / mean) + mean - x, without cancellation where the two are near."""
    if abs(x - mean) < 0.1 * (x + mean):
        v = (x - mean) / (x + mean)
        total, term = (x - mean) * v, 2 * x * v
        for j in range(1, 1000):
            term *= v * v
            more = total + term / (2 * j + 1)
            if more == total:
                break
            total = more
        return total
    return float(x * np.log(x / mean) + mean - x)


def _upper_fraction(a: float, x: float) -> float:
    """Gamma(a, x) / (x^a e^-x) for x well above a (modified Lentz)."""
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    found = d
    for i in range(1, 100_000):
        numerator = -i * (i - a)
        b += 2
        d = 1 / (numerator * d + b or tiny)
        c = b + numerator / c or tiny
        found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return found


@dataclass(frozen=True, eq=False)
class LatticeSum:
    """The null law of a sum of n independent whole numbers from 0 on, all of one law.

    Up to 24 numbers are added up exactly, by a Fourier transform of the law tilted to where the sum lies, and so are up
    to `few` of a law that is too coarse for a formula. Others are by the saddle point formula of Lugannani and Rice
    with Daniels' second continuity correction (1987, equation 6.6), an approximation. Its relative error falls like
    1 / n; what is given is larger by the share 1 / (4 n), and by what the coarseness of the tilted law may add (the
    mass of its characteristic function away from 0), up to Chernoff's bound.

    Attributes:
        law: Probability of each number: shape (largest + 1,).
    """

    law: Floats

    @cached_property
    def few(self) -> int:
        """How many numbers may be added up exactly: 24, and more where they are small."""
        return max(_FEW, _PLACES // max(1, len(self._reduced.law) - 1))

    @cached_property
    def _reduced(self) -> "LatticeSum":
        """The same law in its widest steps: the continuity correction is half a step of the sum."""
        at = np.flatnonzero(self.law)
        step = int(np.gcd.reduce(at - at[0])) or 1
        return self if step == 1 and not at[0] else LatticeSum(self.law[at[0] :: step])

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of one number."""
        at = np.arange(len(self.law))
        mean = float(at @ self.law)
        return mean, float(np.sqrt((at - mean) ** 2 @ self.law))

    def log_tail(self, total: Any, n: Any) -> Floats:
        """Log P(sum of n >= total)."""
        shape, total, n = _level(total, n)
        if self._reduced is not self:
            first, *more = np.flatnonzero(self.law)
            step = int(np.gcd.reduce(np.array(more) - first)) if more else 1
            return np.reshape(self._reduced.log_tail(np.ceil((total - n * first) / step), n), shape)
        if len(self.law) == 1:
            return np.where(total > 0, -np.inf, 0.0).reshape(shape)
        found = np.zeros(total.shape)
        short = (n > 0) & (n <= _FEW)
        some = (n > _FEW) & (n <= self.few)
        if some.any():
            means, tilt, *_ = self._grid
            short[some] = self._coarse(tilt(np.clip(total[some] / n[some], means[0], means[-1])), n[some]) > 1e-3
        for units in np.unique(n[short]):
            these = short & (n == units)
            sums, back = np.unique(total[these], return_inverse=True)
            found[these] = self._exact(sums, int(units))[back]
        long = (n > 0) & ~short
        if long.any():
            found[long] = self._saddle_point(total[long], n[long])
        return np.minimum(found, 0.0).reshape(shape)

    @cached_property
    def _support(self) -> tuple[Floats, Floats]:
        at = np.flatnonzero(self.law)
        return at.astype(float), np.log(self.law[at] / self.law.sum())

    def _generating(self, theta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """The cumulant generating function of one number and three derivatives."""
        at, log_law = self._support
        found = []
        for block in np.array_split(np.atleast_1d(theta), max(1, len(theta) * len(at) // 2_000_000)):
            weight = block[:, None] * at + log_law
            top = weight.max(1)
            weight = np.exp(weight - top[:, None])
            mass = weight.sum(1)
            mean = weight @ at / mass
            off = at - mean[:, None]
            found.append([np.log(mass) + top, mean, (weight * off**2).sum(1) / mass, (weight * off**3).sum(1) / mass])
        k0, k1, k2, k3 = (np.concatenate(part) for part in zip(*found, strict=True))
        return k0, k1, k2, k3

    @cached_property
    def _grid(self) -> tuple[Floats, Any, Any, Any, Any]:
        """Tilts, and by the mean that they give: the tilt, the rate, the spread and the skew of the tilted law."""
        from scipy.interpolate import CubicHermiteSpline

        at, _ = self._support
        deviation = np.sqrt(self._generating(np.zeros(1))[2][0])
        edge = np.sinh(np.linspace(-6.5, 6.5, 401)) / np.sinh(6.5)
        theta = edge * 60 / min(deviation, max(1.0, at[-1] / 8))
        k0, k1, k2, k3 = self._generating(theta)
        use = np.concatenate([[True], np.diff(k1) > 1e-9 * (at[-1] + 1)]) & (k2 > 1e-7)
        theta, k0, k1, k2, k3 = theta[use], k0[use], k1[use], k2[use], k3[use]
        tilt = CubicHermiteSpline(k1, theta, 1 / k2)
        rate = CubicHermiteSpline(k1, theta * k1 - k0, theta)
        spread = CubicHermiteSpline(k1, k2, k3 / k2)
        return k1, tilt, rate, spread, k3[np.argmin(np.abs(theta))]

    def _saddle_point(self, total: Floats, n: Floats) -> Floats:
        from scipy.special import log_ndtr

        means, tilt, rate, spread, third = self._grid
        x = (total - 0.5) / n
        inner = np.clip(x, means[0], means[-1])
        theta, k2 = tilt(inner), np.maximum(spread(inner), 1e-12)
        index = np.maximum(rate(inner), 0.0)
        w = np.sign(theta) * np.sqrt(2 * n * index)
        u = 2 * np.sinh(theta / 2) * np.sqrt(n * k2)
        near = np.abs(w) < 0.1  # where 1 / u - 1 / w cancels
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.where(near, -third / (6 * k2**1.5 * np.sqrt(n)), 1 / u - 1 / w)
        log_upper = log_ndtr(-w)
        ratio = np.exp(-0.5 * w * w - 0.5 * np.log(2 * np.pi) - log_upper)
        found = log_upper + np.log(np.maximum(1 + gap * ratio, 1e-3))
        steep = np.clip(total / n, means[0], means[-1])
        chernoff = np.where(tilt(steep) > 0, -n * np.maximum(rate(steep), 0.0), 0.0)
        found = np.minimum(found + 0.25 / n + self._coarse(theta, n), chernoff)
        # Beyond the last tilt Chernoff's bound, whose rate grows at least as fast as there.
        beyond = -n * (index + np.maximum(x - means[-1], 0) * theta)
        found = np.where(x > means[-1], beyond, found)
        return np.where(x < means[0], 0.0, found)

    @cached_property
    def _side_lobes(self) -> tuple[Floats, Floats, Floats]:
        """By tilt, as logs: the largest modulus of the characteristic function away from 0, and the mass there.

        The mass is that of 24 and of `few` numbers: shape (2, tilts).
        """
        at, log_law = self._support
        tilts = self._grid[1].c[-1]
        tilts = np.append(tilts[tilts > 0][::8], tilts[-1])
        size = 8 << len(self.law).bit_length()
        found = []
        for theta in tilts:
            tilted = np.zeros(len(self.law))
            weight = theta * at + log_law
            tilted[at.astype(int)] = np.exp(weight - weight.max())
            tilted /= tilted.sum()
            places = np.arange(len(tilted))
            deviation = math.sqrt(max(1e-12, float(tilted @ (places - tilted @ places) ** 2)))
            modulus = np.log(np.maximum(np.abs(np.fft.rfft(tilted, size)), 1e-300))
            away = 2 * np.pi * np.arange(len(modulus)) / size >= min(1 / deviation, np.pi / 2)
            top = float(np.max(modulus[away], initial=-700.0))
            found.append([top])
            for n in (_FEW, self.few):
                mass = np.exp(n * (modulus[away] - top)).sum() / np.exp(n * modulus[~away]).sum()
                found[-1].append(math.log(max(float(mass), 1e-300)))
        tops, *masses = np.array(found).T
        return tilts, tops, np.array(masses)

    def _coarse(self, theta: Floats, n: Floats) -> Floats:
        """What the mass of the characteristic function away from 0 may add to the log of a tail."""
        tilts, tops, masses = self._side_lobes
        right = np.clip(np.searchsorted(tilts, theta), 1, len(tilts) - 1)
        many = (n > self.few).astype(int)
        least = np.where(many, self.few, _FEW)
        added = [tops[i] * n + masses[many, i] + 0.5 * np.log(n / least) for i in (right - 1, right)]
        return np.asarray(np.logaddexp(0.0, np.log(2) + np.maximum(*added)))

    def _exact(self, total: Floats, n: int) -> Floats:
        """Tails of the exact law of n numbers; those too far out for it, one by one, of the tilted law."""
        plain = self._convolved(0.0, n)
        tails = np.cumsum(plain[::-1])[::-1]
        at = total.astype(int)
        inside = (at > 0) & (at < len(plain))
        near = tails[np.where(inside, at, 0)]
        found = np.where(at <= 0, 0.0, -np.inf)
        found = np.where(inside, np.log(np.maximum(near, 1e-12)), found)
        for i in np.flatnonzero(inside & (near < 1e-7)):
            found[i] = self._tilted(int(at[i]), n)
        return found

    def _tilted(self, total: int, n: int) -> float:
        means, tilt, *_ = self._grid
        theta = max(0.0, float(tilt(np.clip(total / n, means[0], means[-1]))))
        sums = self._convolved(theta, n)[total:]
        terms = np.log(np.maximum(sums, 1e-320)) - theta * np.arange(len(sums))
        top = float(terms.max())
        rate = n * float(self._generating(np.array([theta]))[0][0]) - theta * total
        return float(top + np.log(np.exp(terms - top).sum()) + rate)

    def _convolved(self, theta: float, n: int) -> Floats:
        """The law of the sum of n numbers of the law tilted by theta."""
        at, log_law = self._support
        tilted = np.zeros(len(self.law))
        weight = theta * at + log_law
        tilted[at.astype(int)] = np.exp(weight - weight.max())
        tilted /= tilted.sum()
        length = n * (len(self.law) - 1) + 1
        size = 1 << length.bit_length()
        return np.maximum(np.fft.irfft(np.fft.rfft(tilted, size) ** n, size)[:length], 0.0)


def lattice_of(scores: Array, weights: Array | None = None) -> Floats:
    """The law of whole numbers seen so often."""
    counts = np.bincount(scores, weights)
    return np.asarray(counts / counts.sum())
