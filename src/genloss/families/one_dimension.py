"""What laws on the line share: a law that says how its rows are drawn can draw them for one replicate or for many."""

from abc import ABC, abstractmethod
from dataclasses import fields, replace
from typing import Any, Self

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Batch, Data
from genloss.errors import SpecError
from genloss.families.arrays import reduced


class OnTheLine(ABC):
    """A law on the line: how its rows are drawn says how they are drawn for one replicate or for many."""

    @abstractmethod
    def _rows(self, rng: Generator, size: Any) -> Array:
        """Draw rows of the given shape, which the parameters broadcast with."""

    def pick(self, i: int) -> Self:
        """Return the law of replicate i."""
        many = {name: float(value[i]) for name, value in self._parameters() if np.ndim(value)}
        return replace(self, **many) if many else self  # type: ignore[type-var]

    def sample(self, n: int, rng: Generator) -> Array:
        """Draw n rows: shape (n,)."""
        return self._rows(rng, n)

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n rows per replicate: shape (replicates, n)."""
        columns: Any = replace(self, **{name: np.asarray(value)[..., None] for name, value in self._parameters()})  # type: ignore[type-var]
        return Batch(columns._rows(rng, (replicates, n)))

    def _parameters(self) -> list[tuple[str, Any]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]  # type: ignore[arg-type]

    def check(self, low: float, high: float, what: str, *, open_low: bool = False) -> None:
        """Refuse a parameter out of range.

        Raises:
            SpecError: Naming the parameter.
        """
        for name, value in self._parameters():
            if np.ndim(value) == 0 and not ((low < value if open_low else low <= value) and value <= high):
                raise SpecError(f"{type(self).__name__.lower()}.{name}: {value}; give {what}")


def rows_of(data: Data) -> Array:
    """Read single numbers: shape (n,), or (replicates, n) for a `Batch`.

    Raises:
        SpecError: If they are none, or not finite.
    """
    rows = np.asarray(data.rows if isinstance(data, Batch) else data)
    if rows.ndim != (2 if isinstance(data, Batch) else 1):
        raise SpecError(f"data: rows of shape {rows.shape[1:]}; a law on the line takes single numbers")
    reduced(rows.sum(-1))
    return rows


def replicates_of(values: Any) -> int | None:
    """Count the replicates along the leading axis; None for a single number."""
    return None if np.ndim(values) == 0 else len(values)
