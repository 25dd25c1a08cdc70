"""Run chains: replicates, engines, workers, and one labelled result."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.block import REDRAWS, Job, Values
from genloss.chain import Chain, Engine
from genloss.data import Array
from genloss.describe import describe
from genloss.errors import SpecError
from genloss.layout import layout
from genloss.probes.meta import meta_of

if TYPE_CHECKING:
    import xarray as xr

BOOTSTRAP = 20
"""How often generation 0 is drawn anew where a run has a single replicate."""


@dataclass(frozen=True)
class Grid:
    """Chains that differ in named ways, run together.

    Attributes:
        dims: For each way in which they differ, its name and its labels.
        chains: One chain for every combination of labels, the last dimension fastest.
    """

    dims: Mapping[str, tuple[Any, ...]]
    chains: tuple[Chain, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", {name: tuple(labels) for name, labels in self.dims.items()})
        object.__setattr__(self, "chains", tuple(self.chains))
        wanted = int(np.prod(self.shape, dtype=int))
        if len(self.chains) != wanted:
            raise SpecError(f"grid: {len(self.chains)} chains for {self.shape} labels; give {wanted}")

    @property
    def shape(self) -> tuple[int, ...]:
        """How many labels each dimension has."""
        return tuple(len(labels) for labels in self.dims.values())


@dataclass(frozen=True)
class Plan:
    """A whole run, ready to be cut into jobs.

    Attributes:
        grid: The chains.
        probes: What is measured, by name.
        generations: The last generation.
        replicates: Independent repetitions of every chain.
        seed: The seed of the run.
        engine: "rows" or "exact".
        bootstrap: How often generation 0 is drawn anew to measure its noise.
        film: Whether samples of every generation are kept to be looked at.
    """

    grid: Grid
    probes: Mapping[str, Any]
    generations: int
    replicates: int
    seed: int
    engine: Engine
    bootstrap: int
    film: bool

    def __post_init__(self) -> None:
        for name, least in (("generations", 0), ("replicates", 1), ("seed", 0), ("bootstrap", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
                raise SpecError(f"{name}: {value!r} is no number of that kind; give a whole number from {least}")
        if self.engine not in ("rows", "exact"):
            raise SpecError(f"engine: no engine {self.engine!r}; known engines: exact, rows")
        for name in self.probes:
            if name in ("film", "replicate", "generation") or ":" in name:
                raise SpecError(f"probes: the name {name!r} is taken; choose another")

    def jobs(self) -> list[Job]:
        """Cut the run into blocks of replicates; the cut depends on the chains alone, not on who runs it."""
        jobs = []
        for cell, chain in enumerate(self.grid.chains):
            plan = layout(chain, self.engine)
            for start, count, last in ((0, self.replicates, self.generations), (REDRAWS, self.bootstrap, 0)):
                for block, begin, width in plan.blocks(count):
                    keep = min(width, count - begin)
                    jobs.append(Job(cell, start + block, begin, width if plan.first else 0, keep, last))
        return jobs

    def describe(self) -> dict[str, Any]:
        """Describe everything that decides the result, as plain data."""
        from genloss import __version__

        return {
            "genloss": __version__,
            "seed": int(self.seed),
            "engine": self.engine,
            "generations": int(self.generations),
            "replicates": int(self.replicates),
            "bootstrap": int(self.bootstrap),
            "film": self.film,
            "dims": {name: [describe(label) for label in labels] for name, labels in self.grid.dims.items()},
            "chains": [describe(chain) for chain in self.grid.chains],
            "probes": {name: describe(probe) for name, probe in self.probes.items()},
        }


def run(
    chain: Chain | Mapping[str, Chain] | Grid,
    probes: Mapping[str, Any],
    *,
    generations: int,
    replicates: int = 1,
    seed: int = 0,
    engine: Engine = "rows",
    workers: int = 1,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = False,
    bootstrap: int | None = None,
    film: bool = False,
) -> "xr.Dataset":
    """Run a chain, or several side by side, and measure every generation.

    The same seed gives the same result, bit for bit, for any number of workers and after any interruption.

    Args:
        chain: A chain; a mapping of names to chains (the result has a dimension "chain"); or a `Grid`.
        probes: What to measure: names and probes.
        generations: The last generation; generation 0 is trained on real data.
        replicates: Independent repetitions.
        seed: The seed, a whole number from 0.
        engine: "rows" draws rows; "exact" draws the sufficient statistic of n rows at a cost free of n.
        workers: Processes that share the work.
        out: A folder to keep the run in; every finished block of replicates is committed there as Parquet.
        resume: Go on with the run that `out` holds.
        progress: Show a bar with the time left.
        bootstrap: How often generation 0 is drawn and fitted anew, to measure its noise for `stages`. By default
            20 times where there is one replicate, else never.
        film: Keep samples of every generation, drawn from the first replicate, to be looked at.

    Returns:
        A Dataset with a variable a probe and the dimensions of the grid, "replicate", "generation" and, for vector
        probes, their own labels. `attrs["genloss"]` holds the whole specification, the version and the seed as JSON.

    Raises:
        SpecError: Where something is wrong with what was asked, in one line.
        NotExact: Where the exact engine has no exact form for a part of the chain.

    Example:
        >>> import genloss as gl
        >>> chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(10), n0=10)
        >>> result = gl.run(chain, {"variance": gl.probes.variance}, generations=50, replicates=100, engine="exact")
        >>> bool(result["variance"].median("replicate")[-1] < 0.1)
        True
    """
    from genloss import execute

    if isinstance(chain, Grid):
        grid = chain
    elif isinstance(chain, Chain):
        grid = Grid({}, (chain,))
    elif isinstance(chain, Mapping):
        grid = Grid({"chain": tuple(chain)}, tuple(chain.values()))
    else:
        raise SpecError(
            f"chain: {type(chain).__name__} is no chain; give a Chain, a mapping of names to chains, or a Grid"
        )
    if not isinstance(probes, Mapping) or not probes:
        raise SpecError("probes: nothing to measure; give a mapping of names to probes")
    if bootstrap is None:
        bootstrap = BOOTSTRAP if replicates == 1 else 0
    plan = Plan(grid, dict(probes), generations, replicates, seed, engine, bootstrap, film)
    if engine == "exact":
        for each in grid.chains:
            each.check_exact()
    if out is None:
        if resume:
            raise SpecError("resume: a run that is kept nowhere cannot be resumed; give out=DIR")
        return dataset(plan.describe(), plan.probes, dict(execute.in_memory(plan, workers, progress)))
    from genloss import storage

    with storage.opened(Path(out), plan, resume) as store:
        execute.to_store(plan, store, workers, progress)
        return store.dataset()


def dataset(spec: Mapping[str, Any], probes: Mapping[str, Any], parts: Mapping[Job, Values]) -> "xr.Dataset":
    """Assemble the labelled result from the values of its blocks.

    Args:
        spec: The description of the run (`Plan.describe`).
        probes: The probes, or what is known of them (`Meta`), by name.
        parts: The values of every block.
    """
    import xarray as xr

    dims: dict[str, list[Any]] = dict(spec["dims"])
    shape = tuple(len(labels) for labels in dims.values())
    cells = int(np.prod(shape, dtype=int))
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {name: [_label(label) for label in labels] for name, labels in dims.items()}
    coords["generation"] = np.arange(spec["generations"] + 1)
    coords["replicate"] = np.arange(spec["replicates"])
    arrays: dict[str, dict[str, Array]] = {}
    for job, values in sorted(parts.items(), key=lambda item: item[0].name):
        redraw = job.block >= REDRAWS
        for name, found in values.stacked().items():
            rows = spec["bootstrap"] if redraw else spec["replicates"]
            kind = "redraw" if redraw else "replicate"
            target = arrays.setdefault(name, {}).get(kind)
            if target is None:
                target = arrays[name][kind] = np.full((cells, rows, *found.shape[1:]), np.nan)
            if target.shape[2:] != found.shape[1:]:
                raise SpecError(
                    f"probe {name!r}: gave {found.shape[2:]} labels in one chain, {target.shape[3:]} in another"
                )
            target[job.cell, job.begin : job.begin + job.keep] = found
    labels = {name: label for values in parts.values() for name, label in values.labels.items()}
    for name in probes:
        known = meta_of(probes[name])
        own, own_labels = labels.get(name, (None, []))
        extra = () if own is None else (own,)
        if own is not None:
            if own in coords and list(coords[own]) != list(own_labels):
                own = f"{name}_{own}"
                extra = (own,)
            coords[own] = own_labels
        attrs = {"role": known.role, "better": known.better, "scale": known.scale}
        notes = next((values.notes[name] for values in parts.values() if name in values.notes), {})
        attrs |= {note: value for note, value in notes.items() if note not in attrs}
        found = arrays[name]["replicate"]
        variables[name] = ((*dims, "replicate", "generation", *extra), found.reshape(*shape, *found.shape[1:]), attrs)
        if "redraw" in arrays[name]:
            redrawn = arrays[name]["redraw"][:, :, 0]
            variables[f"{name}:redraws"] = (
                (*dims, "redraw", *extra),
                redrawn.reshape(*shape, *redrawn.shape[1:]),
                attrs,
            )
    film = _film(spec, shape, parts)
    if film is not None:
        variables["film"] = ((*dims, "generation", "shot", "pixel")[: film.ndim], film)
    return xr.Dataset(variables, coords, {"genloss": json.dumps(spec)})


def _film(spec: Mapping[str, Any], shape: tuple[int, ...], parts: Mapping[Job, Values]) -> Array | None:
    """Join the samples of all chains where they have one shape."""
    cells = {job.cell: values.film for job, values in parts.items() if job.block == 0 and values.film}
    if not cells or any(shots is None for film in cells.values() for shots in film):
        return None
    text = isinstance(next(iter(cells.values()))[0][0], str)
    shots = [np.array(cells[cell], dtype=object if text else float) for cell in sorted(cells)]
    if len({one.shape for one in shots}) > 1 or len(shots) != int(np.prod(shape, dtype=int)):
        return None
    joined = np.stack(shots)
    return joined.reshape(*shape, *joined.shape[1:])


def _label(label: Any) -> Any:
    return label if isinstance(label, (bool, int, float, str)) else json.dumps(label)
