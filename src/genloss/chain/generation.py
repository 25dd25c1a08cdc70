"""One generation of a chain: a fitted model, and the data that it was fitted to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from genloss.chain.data import Data, Pool


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of one chain, or of many replicates side by side.

    Attributes:
        t: Its number; generation 0 is trained on real data.
        model: The fitted model.
        pool: All data kept when it was fitted; what `Chain.generations(start=...)` needs to go on from here.
        train: The part of the pool that it was fitted to.
        source: The true source.
        first: The model of generation 0.
        replicates: How many replicates the arrays of the model hold as leading axis; None for a single chain without
            that axis.
    """

    t: int
    model: Any
    pool: Pool
    train: Pool
    source: Any
    first: Any
    replicates: int | None = None

    def sample(self, n: int, rng: Generator, source: Any = None) -> Data:
        """Draw n rows from the model (or another source): a `Batch` where replicates run side by side."""
        source = self.model if source is None else source
        if self.replicates is None:
            return source.sample(n, rng)
        return source.sample_batch(n, rng, self.replicates)

    def each(self) -> "Iterator[Generation]":
        """Look at the replicates one by one."""
        if self.replicates is None:
            yield self
            return
        for i in range(self.replicates):
            pool = self.pool.pick(i)
            train = pool if self.train is self.pool else self.train.pick(i)
            yield Generation(self.t, self.model.pick(i), pool, train, self.source, self.first.pick(i), None)
