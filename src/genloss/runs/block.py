"""One block of replicates, run from its first generation to its last: the unit of work, of commit and of retry."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Pool
from genloss.chain.meta import Meta, meta_of
from genloss.chain.recursion import Chain, Engine, Generation
from genloss.chain.seeds import Streams, key, side_by_side
from genloss.errors import NotExact, SpecError

REDRAWS = 1_000_000
"""The block numbers from here on are new draws of generation 0, which measure its sampling noise."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker is handed.

    Attributes:
        cell: Which chain of the run it belongs to.
        block: The block's number, which addresses its random streams.
        begin: Its first replicate.
        width: Replicates computed side by side; 0 for a single chain without a replicate axis.
        keep: How many replicates it gives: width, or 1.
        generations: The last generation.
    """

    cell: int
    block: int
    begin: int
    width: int
    keep: int
    generations: int

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.cell:04d}-{self.block:07d}"


class Series:
    """The values of one probe, generation by generation, in an array that grows.

    Attributes:
        length: How many generations there are.
    """

    __slots__ = ("_values", "length")

    def __init__(self, values: Array | None = None) -> None:
        self._values: Array = np.empty(0) if values is None else values
        self.length = 0 if values is None else len(values)

    @property
    def values(self) -> Array:
        """The values: shape (generations, replicates, *labels)."""
        return self._values[: self.length]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of one generation; None before the first."""
        return self._values.shape[1:] if self.length else None

    def append(self, value: Array) -> None:
        """Keep a copy of the values of one more generation."""
        if not self.length:
            self._values = np.empty((8, *value.shape))
        elif self.length == len(self._values):
            grown = np.empty((2 * self.length, *value.shape))
            grown[: self.length] = self._values
            self._values = grown
        self._values[self.length] = value
        self.length += 1


@dataclass
class Values:
    """Probe values of one block.

    Attributes:
        arrays: One series per probe.
        labels: For vector probes, the name of their dimension and its labels.
        notes: Extra attributes of a vector probe (`DataArray.attrs`), such as the noise of a finite held-out set.
        film: Samples by generation of the first replicate, each a list of numbers or of texts.
    """

    arrays: dict[str, Series] = field(default_factory=dict)
    labels: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)
    film: list[Any] = field(default_factory=list)

    def stacked(self) -> dict[str, Array]:
        """Join the generations along the second axis (as a view: memory runs generation by generation)."""
        return {name: np.moveaxis(series.values, 0, 1) for name, series in self.arrays.items()}


class Checkpoint(Protocol):
    """Where an unfinished block is kept."""

    def load(self) -> tuple[int, Pool, Values] | None:
        """Return the last generation that was measured, its pool and all values so far."""

    def save(self, t: int, pool: Pool, values: Values) -> None:
        """Keep them, if it is time to."""


def run_block(
    chain: Chain,
    probes: Mapping[str, Any],
    job: Job,
    seed: int,
    engine: Engine,
    film: bool = False,
    checkpoint: Checkpoint | None = None,
    step: Callable[[], None] = lambda: None,
) -> Values:
    """Run one block and measure every generation.

    Raises:
        SpecError: If a part of the chain or a probe breaks its contract.
        NotExact: If the exact engine has no exact form for a part.
    """
    streams = Streams(seed, job.block)
    values = Values()
    meters = [_Meter(name, probe) for name, probe in probes.items()]
    start: tuple[int, Pool] | None = None
    done = -1
    if checkpoint is not None and chain.resumable():
        found = checkpoint.load()
        if found is not None:
            done, pool, values = found
            start = (done, pool)
            for _ in range(done + 1):
                step()
    if done >= job.generations:
        return values
    for generation in chain.generations(streams, engine, job.width or None, start):
        if generation.t > done:
            _measure(meters, generation, streams, values)
            if film:
                values.film.append(_shots(generation, streams))
            step()
        if generation.t >= job.generations:
            break
        if checkpoint is not None and generation.t > done and chain.resumable():
            checkpoint.save(generation.t, generation.pool, values)
    return values


class _Meter:
    """A probe with what is known of it."""

    def __init__(self, name: str, probe: Any) -> None:
        self.name = name
        self.probe = probe
        self.meta: Meta = meta_of(probe)
        self.takes_rng = _takes_rng(probe)
        self.one_by_one = getattr(probe, "one_by_one", lambda _: False)
        self.key = key(name)

    def together(self, generation: Generation) -> bool:
        """Whether one call measures the generation: a single chain, or all replicates at once."""
        return generation.replicates is None or (self.meta.vectorized and not self.one_by_one(generation))

    def read(self, generation: Generation, streams: Streams, values: Values) -> None:
        """Measure a generation by one call."""
        single = generation.replicates is None
        value = self._label(self.probe(generation, *self.randomness(generation, streams)), values, led=not single)
        if not single and value.shape[:1] != (generation.replicates,):
            raise SpecError(
                f"probe {self.name!r}: gave shape {value.shape} for {generation.replicates} replicates; "
                "give one value per replicate, or leave out vectorized=True"
            )
        self.keep(value[None] if single else value, generation.t, values)

    def randomness(self, generation: Generation, streams: Streams) -> tuple[Generator, ...]:
        """The probe's own stream, if it takes one; replicates that are measured one by one share it in turn."""
        if not self.takes_rng:
            return ()
        opened = side_by_side(streams) if generation.replicates is not None and self.together(generation) else streams
        return (opened(generation.t, "probe", self.key),)

    def one(self, generation: Generation, rng: tuple[Generator, ...], values: Values) -> Array:
        """Measure one replicate."""
        return self._label(self.probe(generation, *rng), values, led=False)

    def keep(self, value: Array, t: int, values: Values) -> None:
        """Keep what was measured at a generation."""
        series = values.arrays.setdefault(self.name, Series())
        if series.shape not in (None, value.shape):
            raise SpecError(
                f"probe {self.name!r}: gave shape {value.shape[1:]} at generation {t} and "
                f"{(series.shape or ())[1:]} before; give one shape"
            )
        series.append(value)

    def _label(self, value: Any, values: Values, led: bool) -> Array:
        dims = getattr(value, "dims", None)
        if dims is not None:
            own = [dim for dim in dims if dim != "replicate"]
            if len(own) > 1:
                raise SpecError(
                    f"probe {self.name!r}: gave dims {tuple(dims)}; give a number or one labelled dimension"
                )
            if own and self.name not in values.labels:
                coordinate = value.coords.get(own[0])
                labels = range(value.sizes[own[0]]) if coordinate is None else coordinate.values.tolist()
                values.labels[self.name] = (str(own[0]), list(labels))
                values.notes[self.name] = {
                    str(note): said.tolist() if isinstance(said, (np.ndarray, np.generic)) else said
                    for note, said in value.attrs.items()
                }
            if led and "replicate" not in dims:
                raise SpecError(
                    f"probe {self.name!r}: gave dims {tuple(dims)} for many replicates; give 'replicate' too, "
                    "or leave out vectorized=True"
                )
            value = value.transpose("replicate", ...).values if led else value.values
        try:
            if value is None:
                raise TypeError
            found = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise SpecError(
                f"probe {self.name!r}: gave {type(value).__name__}, no number; give a number or a vector"
            ) from None
        if found.ndim - led > 1:
            raise SpecError(f"probe {self.name!r}: gave shape {found.shape}; give a number or one vector a replicate")
        if found.ndim - led == 1 and self.name not in values.labels:
            values.labels[self.name] = (f"{self.name}_index", list(range(found.shape[-1])))
        return found


def _measure(meters: Sequence[_Meter], generation: Generation, streams: Streams, values: Values) -> None:
    """Measure a generation; replicates are picked once for all probes that take them one by one."""
    alone = []
    for meter in meters:
        if meter.together(generation):
            meter.read(generation, streams, values)
        else:
            alone.append((meter, meter.randomness(generation, streams)))
    if not alone:
        return
    parts: list[list[Array]] = [[] for _ in alone]
    for one in generation.each():
        for part, (meter, rng) in zip(parts, alone, strict=True):
            part.append(meter.one(one, rng, values))
    for part, (meter, _) in zip(parts, alone, strict=True):
        meter.keep(np.stack(part), generation.t, values)


def _takes_rng(probe: Any) -> bool:
    if not callable(probe):
        raise SpecError(f"probes: {probe!r} is not a probe: give a function of a generation")
    try:
        parameters = inspect.signature(probe).parameters.values()
    except (TypeError, ValueError):
        return False
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    # A second parameter with a default is a setting of the probe, unless it is called rng.
    return len(places) >= 2 and (places[1].default is inspect.Parameter.empty or places[1].name == "rng")


def _shots(generation: Generation, streams: Streams) -> Any:
    """Draw a few rows of the first replicate's model, to be looked at."""
    model = generation.model if generation.replicates is None else generation.model.pick(0)
    rng = streams(generation.t, "film")
    rows = model.sample(2, rng)
    if isinstance(rows, np.ndarray) and rows.dtype.kind in "iufb":
        rows = model.sample(2000 if rows.ndim == 1 else 24, rng)
        flat = rows.reshape(len(rows), -1)[:, :4096]
        cut = flat[:, 0] if rows.ndim == 1 else flat
        return [[_short(x) for x in np.atleast_1d(row)] for row in cut] if rows.ndim > 1 else [_short(x) for x in cut]
    if isinstance(rows, tuple):
        return None
    return [str(row)[:600] for row in rows]


def _short(x: Any) -> float:
    number = float(x)
    return float(f"{number:.4g}") if math.isfinite(number) else number


__all__ = ["REDRAWS", "Checkpoint", "Job", "NotExact", "Values", "run_block"]
