"""Kullback-Leibler divergences that a law offers, or that follow from normal laws and probabilities."""

from typing import Any

import numpy as np

from genloss.chain.capabilities import HasKL, normal_of, normals_of, symbols_of
from genloss.errors import SpecError
from genloss.metrics.distance import kl_normal, kl_normals, kl_symbols
from genloss.probes.naming import kind_name, probe_name


def divergence(one: Any, other: Any, probe: Any) -> Any:
    """KL(one || other) in nats, as the laws are drawn from; replicates side by side may lead either.

    Raises:
        SpecError: If there is no closed form for this pair of laws.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = one.kl(other) if isinstance(one, HasKL) else NotImplemented
        if value is NotImplemented:
            value = _closed(one, other)
    if value is None:
        raise SpecError(
            f"probe {probe_name(probe)}: measures two laws of one kind in closed form; there is none for "
            f"{kind_name(one)} and {kind_name(other)} (Energy and SlicedW2 compare rows)"
        )
    return value


def _closed(one: Any, other: Any) -> Any:
    """The divergence of laws that do not know their own, from what they are."""
    line, theirs = normal_of(one), normal_of(other)
    if line is not None and theirs is not None:
        return kl_normal(line.mean, line.spread, theirs.mean, theirs.spread)
    vectors, theirs = normals_of(one), normals_of(other)
    if vectors is not None and theirs is not None:
        return kl_normals(vectors.mean, vectors.factor, theirs.mean, theirs.factor)
    p, q = symbols_of(one), symbols_of(other)
    return kl_symbols(p, q) if p is not None and q is not None else None
