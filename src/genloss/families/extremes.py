"""Laws whose samples shrink to an extreme: uniform and Pareto."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Count, Data, Floats, Reals, Statistic
from genloss.errors import SpecError
from genloss.families.arrays import at_least, column
from genloss.families.one_dimension import OnTheLine, replicates_of, rows_of


class Maximum(Statistic):
    """The number of rows and the largest; 0 if there are none.

    Attributes:
        n: Number of rows.
        maximum: The largest of them.
    """

    __slots__ = ("maximum", "n")

    def __init__(self, n: Count, maximum: Reals) -> None:
        self.n = n
        self.maximum = maximum

    def __repr__(self) -> str:
        return f"Maximum(n={self.n}, maximum={self.maximum})"

    @property
    def replicates(self) -> int | None:
        """Replicates held as leading axis; None for one dataset."""
        return replicates_of(self.maximum)

    @classmethod
    def of(cls, data: Data) -> Self:
        """Reduce rows of shape (n,), or a `Batch` of shape (replicates, n); rows are 0 or larger."""
        if isinstance(data, cls):
            return data
        rows = rows_of(data)
        if rows.size and rows.min() < 0:
            raise SpecError(f"data: {rows.min()} is below 0, where the uniform law begins")
        return cls(rows.shape[-1], rows.max(-1, initial=0.0))

    def __add__(self, other: Self) -> Self:
        """Join: the larger one stays."""
        return type(self)(self.n + other.n, np.maximum(self.maximum, other.maximum))


class LogExcess(Statistic):
    """The number of rows, the smallest, and the sum of the logarithms of all others over it.

    Attributes:
        n: Number of rows.
        low: The smallest of them; infinite if there are none.
        logs: The sum of log(row / low).
    """

    __slots__ = ("logs", "low", "n")

    def __init__(self, n: Count, low: Reals, logs: Reals) -> None:
        self.n = n
        self.low = low
        self.logs = logs

    def __repr__(self) -> str:
        return f"LogExcess(n={self.n}, low={self.low}, logs={self.logs})"

    @property
    def replicates(self) -> int | None:
        """Replicates held as leading axis; None for one dataset."""
        return replicates_of(self.low)

    @classmethod
    def of(cls, data: Data) -> Self:
        """Reduce rows of shape (n,), or a `Batch` of shape (replicates, n); rows are above 0."""
        if isinstance(data, cls):
            return data
        rows = rows_of(data)
        if rows.size and rows.min() <= 0:
            raise SpecError(f"data: {rows.min()} is not above 0, where the Pareto law lies")
        low = rows.min(-1, initial=np.inf)
        return cls(rows.shape[-1], low, np.log(rows / np.asarray(low)[..., None]).sum(-1))

    def __add__(self, other: Self) -> Self:
        """Join: the smaller low stays, and the logarithms of the other part grow by its distance."""
        low = np.minimum(self.low, other.low)
        return type(self)(self.n + other.n, low, self._above(low) + other._above(low))

    def _above(self, low: Reals) -> Any:
        """The sum of log(row / low) for a smaller low."""
        some = np.asarray(self.n) > 0
        ratio = np.where(some, self.low, 1.0) / np.where(some, low, 1.0)
        return self.logs + self.n * np.log(ratio)


@dataclass(frozen=True)
class Uniform(OnTheLine):
    """Numbers spread evenly from 0 to a bound; refitted by the maximum the bound only ever falls.

    Attributes:
        high: The bound, or one per replicate.

    Example:
        >>> import numpy as np
        >>> bool(Uniform(2.0).draw(10**12, np.random.default_rng(0)).maximum <= 2.0)
        True
    """

    high: Reals = 1.0

    def __post_init__(self) -> None:
        self.check(0, np.finfo(float).max, "a finite number from 0")

    @property
    def mean(self) -> Reals:
        """The mean."""
        return self.high / 2

    @property
    def var(self) -> Reals:
        """The variance."""
        return self.high * self.high / 12

    def _rows(self, rng: Generator, size: Any) -> Array:
        return np.asarray(rng.random(size) * self.high)

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Maximum:
        """Draw the largest of n rows: the bound times Beta(n, 1)."""
        share = np.exp(-rng.standard_exponential(shape or None) / np.maximum(n, 1))
        return Maximum(n, np.where(np.asarray(n) > 0, share, 0.0) * self.high)

    def quantile(self, q: Floats) -> Floats:
        """The quantiles at shares (m,): (m,), or (replicates, m)."""
        return column(self.high) * q


@dataclass(frozen=True)
class UniformMLE:
    """Fit the bound of a uniform law by the largest row."""

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[Maximum]] = Maximum

    def fit(self, data: Data, rng: Generator) -> Uniform:
        """Fit to rows, a `Batch` of rows or their `Maximum`."""
        s = Maximum.of(data)
        at_least(s.n, 1, "UniformMLE")
        return Uniform(s.maximum)


@dataclass(frozen=True)
class Pareto(OnTheLine):
    """Numbers above a scale whose tail falls like a power: P(x > u) = (scale / u) ** shape.

    Attributes:
        scale: The smallest possible number, or one per replicate.
        shape: The exponent of the tail, or one per replicate; the mean is infinite up to 1, the variance up to 2.

    Example:
        >>> import numpy as np
        >>> bool(Pareto(scale=2.0).sample(100, np.random.default_rng(0)).min() >= 2.0)
        True
    """

    scale: Reals = 1.0
    shape: Reals = 3.0

    def __post_init__(self) -> None:
        self.check(0, np.inf, "a number above 0", open_low=True)

    @property
    def mean(self) -> Any:
        """The mean."""
        with np.errstate(all="ignore"):
            return np.where(self.shape > 1, self.scale * (1 + 1 / (self.shape - np.float64(1))), np.inf)

    @property
    def var(self) -> Any:
        """The variance."""
        with np.errstate(all="ignore"):
            return np.where(self.shape > 2, (self.mean - self.scale) * self.mean / (self.shape - np.float64(2)), np.inf)

    def _rows(self, rng: Generator, size: Any) -> Array:
        return np.asarray(self.scale * np.exp(rng.standard_exponential(size) / self.shape))

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> LogExcess:
        """Draw the smallest of n rows (Pareto too) and the logarithms above it, an independent Gamma(n - 1)."""
        size = shape or None
        low = self.scale * np.exp(rng.standard_exponential(size) / (np.maximum(n, 1) * self.shape))
        logs = rng.standard_gamma(np.maximum(np.asarray(n) - 1, 0), size) / self.shape
        return LogExcess(n, np.where(np.asarray(n) > 0, low, np.inf), logs)

    def quantile(self, q: Floats) -> Floats:
        """The quantiles at shares (m,): (m,), or (replicates, m)."""
        return column(self.scale) * (1 - q) ** (-1 / column(self.shape))


@dataclass(frozen=True)
class ParetoMLE:
    """Fit a Pareto law by the smallest row and the mean logarithm of the rows over it.

    The fitted exponent is on average too large, by 2 / n: tails get lighter with every generation.
    """

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[LogExcess]] = LogExcess

    def fit(self, data: Data, rng: Generator) -> Pareto:
        """Fit to rows, a `Batch` of rows or their `LogExcess`."""
        s = LogExcess.of(data)
        at_least(s.n, 2, "ParetoMLE")
        with np.errstate(divide="ignore"):
            return Pareto(s.low, np.divide(s.n, s.logs))
