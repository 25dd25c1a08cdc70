"""Kullback-Leibler divergences that have a closed form."""

from collections.abc import Callable
from typing import Any

import numpy as np

from genloss.errors import SpecError
from genloss.families.exponential import Exponential, Poisson
from genloss.families.softmax import NextToken
from genloss.metrics.distance import kl_normal, kl_symbols
from genloss.probes.laws import Normal, kind_name, normal_of, normals_of, probe_name, symbols_of


def divergence(one: Any, other: Any, probe: Any) -> Any:
    """KL(one || other) in nats, as the laws are drawn from; replicates side by side may lead either.

    Raises:
        SpecError: Where there is no closed form for this pair of laws.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = _closed(one, other)
    if found is None:
        raise SpecError(
            f"probe {probe_name(probe)}: measures two laws of one kind in closed form; there is none for "
            f"{kind_name(one)} and {kind_name(other)} (Energy and SlicedW2 compare rows)"
        )
    return found


def _closed(one: Any, other: Any) -> Any:
    if isinstance(one, Poisson) and isinstance(other, Poisson):
        return _poisson(one.rate, other.rate)
    if isinstance(one, Exponential) and isinstance(other, Exponential):
        ratio = np.divide(one.mean, other.mean)
        found = np.where(ratio < np.inf, ratio - 1 - np.log(ratio), np.inf)
        return np.where(np.isnan(ratio), 0.0, found)
    readers: tuple[tuple[Callable[[Any], Any], Callable[[Any, Any], Any]], ...] = (
        (normal_of, _normal),
        (normals_of, _normals),
        (symbols_of, kl_symbols),
    )
    for read, formula in readers:
        p, q = read(one), read(other)
        if p is not None and q is not None:
            if isinstance(one, NextToken) and isinstance(other, NextToken) and one.p.shape[-2:] != other.p.shape[-2:]:
                return None
            return formula(p, q)
    own = getattr(one, "kl", None)
    return own(other) if callable(own) else None


def _normal(one: Normal, other: Normal) -> Any:
    return kl_normal(one.mean, one.spread, other.mean, other.spread)


def _normals(one: Normal, other: Normal) -> Any:
    """By the singular values of the second factor, so that a lost direction gives infinity and no error."""
    d = one.factor.shape[-1]
    vectors, roots, _ = np.linalg.svd(other.factor)
    turned = (vectors.mT @ one.factor) / roots[..., None]
    off = (vectors.mT @ np.asarray(one.mean - other.mean)[..., None])[..., 0] / roots
    logs = np.log(roots).sum(-1) - np.linalg.slogdet(one.factor)[1]
    found = 0.5 * ((turned**2).sum((-2, -1)) + (off**2).sum(-1) - d) + logs
    return np.where(np.isnan(found), np.inf, np.maximum(found, 0))


def _poisson(rate: Any, other: Any) -> Any:
    rate, other = np.asarray(rate, dtype=float), np.asarray(other, dtype=float)
    found = np.where(rate > 0, rate * np.log(np.where(rate > 0, rate, 1) / other), 0)
    return np.maximum(found - rate + other, 0)
