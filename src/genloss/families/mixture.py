"""Gaussian mixtures: source, and a learner that fits them by expectation maximisation."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Batch, Data, Floats
from genloss.errors import SpecError
from genloss.families import em
from genloss.families.arrays import ByValue, at_least, numbers, reduced
from genloss.plain.numbers import whole_number


@dataclass(frozen=True, eq=False)
class Mixture(ByValue):
    """A mixture of k normal laws, on the line or in d dimensions; a true law or what `MixtureEM` has fitted.

    Attributes:
        weights: The share of each component: shape (k,), or (replicates, k).
        means: Their means: shape (k,) on the line, (k, d) else, with a leading replicate axis where weights have one.
        covs: Their variances: shape (k,) on the line; (k, d, d) covariances or (k, d) diagonals else. A number stands
            for that variance in every direction, k numbers for one variance a component.
        temperature: Factor on the standard deviation within each component of what is drawn (not on `covs`).

    Example:
        >>> import numpy as np
        >>> law = Mixture(weights=[0.9, 0.1], means=[0, 5], covs=1)
        >>> float(law.mean), float(law.var)
        (0.5, 3.25)
        >>> law.sample(3, np.random.default_rng(0)).shape
        (3,)
    """

    weights: Any = (0.5, 0.5)
    means: Any = (-2.0, 2.0)
    covs: Any = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        weights, means = numbers(self.weights, "mixture.weights"), numbers(self.means, "mixture.means")
        covs = numbers(self.covs, "mixture.covs")
        k = weights.shape[-1] if weights.ndim else 0
        if weights.ndim not in (1, 2) or not k:
            raise SpecError(f"mixture.weights: shape {weights.shape}; give one share a component")
        if means.shape[: weights.ndim] != weights.shape or means.ndim - weights.ndim not in (0, 1):
            raise SpecError(f"mixture.means: shape {means.shape} for {k} components; give ({k},) or ({k}, d)")
        if np.min(weights) < 0 or np.abs(weights.sum(-1) - 1).max() > 1e-6:
            raise SpecError("mixture.weights: no shares; give numbers from 0 that add up to 1")
        if covs.ndim < weights.ndim:
            covs = np.broadcast_to(covs, weights.shape)
        if covs.ndim == weights.ndim and means.ndim > weights.ndim:
            covs = np.broadcast_to(covs[..., None], means.shape)
        if covs.shape not in (means.shape, (*means.shape, means.shape[-1])) or covs.ndim > weights.ndim + 2:
            raise SpecError(
                f"mixture.covs: shape {covs.shape} for means of shape {means.shape}; give variances or (k, d, d)"
            )
        if covs.ndim == means.ndim and np.min(covs) < 0:
            raise SpecError(f"mixture.covs: a variance of {np.min(covs)}; give numbers from 0")
        if not 0 <= self.temperature < np.inf:
            raise SpecError(f"mixture.temperature: {self.temperature} is not a factor; give a number from 0")
        for name, value in (("weights", weights), ("means", means), ("covs", covs)):
            object.__setattr__(self, name, value)
        if weights.ndim == 1 and covs.ndim == means.ndim + 1:
            try:
                self._roots  # noqa: B018
            except np.linalg.LinAlgError:
                raise SpecError("mixture.covs: no covariances; give symmetric positive definite matrices") from None

    @property
    def k(self) -> int:
        """The number of components."""
        return int(self.weights.shape[-1])

    @property
    def width(self) -> int:
        """Numbers a row."""
        return int(self.means.shape[-1]) if self._wide else 1

    @property
    def mean(self) -> Any:
        """The mean: a number or (d,), with a leading replicate axis if there is one."""
        weights = self.weights[..., None] if self._wide else self.weights
        return (weights * self.means).sum(self.weights.ndim - 1)

    @property
    def var(self) -> Any:
        """The variance (of each coordinate): within and between components."""
        axis = self.weights.ndim - 1
        weights = self.weights[..., None] if self._wide else self.weights
        within = np.diagonal(self.covs, axis1=-2, axis2=-1) if self._full else self.covs
        off = self.means - np.expand_dims(self.mean, axis)
        return (weights * (within + off * off)).sum(axis)

    @property
    def cov(self) -> Floats:
        """The covariance, shape (..., d, d): within and between components."""
        if not self._wide:
            raise AttributeError("a mixture on the line has var and no cov")
        off = self.means - np.expand_dims(self.mean, -2)
        between = (self.weights[..., None] * off).mT @ off
        if self._full:
            return (self.weights[..., None, None] * self.covs).sum(-3) + between  # type: ignore[no-any-return]
        within = (self.weights[..., None] * self.covs).sum(-2)
        return within[..., None] * np.eye(self.width) + between  # type: ignore[no-any-return]

    def pick(self, i: int) -> "Mixture":
        """Return the mixture of replicate i."""
        if self.weights.ndim == 1:
            return self
        return Mixture(self.weights[i], self.means[i], self.covs[i], self.temperature)

    def sample(self, n: int, rng: Generator) -> Floats:
        """Draw n rows: shape (n,) or (n, d)."""
        return self.sample_labelled(n, rng)[0]

    def sample_labelled(self, n: int, rng: Generator) -> tuple[Floats, Array]:
        """Draw n rows and the component that each comes from: shapes (n,) or (n, d), and (n,)."""
        rows, component = self._drawn(n, rng, 1)
        return rows[0], component[0]

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n rows per replicate: shape (replicates, n) or (replicates, n, d)."""
        return Batch(self._drawn(n, rng, replicates)[0])

    def logpdf(self, x: Any) -> Floats:
        """Evaluate the log density at points (m,) or (m, d), or a `Batch` of them: shape (m,), or (replicates, m)."""
        return self._densities(x)[0]

    def responsibilities(self, x: Any) -> Floats:
        """The chance that each point comes from each component: shape (m, k), or (replicates, m, k).

        Args:
            x: Points (m,) or (m, d), the same for all replicates, or a `Batch` of them.
        """
        return self._densities(x)[1]

    def _densities(self, x: Any) -> tuple[Floats, Floats]:
        points = np.asarray(x.rows if isinstance(x, Batch) else x, dtype=float)
        led = isinstance(x, Batch) or self.weights.ndim == 2
        points = points if isinstance(x, Batch) else points[None]
        if points.ndim != 2 + self._wide or points.shape[2:] != self.means.shape[self.weights.ndim :]:
            raise SpecError(f"mixture: points of shape {points.shape[2:]}, components of shape {self.means.shape[1:]}")
        weights, means, covs = (
            each if self.weights.ndim == 2 else each[None] for each in (self.weights, self.means, self.covs)
        )
        if not self._wide:
            points, means, covs = points[..., None], means[..., None], covs[..., None]
        log_density, shares = em.expect(points, weights, means, covs)
        return (log_density, shares) if led else (log_density[0], shares[0])

    def _drawn(self, n: int, rng: Generator, replicates: int) -> tuple[Floats, Array]:
        cut = np.cumsum(self.weights, -1)
        cut /= cut[..., -1:]
        u = rng.random((replicates, n))
        if self.weights.ndim == 1:
            component = np.searchsorted(cut, u, side="right")
            at: Any = (component,)
        else:
            component = (u[..., None] >= cut[:, None, :]).sum(-1)
            at = (np.arange(replicates)[:, None], component)
        noise = rng.standard_normal((replicates, n, *self.means.shape[self.weights.ndim :]))
        if self._full and self.weights.ndim == 1:
            for j in range(self.k):
                here = component == j
                noise[here] = np.einsum("md,ed->me", noise[here], self._roots[j])
        elif self._full:
            noise = np.einsum("...ab,...b->...a", self._roots[at], noise)
        else:
            noise *= self._roots[at]
        if self.temperature != 1:
            noise *= self.temperature
        noise += self.means[at]
        return noise, component

    @property
    def _wide(self) -> bool:
        return bool(self.means.ndim > self.weights.ndim)

    @property
    def _full(self) -> bool:
        return bool(self.covs.ndim > self.means.ndim)

    @cached_property
    def _roots(self) -> Floats:
        """The Cholesky factor of each covariance, or the standard deviations."""
        return np.linalg.cholesky(self.covs) if self._full else np.sqrt(self.covs)


@dataclass(frozen=True)
class MixtureEM:
    """Fit a mixture of k normal laws by expectation maximisation (Dempster, Laird and Rubin 1977).

    The start is drawn with the learner's random stream: seeds as in k-means++ (Arthur and Vassilvitskii 2007) and a few
    k-means steps. The mean and the covariance of the fit are those of its training rows, divisor n, plus the ridge.

    Attributes:
        k: The number of components; fewer than k rows are refused.
        covariance: "full" covariances, or "diagonal" ones: much faster for wide rows, and fitted well by fewer rows.
        ridge: Added to every variance, as a share of the mean variance of the training rows (and at least 1e-12), so
            that no component can shrink onto a single row. Every fit adds it anew, so it widens a chain of models by
            that share per generation; pictures of 64 pixels are held out best with diagonals and 0.01.
        max_iter: The most steps of expectation and maximisation.
        tol: The gain in mean log density below which a step is the last.
        temperature: Factor on the standard deviation within each component of what the models draw.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> law = MixtureEM(k=2).fit(Mixture(means=[-5, 5]).sample(400, rng), rng)
        >>> sorted(law.means.round().tolist())
        [-5.0, 5.0]
    """

    batched: ClassVar[bool] = True

    k: int = 2
    covariance: Literal["full", "diagonal"] = "full"
    ridge: float = 1e-6
    max_iter: int = 200
    tol: float = 1e-4
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name in ("k", "max_iter"):
            whole_number(getattr(self, name), f"mixture-em.{name}", 1)
        if self.covariance not in ("full", "diagonal"):
            raise SpecError(f"mixture-em.covariance: no kind {self.covariance!r}; known: diagonal, full")
        for name in ("ridge", "tol", "temperature"):
            if not 0 <= getattr(self, name) < np.inf:
                raise SpecError(f"mixture-em.{name}: {getattr(self, name)}; give a finite number from 0")

    def fit(self, data: Data, rng: Generator) -> Mixture:
        """Fit to rows (n,) or (n, d), or to a `Batch` of them, each replicate for itself."""
        batch = isinstance(data, Batch)
        rows: Floats = np.asarray(data.rows if batch else data, dtype=float)
        if rows.ndim - batch not in (1, 2):
            raise SpecError(f"data: rows of shape {rows.shape[1 + batch :]}; mixture-em takes numbers, (n,) or (n, d)")
        wide = rows.ndim - batch == 2
        rows = rows if batch else rows[None]
        rows = rows if wide else rows[..., None]
        at_least(rows.shape[1], self.k, f"MixtureEM(k={self.k})")
        full = wide and self.covariance == "full"
        centre = rows.mean(1, keepdims=True)
        rows = rows - centre
        spread = np.einsum("rnd,rnd->r", rows, rows) / (rows.shape[1] * rows.shape[2])
        reduced(spread)
        ridge = np.maximum(self.ridge * spread, 1e-12)
        weights, means, covs = em.fit(rows, self.k, full, ridge, self.max_iter, self.tol, rng)
        means = means + centre
        if not wide:
            means, covs = means[..., 0], covs[..., 0]
        if not batch:
            weights, means, covs = weights[0], means[0], covs[0]
        return Mixture(weights, means, covs, self.temperature)
