"""Tails by size: how far a model's extremes still reach, as a ratio to the truth's."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array
from genloss.chain.meta import ProbeRole
from genloss.chain.recursion import Generation
from genloss.errors import SpecError
from genloss.probes import rows
from genloss.probes.naming import probe_name
from genloss.probes.projections import Line, model_line, truth_line


@dataclass(frozen=True)
class TailRatio:
    """How far the q-quantiles lie from the median, as a ratio to the same distance in the truth; 1 is nothing lost.

    A vector probe with one value per side: (median - Q(q)) and (Q(1 - q) - median) of the model over those of the
    truth, so that a drift of the centre alone changes nothing. In closed form for normal laws and models with
    `quantile`; else on drawn rows (linear sample quantiles), against the truth's formula or its held-out rows.
    Vectors are measured along the leading eigenvector of the truth's covariance. What the model draws counts,
    temperature included. A side on which the truth has no tail (a Poisson law of small rate) gives NaN.

    Attributes:
        q: The share of rows beyond the quantile on each side, above 0 and below 0.5.
        rows: Rows drawn from a model without closed form.
        real: The most real rows to compare with where the truth has no closed form.
    """

    role: ClassVar[ProbeRole] = "tails"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "log"
    vectorized: ClassVar[bool] = True

    q: float = 0.01
    rows: int = 1000
    real: int = 10_000

    def __post_init__(self) -> None:
        _check(self, self.q, self.rows, self.real)

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: labels "lower q" and "upper q" along `side`."""
        truth, direction = truth_line(g, self.real, self)
        model = model_line(g, self.rows, rng, self, direction, few=True)
        return _sides(self._reach(model), self._reach(truth), self.q, g)

    def _reach(self, line: Line) -> Array:
        low, middle, high = np.moveaxis(line.quantile(np.array([self.q, 0.5, 1 - self.q])), -1, 0)
        return np.stack([middle - low, high - middle], -1)


@dataclass(frozen=True)
class ExpectedShortfall:
    """How far the mean of the worst share q lies from the median, as a ratio to the truth's; 1 is nothing lost.

    Expected shortfall (Acerbi and Tasche 2002), on both sides and from the median: it sees how heavy a tail still is
    beyond the quantile, where `TailRatio` sees the quantile only. A vector probe; rows, closed forms and vectors as in
    `TailRatio`; on rows it is the mean of the ceil(q n) outermost ones.

    Attributes:
        q: The share of rows in each tail, above 0 and below 0.5.
        rows: Rows drawn from a model without closed form.
        real: The most real rows to compare with where the truth has no closed form.
    """

    role: ClassVar[ProbeRole] = "tails"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "log"
    vectorized: ClassVar[bool] = True

    q: float = 0.05
    rows: int = 1000
    real: int = 10_000

    def __post_init__(self) -> None:
        _check(self, self.q, self.rows, self.real)

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: labels "lower q" and "upper q" along `side`."""
        truth, direction = truth_line(g, self.real, self)
        model = model_line(g, self.rows, rng, self, direction)
        return _sides(self._reach(model), self._reach(truth), self.q, g)

    def _reach(self, line: Line) -> Array:
        middle = line.quantile(np.array([0.5]))[..., 0]
        low, high = line.shortfall(self.q)
        return np.stack([middle - low, high - middle], -1)


def _sides(model: Array, truth: Array, q: float, g: Generation) -> Any:
    ratio = np.where(truth > 0, model / np.where(truth > 0, truth, 1), np.nan)
    return rows.labelled(ratio, "side", [f"lower {q:g}", f"upper {q:g}"], g)


def _check(probe: Any, q: float, drawn: int, real: int) -> None:
    if not 0 < q < 0.5:
        raise SpecError(f"probe {probe_name(probe)}.q: {q}; give a share above 0 and below 0.5")
    rows.whole(drawn, 2, probe, "rows")
    rows.whole(real, 2, probe, "real")
