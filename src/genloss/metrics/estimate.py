"""What a metric returns: a value and, if it was asked for, how sure it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genloss.errors import SpecError

Array = NDArray[Any]
Floats = NDArray[np.float64]
LEVEL_SIGMAS = 1.959963984540054
"""Standard errors on either side of a 95% interval."""
RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value.

    Attributes:
        value: The value: a number, or an array with one value per replicate, label or both.
        se: Its standard error, due to the finite number of rows or documents; None if it was not asked for.
        low: Where the 95% interval begins, within the range of the metric; None if it was not asked for.
        high: Where it ends.
        n: How many rows, symbols or documents were read; 0 for parameters, which have no sampling error.

    Example:
        >>> from genloss import metrics
        >>> estimate = metrics.variance([1.0, 2.0, 3.0, 4.0], interval=True)
        >>> float(estimate), estimate.n
        (1.6666666666666667, 4)
    """

    value: Any
    se: Any = None
    low: Any = None
    high: Any = None
    n: int = 0

    def __float__(self) -> float:
        return float(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.value, dtype=dtype)


def estimate(
    value: ArrayLike,
    error: Callable[[], ArrayLike] | None,
    n: int,
    interval: bool,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """Put a value and its error together; the error is computed only if an interval is asked for.

    Args:
        value: The value.
        error: Computes its standard error; None for a value that has none, such as that of parameters.
        n: The number of rows read.
        interval: Whether error and interval are wanted.
        bounds: The range of the metric.
    """
    kept = np.asarray(value, dtype=float)
    plain = kept.item() if kept.ndim == 0 else kept
    if not interval:
        return Estimate(plain, n=n)
    se: Any = np.zeros_like(kept) if error is None else np.asarray(error(), dtype=float)
    low: Any = np.maximum(kept - LEVEL_SIGMAS * se, bounds[0])
    high: Any = np.minimum(kept + LEVEL_SIGMAS * se, bounds[1])
    se, low, high = (each.item() if each.ndim == 0 else each for each in map(np.asarray, (se, low, high)))
    return Estimate(plain, se, low, high, n)


def resampled(measure: Callable[..., ArrayLike], *samples: Array) -> Floats:
    """The standard error of a measurement, by drawing the rows of each sample anew (Efron 1979); always the same draws.

    Args:
        measure: Takes as many samples as are given.
        *samples: Arrays whose first axis are independent rows.
    """
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        again = [sample[rng.integers(len(sample), size=len(sample))] for sample in samples]
        drawn.append(np.asarray(measure(*again), dtype=float))
    return np.asarray(np.std(drawn, axis=0, ddof=1))


def table(rows: ArrayLike, name: str, least: int = 1, width: int | None = None) -> Floats:
    """Read rows of numbers as a table: shape (n, d); plain numbers are one column.

    Raises:
        SpecError: If they are not finite numbers of shape (n,) or (n, d), or too few.
    """
    try:
        read = np.asarray(rows, dtype=float)
    except (TypeError, ValueError):
        raise SpecError(f"metrics.{name}: rows must be numbers of shape (n,) or (n, d)") from None
    if read.ndim not in (1, 2):
        raise SpecError(f"metrics.{name}: rows must have shape (n,) or (n, d), got {read.shape}")
    read = read[:, None] if read.ndim == 1 else read
    if len(read) < least:
        raise SpecError(f"metrics.{name}: needs at least {least} rows, got {len(read)}")
    if not np.isfinite(read).all():
        raise SpecError(f"metrics.{name}: rows must be finite, got {int((~np.isfinite(read)).sum())} NaN or infinite")
    if width is not None and read.shape[1] != width:
        raise SpecError(f"metrics.{name}: both samples must have rows of one width, got {width} and {read.shape[1]}")
    return read


def frequencies(p: ArrayLike, name: str) -> tuple[Floats, int]:
    """Read probabilities or counts of symbols along the last axis: the shares, and how many symbols were counted.

    Whole numbers are counts; anything else are probabilities, for which the second number is 0.

    Raises:
        SpecError: If they are negative, not finite, or probabilities that do not add up to 1.
    """
    read = np.asarray(p)
    if read.ndim < 1 or read.dtype.kind not in "iufb" or not read.shape[-1]:
        raise SpecError(f"metrics.{name}: give counts (whole numbers) or probabilities of symbols along the last axis")
    if not np.isfinite(read).all() or (read < 0).any():
        raise SpecError(f"metrics.{name}: counts and probabilities must be finite and >= 0")
    total = read.sum(-1, keepdims=True)
    if read.dtype.kind in "iu":
        if (total == 0).any():
            raise SpecError(f"metrics.{name}: no symbol was counted; give at least one")
        return read / total, int(np.min(total))
    if np.abs(total - 1).max() > 1e-9:
        raise SpecError(f"metrics.{name}: probabilities must add up to 1, got {float(np.ravel(total)[0]):.10g}")
    return read.astype(float), 0


def aligned(p: Floats, q: Floats) -> tuple[Floats, Floats]:
    """Give two laws of symbols one length; a symbol that one does not know has probability 0 there."""
    k = max(p.shape[-1], q.shape[-1])
    return padded(p, k), padded(q, k)


def padded(p: Floats, k: int) -> Floats:
    """Add symbols of probability 0 at the end, up to k of them."""
    missing = k - p.shape[-1]
    return np.concatenate((p, np.zeros((*p.shape[:-1], missing))), -1) if missing else p


def share_error(share: ArrayLike, rows: ArrayLike) -> Floats:
    """The standard error of a share found on a number of rows, after adding four rows of which two count.

    Agresti and Coull (1998); unlike the plain binomial error it does not vanish where the share is 0 or 1.
    """
    m = np.asarray(rows, dtype=float) + 4
    middle = (np.asarray(share, dtype=float) * (m - 4) + 2) / m
    return np.asarray(np.sqrt(middle * (1 - middle) / m))


def over_replicates(measure: Callable[[Any], Estimate], replicates: Sequence[Any]) -> Estimate:
    """Apply a metric to each of many replicates: values, errors and bounds get a leading replicate axis.

    Args:
        measure: A metric of one sample, such as `metrics.variance`, or a `functools.partial` of one.
        replicates: One sample per replicate, such as an array of shape (replicates, n) or (replicates, n, d).

    Raises:
        SpecError: If there is no replicate, or the metric refuses one.

    Example:
        >>> over_replicates(lambda rows: estimate(max(rows), None, len(rows), False), [[1, 2], [5, 3]]).value
        array([2., 5.])
    """
    if not len(replicates):
        raise SpecError("metrics.over_replicates: needs at least 1 replicate, got 0")
    found = [measure(one) for one in replicates]

    def stacked(name: str) -> Any:
        parts = [getattr(one, name) for one in found]
        return None if parts[0] is None else np.stack(parts)

    return Estimate(stacked("value"), stacked("se"), stacked("low"), stacked("high"), min(one.n for one in found))
