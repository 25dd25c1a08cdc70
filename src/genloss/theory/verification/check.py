"""A law held against simulation: what was predicted, what was measured, and how far apart they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genloss.chain.capabilities import statistic_width_of, width_of
from genloss.chain.data import Floats
from genloss.chain.recursion import Chain, Engine
from genloss.chain.seeds import Streams
from genloss.errors import NotExact
from genloss.runs.run import run
from genloss.theory.laws import Law, sizes
from genloss.theory.measures import MEASURES, PATHS, RUNNING

Way = Literal["exact", "rows", "direct"]
"""How a law is verified: by an engine, or by the experiment that it brings."""
SIGMAS = 5.0
FALSE_SIGMAS = 20.0
_ROWS = 5e6
_NUMBERS = 4e6
_POWER = {"exact": 1.0, "rows": 4.0, "direct": 1.0}


@dataclass(frozen=True)
class Check:
    """One law held against one engine.

    Attributes:
        law: The law.
        engine: The engine.
        predicted: What it says, by generation.
        measured: The statistic over replicates, by generation.
        error: Its standard error.
        replicates: How many replicates there were.
    """

    law: Law
    engine: Way
    predicted: Floats
    measured: Floats
    error: Floats
    replicates: int

    @property
    def z(self) -> Floats:
        """How many standard errors lie between the two; for a bound, only where it is broken."""
        off = self.measured - self.predicted
        if self.law.kind == "upper bound":
            off = np.maximum(off, 0)
        if self.law.kind == "lower bound":
            off = np.minimum(off, 0)
        slack = self.law.tolerance + 1e-9
        off = np.sign(off) * np.maximum(np.abs(off) - slack * np.abs(self.predicted), 0)
        z = np.where(self.error > 0, off / np.where(self.error > 0, self.error, 1), np.where(off == 0, 0, np.inf))
        return np.asarray(np.where(np.isfinite(self.predicted), z, 0))

    @property
    def worst(self) -> float:
        """The largest distance over generations and labels, in standard errors."""
        return float(np.abs(self.z).max())

    @property
    def gap(self) -> float:
        """The largest distance of a bound taken for an estimate, in standard errors."""
        off = np.abs(self.measured - self.predicted)
        known = np.isfinite(self.predicted) & (self.error > 0)
        return float((off / np.where(known, self.error, 1))[known].max(initial=0.0))

    @property
    def blind(self) -> float:
        """The relative error at the last generation that five standard errors would just show."""
        if self.law.kind in ("upper bound", "lower bound"):
            return 0.0
        last = (self.predicted, self.error) if self.law.scalar else (self.predicted[-1], self.error[-1])
        scale = np.abs(last[0])
        return float((SIGMAS * last[1] / np.where(scale > 0, scale, 1)).max())

    @property
    def holds(self) -> bool:
        """Whether a number is predicted, lies within five standard errors, and could have been seen to fail."""
        spoken = self.predicted if self.law.scalar else self.predicted[self.law.first :]
        return (
            bool(np.isfinite(spoken).all())
            and self.worst < SIGMAS
            and self.blind < self.law.power * _POWER[self.engine]
        )

    @property
    def fails(self) -> bool:
        """Whether the prediction is refuted by more than twenty standard errors."""
        return self.worst > FALSE_SIGMAS


def engines(chain: Chain) -> tuple[Engine, ...]:
    """List the engines that can run a chain."""
    found: list[Engine] = []
    for engine in ("exact", "rows"):
        try:
            next(chain.generations(Streams(0), engine, 2 if engine == "exact" or chain.batchable() else None))
        except NotExact:
            continue
        found.append(engine)
    return tuple(found)


def simulate(
    chain: Chain, probes: Iterable[str], *, engine: Engine, generations: int, replicates: int, seed: int
) -> dict[str, Floats]:
    """Run a chain as users do and take its measurements: arrays of shape (replicates, generations + 1, ...)."""
    result = run(
        chain,
        {name: MEASURES[name] for name in sorted(set(probes))},
        generations=generations,
        replicates=replicates,
        seed=seed,
        engine=engine,
        bootstrap=0,
    )
    return {name: result[name].values for name in probes}


def replicates_of(law: Law, engine: Engine, chain: Chain) -> int:
    """Choose how many replicates verify a law: fewer where rows are drawn, fewer still one chain at a time."""
    effort = 8 if law.status == "published and false" else 1
    if engine == "exact":
        drawn = statistic_width_of(chain.source) * (law.generations + 1)
        return int(max(400, min(law.replicates, effort * _NUMBERS / drawn)))
    if not chain.batchable():
        return max(300, law.replicates // 80)
    rows = float(np.mean(sizes(chain, law.generations))) * width_of(chain.source)
    numbers = max(rows, 3 * statistic_width_of(chain.source)) * (law.generations + 1)
    return int(max(400, min(law.replicates // 5, effort * _ROWS / numbers)))


def judge(law: Law, draws: Floats, engine: Way, chain: Chain | None = None) -> Check:
    """Hold a law against measurements of a chain, of shape (replicates, generations + 1, ...).

    Args:
        law: The law.
        draws: What was measured.
        engine: How.
        chain: The chain that was measured; None for the law's example, or its own experiment.
    """
    chain = law.example if chain is None else chain
    predicted = np.asarray(law.compute(), dtype=float) if chain is None else law.values(chain, draws.shape[1] - 1)
    draws = draws.reshape(draws.shape[:2] + predicted.shape[1:]) if predicted.ndim > 2 else draws
    if law.scalar:
        draws = PATHS[law.probe](draws)
    elif law.probe in RUNNING:
        draws = RUNNING[law.probe](draws)
    if law.first and not law.scalar:
        predicted[: law.first] = np.nan
    measured, error = summary(law, draws, predicted)
    return Check(law, engine, predicted, measured, error, len(draws))


def verify(law: Law, seed: int) -> list[Check]:
    """Hold a law against every engine that can run its example, or against its own experiment."""
    return [judge(law, draws_of(law, way, seed), way) for way in ways(law)]


def ways(law: Law) -> tuple[Way, ...]:
    """List how a law is verified."""
    if law.example is None:
        return ("direct",)
    return tuple(engine for engine in engines(law.example) if engine in law.ways)


def draws_of(law: Law, engine: Way, seed: int) -> Floats:
    """Simulate a law's example."""
    if law.example is None:
        if law.experiment is None:
            raise ValueError(f"law {law.name}: has neither an example nor an experiment")
        return law.experiment(Streams(seed)(0, "probe"), law.replicates)
    assert engine != "direct"
    replicates = replicates_of(law, engine, law.example)
    return simulate(
        law.example, [law.probe], engine=engine, generations=law.generations, replicates=replicates, seed=seed
    )[law.probe]


def summary(law: Law, draws: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """Compute the statistic that a law speaks of, with its standard error."""
    count = len(draws)
    if law.statistic == "mean":
        error = draws.std(0, ddof=1) / np.sqrt(count)
        if predicted.size and ((draws == 0) | (draws == 1)).all():
            # Of events the prediction says how they scatter; one event that was hardly expected is not a refutation.
            share = draws.mean(0) if law.kind in ("upper bound", "lower bound") else predicted
            error = np.sqrt(np.clip(share * (1 - share), 0, 1) / count + 1 / count**2)
        return draws.mean(0), error
    if law.statistic == "var":
        square = (draws - draws.mean(0)) ** 2
        return square.sum(0) / (count - 1), square.std(0) / np.sqrt(count)
    if law.statistic == "kurtosis":
        (second, fourth) = draws.mean(0).T
        turned = draws[..., 1] / second**2 - 2 * fourth / second**3 * draws[..., 0]
        return fourth / second**2, turned.std(0, ddof=1) / np.sqrt(count)
    if law.statistic in ("median", "quantile"):
        levels = np.array(law.levels) if law.statistic == "quantile" else np.array(0.5)
        return _quantiles(draws, levels, predicted)
    raise ValueError(f"law {law.name}: no statistic {law.statistic!r}; known: mean, var, kurtosis, median, quantile")


def _quantiles(draws: Floats, levels: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """Measure quantiles; the error is that of the share of draws below, carried over by the local slope."""
    count = len(draws)
    measured = (
        np.moveaxis(np.quantile(draws, levels, axis=0), 0, -1) if levels.ndim else np.quantile(draws, levels, axis=0)
    )
    spread = np.sqrt(levels * (1 - levels) / count)
    reach = 3 * spread
    low = np.quantile(draws, levels - reach, axis=0)
    high = np.quantile(draws, levels + reach, axis=0)
    error = (high - low) / 6
    return measured, np.moveaxis(error, 0, -1) if levels.ndim else error
