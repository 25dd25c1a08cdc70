"""The normal law in d dimensions: source, learner and statistic side by side."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator

from genloss.chain.capabilities import Normal, normals_of
from genloss.chain.data import Array, Batch, Count, Data, Floats, Statistic
from genloss.errors import NotExact, SpecError
from genloss.families.arrays import ByValue, at_least, numbers, reduced
from genloss.metrics.distance import kl_normals

_UNKNOWN = np.empty(0)


class Scatter(Statistic):
    """The number, mean and scatter matrix of rows of d numbers.

    Attributes:
        n: Number of rows.
        mean: Their mean: shape (d,), or (replicates, d).
        scatter: Their sum of squared deviations from that mean: shape (d, d), or (replicates, d, d).
        factor: A matrix F with F F' = scatter where one is known from the draw, an empty array where not. Kept because
            a direction that has shrunk below 1e-16 of another is lost in the scatter matrix but not in F.
    """

    __slots__ = ("factor", "mean", "n", "scatter")

    def __init__(self, n: Count, mean: Floats, scatter: Floats, factor: Floats = _UNKNOWN) -> None:
        self.n = n
        self.mean = mean
        self.scatter = scatter
        self.factor = factor

    def __repr__(self) -> str:
        return f"Scatter(n={self.n}, mean={self.mean}, scatter={self.scatter})"

    @property
    def replicates(self) -> int | None:
        """Replicates held as leading axis; None for one dataset."""
        return len(self.mean) if self.mean.ndim == 2 else None

    @classmethod
    def of(cls, data: Data) -> Self:
        """Reduce rows of shape (n, d), or a `Batch` of shape (replicates, n, d)."""
        if isinstance(data, cls):
            return data
        batch = isinstance(data, Batch)
        rows: Floats = np.asarray(data.rows if batch else data, dtype=float)
        if rows.ndim != 2 + batch:
            raise SpecError(
                f"data: rows of shape {rows.shape[1 + batch :]}; the d-dimensional Gaussian takes d numbers per row"
            )
        mean = rows.sum(-2) / max(rows.shape[-2], 1)
        off = rows - mean[..., None, :]
        scatter = off.mT @ off
        reduced(scatter)
        return cls(rows.shape[-2], mean, scatter)

    def __add__(self, other: Self) -> Self:
        """Join by the parallel update of Chan, Golub and LeVeque (1983), matrix for number."""
        n = self.n + other.n
        share = np.asarray(other.n / np.maximum(n, 1))
        off = other.mean - self.mean
        between = off[..., :, None] * (off * (self.n * share)[..., None])[..., None, :]
        return type(self)(n, self.mean + off * share[..., None], self.scatter + other.scatter + between)

    def subsample(self, n: Count, rng: Generator) -> Self:
        """Draw the scatter of n of these rows, given that they are n rows of one normal law.

        Given their mean and scatter S = F F', the subset's part of S is F B F' with B a matrix-variate beta, and its
        mean lies off by F times per column drawn with it; both come from three Wishart parts of the identity (exact in
        law, once for each set of rows).

        Raises:
            NotExact: If there are at most d rows, so that S is singular.
        """
        d = self.mean.shape[-1]
        total, taken = np.asarray(self.n), np.asarray(n)
        if np.min(total) <= d:
            raise NotExact(f"Scatter of {np.min(total)} rows in {d} dimensions is singular and cannot be subsampled")
        shape = np.broadcast_shapes(taken.shape, self.mean.shape[:-1])
        inside, outside = bartlett(taken - 1, d, rng, shape), bartlett(total - taken - 1, d, rng, shape)
        apart = (taken > 0) & (taken < total)
        column = rng.standard_normal((*shape, d, 1)) * apart[..., None, None]
        whole = np.linalg.cholesky(inside @ inside.mT + outside @ outside.mT + column @ column.mT)
        parts = np.linalg.solve(whole, np.concatenate((inside, column), -1))
        parts = (self.factor if self.factor.size else root(self.scatter)) @ parts
        factor, column = parts[..., :-1], parts[..., -1]
        scale = np.sqrt((total - taken) / (total * np.maximum(taken, 1.0)))
        mean = np.where(taken[..., None] > 0, self.mean + column * scale[..., None], 0.0)
        return type(self)(n, mean, factor @ factor.mT, factor)


@dataclass(frozen=True, eq=False)
class MultivariateGaussian(ByValue):
    """The normal law in d dimensions.

    Attributes:
        mean: Its mean: shape (d,), or (replicates, d).
        cov: Its covariance: shape (d, d), or (replicates, d, d). A number stands for that variance in every direction,
            d numbers for a diagonal.
        temperature: Factor on the standard deviation of what is drawn (not on `cov`).

    Example:
        >>> import numpy as np
        >>> law = MultivariateGaussian(mean=[0, 0], cov=[[1, 0.5], [0.5, 1]])
        >>> law.sample(3, np.random.default_rng(0)).shape
        (3, 2)
    """

    mean: Any = (0.0, 0.0)
    cov: Any = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        mean = numbers(self.mean, "multivariate-gaussian.mean")
        if mean.ndim not in (1, 2) or not mean.shape[-1]:
            raise SpecError(f"multivariate-gaussian.mean: shape {mean.shape}; give d numbers")
        cov = numbers(self.cov, "multivariate-gaussian.cov")
        d = mean.shape[-1]
        if cov.ndim < 2:
            if cov.shape not in ((), (d,)):
                raise SpecError(f"multivariate-gaussian.cov: {cov.size} variances for {d} dimensions; give {d}")
            cov = np.diag(np.broadcast_to(cov, d))
        if cov.shape[-2:] != (d, d):
            raise SpecError(f"multivariate-gaussian.cov: shape {cov.shape[-2:]} for {d} dimensions; give ({d}, {d})")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "cov", cov)
        if mean.ndim == 1:
            _check_covariance(cov)

    @classmethod
    def from_factor(cls, mean: Floats, factor: Floats, temperature: float = 1.0) -> Self:
        """Make the law of covariance F F' and keep F, in which small variances keep their digits."""
        law = cls.__new__(cls)
        vars(law).update(mean=mean, cov=factor @ factor.mT, temperature=temperature, factor=factor)
        return law

    @cached_property
    def factor(self) -> Floats:
        """A matrix F with F F' = cov, which may be singular."""
        return root(self.cov)

    @property
    def width(self) -> int:
        """Numbers a row."""
        return int(self.mean.shape[-1])

    @property
    def statistic_width(self) -> int:
        """Numbers in the statistic of a draw."""
        return self.width * (self.width + 1)

    @property
    def normal(self) -> Normal:
        """The law that is drawn from, temperature included."""
        return Normal(self.mean, self.temperature**2 * self.cov, self.temperature * self.factor)

    def entropy(self) -> Any:
        """The differential entropy of what is drawn, in nats."""
        d = self.factor.shape[-1]
        return 0.5 * d * np.log(2 * np.pi * np.e) + np.linalg.slogdet(self.normal.factor)[1]

    def kl(self, other: Any) -> Any:
        """KL(self || other) of what is drawn, in nats; infinite if the other has lost a direction."""
        theirs = normals_of(other)
        if theirs is None:
            return NotImplemented
        return kl_normals(self.normal.mean, self.normal.factor, theirs.mean, theirs.factor)

    def pick(self, i: int) -> "MultivariateGaussian":
        """Return the law of replicate i."""
        if self.mean.ndim == 1:
            return self
        return MultivariateGaussian.from_factor(self.mean[i], self.factor[i], self.temperature)

    def sample(self, n: int, rng: Generator) -> Floats:
        """Draw n rows: shape (n, d)."""
        rows = rng.standard_normal((n, self.width)) @ (self.temperature * self.factor.mT)
        rows += self.mean
        return rows

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n rows per replicate: shape (replicates, n, d)."""
        rows = rng.standard_normal((replicates, n, self.width)) @ (self.temperature * self.factor.mT)
        rows += self.mean[..., None, :]
        return Batch(rows)

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Scatter:
        """Draw the scatter of n rows at a cost free of n: a normal mean and Bartlett's factor of a Wishart matrix.

        With the factor L of cov and Bartlett's T, the scatter is (L T)(L T)'; a replace chain multiplies factors only.
        """
        rows = np.asarray(n)
        law = self.factor if self.temperature == 1 else self.temperature * self.factor
        off = (law @ rng.standard_normal((*shape, self.width, 1)))[..., 0]
        mean = self.mean + off / np.sqrt(np.maximum(rows, 1))[..., None]
        factor = law @ bartlett(rows - 1, self.width, rng, shape)
        return Scatter(n, np.where(rows[..., None] > 0, mean, 0.0), factor @ factor.mT, factor)


@dataclass(frozen=True)
class MultivariateGaussianMLE:
    """Fit a normal law in d dimensions by its sample mean and covariance.

    Attributes:
        ddof: 0 divides the scatter by n (maximum likelihood), 1 by n - 1 (unbiased).
        temperature: Factor on the standard deviation of what the models draw.
    """

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[Scatter]] = Scatter

    ddof: int = 0
    temperature: float = 1.0

    def fit(self, data: Data, rng: Generator) -> MultivariateGaussian:
        """Fit to rows, a `Batch` of rows or their `Scatter`."""
        s = Scatter.of(data)
        at_least(s.n, self.ddof + 1, f"MultivariateGaussianMLE(ddof={self.ddof})")
        divisor = np.asarray(s.n - self.ddof)[..., None, None]
        if s.factor.size:
            return MultivariateGaussian.from_factor(s.mean, s.factor / np.sqrt(divisor), self.temperature)
        return MultivariateGaussian.from_factor(s.mean, root(s.scatter / divisor), self.temperature)


def bartlett(dof: Count, d: int, rng: Generator, shape: tuple[int, ...]) -> Floats:
    """Draw lower-triangular T such that T T' is Wishart with the identity as scale.

    Bartlett (1933): chi-distributed on the diagonal, normal below. With m < d degrees of freedom only the first m
    columns are not zero: that is the triangular factor of m normal rows, so no case is left out.

    Args:
        dof: Degrees of freedom m; 0 or less gives zeros.
        d: Dimensions.
        rng: Randomness.
        shape: Replicate axes.

    Returns:
        Shape (*shape, d, d).
    """
    columns = np.arange(d)
    free = np.maximum(np.asarray(dof)[..., None] - columns, 0)
    triangle = np.zeros((*shape, d, d))
    row, column = np.tril_indices(d, -1)
    triangle[..., row, column] = rng.standard_normal((*shape, len(row)))
    triangle[..., columns, columns] = np.sqrt(2 * rng.standard_gamma(free / 2, (*shape, d)))
    if np.min(dof) < d:
        triangle *= (free > 0)[..., None, :]
    return triangle


def root(cov: Array) -> Floats:
    """Find F with F F' = cov, by Cholesky or, where a matrix is singular, by its eigenvectors."""
    try:
        return np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(cov)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0))[..., None, :])


def _check_covariance(cov: Floats) -> None:
    scale = np.abs(cov).max()
    if np.abs(cov - cov.T).max() > 1e-9 * scale:
        raise SpecError("multivariate-gaussian.cov: not symmetric; give a covariance matrix")
    if np.linalg.eigvalsh(cov)[0] < -1e-9 * scale:
        raise SpecError("multivariate-gaussian.cov: has a negative eigenvalue; give a covariance matrix")
