"""The blocks of a run handed to workers; the values come back, and only this process writes the folder."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from genloss.chain.recursion import Chain, Engine
from genloss.plain.describe import checksum
from genloss.runs.block import Job, Values, run_block
from genloss.runs.cut import Plan
from genloss.runs.folder import Keeper, Store
from genloss.workers import Workers, each


@dataclass(frozen=True)
class _Work:
    """One block with all that it takes to run it.

    Attributes:
        folder: The folder of the run, where a checkpoint is kept if the worker sees it; None for a run in memory.
        digest: The checksum of the run's description, by which the folder is recognised.
    """

    chain: Chain
    probes: dict[str, Any]
    job: Job
    seed: int
    engine: Engine
    film: bool
    folder: Path | None
    digest: str

    @property
    def steps(self) -> int:
        return self.job.generations + 1

    @property
    def size(self) -> float:
        return max(self.job.width, 1) * self.steps

    def parts(self) -> dict[str, Any]:
        return {"chain": self.chain, **{f"probes: {name!r}": probe for name, probe in self.probes.items()}}

    def __call__(self, step: Callable[[], Any]) -> Values:
        film = self.film and self.job.block == 0
        return run_block(self.chain, self.probes, self.job, self.seed, self.engine, film, self._checkpoint(), step)

    def _checkpoint(self) -> Keeper | None:
        if self.folder is None or not _sees(self.folder, self.digest):
            return None
        return Keeper(self.folder / "checkpoints" / f"{self.job.name}.ckpt", self.chain, self.digest, self.job)


@lru_cache(maxsize=16)
def _sees(folder: Path, digest: str) -> bool:
    """Whether the folder of a run is visible here, and is not another one by the same name."""
    try:
        spec = json.loads((folder / "run.json").read_bytes())["spec"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return checksum(json.dumps(spec, sort_keys=True).encode()) == digest


def in_memory(plan: Plan, workers: Workers, progress: bool) -> Iterator[tuple[Job, Values]]:
    """Run all blocks and give their values."""
    with closing(each(_works(plan, plan.jobs(), None), workers, progress)) as done:
        for work, values in done:
            yield work.job, values


def to_store(plan: Plan, store: Store, workers: Workers, progress: bool) -> None:
    """Run the blocks that a folder does not hold yet; each is committed here when its values arrive."""
    missing = [job for job in plan.jobs() if not store.done(job)]
    # Closed at once if a commit fails: the workers end before the error is shown.
    with closing(each(_works(plan, missing, store), workers, progress)) as done:
        for work, values in done:
            store.commit(work.job, values)


def _works(plan: Plan, jobs: list[Job], store: Store | None) -> list[_Work]:
    folder, digest = (None, "") if store is None else (store.folder.resolve(), store.digest)
    chains, probes = plan.grid.chains, dict(plan.probes)
    return [_Work(chains[job.cell], probes, job, plan.seed, plan.engine, plan.film, folder, digest) for job in jobs]
