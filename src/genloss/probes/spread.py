"""Spread: how wide a model still is."""

from typing import Any

from genloss.chain import Generation
from genloss.probes.meta import probe


@probe(role="spread", scale="log", vectorized=True)
def variance(g: Generation) -> Any:
    """The variance of the model."""
    return g.model.var
