"""What a probe reads off a model in closed form, from the model's class or from small optional attributes.

A model of a user's own may offer any of these; whatever it does not offer is measured on rows drawn from it.

- `var`: the variance of a one-dimensional model; `mean` and `cov` of a vector model: shapes (d,) and (d, d).
- `p`: probabilities of symbols 0 to k - 1, shape (k,); `drawn`: the same after temperature or truncation; `pairs`:
  probabilities of all pairs of a context and a token in one row.
- `responsibilities(rows)`: the probability of each component of a mixture given each row, shape (m, K).
- `quantile(q)`: the quantile function of a one-dimensional law, for shares q of shape (m,).
- `entropy`: the entropy in nats, a number or a method without arguments.
- `kl(other)`: the divergence KL(self || other) in nats.

Side-by-side replicates lead all shapes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain.data import Floats
from genloss.errors import SpecError
from genloss.families.exponential import Bernoulli, Exponential, Poisson
from genloss.families.extremes import Pareto, Uniform
from genloss.families.gaussian import Gaussian
from genloss.families.multivariate import MultivariateGaussian
from genloss.plain.describe import kind_of

Quantile = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal law as it is drawn from, temperature included.

    Attributes:
        mean: A number, or (replicates,); for vectors (d,), or (replicates, d).
        spread: The standard deviation; for vectors the covariance, (d, d) or (replicates, d, d).
        factor: For vectors a matrix F with F F' = spread, in which small variances keep their digits.
    """

    mean: Any
    spread: Any
    factor: Any = None


def normal_of(model: Any) -> Normal | None:
    """Read a model as a one-dimensional normal law, if it is one."""
    if isinstance(model, Gaussian):
        return Normal(model.mean, model.temperature * np.sqrt(model.var))
    return None


def normals_of(model: Any) -> Normal | None:
    """Read a model as a normal law of vectors, if it is one."""
    if isinstance(model, MultivariateGaussian):
        return Normal(model.mean, model.temperature**2 * model.cov, model.temperature * model.factor)
    return None


def symbols_of(model: Any) -> Floats | None:
    """Read the probabilities that a model draws symbols with, if it draws symbols: shape (..., k)."""
    if isinstance(model, Bernoulli):
        return np.stack([1 - np.asarray(model.p), np.asarray(model.p)], -1)
    p = next((p for p in (getattr(model, name, None) for name in ("pairs", "drawn", "p")) if p is not None), None)
    if p is None or callable(p) or np.ndim(p) == 0:
        return None
    return np.asarray(p, dtype=float)


def posteriors_of(source: Any) -> Callable[[Floats], Floats] | None:
    """Read how a mixture tells which component made a row, if it does: rows of shape (m, d) to shares (m, K)."""
    found = getattr(source, "responsibilities", None)
    if not callable(found):
        return None
    on_the_line = np.ndim(getattr(source, "means", 0)) == 1
    return lambda rows: np.asarray(found(rows[:, 0] if on_the_line else rows), dtype=float)


def quantile_of(model: Any) -> Quantile | None:
    """Read a model's quantile function, if it has one: shares of shape (m,) to (m,), or (replicates, m)."""
    normal = normal_of(model)
    if normal is not None:
        from scipy.special import ndtri

        return lambda q: _column(normal.mean) + _column(normal.spread) * ndtri(q)
    if isinstance(model, Exponential):
        return lambda q: -_column(model.mean) * np.log1p(-q)
    if isinstance(model, Poisson):
        return lambda q: _poisson_quantile(q, _column(model.rate))
    if isinstance(model, Uniform):
        return lambda q: _column(model.high) * q
    if isinstance(model, Pareto):
        return lambda q: _column(model.scale) * (1 - q) ** (-1 / _column(model.shape))
    found = getattr(model, "quantile", None)
    return found if callable(found) else None


def refusal(probe: Any, measures: str, thing: Any) -> SpecError:
    """Say in one line what a probe measures and that this model (or data) has none of it."""
    return SpecError(f"probe {probe_name(probe)}: measures {measures}; {kind_name(thing)} has none")


def kind_name(thing: Any) -> str:
    """The name of an object's class; of a checked model of a user's, the user's class."""
    return type(getattr(thing, "__wrapped__", thing)).__name__


def probe_name(probe: Any) -> str:
    """The name of a probe as a spec gives it."""
    return probe if isinstance(probe, str) else kind_of(type(probe))


def _column(parameter: Any) -> Floats:
    return np.asarray(parameter, dtype=float)[..., None]


def _poisson_quantile(q: Floats, rate: Floats) -> Floats:
    """The smallest count whose distribution function reaches q."""
    from scipy.special import pdtr, pdtrik

    count = np.ceil(np.nan_to_num(pdtrik(q, rate)))
    lower = np.maximum(count - 1, 0)
    reached = (pdtr(lower, rate) >= q) | (rate == 0)
    return np.where(reached, lower * (rate > 0), count)  # type: ignore[no-any-return]
