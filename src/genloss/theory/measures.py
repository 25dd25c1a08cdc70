"""What laws speak of: the probes that users run, and measurements of users' own.

A law names a probe, so that `predict(chain)["kl_reverse"]` and `run(chain, {"kl_reverse": KLReverse()})` are one
number: what the model draws. There is no second set of measurements.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from genloss import probes
from genloss.chain.generation import Generation
from genloss.chain.meta import probe as as_probe

Measure = Callable[[Generation], Any]

_own: dict[str, Any] = {}


def measure(function: Measure) -> Measure:
    """Let laws speak of a measurement of your own: a function of a generation, known by its name.

    It takes many replicates at once, as a probe with `vectorized=True` does: one number, or one row, per replicate.

    Raises:
        ValueError: If a probe that ships has the name.
    """
    name = function.__name__
    if name in _SHIPPED:
        raise ValueError(
            f"measure: {name} is a probe of genloss; choose another name, or let the law speak of that one"
        )
    _own[name] = function if hasattr(function, "vectorized") else as_probe(vectorized=True)(function)
    return function


class _Measures(Mapping[str, Any]):
    """Probes by the names that laws use."""

    def __getitem__(self, name: str) -> Any:
        return _own[name] if name in _own else _SHIPPED[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**_SHIPPED, **_own})

    def __len__(self) -> int:
        return len({**_SHIPPED, **_own})


def _shipped() -> dict[str, Any]:
    """Every probe that ships as a function, and the classes that laws speak of with their defaults."""
    named = {"kl_forward": probes.KLForward(), "kl_reverse": probes.KLReverse()}
    named |= {"lost_mass": probes.LostMass(), "support": probes.Support()}
    functions = {name: getattr(probes, name) for name in probes.__all__ if name.islower()}
    return named | {name: function for name, function in functions.items() if name not in ("probe", "meta_of")}


_SHIPPED = _shipped()
MEASURES: Mapping[str, Any] = _Measures()
"""What laws can speak of, by name; `measure` adds one of your own."""

PATHS: dict[str, Callable[[Any], Any]] = {}
"""How a probe's values over generations, shape (replicates, generations + 1), become one number per replicate."""
RUNNING: dict[str, Callable[[Any], Any]] = {"ever_below_tenth": lambda draws: np.maximum.accumulate(draws, axis=1)}
"""How a probe's values over generations become what has happened so far."""
