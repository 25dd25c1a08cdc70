"""The normal law on the line: source, learner and statistic side by side."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator

from genloss.chain.capabilities import Normal, normal_of
from genloss.chain.data import Array, Batch, Count, Data, Floats, Reals, Statistic
from genloss.errors import SpecError
from genloss.families.arrays import column
from genloss.metrics.distance import kl_normal


class Moments(Statistic):
    """The number, mean and sum of squared deviations of rows.

    Attributes:
        n: Number of rows.
        mean: Their mean.
        m2: Their sum of squared deviations from that mean.
    """

    __slots__ = ("m2", "mean", "n")

    def __init__(self, n: Count, mean: Reals, m2: Reals) -> None:
        self.n = n
        self.mean = mean
        self.m2 = m2

    def __repr__(self) -> str:
        return f"Moments(n={self.n}, mean={self.mean}, m2={self.m2})"

    @property
    def replicates(self) -> int | None:
        """Replicates held as leading axis; None for one dataset."""
        return None if np.ndim(self.mean) == 0 else len(self.mean)  # type: ignore[arg-type]

    @classmethod
    def of(cls, data: Data) -> Self:
        """Reduce rows of shape (n,), or a `Batch` of shape (replicates, n)."""
        if isinstance(data, cls):
            return data
        rows: Floats = np.asarray(data.rows if isinstance(data, Batch) else data, dtype=float)
        if rows.ndim != (2 if isinstance(data, Batch) else 1):
            raise SpecError(f"data: rows of shape {rows.shape[1:]}; the one-dimensional Gaussian takes single numbers")
        mean = rows.sum(-1) / max(rows.shape[-1], 1)
        off = rows - mean[..., None]
        return cls(rows.shape[-1], mean, np.einsum("...i,...i->...", off, off))

    def __add__(self, other: Self) -> Self:
        """Join by the parallel update of Chan, Golub and LeVeque (1983)."""
        n = self.n + other.n
        share = other.n / np.maximum(n, 1)
        off = other.mean - self.mean
        return type(self)(n, self.mean + off * share, self.m2 + other.m2 + off * off * (self.n * share))

    def subsample(self, n: Count, rng: Generator) -> Self:
        """Draw the moments of n of these rows, given that they are n rows of one normal law.

        Given their mean and m2, normal rows lie uniformly on a sphere, so the subset's moments are two beta draws
        (exact in law, once for each set of rows).
        """
        shape = np.broadcast_shapes(np.shape(n), np.shape(self.mean)) or None
        total = np.asarray(self.n)
        left = total - n
        inner = np.maximum(n, 1)
        # The subset's mean offset takes a Beta(1/2, (N-2)/2) share of m2 (scaled), its own m2 a share of the rest.
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where((n > 0) & (left > 0), _beta(rng, 0.5, (total - 2) / 2, shape), 0.0)
            sign = rng.choice([-1.0, 1.0], size=shape)
            mean = self.mean + sign * np.sqrt(share * self.m2 * left / (total * inner))
            rest = self.m2 * (1 - share)
            within = np.where(left > 0, _beta(rng, (inner - 1) / 2, (left - 1) / 2, shape), 1.0)
        empty = np.asarray(n) == 0
        return type(self)(n, np.where(empty, 0.0, mean), np.where(empty, 0.0, rest * within))


@dataclass(frozen=True)
class Gaussian:
    """The normal law on the line.

    Attributes:
        mean: Its mean, or one mean a replicate.
        var: Its variance, or one variance per replicate.
        temperature: Factor on the standard deviation of what is drawn (not on `var`): below 1 the sampling bias of
            Alemohammad et al. 2024 (2307.01850).

    Example:
        >>> import numpy as np
        >>> Gaussian(var=4.0).sample(3, np.random.default_rng(0)).shape
        (3,)
    """

    mean: Reals = 0.0
    var: Reals = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.var, (int, float)) and not 0 <= self.var < np.inf:
            raise SpecError(f"gaussian.var: {self.var} is not a variance; give a finite number from 0")
        if isinstance(self.mean, (int, float)) and not np.isfinite(self.mean):
            raise SpecError(f"gaussian.mean: {self.mean} is not a mean; give a finite number")

    @property
    def normal(self) -> Normal:
        """The law that is drawn from, temperature included."""
        return Normal(self.mean, self.temperature * np.sqrt(self.var))

    def quantile(self, q: Floats) -> Floats:
        """The quantiles of what is drawn, at shares (m,): (m,), or (replicates, m)."""
        from scipy.special import ndtri

        law = self.normal
        return column(law.mean) + column(law.spread) * ndtri(q)

    def entropy(self) -> Any:
        """The differential entropy of what is drawn, in nats; -inf if all spread is gone."""
        with np.errstate(divide="ignore"):
            return 0.5 * np.log(2 * np.pi * np.e) + np.log(self.normal.spread)

    def kl(self, other: Any) -> Any:
        """KL(self || other) of what is drawn, in nats."""
        theirs = normal_of(other)
        if theirs is None:
            return NotImplemented
        return kl_normal(self.normal.mean, self.normal.spread, theirs.mean, theirs.spread)

    def pick(self, i: int) -> "Gaussian":
        """Return the law of replicate i."""
        if np.ndim(self.var) == 0:
            return self
        return Gaussian(float(self.mean[i]), float(self.var[i]), self.temperature)  # type: ignore[index]

    def sample(self, n: int, rng: Generator) -> Floats:
        """Draw n rows: shape (n,)."""
        return rng.normal(self.mean, self.temperature * np.sqrt(self.var), n)

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n rows per replicate: shape (replicates, n)."""
        rows = rng.standard_normal((replicates, n))
        rows *= np.asarray(self.temperature * np.sqrt(self.var))[..., None]
        rows += np.asarray(self.mean)[..., None]
        return Batch(rows)

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Moments:
        """Draw the moments of n rows in O(1): a normal mean and a chi-squared spread (Cochran)."""
        var = self.var * self.temperature**2 if self.temperature != 1 else self.var
        size = shape or None
        if isinstance(n, int):
            mean: Any = rng.standard_normal(size)
            mean *= np.sqrt(var / n)  # in place: at many replicates fresh arrays would cost as much as the draws
            mean += self.mean
            m2: Any = rng.chisquare(n - 1, size) if n > 1 else np.zeros(shape)
            m2 *= var
            return Moments(n, mean, m2)
        mean = self.mean + rng.standard_normal(size) * np.sqrt(var / np.maximum(n, 1))
        m2 = var * np.where(n > 1, rng.chisquare(np.maximum(n - 1, 1), size), 0.0)
        return Moments(n, np.where(n > 0, mean, 0.0), m2)


@dataclass(frozen=True)
class GaussianMLE:
    """Fit a normal law by its sample mean and variance.

    Attributes:
        ddof: 0 divides the sum of squares by n (maximum likelihood), 1 by n - 1 (unbiased). The two collapse at
            different speeds: the typical variance falls like exp(-2t/n) and exp(-t/n).
        temperature: Factor on the standard deviation of what the models draw.
    """

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[Moments]] = Moments

    ddof: int = 0
    temperature: float = 1.0

    def fit(self, data: Data, rng: Generator) -> Gaussian:
        """Fit to rows, a `Batch` of rows or their `Moments`."""
        s = Moments.of(data)
        if np.min(s.n) <= self.ddof:
            raise SpecError(
                f"learner: GaussianMLE(ddof={self.ddof}) needs at least {self.ddof + 1} rows, got {np.min(s.n)}"
            )
        return Gaussian(s.mean, s.m2 / (s.n - self.ddof), self.temperature)


def _beta(rng: Generator, a: Any, b: Any, shape: Any) -> Array:
    """Beta draws where a or b may be 0 (all mass at 0, or at 1)."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    drawn = rng.beta(np.maximum(a, 1e-300), np.maximum(b, 1e-300), shape)
    return np.where(a <= 0, 0.0, np.where(b <= 0, 1.0, drawn))
