"""One seed, addressed streams: a random stream is named by what it is for."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

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


class SideBySide(Generator):
    """Randomness for replicates side by side: replicate i draws the same numbers however many others there are.

    NumPy fills an array element by element, so the numbers of the first replicates are the beginning of what a call
    draws, if replicates are its leading axis. For the next call to begin at one place, too, every call has a stream of
    its own: the k-th begins k golden-ratio jumps from where the generator began, as `PCG64.jumped` does.

    Args:
        bit_generator: A fresh PCG64.
    """

    def __init__(self, bit_generator: PCG64) -> None:
        super().__init__(bit_generator)
        self._begin = bit_generator.state
        self._calls = 0

    def turn(self) -> None:
        """Go to the beginning of the next call's stream."""
        if self._calls:
            bits: Any = self.bit_generator
            bits.state = self._begin
            bits.advance(self._calls * _JUMP % 2**128)
        self._calls += 1


_JUMP = 0x9E3779B97F4A7C15F39CC0605CEDC835


def _in_turn(name: str) -> Callable[..., Any]:
    drawing = getattr(Generator, name)

    def draw(self: SideBySide, *args: Any, **settings: Any) -> Any:
        self.turn()
        return drawing(self, *args, **settings)

    draw.__name__, draw.__doc__ = name, drawing.__doc__
    return draw


for _name in dir(Generator):
    if not _name.startswith("_") and _name not in ("bit_generator", "spawn"):
        setattr(SideBySide, _name, _in_turn(_name))


def side_by_side(streams: Callable[..., Generator]) -> Callable[..., Generator]:
    """Give the streams of many replicates: the same addresses, and `SideBySide` generators."""

    def opened(*address: Any) -> Generator:
        return SideBySide(streams(*address).bit_generator)  # type: ignore[arg-type]

    return opened


def key(name: str) -> int:
    """Address a stream by a name: the same name gives the same key on every machine."""
    return zlib.crc32(name.encode())
