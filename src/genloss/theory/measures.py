"""The measurements that laws speak of, read off a model's parameters (one number, or one row, a replicate)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from genloss.chain import Generation

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


PATHS: dict[str, Callable[[Any], Any]] = {}
"""How a probe's values over generations, shape (replicates, generations + 1), become one number a replicate."""
