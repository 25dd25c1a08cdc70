"""How probes name themselves, and what they read off a mixture (`genloss.chain.capabilities` has the rest)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from genloss.chain.capabilities import HasResponsibilities, mixes_numbers
from genloss.chain.data import Floats
from genloss.errors import SpecError
from genloss.plain.describe import kind_of


def posteriors_of(source: Any) -> Callable[[Floats], Floats] | None:
    """Read how a mixture tells which component made a row, if it does: rows of shape (m, d) to shares (m, K)."""
    if not isinstance(source, HasResponsibilities):
        return None
    on_the_line = mixes_numbers(source)
    return lambda rows: np.asarray(source.responsibilities(rows[:, 0] if on_the_line else rows), dtype=float)


def refusal(probe: Any, measures: str, thing: Any) -> SpecError:
    """Say in one line what a probe measures and that this model (or data) has none of it."""
    return SpecError(f"probe {probe_name(probe)}: measures {measures}; {kind_name(thing)} has none")


def kind_name(thing: Any) -> str:
    """The name of an object's class; of a checked model of a user's, the user's class."""
    return type(getattr(thing, "__wrapped__", thing)).__name__


def probe_name(probe: Any) -> str:
    """The name of a probe as a spec gives it."""
    return probe if isinstance(probe, str) else kind_of(type(probe))
