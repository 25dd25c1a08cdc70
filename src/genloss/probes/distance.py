"""Distance: how far a model has moved from the truth, which is drift and not by itself collapse."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from genloss.chain.capabilities import HasExcessRisk, normal_of, normals_of
from genloss.chain.data import Array, Floats
from genloss.chain.meta import ProbeRole, probe
from genloss.chain.recursion import Generation
from genloss.chain.seeds import Streams, key
from genloss.metrics.distance import coupling, mean_across
from genloss.probes import rows
from genloss.probes.divergence import divergence
from genloss.probes.naming import refusal
from genloss.probes.projections import RowsLine, model_line, truth_line


@dataclass(frozen=True)
class W1:
    """The Wasserstein-1 distance on the line between model and truth, in units of a row.

    The area between the distribution functions. In closed form for two normal laws: the mean of |a + b Z| for the
    differences a of means and b of standard deviations. Else the distance of drawn rows from the truth's quantiles
    (at the midpoints (i - 1/2) / n) or from its held-out rows, which does not vanish for equal laws: it falls like 1
    / sqrt(rows).

    Attributes:
        rows: Rows drawn from a model without closed form.
        real: The most real rows to compare with where the truth has no closed form.
    """

    role: ClassVar[ProbeRole] = "distance"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    real: int = 10_000

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        model, truth = normal_of(g.model), normal_of(g.source)
        if model is not None and truth is not None:
            return _mean_distance(model.mean - truth.mean, model.spread - truth.spread)
        off, weights = _transport(g, rng, self)
        return rows.weighted(np.abs(off), weights)


@dataclass(frozen=True)
class W2:
    """The Wasserstein-2 distance between model and truth, in units of a row.

    In closed form for two normal laws, on the line and in d dimensions (Dowson and Landau 1982; Gelbrich 1990): the
    squared distance of the means plus tr(A + B - 2 (B^1/2 A B^1/2)^1/2). Else on the line, from drawn rows, as `W1`;
    for other vectors there is `SlicedW2`.

    Attributes:
        rows: Rows drawn from a model without closed form.
        real: The most real rows to compare with where the truth has no closed form.
    """

    role: ClassVar[ProbeRole] = "distance"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    real: int = 10_000

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        model, truth = normal_of(g.model), normal_of(g.source)
        if model is not None and truth is not None:
            return np.hypot(model.mean - truth.mean, model.spread - truth.spread)
        model, truth = normals_of(g.model), normals_of(g.source)
        if model is not None and truth is not None:
            means = ((model.mean - truth.mean) ** 2).sum(-1)
            return np.sqrt(means + _bures(model.spread, truth.spread))
        off, weights = _transport(g, rng, self)
        return np.sqrt(rows.weighted(off**2, weights))


@dataclass(frozen=True)
class SlicedW2:
    """The sliced Wasserstein-2 distance between generated and real rows, in units of a row.

    The root of the mean, over directions, of the squared W2 of the rows seen along a direction (Rabin et al. 2011;
    Bonneel et al. 2015). The directions are uniform and the same for all generations, chains and replicates. Equal laws
    are a distance of order 1 / sqrt(rows) apart.

    Attributes:
        projections: Directions.
        rows: Rows drawn from the model.
        real: The most real rows: held-out ones, or as many drawn from the truth, the same every time.
    """

    role: ClassVar[ProbeRole] = "distance"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    projections: int = 64
    rows: int = 1000
    real: int = 2000

    def __post_init__(self) -> None:
        rows.whole(self.projections, 1, self, "projections")
        _check(self)

    def one_by_one(self, g: Generation) -> bool:
        """Whether replicates are better measured one by one: rows are sorted along every direction."""
        return True

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        truth = rows.real(g, self.real, self)
        directions = Streams(key("sliced-w2"))(0, "floor").standard_normal((truth.shape[1], self.projections))
        directions /= np.sqrt((directions**2).sum(0))
        seen = np.sort(truth @ directions, 0)
        here, there, weights = coupling(self.rows, len(truth))

        def measure(one: Generation) -> Array:
            drawn = rows.like(rows.generated(one, self.rows, rng, self), truth, self, g)
            off = np.sort(drawn @ directions, 0)[here] - seen[there]
            return np.asarray(np.sqrt(weights @ (off**2).mean(1)))

        return rows.one_by_one(g, measure)


@dataclass(frozen=True)
class Energy:
    """The energy distance between model and truth: 2 E|X - Y| - E|X - X'| - E|Y - Y'|, in units of a row.

    Szekely and Rizzo (2013). Zero for equal laws only. In closed form for two normal laws on the line. Else from drawn
    and real rows as a U-statistic: no row is compared with itself, so it is unbiased and may be slightly negative. Its
    cost grows with the product of the rows, a block at a time; on the line the rows are sorted instead.

    Attributes:
        rows: Rows drawn from a model without closed form.
        real: The most real rows: held-out ones, or as many drawn from the truth, the same every time.
    """

    role: ClassVar[ProbeRole] = "distance"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    real: int = 2000

    def __post_init__(self) -> None:
        _check(self)

    def one_by_one(self, g: Generation) -> bool:
        """Whether replicates are better measured one by one: all pairs of rows are compared."""
        return normal_of(g.model) is None or normal_of(g.source) is None

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        model, truth = normal_of(g.model), normal_of(g.source)
        if model is not None and truth is not None:
            across = _mean_distance(model.mean - truth.mean, np.hypot(model.spread, truth.spread))
            return 2 * across - 2 * (model.spread + truth.spread) / np.sqrt(np.pi)
        real = rows.real(g, self.real, self)
        centre = real.mean(0)
        real = real - centre
        within = rows.mean_distance(real)

        def measure(one: Generation) -> float:
            drawn = rows.like(rows.generated(one, self.rows, rng, self), real, self, g) - centre
            return 2 * mean_across(drawn, real) - rows.distance_within(drawn) - within

        return rows.one_by_one(g, measure)


@dataclass(frozen=True)
class KLForward:
    """The Kullback-Leibler divergence KL(truth || model) in nats: large where the model misses what is real.

    In closed form only, for two laws of one kind: normal (on the line or in d dimensions), symbols, next tokens,
    Poisson, exponential, Bernoulli, or where the truth offers `kl(model)`. It is infinite as soon as the model has
    lost a symbol of the truth, a direction, or all spread.

    Raises:
        SpecError: When called on any other pair of laws.
    """

    role: ClassVar[ProbeRole] = "distance"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    def __call__(self, g: Generation) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        return divergence(g.source, g.model, self)


@dataclass(frozen=True)
class KLReverse:
    """The Kullback-Leibler divergence KL(model || truth) in nats: large where the model makes what is not real.

    Laws as in `KLForward`. A model that keeps to a part of the truth has a finite reverse divergence; one that has
    narrowed to a point in a continuous law is infinitely far.

    Raises:
        SpecError: When called on any other pair of laws.
    """

    role: ClassVar[ProbeRole] = "distance"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    def __call__(self, g: Generation) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        return divergence(g.model, g.source, self)


@probe(role="distance", better="lower", scale="log", vectorized=True)
def excess_risk(g: Generation) -> Any:
    """The expected squared error of a regression's predictions over the truth's own, in squared units of the label.

    |w - w*|^2 in the norm of the true inputs' covariance. A user's model may offer it as `excess_risk(truth)`.

    Raises:
        SpecError: If the model is not a regression.
    """
    if not isinstance(g.model, HasExcessRisk):
        raise refusal("excess-risk", "regressions with excess_risk(truth)", g.model)
    return g.model.excess_risk(g.source)


def _mean_distance(mean: Any, sd: Any) -> Any:
    """The mean of |mean + sd Z| for a standard normal Z."""
    from scipy.special import ndtr

    sd = np.abs(sd)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(sd > 0, mean / sd, np.copysign(np.inf, mean))
    return sd * np.sqrt(2 / np.pi) * np.exp(-0.5 * z**2) + mean * (1 - 2 * ndtr(-z))


def _bures(one: Array, other: Array) -> Array:
    """tr(A + B - 2 (B^1/2 A B^1/2)^1/2) for covariances A (which may lead replicates) and B."""
    values, vectors = np.linalg.eigh(other)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ one @ root), 0)).sum(-1)
    return np.asarray(np.maximum(np.trace(one, axis1=-2, axis2=-1) + np.trace(other) - 2 * inner, 0))


def _transport(g: Generation, rng: Generator, probe: Any) -> tuple[Array, Floats]:
    """Pair the model's quantiles with the truth's: the differences (..., m) and the shares that they stand for."""
    truth, direction = truth_line(g, probe.real, probe)
    if direction is not None:
        raise refusal(probe, "one-dimensional rows (SlicedW2 measures vectors)", g.model)
    model = model_line(g, probe.rows, rng, probe, None)
    if not isinstance(model, RowsLine):
        model = RowsLine(model.quantile(_middles(2000)))
    if not isinstance(truth, RowsLine):
        truth = RowsLine(truth.quantile(_middles(model.sorted.shape[-1])))
    here, there, weights = coupling(model.sorted.shape[-1], truth.sorted.shape[-1])
    return model.sorted[..., here] - truth.sorted[..., there], weights


def _middles(n: int) -> Floats:
    return (np.arange(n) + 0.5) / n


def _check(probe: Any) -> None:
    rows.whole(probe.rows, 2, probe, "rows")
    rows.whole(probe.real, 2, probe, "real")
