"""Symbol by symbol: what laws of drift speak of, read off the probabilities that a model draws with."""

from typing import Any

import numpy as np

from genloss.chain.capabilities import Conditional, symbols_of
from genloss.chain.data import Floats
from genloss.chain.generation import Generation
from genloss.chain.meta import probe
from genloss.probes.naming import refusal
from genloss.probes.spread import heterozygosity

_as_it_is = probe(vectorized=True)
_ALL = 1 - 1e-12


def _drawn(model: Any, name: str) -> Floats:
    """The probabilities that symbols are drawn with; of next-token models one row per context."""
    p = model.drawn if isinstance(model, Conditional) else symbols_of(model)
    if p is None:
        raise refusal(name, "models of symbols", model)
    return np.asarray(p, dtype=float)


@_as_it_is
def tails_before_spread(g: Generation) -> Any:
    """Share of the symbols that are lost, minus the share of heterozygosity that is lost."""
    p, true = _drawn(g.model, "tails-before-spread"), _drawn(g.source, "tails-before-spread")
    left = heterozygosity(g) / (1 - (true**2).sum())
    return left - ((p > 0) & (true > 0)).sum(-1) / (true > 0).sum()


@_as_it_is
def lost_symbols(g: Generation) -> Any:
    """Whether each symbol is lost."""
    return (_drawn(g.model, "lost-symbols") == 0).astype(float)


@_as_it_is
def frequency(g: Generation) -> Any:
    """Probability of each symbol."""
    return _drawn(g.model, "frequency")


@_as_it_is
def fixed_symbols(g: Generation) -> Any:
    """Whether each symbol is the only one left."""
    return (_drawn(g.model, "fixed-symbols") >= _ALL).astype(float)


@_as_it_is
def collapsed(g: Generation) -> Any:
    """Whether one symbol alone is left: total collapse."""
    return (_drawn(g.model, "collapsed").max(-1) >= _ALL).astype(float)


@_as_it_is
def squared_distance_to_first(g: Generation) -> Any:
    """Squared Euclidean distance of the model's probabilities from those of generation 0."""
    return ((_drawn(g.model, "squared-distance-to-first") - _drawn(g.first, "squared-distance-to-first")) ** 2).sum(-1)


@_as_it_is
def distance_to_first(g: Generation) -> Any:
    """Absolute distance (L1) of the model's probabilities from those of generation 0."""
    return np.abs(_drawn(g.model, "distance-to-first") - _drawn(g.first, "distance-to-first")).sum(-1)


@_as_it_is
def diversity_by_context(g: Generation) -> Any:
    """Chance that two tokens drawn after each context differ."""
    return 1 - (_drawn(g.model, "diversity-by-context") ** 2).sum(-1)


@_as_it_is
def support_by_context(g: Generation) -> Any:
    """Number of tokens that the model produces after each context."""
    return (_drawn(g.model, "support-by-context") > 0).sum(-1)


@_as_it_is
def collapsed_by_context(g: Generation) -> Any:
    """Whether the model produces one token alone after each context."""
    return (_drawn(g.model, "collapsed-by-context").max(-1) >= _ALL).astype(float)
