"""Fitted parameters as probes: what laws of normal, positive and power-law models speak of.

Each says in its name or its first sentence whether it speaks of the fitted parameter, before any temperature, or of
what the model draws.
"""

from typing import Any

import numpy as np

from genloss.chain.capabilities import normal_of
from genloss.chain.generation import Generation
from genloss.chain.meta import probe

_as_it_is = probe(vectorized=True)


def _offset(g: Generation) -> Any:
    return g.model.mean - g.source.mean


def _spread(g: Generation) -> Any:
    """The standard deviation of what a one-dimensional normal model draws."""
    normal = normal_of(g.model)
    return np.sqrt(g.model.var) if normal is None else normal.spread


@_as_it_is
def squared_offset(g: Generation) -> Any:
    """Squared distance of the model's mean from the true one."""
    off = np.asarray(_offset(g))
    return off * off if np.ndim(g.source.mean) == 0 else (off * off).sum(-1)


@_as_it_is
def std(g: Generation) -> Any:
    """Fitted standard deviation of a one-dimensional model, before any temperature."""
    return np.sqrt(g.model.var)


@_as_it_is
def log_std(g: Generation) -> Any:
    """Logarithm of the fitted standard deviation, before any temperature."""
    return 0.5 * np.log(g.model.var)


@_as_it_is
def second_moment(g: Generation) -> Any:
    """Expected squared distance of a fresh draw from the true mean: its mean is the total variance of a draw."""
    return _spread(g) ** 2 + _offset(g) ** 2


@_as_it_is
def fourth_moment(g: Generation) -> Any:
    """Expected fourth power of a fresh draw's distance from the true mean."""
    off, var = _offset(g) ** 2, _spread(g) ** 2
    return 3 * var**2 + 6 * var * off + off**2


@_as_it_is
def draw(g: Generation) -> Any:
    """Second and fourth moment about the true mean of a draw given the history, for its kurtosis over histories."""
    return np.stack([second_moment(g), fourth_moment(g)], -1)


@_as_it_is
def draw_beyond_three(g: Generation) -> Any:
    """Chance of a draw more than three true standard deviations from the true mean."""
    from scipy.special import ndtr

    true = np.sqrt(g.source.var)
    off, std = _offset(g) / true, _spread(g) / true
    return ndtr((-3 - off) / std) + ndtr((off - 3) / std)


@_as_it_is
def wasserstein2_squared(g: Generation) -> Any:
    """Squared Wasserstein-2 distance of what a one-dimensional normal model draws from the true law."""
    return _offset(g) ** 2 + (_spread(g) - np.sqrt(g.source.var)) ** 2


@_as_it_is
def std_below_tenth(g: Generation) -> Any:
    """Whether the standard deviation is below a tenth of the true one."""
    return (np.sqrt(g.model.var / g.source.var) < 0.1).astype(float)


@_as_it_is
def std_above_tenth(g: Generation) -> Any:
    """Whether the standard deviation is a tenth of the true one or more."""
    return 1 - std_below_tenth(g)


@_as_it_is
def ever_below_tenth(g: Generation) -> Any:
    """Whether the standard deviation is, or was in an earlier generation, below a tenth of the true one."""
    return std_below_tenth(g)


@_as_it_is
def mean(g: Generation) -> Any:
    """Mean of a one-dimensional model."""
    return g.model.mean


@_as_it_is
def log_mean(g: Generation) -> Any:
    """Logarithm of the mean of a positive model."""
    return np.log(g.model.mean)


@_as_it_is
def alive(g: Generation) -> Any:
    """Whether the model's mean is not 0."""
    return (np.asarray(g.model.mean) > 0).astype(float)


@_as_it_is
def tail_exponent(g: Generation) -> Any:
    """Exponent of a power-law tail."""
    return g.model.shape


@_as_it_is
def covariance(g: Generation) -> Any:
    """Fitted covariance matrix, before any temperature, row by row as one vector."""
    return g.model.cov.reshape(*g.model.cov.shape[:-2], -1)


@_as_it_is
def log_determinant(g: Generation) -> Any:
    """Logarithm of the determinant of the covariance."""
    return 2 * np.linalg.slogdet(g.model.factor)[1]


@_as_it_is
def determinant(g: Generation) -> Any:
    """Determinant of the covariance: the generalised variance."""
    return np.exp(log_determinant(g))


@_as_it_is
def symmetric_functions(g: Generation) -> Any:
    """Elementary symmetric functions of the eigenvalues of the covariance, of order 1 (the trace) to d."""
    values = np.linalg.eigvalsh(g.model.cov)
    out = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    out[..., 0] = 1.0
    for k in range(values.shape[-1]):
        out[..., 1 : k + 2] += values[..., k, None] * out[..., : k + 1]
    return out[..., 1:]


@_as_it_is
def squared_spectrum(g: Generation) -> Any:
    """Sum of the squared eigenvalues of the covariance."""
    return np.einsum("...ij,...ij->...", g.model.cov, g.model.cov)


@_as_it_is
def collapse_rates(g: Generation) -> Any:
    """Logarithm of each singular value of a root of the covariance, relative to the first, over the number of fits."""
    values = np.linalg.svd(g.model.factor, compute_uv=False)
    with np.errstate(divide="ignore"):
        return np.log(values / np.linalg.svd(g.source.factor, compute_uv=False)) / (g.t + 1)


@_as_it_is
def wasserstein2_squared_vectors(g: Generation) -> Any:
    """Squared Wasserstein-2 distance of normal laws in d dimensions."""
    # tr (A C A)^(1/2) with A = C0^(1/2) is the sum of the singular values of F' F0 for roots F and F0.
    nuclear = np.linalg.svd(g.model.factor.mT @ g.source.factor, compute_uv=False).sum(-1)
    traces = np.trace(g.model.cov, axis1=-2, axis2=-1) + np.trace(g.source.cov)
    return squared_offset(g) + traces - 2 * nuclear


@_as_it_is
def real_share(g: Generation) -> Any:
    """Share of real rows in the training set."""
    return g.train.real_share
