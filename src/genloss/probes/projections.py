"""The model and the truth seen as laws on the line: by formula, by quantile function or by rows."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator

from genloss.chain.capabilities import (
    HasCostlyQuantile,
    Normal,
    Quantile,
    held_out_of,
    normal_of,
    normals_of,
    quantile_of,
    symbols_of,
)
from genloss.chain.data import Array, Floats
from genloss.chain.recursion import Generation
from genloss.probes import rows
from genloss.probes.naming import refusal

_STEPS = (np.arange(2000) + 0.5) / 2000


class Line(Protocol):
    """A law on the line; replicates side by side lead what it returns."""

    def quantile(self, q: Floats) -> Array:
        """Quantiles: shape (..., len(q))."""

    def shortfall(self, q: float) -> tuple[Array, Array]:
        """The mean of the lowest and of the highest share q of the law."""


@dataclass(frozen=True, slots=True)
class NormalLine:
    """A normal law.

    Attributes:
        mean: A number, or one per replicate.
        sd: Its standard deviation.
    """

    mean: Any
    sd: Any

    def quantile(self, q: Floats) -> Array:
        """Quantiles by the inverse error function."""
        from scipy.special import ndtri

        return np.asarray(self.mean)[..., None] + np.asarray(self.sd)[..., None] * ndtri(q)

    def shortfall(self, q: float) -> tuple[Array, Array]:
        """The mean lies sd * phi(z_q) / q off, on either side."""
        from scipy.special import ndtri

        off = self.sd * (np.exp(-0.5 * ndtri(q) ** 2) / np.sqrt(2 * np.pi) / q)
        return np.asarray(self.mean - off), np.asarray(self.mean + off)


@dataclass(frozen=True, slots=True)
class QuantileLine:
    """A law given by its quantile function.

    Attributes:
        function: Takes shares of shape (m,); gives (m,), or (replicates, m).
    """

    function: Quantile

    def quantile(self, q: Floats) -> Array:
        """Quantiles as the law gives them."""
        return np.asarray(self.function(q), dtype=float)

    def shortfall(self, q: float) -> tuple[Array, Array]:
        """The quantile function averaged over either tail, at 2,000 points that are densest at its end."""
        shares, weights = q * _STEPS**3, 3 * _STEPS**2 / len(_STEPS)
        return rows.weighted(self.quantile(shares), weights), rows.weighted(self.quantile(1 - shares), weights)


@dataclass(frozen=True, slots=True)
class RowsLine:
    """A law given by rows.

    Attributes:
        sorted: The rows in order: shape (..., n).
    """

    sorted: Floats

    def quantile(self, q: Floats) -> Array:
        """Sample quantiles, linear between rows."""
        place = np.asarray(q) * (self.sorted.shape[-1] - 1)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, self.sorted.shape[-1] - 1)
        below, above = self.sorted[..., low], self.sorted[..., high]
        return below + (above - below) * (place - low)  # type: ignore[no-any-return]

    def shortfall(self, q: float) -> tuple[Array, Array]:
        """The means of the ceil(q n) lowest and highest rows."""
        m = max(1, int(np.ceil(q * self.sorted.shape[-1] - 1e-9)))
        return self.sorted[..., :m].mean(-1), self.sorted[..., -m:].mean(-1)


def truth_line(g: Generation, n: int, probe: Any) -> tuple[Line, Floats | None]:
    """See the truth as a law on the line; vectors along the direction in which the truth varies most.

    Args:
        g: The generation.
        n: The most rows to use where the truth has no closed form.
        probe: The probe, for messages.

    Returns:
        The law, and the unit vector it was seen along (None for plain numbers). The direction is the leading
        eigenvector of the truth's covariance, signed so that its largest entry is positive.
    """
    if symbols_of(g.source) is not None:
        raise refusal(probe, "one-dimensional rows", g.source)
    normal = normal_of(g.source)
    if normal is not None:
        return NormalLine(normal.mean, normal.spread), None
    function = quantile_of(g.source)
    if function is not None and held_out_of(g.source) is None:
        return QuantileLine(function), None
    normal = normals_of(g.source)
    if normal is not None:
        direction = _principal(normal.spread)
        return _along(normal, direction), direction
    real = rows.real(g, n, probe)
    if real.shape[-1] == 1:
        return RowsLine(np.sort(real[:, 0])), None
    direction = _principal(np.cov(real, rowvar=False))
    return RowsLine(np.sort(real @ direction)), direction


def model_line(g: Generation, n: int, rng: Generator, probe: Any, direction: Floats | None, few: bool = False) -> Line:
    """See the model as a law on the line, along a direction where the truth consists of vectors.

    Args:
        g: The generation.
        n: Rows to draw where the model has no closed form.
        rng: Randomness for them.
        probe: The probe, for messages.
        direction: The unit vector to see vectors along; None for plain numbers.
        few: Whether a few quantiles are all that is wanted.
    """
    if symbols_of(g.model) is not None:
        raise refusal(probe, "one-dimensional rows", g.model)
    normal = normal_of(g.model) if direction is None else normals_of(g.model)
    if normal is not None:
        return NormalLine(normal.mean, normal.spread) if direction is None else _along(normal, direction)
    function = quantile_of(g.model) if direction is None else None
    # A quantile that takes a search is dear if thousands are wanted of many replicates.
    if function is not None and (few or not isinstance(g.model, HasCostlyQuantile)):
        return QuantileLine(function)

    def drawn(one: Generation) -> Array:
        table = rows.generated(one, n, rng, probe)
        if table.shape[-1] != (1 if direction is None else len(direction)):
            raise refusal(
                probe, f"rows shaped like the truth's ({1 if direction is None else len(direction)} numbers)", g.model
            )
        return np.sort(table[..., 0] if direction is None else table @ direction, -1)

    return RowsLine(rows.at_once(g, n, drawn))


def _along(normal: Normal, direction: Floats) -> NormalLine:
    variance = np.einsum("...ij,i,j->...", normal.spread, direction, direction)
    return NormalLine(rows.weighted(normal.mean, direction), np.sqrt(np.maximum(variance, 0)))


def _principal(cov: Array) -> Floats:
    direction = np.linalg.eigh(cov)[1][:, -1]
    return direction * np.sign(direction[np.abs(direction).argmax()])  # type: ignore[no-any-return]
