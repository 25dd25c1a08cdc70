"""Linear regression with normal inputs and labels made by the last model: source, learner and statistic side by side.

Every generation has inputs of its own (fresh designs). Chains that relabel one design forever are not here.
"""

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Batch, Count, Data, Floats, Reals, Statistic
from genloss.errors import NotExact, SpecError
from genloss.families.arrays import ByValue, at_least, numbers, reduced
from genloss.families.multivariate import bartlett, root
from genloss.plain.numbers import whole_number

Pairs = tuple[Floats, Floats]


class Gram(Statistic):
    """The products of inputs and labels that least squares needs.

    Attributes:
        n: Number of rows.
        xtx: X'X: shape (d, d), or (replicates, d, d).
        xty: X'y: shape (d,), or (replicates, d).
        yty: y'y.
    """

    __slots__ = ("n", "xtx", "xty", "yty")

    def __init__(self, n: Count, xtx: Floats, xty: Floats, yty: Reals) -> None:
        self.n = n
        self.xtx = xtx
        self.xty = xty
        self.yty = yty

    def __repr__(self) -> str:
        return f"Gram(n={self.n}, xtx={self.xtx}, xty={self.xty}, yty={self.yty})"

    @property
    def replicates(self) -> int | None:
        """Replicates held as leading axis; None for one dataset."""
        return len(self.xty) if self.xty.ndim == 2 else None

    @classmethod
    def of(cls, data: Data) -> Self:
        """Reduce a pair (X of shape (n, d), y of shape (n,)), or a `Batch` of rows that end in the label."""
        if isinstance(data, cls):
            return data
        if isinstance(data, Batch):
            x, y = data.rows[..., :-1], data.rows[..., -1]
        elif isinstance(data, tuple) and len(data) == 2:
            x, y = np.asarray(data[0], dtype=float), np.asarray(data[1], dtype=float)
        else:
            raise SpecError(f"data: {type(data).__name__} is not a pair; linear regression takes (X, y)")
        if x.ndim != y.ndim + 1 or x.shape[:-1] != y.shape:
            raise SpecError(f"data: X of shape {x.shape} with y of shape {y.shape}; give (n, d) and (n,)")
        xtx, yty = x.mT @ x, np.einsum("...i,...i->...", y, y)
        reduced(xtx, yty)
        return cls(y.shape[-1], xtx, (x.mT @ y[..., None])[..., 0], yty)

    def __add__(self, other: Self) -> Self:
        """Join: products add up."""
        return type(self)(self.n + other.n, self.xtx + other.xtx, self.xty + other.xty, self.yty + other.yty)


@dataclass(frozen=True, eq=False)
class LinearModel(ByValue):
    """Normal inputs of mean 0, and labels that are linear in them up to normal noise.

    Rows are pairs (X, y); many replicates side by side are a `Batch` of rows of d + 1 numbers that end in the label.

    Attributes:
        weights: The coefficients: shape (d,), or (replicates, d).
        cov: Covariance of the inputs, shape (d, d); None for the identity.
        noise: Standard deviation of the labels about their mean.

    Example:
        >>> import numpy as np
        >>> X, y = LinearModel([1.0, -2.0]).sample(5, np.random.default_rng(0))
        >>> X.shape, y.shape
        ((5, 2), (5,))
    """

    weights: Any
    cov: Any = None
    noise: float = 1.0

    def __post_init__(self) -> None:
        weights = numbers(self.weights, "linear-model.weights")
        if weights.ndim not in (1, 2) or not weights.shape[-1]:
            raise SpecError(f"linear-model.weights: shape {weights.shape}; give d numbers")
        object.__setattr__(self, "weights", weights)
        if not 0 <= self.noise < np.inf:
            raise SpecError(
                f"linear-model.noise: {self.noise} is not a standard deviation; give a finite number from 0"
            )
        if self.cov is not None:
            d = weights.shape[-1]
            cov = numbers(self.cov, "linear-model.cov")
            if cov.shape != (d, d) or np.abs(cov - cov.T).max() > 1e-9 * np.abs(cov).max():
                raise SpecError(f"linear-model.cov: shape {cov.shape}; give a symmetric matrix of shape ({d}, {d})")
            if np.linalg.eigvalsh(cov)[0] < -1e-9 * np.abs(cov).max():
                raise SpecError("linear-model.cov: has a negative eigenvalue; give a covariance matrix")
            object.__setattr__(self, "cov", cov)

    @cached_property
    def factor(self) -> Floats:
        """A matrix F with F F' = cov."""
        return np.eye(self.weights.shape[-1]) if self.cov is None else root(self.cov)

    @property
    def width(self) -> int:
        """Numbers a row."""
        return int(self.weights.shape[-1]) + 1

    @property
    def statistic_width(self) -> int:
        """Numbers in the statistic of a draw."""
        return self.width**2

    def with_weights(self, weights: Floats) -> "LinearModel":
        """Return the law of the same inputs and noise with other coefficients."""
        law = copy.copy(self)
        vars(law)["weights"] = weights
        return law

    def pick(self, i: int) -> "LinearModel":
        """Return the law of replicate i."""
        return self if self.weights.ndim == 1 else self.with_weights(self.weights[i])

    def excess_risk(self, truth: "LinearModel") -> Any:
        """The expected squared error of its predictions on new inputs: |w - w*|^2 in the norm of the true cov."""
        off = self.weights - truth.weights
        return np.square(off if truth.cov is None else (off[..., None, :] @ truth.factor)[..., 0, :]).sum(-1)

    def sample(self, n: int, rng: Generator) -> Pairs:
        """Draw n rows: X of shape (n, d) and y of shape (n,)."""
        x = self._inputs(rng, (n, self.width - 1))
        return x, x @ self.weights + self.noise * rng.standard_normal(n)

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n rows per replicate: shape (replicates, n, d + 1), the label last."""
        x = self._inputs(rng, (replicates, n, self.width - 1))
        y = x @ self.weights[..., None]
        y += self.noise * rng.standard_normal(y.shape)
        return Batch(np.concatenate((x, y), -1))

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Gram:
        """Draw the products of n rows at a cost free of n.

        X'X is Wishart, by Bartlett's factor T; X'e given X is T z, with one normal z for each direction that the inputs
        span; e'e is |z|^2 plus an independent chi-squared of the other n - d.
        """
        d = self.width - 1
        rows = np.asarray(n)
        factor = bartlett(rows, d, rng, shape)
        if self.cov is not None:
            factor = self.factor @ factor
        z = self.noise * rng.standard_normal((*shape, d)) * (np.arange(d) < rows[..., None])
        rest = 2 * self.noise**2 * rng.standard_gamma(np.maximum(rows - d, 0) / 2, shape or None)
        signal = _times(factor.mT, self.weights)
        whole = signal + z
        return Gram(n, factor @ factor.mT, _times(factor, whole), np.square(whole).sum(-1) + rest)

    def _inputs(self, rng: Generator, shape: tuple[int, ...]) -> Floats:
        x = rng.standard_normal(shape)
        return x if self.cov is None else x @ self.factor.mT


@dataclass(frozen=True)
class OLS:
    """Fit coefficients by least squares; the models label new inputs of the true law, with the true noise.

    With fewer rows than dimensions and no ridge it takes the coefficients of least norm.

    Attributes:
        ridge: The penalty: coefficients are (X'X / n + ridge)^-1 X'y / n; 0 for ordinary least squares.
        inputs: The law whose inputs and noise the models draw with. A chain takes it from its source.
    """

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[Gram]] = Gram

    ridge: float = 0.0
    inputs: LinearModel | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.ridge < np.inf:
            raise SpecError(f"ols.ridge: {self.ridge}; give a finite number from 0")

    def bound(self, source: Any) -> "OLS":
        """Learn from the source which law inputs and noise have."""
        return replace(self, inputs=source) if self.inputs is None and isinstance(source, LinearModel) else self

    def fit(self, data: Data, rng: Generator) -> LinearModel:
        """Fit to a pair (X, y), a `Batch` of rows or their `Gram`."""
        if self.inputs is None:
            raise SpecError(
                "ols.inputs: data do not tell the law of new inputs; give a linear-model as source or inputs"
            )
        s = Gram.of(data)
        at_least(s.n, 1, "OLS")
        d = self.inputs.width - 1
        if s.xty.shape[-1] != d:
            raise SpecError(f"data: inputs of {s.xty.shape[-1]} numbers; the input law has {d}")
        n = np.asarray(s.n)
        return self.inputs.with_weights(_solved(s.xtx, s.xty, n, self.ridge))


class RiskOnly(Statistic):
    """The excess risk of least squares on n rows, all else forgotten; two of them cannot be joined.

    Attributes:
        n: Number of rows.
        risk: The excess risk of the coefficients fitted to them.
    """

    __slots__ = ("n", "risk")

    def __init__(self, n: Count, risk: Reals) -> None:
        self.n = n
        self.risk = risk

    @property
    def replicates(self) -> int | None:
        """Replicates held as leading axis; None for one dataset."""
        return None if np.ndim(self.risk) == 0 else len(self.risk)  # type: ignore[arg-type]

    @classmethod
    def of(cls, data: Data) -> Self:
        """Return a statistic of this kind as it is.

        Raises:
            NotExact: For rows.
        """
        if isinstance(data, cls):
            return data
        raise NotExact("RegressionNorm follows the excess risk alone and has no rows; use LinearModel with OLS")

    def __add__(self, other: Self) -> Self:
        """Refuse to join.

        Raises:
            NotExact: Always.
        """
        raise NotExact(
            "RegressionNorm has forgotten the direction of its error, so data of two models, or of a model and the "
            "truth, cannot be joined; use LinearModel with OLS"
        )


@dataclass(frozen=True)
class RegressionNorm:
    """Linear regression that follows the excess risk alone: a draw costs the same for any n and any number of inputs d.

    It covers chains that train each generation on new inputs labelled by the last model only (`Replace`), with normal
    inputs of any covariance, at least d rows and `OLSNorm`. Everything else raises `NotExact`: rows, accumulating,
    windows, real data mixed in, fewer rows than inputs. The excess risk has the law that it has in a chain of
    `LinearModel` and `OLS`.

    Attributes:
        d: Number of inputs.
        noise: Standard deviation of the labels about their mean.
        risk: The excess risk |w - w*|^2 (in the norm of the inputs' covariance), or one per replicate; 0 for the truth.

    Example:
        >>> import numpy as np
        >>> float(RegressionNorm(d=10**6).draw(10**9, np.random.default_rng(0)).risk) < 0.01
        True
    """

    d: int
    noise: float = 1.0
    risk: Reals = 0.0

    def __post_init__(self) -> None:
        whole_number(self.d, "regression-norm.d", 1)
        if not 0 <= self.noise < np.inf:
            raise SpecError(
                f"regression-norm.noise: {self.noise} is not a standard deviation; give a finite number from 0"
            )

    def pick(self, i: int) -> "RegressionNorm":
        """Return the law of replicate i."""
        return self if np.ndim(self.risk) == 0 else replace(self, risk=float(self.risk[i]))  # type: ignore[index]

    def excess_risk(self, truth: "RegressionNorm") -> Reals:
        """The expected squared error of its predictions on new inputs of the true law."""
        return self.risk

    def sample(self, n: int, rng: Generator) -> Data:
        """Refuse to draw rows.

        Raises:
            NotExact: Always.
        """
        raise NotExact("RegressionNorm has no rows to draw; use engine='exact', or LinearModel with OLS")

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> RiskOnly:
        """Draw the excess risk of least squares on n new rows.

        The new error is the old one plus a vector of uniform direction and squared length s^2 chi2_d / chi2_(n-d+1).
        """
        if np.min(n) < self.d:
            raise NotExact(f"RegressionNorm with {np.min(n)} rows for d = {self.d} inputs; give at least d")
        size = shape or None
        along = rng.standard_normal(size)
        across = rng.chisquare(self.d - 1, size) if self.d > 1 else np.zeros(shape)
        scale = self.noise**2 / rng.chisquare(np.asarray(n) - self.d + 1, size)
        # The vector in coordinates: `along` the old error, `across` it.
        return RiskOnly(n, np.square(np.sqrt(self.risk) + np.sqrt(scale) * along) + scale * across)


@dataclass(frozen=True)
class OLSNorm:
    """Fit by least squares, of which only the excess risk is kept; see `RegressionNorm`.

    Attributes:
        inputs: The law whose dimensions and noise the models have. A chain takes it from its source.
    """

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[RiskOnly]] = RiskOnly

    inputs: RegressionNorm | None = None

    def bound(self, source: Any) -> "OLSNorm":
        """Learn from the source how many inputs and how much noise there are."""
        return replace(self, inputs=source) if self.inputs is None and isinstance(source, RegressionNorm) else self

    def fit(self, data: Data, rng: Generator) -> RegressionNorm:
        """Take over the excess risk."""
        if self.inputs is None:
            raise SpecError("ols-norm.inputs: give a regression-norm as source or inputs")
        return replace(self.inputs, risk=RiskOnly.of(data).risk)


def _times(matrix: Array, vector: Array) -> Floats:
    return np.asarray((matrix @ vector[..., None])[..., 0])


def _solved(xtx: Floats, xty: Floats, n: Array, ridge: float) -> Floats:
    """Solve the normal equations; of many solutions take the one of least norm."""
    d = xty.shape[-1]
    if ridge > 0:
        return np.asarray(np.linalg.solve(xtx + (n * ridge)[..., None, None] * np.eye(d), xty[..., None])[..., 0])
    if np.min(n) >= d:
        try:
            return np.asarray(np.linalg.solve(xtx, xty[..., None])[..., 0])
        except np.linalg.LinAlgError:
            pass
    values, vectors = np.linalg.eigh(xtx)
    # At most n eigenvalues are not zero; they come last.
    kept = (np.arange(d) >= d - n[..., None]) & (values > d * 1e-15 * values[..., -1:])
    inverse = np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)
    return _times(vectors, inverse * _times(vectors.mT, xty))
