"""Every family with an exact engine, small enough to be tried often: what the tests of families run through."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain.data import Data, Statistic
from genloss.families.categorical import Categorical, CategoricalMLE, Zipf
from genloss.families.exponential import Bernoulli, BernoulliMLE, Exponential, ExponentialMLE, Poisson, PoissonMLE
from genloss.families.extremes import Pareto, ParetoMLE, Uniform, UniformMLE
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE
from genloss.families.regression import OLS, LinearModel
from genloss.families.softmax import NextToken, SoftmaxMLE

COV = [[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 0.5]]


@dataclass(frozen=True)
class Family:
    """A source, its learner, and how a fitted model is summed up in a few positive numbers."""

    source: Any
    learner: Any
    summary: Callable[[Any, Any], list[Any]]
    n: int = 8

    @property
    def bound(self) -> Any:
        return self.learner.bound(self.source) if hasattr(self.learner, "bound") else self.learner


def _line(model, source):
    return [model.mean, model.var]


def _spread(model, source):
    return [np.sqrt(model.var), np.abs(model.mean - source.mean)]


def _matrix(model, source):
    off = model.mean - source.mean
    spread = np.trace(model.cov, axis1=-2, axis2=-1)
    return [np.sqrt(spread), np.sqrt(model.cov[..., 0, 0] + off[..., 0] ** 2), np.sqrt(np.square(off).sum(-1))]


def _symbols(model, source):
    k = np.arange(1, model.k + 1)
    return [1 - np.square(model.p).sum(-1), 1 + (model.p > 0).sum(-1), model.p @ k]


def _tokens(model, source):
    return [
        (2 - np.square(model.p).sum(-1)).mean(-1),
        1 + model.p[..., 0, 0],
        (model.contexts * model.p[..., 1]).sum(-1),
    ]


def _labels(model, source):
    # Bounded: with about as many rows as inputs the risk has no mean.
    return [1 / (1 + model.excess_risk(source)), 2 + np.tanh(model.weights[..., 0])]


_TOKENS = NextToken([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]], contexts=[0.3, 0.7])

FAMILIES: dict[str, Family] = {
    "gaussian": Family(Gaussian(1.0, 4.0), GaussianMLE(), _spread),
    "normal": Family(MultivariateGaussian([1.0, 0.0, -1.0], COV), MultivariateGaussianMLE(), _matrix),
    "normal-tempered": Family(
        MultivariateGaussian([1.0, 0.0, -1.0], COV), MultivariateGaussianMLE(ddof=1, temperature=0.8), _matrix
    ),
    "categorical": Family(Categorical([0.5, 0.3, 0.0, 0.15, 0.05]), CategoricalMLE(), _symbols),
    "categorical-sharp": Family(Zipf(6, 0.7), CategoricalMLE(temperature=1.3, top_k=4, top_p=0.95), _symbols),
    "categorical-smooth": Family(Zipf(6, 0.7), CategoricalMLE(alpha=0.5), _symbols),
    "softmax": Family(_TOKENS, SoftmaxMLE(), _tokens),
    "softmax-sharp": Family(_TOKENS, SoftmaxMLE(temperature=0.7, top_k=2), _tokens),
    "poisson": Family(Poisson(3.0), PoissonMLE(), _line),
    "exponential": Family(Exponential(2.0), ExponentialMLE(), lambda m, s: [m.mean**0.5, m.mean**0.25]),
    "bernoulli": Family(Bernoulli(0.4), BernoulliMLE(), _line),
    "uniform": Family(Uniform(3.0), UniformMLE(), _line),
    "pareto": Family(Pareto(2.0, 3.0), ParetoMLE(), lambda m, s: [np.log(m.scale), 1 / m.shape], n=12),
    "regression": Family(LinearModel([1.0, -1.0], cov=[[1.0, 0.4], [0.4, 2.0]], noise=0.5), OLS(), _labels, n=12),
    "ridge": Family(LinearModel([1.0, -1.0, 0.5], noise=0.5), OLS(ridge=0.3), _labels),
    "min-norm": Family(LinearModel([0.5, 0.3, 0.0, -0.4, 0.2], noise=0.5), OLS(), _labels, n=3),
}


def counted(data: Data, like: Statistic) -> Statistic:
    """The statistic of rows, with as many symbols as another has."""
    found = type(like).of(data)
    return found + type(like)(np.zeros_like(like.counts[: found.replicates])) if hasattr(like, "counts") else found


def features(statistic: Statistic) -> np.ndarray:
    """All numbers of a statistic but n, one row per replicate (of a matrix the part that symmetry leaves)."""
    replicates = statistic.replicates
    assert replicates is not None
    columns = []
    for name in sorted(type(statistic).__slots__):
        if name in ("n", "factor"):
            continue
        values = np.asarray(getattr(statistic, name), dtype=float)
        if name == "low":
            values = np.log(values)  # a power law has few moments, its logarithm all
        if values.ndim == 3 and name in ("scatter", "xtx"):
            values = values[:, *np.triu_indices(values.shape[-1])]
        columns.append(values.reshape(replicates, -1))
    return np.concatenate(columns, 1)
