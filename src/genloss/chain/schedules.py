"""How many rows: a number, or a schedule of the generation t."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from genloss.errors import SpecError

Size = int | str | Callable[[int], float]
"""A number of rows, the word "n0" (as many as the first generation), or a schedule of t."""
MOST = 10**15
"""The most rows of one generation: so many can still be told apart and added up exactly."""


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
    """Read a size at generation t; what a schedule gives is rounded to a whole number.

    Raises:
        SpecError: If the size is not a whole positive number of rows at t.
    """
    if not callable(size):
        return whole(size, where, "give a whole number, 'n0' or a schedule")
    try:
        value: Any = size(t)
    except OverflowError:
        value = math.inf
    if isinstance(value, (bool, str)) or not (isinstance(value, float) or hasattr(value, "__index__")):
        raise SpecError(f"{where}: the schedule gives {value!r} at generation {t}; give a number of rows")
    rows = round(value) if isinstance(value, float) and math.isfinite(value) else value
    if not 1 <= rows <= MOST:
        raise SpecError(f"{where}: {value:g} rows at generation {t}; a generation needs 1 to {MOST:.0e}")
    return int(rows)


def whole(value: Any, where: str, right: str = "give a whole number") -> int:
    """Read a number of rows that stands for itself.

    Raises:
        SpecError: If it is not a whole positive number.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise SpecError(f"{where}: {value!r} is not a number of rows; {right}")
    rows = int(value)
    if not 1 <= rows <= MOST:
        raise SpecError(f"{where}: {value} rows; a generation needs 1 to {MOST:.0e}")
    return rows


def check_size(size: Size, where: str) -> None:
    """Refuse a size that is wrong at every generation.

    Raises:
        SpecError: If it is neither a whole positive number, nor "n0", nor a schedule.
    """
    if not callable(size) and size != "n0":
        size_at(size, 0, where)
