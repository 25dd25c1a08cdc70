"""The chains of a result, and which of them is whose control."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.data import Array
from genloss.errors import SpecError
from genloss.stages.scales import Scale, scale_of

if TYPE_CHECKING:
    import xarray as xr

WATCHED = ("tails", "spread", "average")
"""The roles of probes that are read here."""


@dataclass(frozen=True, eq=False)
class Arm:
    """One chain of the result.

    Attributes:
        labels: Where it stands on the grid.
        index: The same as positions.
        chain: Its description.
        control: Whether no model's output enters its training, as its run wrote down.
    """

    labels: Mapping[str, Any]
    index: tuple[int, ...]
    chain: Mapping[str, Any]
    control: bool

    @property
    def size(self) -> Any:
        """Rows a generation: a number, or the description of a schedule."""
        size = self.chain.get("regime", {}).get("n", "n0")
        return self.chain.get("n0") if size == "n0" else size

    @property
    def stationary(self) -> bool:
        """Whether all its generations after the first have one law, if it is a control."""
        return isinstance(self.size, int) and not self.chain.get("warm_start", False)

    def serves(self, other: "Arm") -> bool:
        """Whether this control tells what the other chain would be without synthetic data."""
        same = all(self.chain.get(part) == other.chain.get(part) for part in ("source", "learner"))
        return self.control and same and self.size == other.size

    def likeness(self, other: "Arm") -> int:
        """How much the two have in common beside what `serves` asks for."""
        shared = sum(bool(self.labels[name] == other.labels[name]) for name in self.labels)
        alike = sum(bool(self.chain.get(part) == other.chain.get(part)) for part in ("curator", "warm_start", "n0"))
        return 100 * shared + alike


@dataclass(frozen=True, eq=False)
class Measured:
    """One probe over all chains.

    Attributes:
        name: Its name.
        role: "tails", "spread" or "average".
        labels: Its own labels; one empty label where it has none.
        values: Shape (*grid, replicates, generations, labels).
        redraws: Shape (*grid, redraws, labels), or nothing.
        noise: The standard error that more replicates do not lessen, one number per label.
        scale: Its scales.
    """

    name: str
    role: str
    labels: tuple[str, ...]
    values: Array
    redraws: Array | None
    noise: Array
    scale: Scale


def generations_of(result: "xr.Dataset") -> list[int]:
    """The generations of a result, from 0.

    Raises:
        SpecError: If it is not a result of `run`, or has no generation to judge.
    """
    if "genloss" not in getattr(result, "attrs", {}):
        raise SpecError(
            "stages: this is not a result of genloss.run or genloss.load; give the Dataset that they return"
        )
    for dim in ("replicate", "generation"):
        if dim not in result.dims:
            raise SpecError(
                f"stages: the result has no dimension {dim!r}; give it whole, not averaged or cut to one {dim}"
            )
    generations = [int(t) for t in result["generation"].values]
    if generations[0] != 0 or len(generations) < 2:
        raise SpecError(
            "stages: the result must hold generation 0 and at least one more; run with generations=1 or more"
        )
    return generations


def cells_of(result: "xr.Dataset") -> list[Arm]:
    """The chains of a result, the last dimension fastest."""
    spec = json.loads(result.attrs["genloss"])
    dims = {name: [_text(label) for label in labels] for name, labels in spec["dims"].items()}
    grid = [name for name in dims if name in result.dims]
    shape = tuple(result.sizes[name] for name in grid)
    controls = spec.get("control", [False] * len(spec["chains"]))
    arms = []
    for index in np.ndindex(shape):
        here = dict(zip(grid, index, strict=True))
        labels = {}
        position = 0
        for name, known in dims.items():
            coordinate = result.coords[name].values
            label = coordinate[here[name]] if name in here else coordinate
            label = label.item() if hasattr(label, "item") else label
            position = position * len(known) + known.index(_text(label))
            if name in here:
                labels[name] = label
        chain = spec["chains"][position]
        arms.append(Arm(labels, index, chain, bool(controls[position])))
    return arms


def control_of(cell: Arm, cells: list[Arm]) -> Arm | None:
    """The control that a chain is compared with: itself, if it is one."""
    if cell.control:
        return cell
    serving = [other for other in cells if other.serves(cell)]
    return max(serving, key=cell.likeness) if serving else None


def measured(result: "xr.Dataset", grid: tuple[str, ...]) -> Iterator[Measured]:
    """The probes that decide the stages.

    Raises:
        SpecError: If a probe's values or attributes make no sense.
    """
    for name, variable in result.data_vars.items():
        role = variable.attrs.get("role", "")
        if role not in WATCHED or ":" in str(name) or "generation" not in variable.dims:
            continue
        own = [str(dim) for dim in variable.dims if dim not in (*grid, "replicate", "generation")]
        labels = tuple(str(label) for label in variable[own[0]].values) if own else ("",)
        values = _shaped(variable, (*grid, "replicate", "generation", *own), not own)
        redraws = None
        if f"{name}:redraws" in result:
            redraws = _shaped(result[f"{name}:redraws"], (*grid, "redraw", *own), not own)
        arrays = [values] if redraws is None else [values, redraws]
        better, kind = variable.attrs.get("better", "higher"), variable.attrs.get("scale", "linear")
        noise = _noise(str(name), variable.attrs.get("noise", 0.0), len(labels))
        yield Measured(str(name), role, labels, values, redraws, noise, scale_of(str(name), arrays, better, kind))


def _shaped(variable: Any, dims: tuple[str, ...], scalar: bool) -> Array:
    values: Array = np.asarray(variable.transpose(*dims).values)
    return values[..., None] if scalar else values


def _noise(name: str, given: Any, labels: int) -> Array:
    try:
        noise = np.broadcast_to(np.asarray(given, dtype=float), (labels,))
    except (TypeError, ValueError):
        noise = np.full(labels, np.nan)
    if not np.all(noise >= 0):
        raise SpecError(
            f"probe {name!r}: noise = {given!r}; give one standard error, or {labels}, one per label, from 0"
        )
    return noise


def _text(label: Any) -> str:
    return label if isinstance(label, str) else json.dumps(label)
