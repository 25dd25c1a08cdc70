"""What an object offers, in words: its capabilities, and the engines and probes that work because of them."""

import inspect
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain.capabilities import CAPABILITIES
from genloss.chain.data import Block, Pool
from genloss.chain.generation import Generation
from genloss.chain.protocols import ExactSource
from genloss.plain.describe import kebab


@dataclass(frozen=True)
class Offer:
    """What an object offers, and what works with it because of that.

    Attributes:
        name: Its class.
        offers: The capabilities it has, by the words that it offers them with.
        engines: The engines that can draw from it.
        probes: The names of the shipped probes that can measure it.
    """

    name: str
    offers: tuple[str, ...]
    engines: tuple[str, ...]
    probes: tuple[str, ...]

    def __str__(self) -> str:
        offered = ", ".join(self.offers) or "nothing beside sample(n, rng)"
        return (
            f"{self.name} offers: {offered}; so these engines work: {', '.join(self.engines)}; "
            f"and these probes: {', '.join(self.probes) or 'none'}"
        )


def offers(source: Any) -> Offer:
    """List what a source or model offers, and which engines and shipped probes work with it.

    Probes are tried on a generation whose model is the source itself; none is run that needs settings.

    Example:
        >>> import genloss as gl
        >>> found = offers(gl.Exponential())
        >>> "quantile(q)" in found.offers, "exact" in found.engines, "tail_ratio" in found.probes
        (True, True, True)
    """
    from genloss import probes

    name = type(source).__name__
    words = tuple(sorted(word for word, kind in CAPABILITIES.items() if isinstance(source, kind)))
    engines = ("rows", "exact") if isinstance(source, ExactSource) else ("rows",)
    rows = source.sample(50, np.random.default_rng(0))
    pool = Pool((Block(rows, 0, 0),))
    generation = Generation(0, source, pool, pool, source, source)
    work = []
    for each in probes.__all__:
        probe = getattr(probes, each)
        try:
            measured = probe() if isinstance(probe, type) else probe
            takes = len(inspect.signature(measured).parameters)
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                value = measured(generation, *([np.random.default_rng(0)] if takes > 1 else []))
            if np.isfinite(np.asarray(getattr(value, "values", value), dtype=float)).any():
                work.append(kebab(each).replace("-", "_"))
        except Exception:  # whatever it is, the probe does not work here
            continue
    return Offer(name, words, engines, tuple(sorted(work)))
