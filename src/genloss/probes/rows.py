"""What a probe sees of a model and of the truth where no closed form is known: rows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from genloss.chain.capabilities import held_out_of, symbols_of, width_of
from genloss.chain.data import Array, Batch, Data, Floats
from genloss.chain.recursion import Generation
from genloss.chain.seeds import Streams, key
from genloss.errors import SpecError
from genloss.metrics.estimate import share_error
from genloss.metrics.geometry import (
    distance_within,
    mean_distance,
    nearest,
    pair_sum,
    squared_distances,
    squared_radii,
)
from genloss.plain.numbers import whole_number
from genloss.probes.naming import probe_name, refusal

_AT_ONCE = 2**24


def generated(g: Generation, n: int, rng: Generator, probe: Any) -> Floats:
    """Draw n rows from the model as a table: shape (n, d), or (replicates, n, d); d is 1 for plain numbers.

    Raises:
        SpecError: If the rows are not rows of finite numbers, or stand for symbols without order.
    """
    if symbols_of(g.model) is not None:
        raise refusal(probe, "rows of numbers", g.model)
    return table(g.sample(n, rng), probe)


def like(drawn: Floats, truth: Floats, probe: Any, g: Generation) -> Floats:
    """Refuse generated rows that are not as wide as the real ones."""
    if drawn.shape[-1] != truth.shape[-1]:
        raise refusal(probe, f"rows as wide as the truth's ({truth.shape[-1]} numbers, not {drawn.shape[-1]})", g.model)
    return drawn


def real(g: Generation, n: int, probe: Any) -> Floats:
    """The truth as a table of rows, shape (m, d): see `real_data`."""
    return table(real_data(g, n, probe), probe)


def real_data(g: Generation, n: int, probe: Any) -> Data:
    """The first n held-out rows of the source, or n rows drawn from it in a way that depends on the probe alone."""
    held_out = held_out_of(g.source)
    if held_out is not None and len(held_out):
        return tuple(part[:n] for part in held_out) if isinstance(held_out, tuple) else held_out[:n]
    return g.source.sample(n, Streams(key(probe_name(probe)))(0, "floor"))


def table(data: Data, probe: Any) -> Floats:
    """Read rows as a table of floats: shape (n, d) or, for a `Batch`, (replicates, n, d).

    Pairs (X, y) become the columns of X and of y side by side.

    Raises:
        SpecError: If they are not rows of finite numbers.
    """
    if isinstance(data, tuple):
        return np.concatenate([table(part, probe) for part in data], -1)
    lead = isinstance(data, Batch)
    try:
        rows = np.asarray(data.rows if isinstance(data, Batch) else data, dtype=float)
    except (TypeError, ValueError):
        raise SpecError(f"probe {probe_name(probe)}: measures rows of numbers; the model draws {_kind(data)}") from None
    if rows.ndim == 1 + lead:
        rows = rows[..., None]
    elif rows.ndim != 2 + lead:
        rows = rows.reshape(*rows.shape[: 1 + lead], -1)
    if not np.isfinite(rows).all():
        raise SpecError(f"probe {probe_name(probe)}: the rows hold NaN or infinite numbers; give finite ones")
    return rows


def weighted(values: Array, weights: Array) -> Array:
    """Add up values along the last axis with weights; a replicate's sum does not hang on how many there are.

    A product of matrices would: BLAS adds in another order for another number of rows. So would another memory order.
    """
    return np.multiply(values, weights, order="C").sum(-1)  # type: ignore[no-any-return]


def one_by_one(g: Generation, measure: Callable[[Generation], ArrayLike]) -> Array:
    """Measure a single chain, or each of the replicates side by side, and stack what is found."""
    if g.replicates is None:
        return np.asarray(measure(g), dtype=float)
    return np.stack([np.asarray(measure(one), dtype=float) for one in g.each()])


def at_once(g: Generation, n: int, measure: Callable[[Generation], ArrayLike]) -> Array:
    """Measure all replicates at once where n rows of each fit into memory together, else one by one."""
    width = width_of(g.source)
    if g.replicates is None or g.replicates * n * width <= _AT_ONCE:
        return np.asarray(measure(g), dtype=float)
    return one_by_one(g, measure)


def labelled(values: ArrayLike, dim: str, labels: Sequence[Any], g: Generation, **attrs: Any) -> Any:
    """Name the last axis of a vector probe's values, and the replicates before it if there are any."""
    import xarray as xr

    dims = (dim,) if g.replicates is None else ("replicate", dim)
    found = np.asarray(values, dtype=float)
    if found.ndim < len(dims):
        found = np.broadcast_to(found, (g.replicates or 1, *found.shape))
    return xr.DataArray(found, dims=dims, coords={dim: list(labels)}, attrs=attrs)


def whole(value: Any, least: int, probe: Any, field: str) -> None:
    """Refuse a setting that is not a whole number from `least`."""
    whole_number(value, f"probe {probe_name(probe)}.{field}", least)


def _kind(data: Any) -> str:
    first = data[0] if isinstance(data, list) and data else data
    return "text" if isinstance(first, str) else type(first).__name__


__all__ = [
    "at_once",
    "distance_within",
    "generated",
    "labelled",
    "like",
    "mean_distance",
    "nearest",
    "one_by_one",
    "pair_sum",
    "real",
    "real_data",
    "share_error",
    "squared_distances",
    "squared_radii",
    "table",
    "weighted",
    "whole",
]
