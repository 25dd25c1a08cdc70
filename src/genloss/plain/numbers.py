"""Settings that are numbers, read and refused in one way."""

import math
from typing import Any

from genloss.errors import SpecError


def whole_number(value: Any, where: str, least: int = 0, most: int | None = None) -> int:
    """Read a whole number, NumPy's included.

    Args:
        value: What was given.
        where: What the setting is called, for the message.
        least: The smallest that is right.
        most: The largest that is right; None for no limit.

    Raises:
        SpecError: If it is anything else, truth values included.

    Example:
        >>> whole_number(3, "generations")
        3
        >>> whole_number(2.5, "workers", 1)
        Traceback (most recent call last):
        genloss.errors.SpecError: workers: must be a whole number from 1, got 2.5
    """
    right = not isinstance(value, bool) and hasattr(type(value), "__index__")
    if not right or value < least or (most is not None and value > most):
        upper = "" if most is None else f" to {most}"
        raise SpecError(f"{where}: must be a whole number from {least}{upper}, got {value!r}")
    return int(value)


def share(value: Any, where: str, *, zero: bool = False, one: bool = False) -> float:
    """Read a share: a number between 0 and 1, with its ends where they are allowed.

    Args:
        value: What was given.
        where: What the setting is called, for the message.
        zero: Whether 0 is allowed.
        one: Whether 1 is allowed.

    Raises:
        SpecError: If it is anything else, truth values and NaN included.

    Example:
        >>> share(1, "curator.q", one=True)
        1.0
        >>> share(1.5, "curator.q", one=True)
        Traceback (most recent call last):
        genloss.errors.SpecError: curator.q: must be a number above 0 and at most 1, got 1.5
    """
    if isinstance(value, bool) or not hasattr(type(value), "__float__") or not 0 <= value <= 1:
        right = False
    else:
        right = (zero or value > 0) and (one or value < 1)
    if not right:
        lower = "from 0" if zero else "above 0"
        upper = "at most 1" if one else "below 1"
        raise SpecError(f"{where}: must be a number {lower} and {upper}, got {value!r}")
    return float(value)


def positive(value: Any, where: str) -> float:
    """Read a finite number above 0.

    Raises:
        SpecError: If it is anything else, truth values and NaN included.
    """
    if isinstance(value, bool) or not hasattr(type(value), "__float__") or not 0 < value < math.inf:
        raise SpecError(f"{where}: must be a finite number above 0, got {value!r}")
    return float(value)
