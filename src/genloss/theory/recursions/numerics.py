"""Formulas that keep their digits: for samples from 2 to 10^12 rows and up to 10^6 generations."""

import functools
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import accumulate
from math import comb
from typing import Any

import numpy as np

from genloss.chain.data import Floats

_TERMS = 16
_LARGE = 16.0


@functools.cache
def _bernoulli(k: int) -> Fraction:
    """The k-th Bernoulli number (B_1 = -1/2)."""
    if k == 0:
        return Fraction(1)
    return -sum((comb(k + 1, j) * _bernoulli(j) for j in range(k)), Fraction(0)) / (k + 1)


@functools.cache
def _series(s: Fraction) -> tuple[Fraction, ...]:
    """Coefficients of x^-k in log(Gamma(x + s) / Gamma(x)) - s log(x), k = 1.._TERMS (Stirling)."""
    out = []
    for k in range(1, _TERMS + 1):
        polynomial = sum((comb(k + 1, j) * _bernoulli(j) * s ** (k + 1 - j) for j in range(k + 1)), Fraction(0))
        out.append((-1) ** (k + 1) * polynomial / (k * (k + 1)))
    return tuple(out)


def gamma_ratio(x: Any, weights: Mapping[Fraction, int] | Fraction) -> Floats:
    """Compute the sum over s of weight * (log(Gamma(x + s) / Gamma(x)) - s log(x)) to full relative precision.

    The leading terms of the weighted sum are added as fractions, so that what cancels on paper cancels here.
    """
    weights = {weights: 1} if isinstance(weights, Fraction) else weights
    total = [sum((w * _series(s)[k] for s, w in weights.items()), Fraction(0)) for k in range(_TERMS)]
    x = np.asarray(x, dtype=float)
    small = x < _LARGE
    moved = np.where(small, x + _LARGE, x)
    out = np.zeros_like(moved)
    for coefficient in reversed(total):
        out = (out + float(coefficient)) / moved
    if np.any(small):
        base = x[small]
        steps = base[..., None] + np.arange(int(_LARGE))
        for s, w in weights.items():
            with np.errstate(divide="ignore", invalid="ignore"):
                shift = float(s) * np.log1p(_LARGE / base) - np.log1p(float(s) / steps).sum(-1)
            out[small] += w * shift
    return np.asarray(out)


def log_moment(nu: Any, power: float) -> Floats:
    """Compute log E (chi2_nu / nu)^power; finite for nu > -2 power."""
    nu = np.asarray(nu, dtype=float)
    values, back = np.unique(nu, return_inverse=True)
    out = gamma_ratio(values / 2, Fraction(power).limit_denominator(64))
    return np.asarray(
        np.where(values > max(0.0, -2 * power), out, np.inf if power < 0 else np.nan)[back.reshape(nu.shape)]
    )


def log_c4(n: Any) -> Floats:
    """Compute the log of c4(n) = E s / sigma, the bias of the unbiased variance's square root."""
    return log_moment(np.asarray(n) - 1, 0.5)


def digamma_gap(x: Any) -> Floats:
    """Compute psi(x) - log(x), which tends to -1/(2x), to full relative precision."""
    from scipy.special import digamma

    x = np.asarray(x, dtype=float)
    y = np.maximum(x, _LARGE)
    tail = np.zeros_like(y)
    for k in range(8, 0, -1):
        tail = (tail - float(_bernoulli(2 * k) / (2 * k))) / y**2
    return np.asarray(np.where(x >= _LARGE, tail - 0.5 / y, digamma(x) - np.log(x)))


def expm1_excess(x: Any) -> Floats:
    """Compute exp(x) - 1 - x without cancellation."""
    x = np.asarray(x, dtype=float)
    small = np.clip(x, -0.5, 0.5)
    series = np.ones_like(small)
    for k in range(16, 2, -1):
        series = 1 + series * small / k
    return np.asarray(np.where(np.abs(x) <= 0.5, series * small**2 / 2, np.expm1(x) - x))


def before(values: Floats) -> Floats:
    """Shift by one generation: what held before each step, 0 at the first."""
    return np.concatenate(([0.0], values[:-1]))


def recurrence(start: float, factor: Any, term: Any) -> Floats:
    """Iterate x[t] = factor[t] x[t-1] + term[t] from x[-1] = start."""
    factor, term = np.broadcast_arrays(np.asarray(factor, dtype=float), np.asarray(term, dtype=float))
    pairs: Iterable[tuple[float, float]] = zip(factor.tolist(), term.tolist(), strict=True)
    out = accumulate(pairs, lambda x, step: step[0] * x + step[1], initial=start)
    return np.array(list(out)[1:], dtype=float)


def log_product(terms: Any) -> Floats:
    """Compute prod over generations of (1 + term), by sums of logs."""
    return np.asarray(np.exp(np.cumsum(np.log1p(terms))))


def log1p_gap(x: Any) -> Floats:
    """Compute x - log(1 + x) for x from 0, without cancellation."""
    x = np.asarray(x, dtype=float)
    small = np.minimum(x, 0.1)
    series = np.zeros_like(small)
    for k in range(18, 1, -1):
        series = (-1) ** k / k + series * small
    return np.asarray(np.where(x <= 0.1, series * small**2, x - np.log1p(x)))


def log_mean_root(constant: Any, scales: Any, freedoms: Any) -> Floats:
    """Compute log E sqrt(Y) for Y = constant + sum_j scales_j chi2_{freedoms_j} with E Y = 1.

    By E sqrt(Y) = pi^-1/2 int (1 - E exp(-v^2 Y)) / v^2 dv, taken as the distance from sqrt(1) = 1; where Var Y is
    below 1e-4, by the series of the square root about 1.

    Args:
        constant: Shape (t,).
        scales: Shape (t, j).
        freedoms: Shape (t, j), or broadcast to it.
    """
    constant, scales = np.asarray(constant, dtype=float), np.asarray(scales, dtype=float)
    half = np.broadcast_to(np.asarray(freedoms, dtype=float), scales.shape) / 2
    weights = {2: 4.0, 3: 16.0, 4: 96.0, 5: 768.0, 6: 7680.0}
    k2, k3, k4, k5, k6 = ((half * weight * scales**power).sum(-1) for power, weight in weights.items())
    fourth, fifth, sixth = k4 + 3 * k2**2, k5 + 10 * k3 * k2, k6 + 15 * k4 * k2 + 10 * k3**2 + 15 * k2**3
    out = np.log1p(-k2 / 8 + k3 / 16 - 5 * fourth / 128 + 7 * fifth / 256 - 21 * sixth / 1024)
    wide = k2 > 1e-4
    if wide.any():
        out[wide] = _integrated(constant[wide], scales[wide], half[wide])
    return np.asarray(out)


def _integrated(constant: Floats, scales: Floats, half: Floats) -> Floats:
    x, weight = np.polynomial.legendre.leggauss(56)
    x, weight = (x + 1) / 2, weight / 2
    v, weight = x / (1 - x), weight / (1 - x) ** 2
    scaled = 2 * v**2 * scales[..., None]
    half = half[..., None]
    gap = (half * log1p_gap(scaled)).sum(-2)
    near = np.exp(-(v**2)) * np.expm1(np.minimum(gap, 30.0))
    decay = -constant[..., None] * v**2 - (half * np.log1p(scaled)).sum(-2)
    far = np.exp(decay) - np.exp(-(v**2))
    integrand = np.where(gap < 30, near, far) / v**2
    return np.asarray(np.log1p(-(integrand @ weight) / np.sqrt(np.pi)))
