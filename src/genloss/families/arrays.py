"""What descriptions that hold arrays share: equality by value, and the reading of what a user gives."""

import dataclasses
from typing import Any

import numpy as np

from genloss.chain.data import Floats
from genloss.errors import SpecError
from genloss.plain.describe import same


class ByValue:
    """Equality by value for frozen dataclasses whose fields are arrays."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(same(getattr(self, name), getattr(other, name)) for name in _compared(self))

    def __hash__(self) -> int:
        return hash((type(self), *(np.shape(getattr(self, name)) for name in _compared(self))))


def column(parameter: Any) -> Floats:
    """A parameter, or one per replicate, with an axis behind it."""
    return np.asarray(parameter, dtype=float)[..., None]


def numbers(value: Any, where: str) -> Floats:
    """Read finite numbers.

    Raises:
        SpecError: If they are not numbers, or not finite.
    """
    try:
        found = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise SpecError(f"{where}: {value!r} is not an array of numbers") from None
    if not np.isfinite(found).all():
        raise SpecError(f"{where}: holds NaN or infinite numbers; give finite ones")
    return found


def reduced(*sums: Any) -> None:
    """Refuse what rows with NaN or infinite numbers were reduced to.

    Raises:
        SpecError: If a sum is not finite.
    """
    if not all(np.isfinite(found).all() for found in sums):
        raise SpecError("data: rows hold NaN or infinite numbers; give finite ones")


def at_least(n: Any, rows: int, learner: str) -> None:
    """Refuse to fit fewer rows than a learner needs.

    Raises:
        SpecError: If there are fewer.
    """
    if np.min(n) < rows:
        raise SpecError(f"learner: {learner} needs at least {rows} row{'s' * (rows > 1)}, got {np.min(n)}")


def _compared(thing: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(thing) if field.compare]
