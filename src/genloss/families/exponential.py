"""Laws of one parameter whose samples shrink to their sum: Poisson, exponential, Bernoulli."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Count, Data, Floats, Reals, Statistic
from genloss.errors import SpecError
from genloss.families.arrays import at_least, column
from genloss.families.one_dimension import OnTheLine, replicates_of, rows_of


class Total(Statistic):
    """The number and sum of rows.

    Attributes:
        n: Number of rows.
        total: Their sum.
    """

    __slots__ = ("n", "total")

    def __init__(self, n: Count, total: Any) -> None:
        self.n = n
        self.total = total

    def __repr__(self) -> str:
        return f"Total(n={self.n}, total={self.total})"

    @property
    def replicates(self) -> int | None:
        """Replicates held as leading axis; None for one dataset."""
        return replicates_of(self.total)

    @classmethod
    def of(cls, data: Data) -> Self:
        """Reduce rows of shape (n,), or a `Batch` of shape (replicates, n)."""
        if isinstance(data, cls):
            return data
        rows = rows_of(data)
        return cls(rows.shape[-1], rows.sum(-1))

    def __add__(self, other: Self) -> Self:
        """Join: sums add up."""
        return type(self)(self.n + other.n, self.total + other.total)


@dataclass(frozen=True)
class Poisson(OnTheLine):
    """Counts of rare events; refitted again and again they are a critical branching process that dies out.

    Attributes:
        rate: Their mean, or one per replicate.

    Example:
        >>> import numpy as np
        >>> Poisson(3.0).draw(10**12, np.random.default_rng(0)).n
        1000000000000
    """

    rate: Reals = 1.0

    def __post_init__(self) -> None:
        self.check(0, np.finfo(float).max, "a finite number from 0")

    @property
    def mean(self) -> Reals:
        """The mean."""
        return self.rate

    @property
    def var(self) -> Reals:
        """The variance."""
        return self.rate

    def _rows(self, rng: Generator, size: Any) -> Array:
        return rng.poisson(self.rate, size)

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Total:
        """Draw the sum of n rows, which is Poisson too."""
        return Total(n, rng.poisson(n * self.rate, shape or None))

    costly_quantile: ClassVar[bool] = True

    def quantile(self, q: Floats) -> Floats:
        """The quantiles at shares (m,): (m,), or (replicates, m); each takes a search."""
        return _poisson_quantile(q, column(self.rate))

    def entropy(self) -> Any:
        """The entropy, in nats."""
        return _poisson_entropy(np.asarray(self.rate, dtype=float))

    def kl(self, other: Any) -> Any:
        """KL(self || other) of two Poisson laws, in nats."""
        if not isinstance(other, Poisson):
            return NotImplemented
        rate, theirs = np.asarray(self.rate, dtype=float), np.asarray(other.rate, dtype=float)
        value = np.where(rate > 0, rate * np.log(np.where(rate > 0, rate, 1) / theirs), 0)
        return np.maximum(value - rate + theirs, 0)


@dataclass(frozen=True)
class PoissonMLE:
    """Fit a Poisson law by the mean."""

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[Total]] = Total

    def fit(self, data: Data, rng: Generator) -> Poisson:
        """Fit to rows, a `Batch` of rows or their `Total`."""
        return Poisson(_mean(Total.of(data), "PoissonMLE", np.inf))


@dataclass(frozen=True)
class Exponential(OnTheLine):
    """Waiting times without memory.

    Attributes:
        mean: Their mean, or one per replicate.

    Example:
        >>> import numpy as np
        >>> Exponential(2.0).sample(3, np.random.default_rng(0)).shape
        (3,)
    """

    mean: Reals = 1.0

    def __post_init__(self) -> None:
        self.check(0, np.finfo(float).max, "a finite number from 0")

    @property
    def var(self) -> Reals:
        """The variance."""
        return self.mean * self.mean

    def _rows(self, rng: Generator, size: Any) -> Array:
        return np.asarray(rng.standard_exponential(size) * self.mean)

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Total:
        """Draw the sum of n rows, which is Gamma(n)."""
        return Total(n, rng.standard_gamma(n, shape or None) * self.mean)

    def quantile(self, q: Floats) -> Floats:
        """The quantiles at shares (m,): (m,), or (replicates, m)."""
        return -column(self.mean) * np.log1p(-q)

    def entropy(self) -> Any:
        """The differential entropy, in nats; -inf if all spread is gone."""
        with np.errstate(divide="ignore"):
            return 1 + np.log(self.mean)

    def kl(self, other: Any) -> Any:
        """KL(self || other) of two exponential laws, in nats."""
        if not isinstance(other, Exponential):
            return NotImplemented
        ratio = np.divide(self.mean, other.mean)
        value = np.where(ratio < np.inf, ratio - 1 - np.log(ratio), np.inf)
        return np.where(np.isnan(ratio), 0.0, value)


@dataclass(frozen=True)
class ExponentialMLE:
    """Fit an exponential law by the mean."""

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[Total]] = Total

    def fit(self, data: Data, rng: Generator) -> Exponential:
        """Fit to rows, a `Batch` of rows or their `Total`."""
        return Exponential(_mean(Total.of(data), "ExponentialMLE", np.inf))


@dataclass(frozen=True)
class Bernoulli(OnTheLine):
    """Ones and zeros; refitted again and again it is neutral drift of two alleles.

    Attributes:
        p: The probability of a one, or one per replicate.

    Example:
        >>> import numpy as np
        >>> Bernoulli(1.0).sample(3, np.random.default_rng(0))
        array([1, 1, 1])
    """

    p: Reals = 0.5

    def __post_init__(self) -> None:
        self.check(0, 1, "a probability from 0 to 1")

    @property
    def drawn(self) -> Floats:
        """The probabilities of 0 and 1: shape (2,), or (replicates, 2)."""
        return np.stack([1 - np.asarray(self.p), np.asarray(self.p)], -1)

    @property
    def mean(self) -> Reals:
        """The mean."""
        return self.p

    @property
    def var(self) -> Reals:
        """The variance."""
        return self.p * (1 - self.p)

    def _rows(self, rng: Generator, size: Any) -> Array:
        return rng.binomial(1, self.p, size)

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Total:
        """Draw the number of ones among n rows, which is binomial."""
        return Total(n, rng.binomial(n, self.p, shape or None))


@dataclass(frozen=True)
class BernoulliMLE:
    """Fit the probability of a one by its frequency."""

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[Total]] = Total

    def fit(self, data: Data, rng: Generator) -> Bernoulli:
        """Fit to rows of 0 and 1, a `Batch` of rows or their `Total`."""
        return Bernoulli(_mean(Total.of(data), "BernoulliMLE", 1.0))


def _poisson_entropy(rate: Array) -> Array:
    """Summed over the counts that matter; from a rate of 1,000 on by its expansion in 1 / rate (exact to 1e-12)."""
    from scipy.special import gammaln

    small = np.minimum(rate, 1000.0)[..., None]
    most = small.max()
    counts = np.arange(int(most + 12 * np.sqrt(most) + 30))
    logs = counts * np.log(np.where(small > 0, small, 1)) - small - gammaln(counts + 1)
    summed = np.where(rate > 0, -(np.exp(logs) * logs).sum(-1), 0.0)
    big = np.maximum(rate, 1000.0)
    expanded = 0.5 * np.log(2 * np.pi * np.e * big) - 1 / (12 * big) - 1 / (24 * big**2) - 19 / (360 * big**3)
    return np.where(rate > 1000, expanded, summed)


def _poisson_quantile(q: Floats, rate: Floats) -> Floats:
    """The smallest count whose distribution function reaches q."""
    from scipy.special import pdtr, pdtrik

    count = np.ceil(np.nan_to_num(pdtrik(q, rate)))
    lower = np.maximum(count - 1, 0)
    reached = (pdtr(lower, rate) >= q) | (rate == 0)
    return np.where(reached, lower * (rate > 0), count)  # type: ignore[no-any-return]


def _mean(s: Total, learner: str, high: float) -> Reals:
    at_least(s.n, 1, learner)
    mean: Reals = s.total / s.n
    if np.min(mean) < 0 or np.max(mean) > high:
        raise SpecError(
            f"data: a mean of {np.min(mean) if np.min(mean) < 0 else np.max(mean)}, which {learner} cannot fit"
        )
    return mean
