"""Run chains: replicates, engines, workers, and one labelled result."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.chain.grid import Grid
from genloss.chain.recursion import Chain, Engine
from genloss.errors import SpecError
from genloss.runs.cut import Plan
from genloss.runs.result import dataset
from genloss.workers import workers_for

if TYPE_CHECKING:
    import xarray as xr

BOOTSTRAP = 20
"""How often generation 0 is drawn anew where a run has a single replicate."""


def run(
    chain: Chain | Mapping[str, Chain] | Grid,
    probes: Mapping[str, Any],
    *,
    generations: int,
    replicates: int = 1,
    seed: int = 0,
    engine: Engine = "rows",
    workers: int | None = None,
    on: str = "local",
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = False,
    bootstrap: int | None = None,
    film: bool = False,
) -> "xr.Dataset":
    """Run a chain, or several side by side, and measure every generation.

    The same seed gives the same result, bit for bit, for any number of workers, wherever they run, and after any
    interruption.

    Args:
        chain: A chain; a mapping of names to chains (the result has a dimension "chain"); or a `Grid`.
        probes: What to measure: names and probes.
        generations: The last generation; generation 0 is trained on real data.
        replicates: Independent repetitions.
        seed: The seed, a whole number from 0.
        engine: "rows" draws rows; "exact" draws the sufficient statistic of n rows at a cost free of n.
        workers: Processes of this machine that share the work; one if it is left out.
        on: Where the work runs: "local", or a cluster that runs already: "ray://HOST:PORT" (Ray Client), "ray://auto"
            (the Ray of this machine), "dask://HOST:PORT" (a Dask scheduler).
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
        SpecError: If something is wrong with what was asked, in one line.
        NotExact: If the exact engine has no exact form for a part of the chain.

    Example:
        >>> import genloss as gl
        >>> chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(10), n0=10)
        >>> result = gl.run(chain, {"variance": gl.probes.variance}, generations=50, replicates=100, engine="exact")
        >>> bool(result["variance"].median("replicate")[-1] < 0.1)
        True
    """
    from genloss.runs import execute
    from genloss.runs import folder as storage

    plan = planned(
        chain,
        probes,
        generations=generations,
        replicates=replicates,
        seed=seed,
        engine=engine,
        bootstrap=bootstrap,
        film=film,
    )
    who = workers_for(on, workers)
    if out is None:
        if resume:
            raise SpecError("resume: a run that is kept nowhere cannot be resumed; give out=DIR")
        return dataset(plan.describe(), plan.probes, dict(execute.in_memory(plan, who, progress)))
    with storage.opened(Path(out), plan, resume) as store:
        execute.to_store(plan, store, who, progress)
        return store.dataset()


def planned(
    chain: Chain | Mapping[str, Chain] | Grid,
    probes: Mapping[str, Any],
    *,
    generations: int,
    replicates: int = 1,
    seed: int = 0,
    engine: Engine = "rows",
    bootstrap: int | None = None,
    film: bool = False,
) -> Plan:
    """Check what `run` is asked for, before anything is run or written; the arguments are those of `run`.

    Raises:
        SpecError: If something is wrong with what was asked, in one line.
        NotExact: If the exact engine has no exact form for a part of the chain.
    """
    if isinstance(chain, Grid):
        grid = chain
    elif isinstance(chain, Chain):
        grid = Grid({}, (chain,))
    elif isinstance(chain, Mapping):
        grid = Grid({"chain": tuple(chain)}, tuple(chain.values()))
    else:
        raise SpecError(
            f"chain: {type(chain).__name__} is not a chain; give a Chain, a mapping of names to chains, or a Grid"
        )
    if not isinstance(probes, Mapping) or not probes:
        raise SpecError("probes: nothing to measure; give a mapping of names to probes")
    if bootstrap is None:
        bootstrap = BOOTSTRAP if replicates == 1 else 0
    plan = Plan(grid, dict(probes), generations, replicates, seed, engine, bootstrap, film)
    for each in grid.chains if engine == "exact" else ():
        each.check_exact()
    return plan
