"""One seed, addressed streams: a random stream is named by what it is for."""

import zlib
from dataclasses import dataclass
from typing import Literal

from numpy.random import PCG64, Generator, SeedSequence

Role = Literal["real", "synthetic", "regime", "curate", "fit", "probe", "film", "floor", "stage"]

_ROLES: dict[Role, int] = {
    "real": 0,
    "synthetic": 1,
    "regime": 2,
    "curate": 3,
    "fit": 4,
    "probe": 5,
    "film": 6,
    "floor": 7,
    "stage": 8,
}


@dataclass(frozen=True, slots=True)
class Streams:
    """The random streams of one block of replicates.

    A stream depends on its address alone, so one more probe, replicate, generation or worker changes no other stream,
    and two regimes run with one seed see the same real data.

    Attributes:
        seed: The seed of the whole run.
        block: Which block of replicates the streams serve (see `genloss.runs.layout`).
    """

    seed: int
    block: int = 0

    def __call__(self, t: int, role: Role, key: int = 0) -> Generator:
        """Open the stream for one role at one generation."""
        return Generator(PCG64(SeedSequence(self.seed, spawn_key=(self.block, t, _ROLES[role], key))))


def key(name: str) -> int:
    """Address a stream by a name: the same name gives the same key on every machine."""
    return zlib.crc32(name.encode())
