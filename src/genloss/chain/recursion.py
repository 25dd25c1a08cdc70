"""The recursion: draw, pool, select, fit, and again."""

import dataclasses
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from numpy.random import Generator

from genloss.chain.capabilities import (
    Bound,
    Refits,
    Starts,
    is_batched,
    is_ragged,
    keeps_models,
    reuses,
    statistic_of,
    synthetic_share_of,
    thins,
)
from genloss.chain.curators import KeepAll
from genloss.chain.data import Count, Data, Pool, Statistic, check_rows, row_shape
from genloss.chain.foreign import as_learner
from genloss.chain.generation import Generation
from genloss.chain.protocols import BatchSource, Curator, ExactSource, Learner, Regime, Source
from genloss.chain.schedules import whole
from genloss.chain.seeds import Streams, side_by_side
from genloss.chain.supply import Supply, Take, exactly, named
from genloss.errors import NotExact, SpecError
from genloss.plain.numbers import share

Engine = Literal["rows", "exact"]


@dataclass(frozen=True)
class Chain:
    """A recursive training, described and not yet run.

    Attributes:
        source: Where real data come from.
        learner: What is fitted at every generation; a scikit-learn estimator with `fit` and `sample` will do.
        regime: What enters the pool from one generation to the next.
        n0: The number of real rows that generation 0 is trained on.
        curator: Which part of the pool is trained on.
        warm_start: Whether a generation's training goes on from the last model (`learner.refit`) instead of from
            nothing.

    Example:
        >>> import genloss as gl
        >>> chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(100), n0=100)
        >>> generations = chain.generations(gl.Streams(seed=1))
        >>> [next(generations).t for _ in range(3)]
        [0, 1, 2]
    """

    source: Source
    learner: Learner
    regime: Regime
    n0: int
    curator: Curator = KeepAll()  # noqa: RUF009 (frozen)
    warm_start: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "n0", whole(self.n0, "n0"))
        for name, method in (
            ("source", "sample(n, rng)"),
            ("regime", "grow(pool, t, draw)"),
            ("curator", "select(pool, rng)"),
        ):
            part = getattr(self, name)
            if isinstance(part, type):
                raise SpecError(f"{name}: {part.__name__} is a class; give an object of it")
            if not callable(getattr(part, method.partition("(")[0], None)):
                raise SpecError(f"{name}: {named(part)} is not a {name}: give it {method}")
        _check_signature(self.regime)
        object.__setattr__(self, "learner", as_learner(self.learner))
        if self.warm_start and not isinstance(self.learner, Refits):
            raise SpecError(
                f"warm_start: {named(self.learner)} cannot go on from a model; give it refit(parent, data, rng)"
            )

    def batchable(self) -> bool:
        """Whether the rows engine can run many replicates side by side."""
        return (
            isinstance(self.source, BatchSource)
            and is_batched(self.learner)
            and is_batched(self.curator)
            and not is_ragged(self.regime)
        )

    def check_exact(self) -> None:
        """Refuse the exact engine where a part has no exact form.

        Raises:
            NotExact: Naming the part.
        """
        if not isinstance(self.source, ExactSource):
            raise NotExact(f"source: {named(self.source)} has no statistic to draw; use engine='rows'")
        statistic = statistic_of(self.learner)
        if statistic is None:
            raise NotExact(f"learner: {named(self.learner)} has no sufficient statistic; use engine='rows'")
        if not thins(self.curator):
            raise NotExact(f"curator: {named(self.curator)} needs the rows; use engine='rows'")
        if not isinstance(self.curator, KeepAll) and reuses(self.regime) and not statistic.reusable:
            raise NotExact(
                f"curator: {named(self.curator)} subsamples rows that {named(self.regime)} uses again, and "
                f"{statistic.__name__} has forgotten which; use engine='rows'"
            )

    def generations(
        self,
        streams: Streams,
        engine: Engine = "rows",
        replicates: int | None = None,
        start: tuple[int, Pool] | None = None,
    ) -> Iterator[Generation]:
        """Step the chain for ever; the caller decides when to stop.

        A synthetic block born at t was drawn from the model of t - 1 and first trains the model of t.

        Args:
            streams: The random streams of this block of replicates.
            engine: "rows" draws rows; "exact" draws their sufficient statistic at a cost free of n.
            replicates: Replicates to run side by side as a leading axis; None for a single chain without that axis.
            start: A generation and its pool to go on from; generation 0 is fitted again as reference.

        Raises:
            NotExact: If the exact engine has no exact form for a part.
            SpecError: If a part breaks its contract; the message says which.
        """
        take = self._drawer(engine, replicates)
        regime = _bound(self.regime, self.n0)
        keeping = keeps_models(regime)
        if start is not None and not self.resumable():
            raise SpecError("start: this chain needs its models to go on from, so it can only start at generation 0")

        learner: Any = self.learner
        if isinstance(learner, Bound):
            learner = learner.bound(self.source)

        opened = streams if replicates is None else side_by_side(streams)

        def draws(t: int, model: Any) -> Supply:
            return Supply(take, partial(opened, t), self.source, model, t, replicates, past)

        def fitted(t: int, pool: Pool, parent: Any) -> tuple[Pool, Any]:
            train = pool if keeps_all else self.curator.select(pool, opened(t, "curate"))
            rng = opened(t, "fit")
            warm = self.warm_start and parent is not None
            model = learner.refit(parent, train.data, rng) if warm else learner.fit(train.data, rng)
            if isinstance(model, type) or not callable(getattr(model, "sample", None)):
                raise SpecError(
                    f"learner: {named(self.learner)}.{'refit' if warm else 'fit'} returned {_what(model)}, no model: "
                    "return something with sample(n, rng)"
                )
            return train, model

        keeps_all = isinstance(self.curator, KeepAll)
        past: list[Any] = [self.source]
        # 1. Generation 0 is trained on real data, laid down as the regime wants them.
        draw = draws(0, None)
        pool = regime.start(self.n0, draw) if isinstance(regime, Starts) else Pool((draw.real(self.n0),))
        train, model = fitted(0, pool, None)
        first = model
        t = 0
        if start is not None:
            t, pool = start
            if t > 0:
                train, model = fitted(t, pool, None)
        while True:
            if keeping:
                past.append(model)
            # 2. The caller measures, and decides whether to go on.
            yield Generation(t, model, pool, train, self.source, first, replicates)
            # 3. Data enter the pool; part of it is selected; the next model is fitted.
            t += 1
            pool = regime.grow(pool, t, draws(t, model))
            train, model = fitted(t, pool, model)

    def control(self, generations: int) -> bool:
        """Whether no row of a model enters the training set of any generation up to the last one.

        The regime says so by `synthetic_share(t)`; one that does not say is not taken for a control.

        Raises:
            SpecError: If the regime gives anything but a share.
        """
        regime = _bound(self.regime, self.n0)
        share_at = synthetic_share_of(regime)
        if share_at is None:
            return False
        times = range(1, max(1, generations) + 1)
        where = f"regime: {named(self.regime)}.synthetic_share"
        return all(share(share_at(t), where, zero=True, one=True) == 0 for t in times)

    def resumable(self) -> bool:
        """Whether a generation's pool is enough to go on from it."""
        return not (self.warm_start or keeps_models(self.regime))

    def _drawer(self, engine: Engine, replicates: int | None) -> Take:
        """Choose how n rows are drawn from a source."""
        if engine == "exact":
            self.check_exact()
            shape = () if replicates is None else (replicates,)
            return partial(exactly, shape)
        if engine != "rows":
            raise SpecError(f"engine: no engine {engine!r}; known engines: exact, rows")
        statistic: type[Statistic] | None = statistic_of(self.learner)
        if not isinstance(self.curator, KeepAll):
            statistic = None

        row: Any = None

        def draw(source: Any, n: Count, rng: Generator, where: str) -> Data:
            nonlocal row
            rows = source.sample(n, rng) if replicates is None else source.sample_batch(n, rng, replicates)
            check_rows(rows, n, row, where)
            row = row_shape(rows) if row is None else row
            return rows if statistic is None else statistic.of(rows)

        return draw


def _bound(regime: Any, n0: int) -> Any:
    """Replace the word "n0" in a regime's sizes by the number."""
    if not dataclasses.is_dataclass(regime) or isinstance(regime, type):
        return regime
    named = {f.name: n0 for f in dataclasses.fields(regime) if getattr(regime, f.name) == "n0"}
    return dataclasses.replace(regime, **named) if named else regime


def _check_signature(regime: Any) -> None:
    """Refuse a regime that was written for two draws."""
    try:
        inspect.signature(regime.grow).bind(None, None, None)
    except TypeError:
        raise SpecError(
            f"regime: {named(regime)}.grow takes {inspect.signature(regime.grow)}; write grow(pool, t, draw), with "
            "draw.own(n) for rows of the last model and draw.real(n) for new real rows"
        ) from None
    except ValueError:  # a signature that cannot be read is tried
        return


def _what(model: Any) -> str:
    return f"the class {model.__name__}" if isinstance(model, type) else "None" if model is None else named(model)


__all__ = ["Chain", "Engine", "Generation"]
