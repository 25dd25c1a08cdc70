"""A whole run, described and cut into jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genloss.chain.grid import Grid
from genloss.chain.recursion import Engine
from genloss.errors import SpecError
from genloss.plain.describe import describe
from genloss.plain.numbers import whole_number
from genloss.runs.block import REDRAWS, Job
from genloss.runs.layout import layout
from genloss.version import VERSION

DRAWS = 2
"""The number of the way in which random numbers are drawn; a run goes on only under the draws that it began with."""


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
            whole_number(getattr(self, name), name, least)
        if self.engine not in ("rows", "exact"):
            raise SpecError(f"engine: no engine {self.engine!r}; known engines: exact, rows")
        for name, probe in self.probes.items():
            if isinstance(probe, type) or not callable(probe):
                raise SpecError(f"probes: {name}: {probe!r} is not a probe; give a function of a generation")
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
                    jobs.append(Job(cell, start + block, begin, keep if plan.first else 0, keep, last))
        return jobs

    def describe(self) -> dict[str, Any]:
        """Describe everything that decides the result, as plain data."""
        return {
            "genloss": VERSION,
            "seed": int(self.seed),
            "engine": self.engine,
            "generations": int(self.generations),
            "replicates": int(self.replicates),
            "bootstrap": int(self.bootstrap),
            "draws": DRAWS,
            "film": self.film,
            "dims": {name: [describe(label) for label in labels] for name, labels in self.grid.dims.items()},
            "chains": [describe(chain) for chain in self.grid.chains],
            "control": [chain.control(self.generations) for chain in self.grid.chains],
            "probes": {name: describe(probe) for name, probe in self.probes.items()},
        }
