"""The measurements that laws speak of, read off a model's parameters (one number, or one row, a replicate)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from genloss.chain.recursion import Generation

Measure = Callable[[Generation], Any]

MEASURES: dict[str, Measure] = {}
"""Measurements by name; a user's law may bring another with `measure`."""


def measure(function: Measure) -> Measure:
    """Make a measurement known under its function's name, for laws to speak of."""
    MEASURES[function.__name__] = function
    return function


def _offset(g: Generation) -> Any:
    return g.model.mean - g.source.mean


@measure
def variance(g: Generation) -> Any:
    """Variance of a one-dimensional model."""
    return g.model.var


@measure
def squared_offset(g: Generation) -> Any:
    """Squared distance of the model's mean from the true one."""
    off = _offset(g)
    return off * off if np.ndim(getattr(g.source, "cov", 0)) < 2 else (off * off).sum(-1)


@measure
def std(g: Generation) -> Any:
    """Standard deviation of a one-dimensional model."""
    return np.sqrt(g.model.var)


@measure
def log_std(g: Generation) -> Any:
    """Logarithm of the standard deviation."""
    return 0.5 * np.log(g.model.var)


@measure
def second_moment(g: Generation) -> Any:
    """Expected squared distance of a fresh draw from the true mean: its mean is the total variance of a draw."""
    return g.model.var + _offset(g) ** 2


@measure
def fourth_moment(g: Generation) -> Any:
    """Expected fourth power of a fresh draw's distance from the true mean."""
    off, var = _offset(g) ** 2, g.model.var
    return 3 * var**2 + 6 * var * off + off**2


@measure
def draw(g: Generation) -> Any:
    """Second and fourth moment about the true mean of a draw given the history, for its kurtosis over histories."""
    return np.stack([second_moment(g), fourth_moment(g)], -1)


@measure
def draw_beyond_three(g: Generation) -> Any:
    """Chance of a draw more than three true standard deviations from the true mean."""
    from scipy.special import ndtr

    off, std = _offset(g) / np.sqrt(g.source.var), np.sqrt(g.model.var / g.source.var)
    return ndtr((-3 - off) / std) + ndtr((off - 3) / std)


@measure
def wasserstein2_squared(g: Generation) -> Any:
    """Squared Wasserstein-2 distance of the model from the true law."""
    return _offset(g) ** 2 + (np.sqrt(g.model.var) - np.sqrt(g.source.var)) ** 2


@measure
def kl_forward(g: Generation) -> Any:
    """Kullback-Leibler divergence of the model from the truth, KL(truth || model)."""
    ratio = g.source.var / g.model.var
    return 0.5 * (ratio + _offset(g) ** 2 / g.model.var - 1 - np.log(ratio))


@measure
def kl_reverse(g: Generation) -> Any:
    """Kullback-Leibler divergence of the truth from the model, KL(model || truth)."""
    ratio = g.model.var / g.source.var
    return 0.5 * (ratio + _offset(g) ** 2 / g.source.var - 1 - np.log(ratio))


@measure
def std_below_tenth(g: Generation) -> Any:
    """Whether the standard deviation is below a tenth of the true one."""
    return (np.sqrt(g.model.var / g.source.var) < 0.1).astype(float)


@measure
def std_above_tenth(g: Generation) -> Any:
    """Whether the standard deviation is a tenth of the true one or more."""
    return 1 - std_below_tenth(g)


@measure
def ever_below_tenth(g: Generation) -> Any:
    """Whether the standard deviation is, or was in an earlier generation, below a tenth of the true one."""
    return std_below_tenth(g)


PATHS: dict[str, Callable[[Any], Any]] = {}
"""How a probe's values over generations, shape (replicates, generations + 1), become one number a replicate."""
RUNNING: dict[str, Callable[[Any], Any]] = {"ever_below_tenth": lambda draws: np.maximum.accumulate(draws, axis=1)}
"""How a probe's values over generations become what has happened so far."""


@measure
def heterozygosity(g: Generation) -> Any:
    """Chance that two symbols drawn from the model differ; of next-token models the mean over contexts."""
    p = g.model.p
    within = 1 - (p * p).sum(-1)
    return (g.model.contexts * within).sum(-1) if hasattr(g.model, "contexts") else within


@measure
def lost_mass(g: Generation) -> Any:
    """True probability of the symbols that the model no longer produces."""
    return (g.model.p == 0) @ g.source.p


@measure
def tails_before_spread(g: Generation) -> Any:
    """Share of the symbols that are lost, minus the share of heterozygosity that is lost."""
    left = heterozygosity(g) / (1 - (g.source.p**2).sum())
    return left - support(g)


@measure
def support(g: Generation) -> Any:
    """Share of the symbols that the truth produces which the model still produces."""
    true = g.source.p > 0
    return ((g.model.p > 0) & true).sum(-1) / true.sum()


@measure
def lost_symbols(g: Generation) -> Any:
    """Whether each symbol is lost."""
    return (g.model.p == 0).astype(float)


@measure
def frequency(g: Generation) -> Any:
    """Probability of each symbol."""
    return g.model.p


@measure
def fixed_symbols(g: Generation) -> Any:
    """Whether each symbol is the only one left."""
    return (g.model.p >= 1 - 1e-12).astype(float)


@measure
def collapsed(g: Generation) -> Any:
    """Whether one symbol alone is left: total collapse."""
    return (g.model.p.max(-1) >= 1 - 1e-12).astype(float)


@measure
def squared_distance_to_first(g: Generation) -> Any:
    """Squared Euclidean distance of the model's probabilities from those of generation 0."""
    return ((g.model.p - g.first.p) ** 2).sum(-1)


@measure
def distance_to_first(g: Generation) -> Any:
    """Absolute distance (L1) of the model's probabilities from those of generation 0."""
    return np.abs(g.model.p - g.first.p).sum(-1)


@measure
def mean(g: Generation) -> Any:
    """Mean of a one-dimensional model."""
    return g.model.mean


@measure
def log_mean(g: Generation) -> Any:
    """Logarithm of the mean of a positive model."""
    return np.log(g.model.mean)


@measure
def alive(g: Generation) -> Any:
    """Whether the model's mean is not 0."""
    return (np.asarray(g.model.mean) > 0).astype(float)


@measure
def tail_exponent(g: Generation) -> Any:
    """Exponent of a power-law tail."""
    return g.model.shape


@measure
def excess_risk(g: Generation) -> Any:
    """Expected squared error of a regression's predictions beyond the noise."""
    return g.model.excess_risk(g.source)


@measure
def real_share(g: Generation) -> Any:
    """Share of real rows in the training set."""
    return g.train.real_share


@measure
def total_variance(g: Generation) -> Any:
    """Trace of the model's covariance."""
    return np.trace(g.model.cov, axis1=-2, axis2=-1)


@measure
def covariance(g: Generation) -> Any:
    """Covariance matrix."""
    return g.model.cov


@measure
def log_determinant(g: Generation) -> Any:
    """Logarithm of the determinant of the covariance."""
    return 2 * np.linalg.slogdet(g.model.factor)[1]


@measure
def determinant(g: Generation) -> Any:
    """Determinant of the covariance: the generalised variance."""
    return np.exp(log_determinant(g))


@measure
def symmetric_functions(g: Generation) -> Any:
    """Elementary symmetric functions of the eigenvalues of the covariance, of order 1 (the trace) to d."""
    values = np.linalg.eigvalsh(g.model.cov)
    out = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    out[..., 0] = 1.0
    for k in range(values.shape[-1]):
        out[..., 1 : k + 2] += values[..., k, None] * out[..., : k + 1]
    return out[..., 1:]


@measure
def squared_spectrum(g: Generation) -> Any:
    """Sum of the squared eigenvalues of the covariance."""
    return np.einsum("...ij,...ij->...", g.model.cov, g.model.cov)


@measure
def collapse_rates(g: Generation) -> Any:
    """Logarithm of each singular value of a root of the covariance, relative to the first, over the number of fits."""
    values = np.linalg.svd(g.model.factor, compute_uv=False)
    with np.errstate(divide="ignore"):
        return np.log(values / np.linalg.svd(g.source.factor, compute_uv=False)) / (g.t + 1)


@measure
def wasserstein2_squared_vectors(g: Generation) -> Any:
    """Squared Wasserstein-2 distance of normal laws in d dimensions."""
    # tr (A C A)^(1/2) with A = C0^(1/2) is the sum of the singular values of F' F0 for roots F and F0.
    nuclear = np.linalg.svd(g.model.factor.mT @ g.source.factor, compute_uv=False).sum(-1)
    traces = total_variance(g) + np.trace(g.source.cov)
    return squared_offset(g) + traces - 2 * nuclear
