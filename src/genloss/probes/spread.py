"""Spread: how wide a model still is."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from genloss.chain.capabilities import (
    Conditional,
    HasEntropy,
    covariance_of,
    normal_of,
    normals_of,
    symbols_of,
    variance_of,
)
from genloss.chain.data import Array, Floats
from genloss.chain.meta import ProbeRole, probe
from genloss.chain.recursion import Generation
from genloss.errors import SpecError
from genloss.metrics.spread import differ, rank_of, shannon
from genloss.probes import rows
from genloss.probes.naming import kind_name, refusal

_DRAWN = 1000


@probe(role="spread", scale="log", vectorized=True)
def variance(g: Generation) -> Any:
    """The variance of a one-dimensional model: its fitted parameter, before any temperature; squared units of a row.

    Raises:
        SpecError: If the model has no variance of its own.
    """
    var = variance_of(g.model)
    if var is None or callable(var) or np.ndim(var) > (g.replicates is not None):
        raise SpecError(
            f"probe variance: measures one-dimensional models with a variance; {kind_name(g.model)} has none; "
            "total_variance measures vectors and the rows of any model"
        )
    return var


@probe(role="spread", scale="log", vectorized=True)
def total_variance(g: Generation, rng: Generator) -> Any:
    """The trace of the model's covariance: the variances of all columns added up; squared units of a row.

    Read off the fitted parameters (before any temperature) of models that offer `mean` and `cov`, or a single `var`; of
    other models estimated without bias from 1,000 rows.

    Raises:
        SpecError: If rows are symbols or text, which have no variance.
    """
    model = g.model
    cov = covariance_of(model)
    if cov is not None:
        return np.trace(cov, axis1=-2, axis2=-1)
    var = variance_of(model)
    if var is not None and not callable(var) and np.ndim(var) <= (g.replicates is not None):
        return var
    return rows.at_once(
        g, _DRAWN, lambda one: rows.generated(one, _DRAWN, rng, "total-variance").var(-2, ddof=1).sum(-1)
    )


@probe(role="spread", scale="linear", vectorized=True)
def heterozygosity(g: Generation) -> Any:
    """The probability that two symbols drawn from the model differ: 1 - sum p^2, from 0 (one symbol) to below 1.

    Nei (1973) calls it gene diversity; it is also the Gini-Simpson index. Under replace with n symbols per generation
    its expectation falls by the factor 1 - 1/n (Wright-Fisher drift). Of next-token models it is the mean over
    contexts.

    Raises:
        SpecError: If the model does not draw symbols.
    """
    p = symbols_of(g.model)
    if p is None:
        raise refusal("heterozygosity", "models of symbols", g.model)
    if isinstance(g.model, Conditional):
        p = g.model.drawn
        return 1 - np.einsum("...c,...ck,...ck->...", g.model.contexts, p, p)
    return differ(p)


@dataclass(frozen=True)
class Entropy:
    """The entropy of what the model draws, in nats.

    Shannon's for symbols (of next-token models the mean over contexts) and Poisson laws, differential (which may be
    negative, and is -inf where all spread is gone) for normal and exponential laws, in closed form; a model may offer
    its own as `entropy`. Other models are measured on drawn rows: whole numbers by the frequencies of their values with
    Miller's (1955) correction (m - 1) / 2n for m values seen, numbers and vectors by the distances to the k-th
    nearest row (Kozachenko and Leonenko 1987), which is -inf where a row occurs more than k times.

    Attributes:
        rows: Rows drawn from a model without closed form.
        k: Which nearest row sets the distance.
    """

    role: ClassVar[ProbeRole] = "spread"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    k: int = 3

    def __post_init__(self) -> None:
        rows.whole(self.k, 1, self, "k")
        rows.whole(self.rows, self.k + 2, self, "rows")

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        if isinstance(g.model, HasEntropy):
            own = g.model.entropy
            return own() if callable(own) else own
        p = symbols_of(g.model)
        if p is not None:
            return shannon(p)
        return rows.one_by_one(g, lambda one: self._of_rows(one, rng))

    def _of_rows(self, g: Generation, rng: Generator) -> float:
        data = g.sample(self.rows, rng)
        if isinstance(data, np.ndarray) and data.ndim == 1 and data.dtype.kind in "iub":
            counts = np.unique(data, return_counts=True)[1]
            return float(shannon(counts / counts.sum())) + (len(counts) - 1) / (2 * len(data))
        return _nearest_entropy(rows.table(data, self), self.k)


@dataclass(frozen=True)
class EffectiveRank:
    """How many directions the model still varies in: exp of the entropy of the covariance's normalised eigenvalues.

    Roy and Vetterli (2007). From 1 (a line) to d (equal in all directions); 0 if nothing varies at all. The
    covariance of a model that offers none is estimated from drawn rows, which never shows more than rows - 1
    directions.

    Attributes:
        rows: Rows drawn from a model without closed form.
    """

    role: ClassVar[ProbeRole] = "spread"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000

    def __post_init__(self) -> None:
        rows.whole(self.rows, 2, self, "rows")

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        normal = normals_of(g.model)
        if normal is not None:
            # The factor keeps directions that the covariance has lost to rounding; a temperature changes no share.
            return rank_of(np.linalg.svd(normal.factor, compute_uv=False) ** 2)
        cov = covariance_of(g.model)
        if cov is not None:
            return rank_of(np.linalg.eigvalsh(cov))
        return rows.at_once(g, self.rows, lambda one: self._of_rows(one, rng))

    def _of_rows(self, g: Generation, rng: Generator) -> Array:
        if normal_of(g.model) is not None:
            raise refusal(self, "rows of two or more numbers", g.model)
        drawn = rows.generated(g, self.rows, rng, self)
        if drawn.shape[-1] < 2:
            raise refusal(self, "rows of two or more numbers", g.model)
        drawn -= drawn.mean(-2, keepdims=True)
        return rank_of(np.linalg.svd(drawn, compute_uv=False) ** 2)


def _nearest_entropy(drawn: Floats, k: int) -> float:
    """Kozachenko and Leonenko's estimate: psi(n) - psi(k) + log of the unit ball + d times the mean log distance."""
    from scipy.special import digamma, gammaln

    n, d = drawn.shape
    squares = rows.nearest(drawn - drawn.mean(0), k)
    ball = 0.5 * d * np.log(np.pi) - gammaln(0.5 * d + 1)
    with np.errstate(divide="ignore"):
        return float(digamma(n) - digamma(k) + ball + 0.5 * d * np.log(squares).mean())
