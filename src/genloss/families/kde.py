"""Kernel density estimates: a chosen training row and noise around it."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Batch, Data, Floats
from genloss.errors import SpecError
from genloss.families.arrays import at_least

_CELLS = 2**20
"""How many pairs of points are looked at together when a density is evaluated."""


@dataclass(frozen=True, eq=False)
class KernelEstimate:
    """The density of rows smoothed by a Gaussian kernel; what `KDE` fits.

    Attributes:
        rows: The training rows: shape (n,) or (n, d), or a `Batch` of them, one set a replicate.
        bandwidth: The standard deviation of the kernel: a number, or one a coordinate (d,); with a `Batch` also one a
            replicate, (replicates,) or (replicates, d).

    Example:
        >>> import numpy as np
        >>> law = KernelEstimate(np.array([-1.0, 1.0]), 0.5)
        >>> float(law.mean), float(law.var)
        (0.0, 1.25)
    """

    rows: Any
    bandwidth: Any

    @property
    def width(self) -> int:
        """Numbers a row."""
        return int(self._rows.shape[-1]) if self._wide else 1

    @property
    def mean(self) -> Any:
        """The mean: a number or (d,), with a leading replicate axis for a `Batch`."""
        return self._rows.mean(self._axis)

    @property
    def var(self) -> Any:
        """The variance (of each coordinate): that of the rows, divisor n, plus the squared bandwidth."""
        return self._rows.var(self._axis) + np.square(self.bandwidth)

    @property
    def cov(self) -> Floats:
        """The covariance, shape (..., d, d): that of the rows, divisor n, plus the squared bandwidths."""
        if not self._wide:
            raise AttributeError("a density on the line has var and no cov")
        off = self._rows - np.expand_dims(self.mean, self._axis)
        noise = np.broadcast_to(np.square(self.bandwidth), self.mean.shape)
        return off.mT @ off / off.shape[-2] + noise[..., None] * np.eye(self.width)  # type: ignore[no-any-return]

    def pick(self, i: int) -> "KernelEstimate":
        """Return the estimate of replicate i."""
        if not isinstance(self.rows, Batch):
            return self
        bandwidth = self.bandwidth[i] if np.ndim(self.bandwidth) else self.bandwidth
        return KernelEstimate(self.rows.rows[i], bandwidth)

    def sample(self, n: int, rng: Generator) -> Floats:
        """Draw n rows: shape (n,) or (n, d)."""
        chosen = self._rows[rng.integers(len(self._rows), size=n)]
        return self._noisy(chosen, self.bandwidth, rng)

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n rows per replicate: shape (replicates, n) or (replicates, n, d)."""
        if not isinstance(self.rows, Batch):
            chosen = self._rows[rng.integers(len(self._rows), size=(replicates, n))]
            return Batch(self._noisy(chosen, self.bandwidth, rng))
        rows = self.rows.rows
        index = rng.integers(rows.shape[1], size=(replicates, n))
        chosen = rows[np.arange(replicates)[:, None], index]
        bandwidth = np.expand_dims(self.bandwidth, 1) if np.ndim(self.bandwidth) else self.bandwidth
        return Batch(self._noisy(chosen, bandwidth, rng))

    def logpdf(self, x: Any) -> Floats:
        """Evaluate the log density.

        Args:
            x: Points (m,) or (m, d), the same for all replicates, or a `Batch` of them.

        Returns:
            Shape (m,), or (replicates, m).

        Raises:
            SpecError: If the bandwidth is 0, so that there is no density.
        """
        if np.min(self.bandwidth) <= 0:
            raise SpecError("kde: a bandwidth of 0 resamples rows and has no density; give a positive bandwidth")
        if isinstance(self.rows, Batch):
            points = x.rows if isinstance(x, Batch) else [np.asarray(x, dtype=float)] * len(self.rows.rows)
            return np.stack([self.pick(i).logpdf(each) for i, each in enumerate(points)])
        points = np.asarray(x, dtype=float)
        if points.shape[1:] != self._rows.shape[1:]:
            raise SpecError(f"kde: points of shape {points.shape[1:]}, training rows of shape {self._rows.shape[1:]}")
        h = np.broadcast_to(np.asarray(self.bandwidth, dtype=float), (self.width,))
        centre = self._rows.mean(0)
        rows = (self._rows - centre).reshape(len(self._rows), self.width) / h
        points = (points - centre).reshape(len(points), self.width) / h
        step = max(1, _CELLS // len(rows))
        parts = [_log_mean_kernel(points[i : i + step], rows) for i in range(0, len(points), step)]
        log_scale = np.log(h).sum() + 0.5 * self.width * np.log(2 * np.pi)
        return np.concatenate(parts or [np.empty(0)]) - log_scale  # type: ignore[no-any-return]

    @property
    def _rows(self) -> Array:
        rows: Array = self.rows.rows if isinstance(self.rows, Batch) else self.rows
        return rows

    @property
    def _wide(self) -> bool:
        return self._rows.ndim == 2 + isinstance(self.rows, Batch)

    @property
    def _axis(self) -> int:
        return -2 if self._wide else -1

    @staticmethod
    def _noisy(chosen: Array, bandwidth: Any, rng: Generator) -> Floats:
        if np.ndim(bandwidth) == 0 and bandwidth == 0:
            return chosen
        noise = rng.standard_normal(chosen.shape)
        noise *= bandwidth
        noise += chosen
        return noise


@dataclass(frozen=True)
class KDE:
    """Smooth the training rows by a Gaussian kernel.

    It has no sufficient statistic, so it runs in the rows engine only. With a fixed bandwidth h, replacing data lets
    the variance of the rows tend to n * h**2; with a rule it grows exponentially.

    Attributes:
        bandwidth: The standard deviation of the kernel: a number from 0 (0 resamples the rows, the bootstrap), or a
            rule of thumb for each coordinate with its sample standard deviation s: "scott", s * n ** (-1 / (d + 4))
            (Scott 1992), or "silverman", s * (n * (d + 2) / 4) ** (-1 / (d + 4)) (Silverman 1986).

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> KDE(0.3).fit(np.array([1.0, 2.0]), rng).sample(3, rng).shape
        (3,)
    """

    batched: ClassVar[bool] = True

    bandwidth: float | Literal["scott", "silverman"] = 0.3

    def __post_init__(self) -> None:
        if isinstance(self.bandwidth, str):
            if self.bandwidth not in ("scott", "silverman"):
                raise SpecError(f"kde.bandwidth: no rule {self.bandwidth!r}; give a number, 'scott' or 'silverman'")
        elif isinstance(self.bandwidth, bool) or not 0 <= self.bandwidth < np.inf:
            raise SpecError(f"kde.bandwidth: {self.bandwidth} is not a width; give a finite number from 0, or a rule")

    def fit(self, data: Data, rng: Generator) -> KernelEstimate:
        """Keep the rows (or a `Batch` of rows) and find the bandwidth."""
        batch = isinstance(data, Batch)
        rows = np.asarray(data.rows if batch else data)
        if rows.dtype.kind not in "iuf" or rows.ndim - batch not in (1, 2):
            raise SpecError(
                f"data: {rows.dtype} rows of shape {rows.shape[1 + batch :]}; kde takes numbers, (n,) or (n, d)"
            )
        wide = rows.ndim - batch == 2
        n = rows.shape[1] if batch else len(rows)
        at_least(n, 1, "KDE")
        bandwidth: Any = self.bandwidth
        if isinstance(bandwidth, str):
            at_least(n, 2, f"KDE(bandwidth={bandwidth!r})")
            d = rows.shape[-1] if wide else 1
            factor = 1.0 if bandwidth == "scott" else (d + 2) / 4
            bandwidth = rows.std(-2 if wide else -1, ddof=1) * (n * factor) ** (-1 / (d + 4))
        return KernelEstimate(Batch(rows) if batch else rows, bandwidth)


def _log_mean_kernel(points: Floats, rows: Floats) -> Floats:
    """The log of the mean of exp(-|point - row|^2 / 2) over the rows."""
    if rows.shape[1] == 1:
        far = np.square(points - rows[:, 0])
    else:
        far = points @ rows.T
        far *= -2
        far += np.einsum("ij,ij->i", rows, rows)
        far += np.einsum("ij,ij->i", points, points)[:, None]
        np.maximum(far, 0, out=far)
    near = far.min(1, keepdims=True)
    far -= near
    far *= -0.5
    return np.log(np.exp(far, out=far).mean(1)) - 0.5 * near[:, 0]  # type: ignore[no-any-return]
