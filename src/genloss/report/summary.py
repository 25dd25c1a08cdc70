"""A result as the pictures need it: one cell a chain with its colour, and medians with bands instead of replicates."""

import itertools
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.data import Array
from genloss.errors import SpecError
from genloss.plain.words import clean, label_of

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c6d31")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
GREY = "#6f6f6f"
BAND = (0.1, 0.9)
"""The quantiles over replicates that a band spans."""


@dataclass(frozen=True)
class Cell:
    """One chain of a result.

    Attributes:
        where: Its labels, by dimension of the grid.
        line: What tells it from the other lines of one picture.
        facet: What tells the pictures apart where the grid has more than one dimension; "" otherwise.
        colour: Its colour in every picture.
        marker: Its mark in every picture, for those who do not see the colour.
        control: Whether it retrains on fresh real data alone.
    """

    where: Mapping[str, Any]
    line: str
    facet: str
    colour: str
    marker: str
    control: bool

    @property
    def label(self) -> str:
        """Its full name."""
        return ", ".join(part for part in (self.line, self.facet) if part)


@dataclass(frozen=True)
class Summary:
    """A probe without its replicates.

    Attributes:
        name: The probe.
        role: What it measures.
        better: The direction in which less is lost.
        scale: "log" or "linear".
        generation: The generations.
        dim: The name of its own dimension; "" if it has none.
        labels: The labels of that dimension.
        low: The lower quantile over replicates, (cells, generations[, labels]).
        median: The median over replicates, of the same shape.
        high: The upper quantile, of the same shape.
        each: Every replicate, (cells, replicates, generations[, labels]), where there are few.
        replicates: How many there are.
        averages: The mean and the root mean square over replicates, each of the same shape, by these names.
        noise: Quantiles of generation 0 over new draws of the real data, (2, cells[, labels]), where they were taken.
    """

    name: str
    role: str
    better: str
    scale: str
    generation: Array
    dim: str
    labels: tuple[Any, ...]
    low: Array
    median: Array
    high: Array
    each: Array | None
    replicates: int
    averages: Mapping[str, Array]
    noise: Array | None

    def share(self) -> Array:
        """What is kept of generation 0, 1 for all of it; NaN where that says nothing."""
        now, first = self.median, self.median[:, :1]
        if self.better == "lower":
            shares = self.scale == "linear" and np.nanmin(now, initial=0) >= 0 and np.nanmax(now, initial=1) <= 1
            now, first = (1 - now, 1 - first) if shares else (first, now)
        with np.errstate(all="ignore"):
            return np.where((first > 0) & (now >= 0), now / first, np.nan)


def probes_of(result: "Dataset") -> list[str]:
    """List the probes of a result."""
    if not hasattr(result, "data_vars"):
        raise SpecError(
            f"report: {type(result).__name__} is not a result; give the Dataset of genloss.run or genloss.load"
        )
    found = [str(name) for name, var in result.data_vars.items() if {"replicate", "generation"} <= set(var.dims)]
    if not found:
        raise SpecError("report: no probe in this result; give the Dataset of genloss.run or genloss.load")
    return found


def spec_of(result: "Dataset") -> dict[str, Any]:
    """Read the specification that a result carries; empty if it carries none."""
    try:
        found = json.loads(result.attrs.get("genloss", "{}"))
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def grid_of(result: "Dataset") -> list[str]:
    """Name the dimensions in which the chains of a result differ."""
    dims = result[probes_of(result)[0]].dims
    return [str(dim) for dim in dims[: dims.index("replicate")]]


def cells_of(result: "Dataset") -> list[Cell]:
    """List the chains of a result, the last dimension of the grid fastest."""
    dims = grid_of(result)
    values = {dim: result[dim].values.tolist() for dim in dims}
    combinations = list(itertools.product(*values.values()))
    flags = spec_of(result).get("control", [])
    controls = [bool(flag) for flag in flags] if len(flags) == len(combinations) else [False] * len(combinations)
    main = next((dim for dim in dims if dim in ("regime", "chain")), dims[0] if dims else "")
    plain = [
        label
        for label in values.get(main, [""])
        if not all(
            control
            for labels, control in zip(combinations, controls, strict=True)
            if not main or labels[dims.index(main)] == label
        )
    ]
    found = []
    for labels, control in zip(combinations, controls, strict=True):
        where = dict(zip(dims, labels, strict=True))
        own = where.get(main, "")
        i = plain.index(own) if own in plain else 0
        found.append(
            Cell(
                where,
                (label_of(own) if main in ("regime", "chain") else f"{clean(main)} {label_of(own)}")
                if main
                else "the chain",
                ", ".join(f"{clean(dim)} {label_of(label)}" for dim, label in where.items() if dim != main),
                GREY if control else COLOURS[i % len(COLOURS)],
                "" if control else MARKERS[i % len(MARKERS)],
                control,
            )
        )
    return found


def flat(result: "Dataset", name: str) -> Array:
    """Return a variable with its cells as one leading axis."""
    array: DataArray = result[name]
    dims = grid_of(result)
    values: Array = array.transpose(*dims, ...).values
    return values.reshape(-1, *values.shape[len(dims) :])


def summary(result: "Dataset", name: str) -> Summary:
    """Summarise a probe over its replicates.

    Raises:
        SpecError: If the result has no such probe.
    """
    if name not in probes_of(result):
        raise SpecError(f"report: no probe {clean(name, 60)!r} in this result; it has {', '.join(probes_of(result))}")
    array = result[name]
    own = [dim for dim in array.dims if dim not in (*grid_of(result), "replicate", "generation")]
    dim = str(own[0]) if own else ""
    values = flat(result, name).astype(float)
    low, median, high = _quantiles(values, (BAND[0], 0.5, BAND[1]))
    noise = None
    if f"{name}:redraws" in result and result.sizes.get("redraw", 0) > 1:
        noise = _quantiles(flat(result, f"{name}:redraws").astype(float), BAND)
    return Summary(
        name,
        str(array.attrs.get("role", "")),
        str(array.attrs.get("better", "higher")),
        str(array.attrs.get("scale", "linear")),
        result["generation"].values,
        dim,
        tuple(result[dim].values.tolist()) if dim else (),
        low,
        median,
        high,
        values if values.shape[1] <= 8 else None,
        values.shape[1],
        _averages(values),
        noise,
    )


def _averages(values: Array) -> dict[str, Array]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return {"mean": np.nanmean(values, axis=1), "root mean square": np.sqrt(np.nanmean(values**2, axis=1))}


def _quantiles(values: Array, levels: tuple[float, ...]) -> Array:
    """Quantiles over axis 1; values that are not numbers are left out, infinite ones are not interpolated."""
    if np.isfinite(values).all():
        found: Array = np.quantile(values, levels, axis=1)
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanquantile(values, levels, axis=1, method="inverted_cdf")
