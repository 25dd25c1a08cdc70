"""How many rows: a number, or a schedule of the generation t."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from genloss.errors import SpecError

Size = int | str | Callable[[int], float]
"""A number of rows, the word "n0" (as many as the first generation), or a schedule of t."""


@dataclass(frozen=True)
class Constant:
    """The same size at every generation.

    Attributes:
        n: The size.
    """

    n: int

    def __call__(self, t: int) -> float:
        """The size at generation t."""
        return self.n


@dataclass(frozen=True)
class Linear:
    """A size that grows by the same amount: `start + step * t`.

    Attributes:
        start: The size at generation 0.
        step: What each generation adds.
    """

    start: float
    step: float

    def __call__(self, t: int) -> float:
        """The size at generation t."""
        return self.start + self.step * t


@dataclass(frozen=True)
class Power:
    """A size that grows like a power: `scale * (t + 1) ** exponent`.

    With an exponent above 1 the sum of 1/n converges, and replace-chains keep a positive spread
    (Shumailov et al. 2024, schedule criterion).

    Attributes:
        scale: The size at generation 0.
        exponent: The power; 1 is linear growth.
    """

    scale: float
    exponent: float

    def __call__(self, t: int) -> float:
        """The size at generation t."""
        return float(self.scale * float(t + 1) ** self.exponent)


@dataclass(frozen=True)
class Geometric:
    """A size that grows by the same factor: `start * ratio ** t`.

    Attributes:
        start: The size at generation 0.
        ratio: The factor between generations.
    """

    start: float
    ratio: float

    def __call__(self, t: int) -> float:
        """The size at generation t."""
        return self.start * self.ratio**t


def size_at(size: Size, t: int, where: str = "n") -> int:
    """Read a size at generation t.

    Raises:
        SpecError: Where the size is no whole positive number of rows at t.
    """
    value: Any = size(t) if callable(size) else size
    if isinstance(value, (bool, str)) or not (isinstance(value, float) or hasattr(value, "__index__")):
        raise SpecError(f"{where}: {value!r} is no number of rows; give a whole number, 'n0' or a schedule")
    if not math.isfinite(value) or round(value) < 1:
        when = f" at generation {t}" if callable(size) else ""
        raise SpecError(f"{where}: {value} rows{when}; a generation needs at least 1")
    return round(value) if isinstance(value, float) else int(value)
