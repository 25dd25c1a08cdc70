"""Distributions from characteristic functions: sums of log chi-squares, which are the paths of log sigma."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from genloss.chain.data import Array, Floats
from genloss.theory.recursions.numerics import digamma_gap

_NODES = 72
_FEW_NODES = 44
_ORDER = 14
_DIRECT = 24
_NORMAL = 1e3
_MOST = 20_000
_KEPT = 2_000
_TURNS = 50.0  # radians that the integrand may turn over 44 nodes or more
_FINER = 4
_FAR_LEFT, _FAR_RIGHT = -40.0, 6.5
_SMALL = 1e-4


def log_chi_squares(nu: Floats) -> "LogChiSquares":
    """Give the law of the sums for these degrees of freedom, the last one again where it is asked for again."""
    return _last(np.ascontiguousarray(nu, dtype=float).tobytes())


@functools.lru_cache(maxsize=1)
def _last(nu: bytes) -> "LogChiSquares":
    return LogChiSquares(np.frombuffer(nu))


@functools.cache
def _gauss(count: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


class LogChiSquares:
    """The law of X_t = sum over i <= t of log(chi2_nu_i / nu_i), at every t at once.

    Its distribution function is Gil-Pelaez's integral of the characteristic function, whose logarithm is a sum of
    log-gamma functions; terms with many degrees of freedom enter by their cumulants, where those converge fast. Once
    Cornish and Fisher's expansion by six cumulants is right to about nine digits, it is used.

    Attributes:
        mean: E X_t.
        var: Var X_t.
    """

    def __init__(self, nu: Floats) -> None:
        from scipy.special import zeta

        self.nu = np.asarray(nu, dtype=float)
        half = self.nu / 2
        terms = [digamma_gap(half)]
        factorial = 1.0
        for k in range(2, 7):
            terms.append((-1) ** k * factorial * zeta(float(k), half))
            factorial *= k
        self._cumulants = np.cumsum(terms, axis=1)
        self.mean, self.var = self._cumulants[0], self._cumulants[1]
        self._known: list[Any] | None = None
        # One over the squared skewness: how many terms of a sum would make it as normal as it is.
        self._size = self.var**3 / self._cumulants[2] ** 2

    def quantile(self, levels: Any) -> Floats:
        """Compute quantiles: shape (t, levels)."""
        from scipy.special import ndtri

        levels = np.atleast_1d(np.asarray(levels, dtype=float))
        z = ndtri(levels)
        out = self.mean[:, None] + np.sqrt(self.var[:, None]) * self._expanded(z)
        for block, grid, weight, phase, size in self._grids():
            x = (out[block] - self.mean[block, None]) / np.sqrt(self.var[block, None])
            least = self._size[block].min()
            for _ in range(1 if least > 400 else 2 if least > 30 else 8):
                below, density = _gil_pelaez(x, grid, weight, phase, size)
                step = np.clip((below - levels) / np.maximum(density, 1e-3), -0.5, 0.5)
                x = x - step
            out[block] = self.mean[block, None] + x * np.sqrt(self.var[block, None])
        return np.asarray(out)

    def cdf(self, x: Any) -> Floats:
        """Compute the distribution function at x, shape (t,) or (t, m), one row per generation."""
        from scipy.special import ndtr

        points = np.asarray(x, dtype=float)
        standard = ((points.T - self.mean) / np.sqrt(self.var)).T.reshape(len(self.mean), -1)
        out = ndtr(self._normal(standard))
        for block, below, _ in self._inversions(standard):
            out[block] = below
        # The sum has lighter tails to the right than the normal law: beyond 6.5 standard deviations less than 1e-9.
        out = np.where(standard > _FAR_RIGHT, 1.0, np.where(standard < _FAR_LEFT, 0.0, np.clip(out, 0, 1)))
        return np.asarray(out.reshape(points.shape))

    def pdf(self, x: Any) -> Floats:
        """Compute the density at x, shape (t,) or (t, m), one row per generation."""
        points = np.asarray(x, dtype=float)
        scale = np.sqrt(self.var)[:, None]
        standard = ((points.T - self.mean) / np.sqrt(self.var)).T.reshape(len(self.mean), -1)
        z = self._normal(standard)
        slope = (self._expanded(z + _SMALL) - self._expanded(z - _SMALL)) / (2 * _SMALL)
        out = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / slope
        for block, _, density in self._inversions(standard):
            out[block] = density
        inside = (standard <= _FAR_RIGHT) & (standard >= _FAR_LEFT)
        return np.asarray((np.where(inside, np.maximum(out, 0), 0.0) / scale).reshape(points.shape))

    def _normal(self, standard: Floats) -> Floats:
        """Turn standardised points into those of the normal law, by Cornish and Fisher's expansion the other way."""
        z = standard.copy()
        for _ in range(12):
            # Fixed point; far out, where it is none, there is next to no mass.
            z = np.clip(z + standard - self._expanded(z), -40, 40)
        return z

    def _inversions(self, standard: Floats) -> Iterator[tuple[Array, Floats, Floats]]:
        """Invert where the law is not nearly normal: generations, distribution function and density (standardised)."""
        for block, grid, weight, phase, size in self._grids():
            yield block, *_gil_pelaez(standard[block], grid, weight, phase, size)
        # Far out the integrand turns faster than the grid can see: there more nodes are taken.
        inverted = self._inverted()
        inside = (standard >= _FAR_LEFT) & (standard <= _FAR_RIGHT) & ~self._nearly_impossible(standard)
        inside = inside[inverted]
        turns = np.where(inside, np.abs(standard[inverted]), 0.0).max(axis=1) * _reach(self._size[inverted])
        more = np.ceil(turns / _TURNS).astype(int)
        for some in (inverted[(more > 1) & (more <= _FINER)], *(inverted[more == k] for k in set(more[more > _FINER]))):
            finer = int(more[np.isin(inverted, some)].max(initial=1))
            for block, grid, weight, phase, size in self._blocks(some, finer):
                yield block, *_gil_pelaez(standard[block], grid, weight, phase, size)

    def _nearly_impossible(self, standard: Floats) -> Array:
        """Find points with less than exp(-23) to their left, by Chernoff's bound at a few powers."""
        from scipy.special import gammaln

        half = self.nu / 2
        points = self.mean[:, None] + np.sqrt(self.var)[:, None] * standard
        found = np.zeros(standard.shape, dtype=bool)
        for power in half.min() * np.array([0.25, 0.5, 0.75]):
            log = np.cumsum(gammaln(half - power) - gammaln(half) + power * np.log(half))
            found |= log[:, None] + power * points < -23
        return found

    def _grids(self) -> Any:
        """Give the groups of generations; those of a short chain are kept for the next question."""
        if len(self.nu) > _KEPT:
            return self._blocks(self._inverted())
        if self._known is None:
            self._known = list(self._blocks(self._inverted()))
        return self._known

    def _inverted(self) -> Array:
        """Generations whose law is inverted: those not nearly normal, and no more than the first 20,000 of them."""
        return np.flatnonzero(self._size < _NORMAL)[:_MOST]

    def _expanded(self, z: Floats) -> Floats:
        """Expand standardised quantiles in those of the normal law, z (Cornish and Fisher 1938)."""
        k2 = self.var[:, None]
        g1, g2, g3, g4 = (row[:, None] / k2 ** (k / 2) for k, row in enumerate(self._cumulants[2:], 3))
        he1, he2, he3, he4, he5 = z, z**2 - 1, z**3 - 3 * z, z**4 - 6 * z**2 + 3, z**5 - 10 * z**3 + 15 * z
        shift = g1 * he2 / 6 + g2 * he3 / 24 - g1**2 * (2 * he3 + he1) / 36
        shift += g3 * he4 / 120 - g1 * g2 * (he4 + he2) / 24 + g1**3 * (12 * he4 + 19 * he2) / 324
        shift += g4 * he5 / 720 - g2**2 * (3 * he5 + 6 * he3 + 2 * he1) / 384 - g1 * g3 * (2 * he5 + 3 * he3) / 180
        shift += g1**2 * g2 * (14 * he5 + 37 * he3 + 8 * he1) / 288
        shift -= g1**4 * (252 * he5 + 832 * he3 + 227 * he1) / 7776
        return np.asarray(z + shift)

    def _blocks(self, wanted: Array, finer: int = 1) -> Any:
        """Give groups of generations of like variance, each with a grid and the characteristic function on it."""
        from scipy.special import loggamma, zeta

        octave = np.floor(np.log2(self.var[wanted] / self.var[0])).astype(int) if len(wanted) else wanted
        for group in np.unique(octave):
            block = wanted[octave == group]
            scale = np.sqrt(self.var[block])
            least = self._size[block].min()
            nodes, weights = _gauss(_NODES if least < 30 else _FEW_NODES)
            # On the unit of the standardised sum; skewed sums have slower tails.
            panel = float(_reach(least)) / finer
            grid = (panel * (np.arange(finer)[:, None] + (nodes + 1) / 2)).ravel()
            weight = np.tile(panel / 2 * weights, finer)
            u = grid / scale.min()
            counted, place = np.unique(self.nu[: block[-1] + 1], return_inverse=True)
            small = (counted / 2 < 2.5 * u[-1]) if len(counted) > _DIRECT else np.ones(len(counted), dtype=bool)
            table = np.zeros((len(block), len(u)), dtype=complex)
            if small.any():
                half = counted[small, None] / 2
                own = loggamma(half + 1j * u) - loggamma(half) - 1j * u * np.log(half)
                onehot = np.cumsum(place[:, None] == np.flatnonzero(small), axis=0)[block]
                table += onehot @ own
            if not small.all():
                half = np.where(small[place], np.inf, self.nu[: block[-1] + 1] / 2)
                power = 1j * u
                kept = np.isfinite(half)
                drift = np.where(kept, digamma_gap(np.where(kept, half, 1.0)), 0.0)
                table += np.cumsum(drift)[block, None] * power
                shrink = 1.0
                for k in range(2, _ORDER + 1):
                    # kappa_k / k! = (-1)^k zeta(k, nu/2) / k
                    term = np.where(kept, zeta(float(k), np.where(kept, half, 1.0)), 0.0)
                    shrink = (-1) ** k / k
                    table += shrink * np.cumsum(term)[block, None] * power**k
            table -= 1j * u * self.mean[block, None]
            # Every generation of the block sees the grid in its own unit.
            unit = scale / scale.min()
            yield block, unit[:, None] * grid, unit[:, None] * weight, table.imag, np.exp(table.real)


def _reach(size: Any) -> Any:
    """How far the characteristic function of a standardised sum reaches."""
    return 8.5 * (1 + 3 / np.sqrt(size))


def _gil_pelaez(x: Floats, grid: Floats, weight: Floats, phase: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Compute distribution function and density at standardised x, shape (t, m), from size and phase, (t, nodes)."""
    below, density = np.empty_like(x), np.empty_like(x)
    for j in range(x.shape[1]):
        angle = phase - grid * x[:, j, None]
        below[:, j] = 0.5 - (size * np.sin(angle) / grid * weight).sum(-1) / np.pi
        density[:, j] = (size * np.cos(angle) * weight).sum(-1) / np.pi
    return below, density
