"""The recursion: draw, pool, select, fit, and again."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from numpy.random import Generator

from genloss.chain.curators import KeepAll
from genloss.chain.data import Block, Count, Data, Pool, Statistic, check_rows, row_shape
from genloss.chain.protocols import BatchSource, Curator, ExactSource, Learner, Regime, Source
from genloss.chain.schedules import whole
from genloss.chain.seeds import Role, Streams
from genloss.errors import NotExact, SpecError

Engine = Literal["rows", "exact"]


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
        from genloss.adapters import as_learner

        object.__setattr__(self, "n0", whole(self.n0, "n0"))
        for name, method in (
            ("source", "sample(n, rng)"),
            ("regime", "grow(pool, t, synthetic, real)"),
            ("curator", "select(pool, rng)"),
        ):
            part = getattr(self, name)
            if isinstance(part, type):
                raise SpecError(f"{name}: {part.__name__} is a class; give an object of it")
            if not callable(getattr(part, method.partition("(")[0], None)):
                raise SpecError(f"{name}: {_named(part)} is no {name}: give it {method}")
        object.__setattr__(self, "learner", as_learner(self.learner))
        if self.warm_start and not hasattr(self.learner, "refit"):
            raise SpecError(
                f"warm_start: {_named(self.learner)} cannot go on from a model; give it refit(parent, data, rng)"
            )

    def batchable(self) -> bool:
        """Whether the rows engine can run many replicates side by side."""
        return (
            isinstance(self.source, BatchSource)
            and getattr(self.learner, "batched", False)
            and getattr(self.curator, "batched", False)
            and not getattr(self.regime, "ragged", False)
        )

    def check_exact(self) -> None:
        """Refuse the exact engine where a part has no exact form.

        Raises:
            NotExact: Naming the part.
        """
        if not isinstance(self.source, ExactSource):
            raise NotExact(f"source: {_named(self.source)} has no statistic to draw; use engine='rows'")
        statistic = getattr(self.learner, "statistic", None)
        if statistic is None:
            raise NotExact(f"learner: {_named(self.learner)} has no sufficient statistic; use engine='rows'")
        if not getattr(self.curator, "thins", False):
            raise NotExact(f"curator: {_named(self.curator)} needs the rows; use engine='rows'")
        if not isinstance(self.curator, KeepAll) and getattr(self.regime, "reuses", True) and not statistic.reusable:
            raise NotExact(
                f"curator: {_named(self.curator)} subsamples rows that {_named(self.regime)} uses again, and "
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
            NotExact: Where the exact engine has no exact form for a part.
            SpecError: Where a part breaks its contract; the message says which.
        """
        take_block = self._drawer(engine, replicates)
        regime = _bound(self.regime, self.n0)
        keeps_models = getattr(regime, "keeps_models", False)
        if start is not None and not self.resumable():
            raise SpecError("start: this chain needs its models to go on from, so it can only start at generation 0")

        learner: Any = self.learner
        if hasattr(learner, "bound"):
            learner = learner.bound(self.source)

        def draws(t: int, role: Role, source: Any) -> "_Draw":
            return _Draw(take_block, partial(streams, t), role, source, t, replicates, past)

        def fitted(t: int, pool: Pool, parent: Any) -> tuple[Pool, Any]:
            train = pool if keeps_all else self.curator.select(pool, streams(t, "curate"))
            rng = streams(t, "fit")
            warm = self.warm_start and parent is not None
            model = learner.refit(parent, train.data, rng) if warm else learner.fit(train.data, rng)
            if isinstance(model, type) or not callable(getattr(model, "sample", None)):
                raise SpecError(
                    f"learner: {_named(self.learner)}.{'refit' if warm else 'fit'} returned {_what(model)}, no model: "
                    "return something with sample(n, rng)"
                )
            return train, model

        keeps_all = isinstance(self.curator, KeepAll)
        past: list[Any] = [self.source]
        real = draws(0, "real", self.source)
        pool = regime.start(self.n0, real) if hasattr(regime, "start") else Pool((real(self.n0),))
        train, model = fitted(0, pool, None)
        first = model
        t = 0
        if start is not None:
            t, pool = start
            if t > 0:
                train, model = fitted(t, pool, None)
        while True:
            if keeps_models:
                past.append(model)
            yield Generation(t, model, pool, train, self.source, first, replicates)
            t += 1
            pool = regime.grow(pool, t, draws(t, "synthetic", model), draws(t, "real", self.source))
            train, model = fitted(t, pool, model)

    def resumable(self) -> bool:
        """Whether a generation's pool is enough to go on from it."""
        return not (self.warm_start or getattr(self.regime, "keeps_models", False))

    def _drawer(self, engine: Engine, replicates: int | None) -> "_Take":
        """Choose how n rows are drawn from a source."""
        if engine == "exact":
            self.check_exact()
            shape = () if replicates is None else (replicates,)
            return partial(_exactly, shape)
        if engine != "rows":
            raise SpecError(f"engine: no engine {engine!r}; known engines: exact, rows")
        statistic: type[Statistic] | None = getattr(self.learner, "statistic", None)
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


_Take = Callable[[Any, Count, Generator, str], Data]


class _Draw:
    """A `Draw`: opens its random streams only when they are used."""

    __slots__ = ("_regime", "_role", "_source", "_stream", "_streams", "_t", "_take", "past", "replicates")

    def __init__(
        self,
        take: "_Take",
        streams: Callable[..., Generator],
        role: Role,
        source: Any,
        t: int,
        replicates: int | None,
        past: Sequence[Any],
    ) -> None:
        self._take = take
        self._streams = streams
        self._role = role
        self._source = source
        self._t = t
        self._stream: Generator | None = None
        self._regime: Generator | None = None
        self.replicates = replicates
        self.past = past

    @property
    def rng(self) -> Generator:
        if self._regime is None:
            self._regime = self._streams("regime", int(self._role == "real"))
        return self._regime

    def __call__(self, n: Count, source: Any = None) -> Block:
        if self._stream is None:
            self._stream = self._streams(self._role)
        source = self._source if source is None else source
        synthetic = self._role == "synthetic"
        where = f"learner: {_named(source)}, fitted at generation {self._t - 1}," if synthetic else "source:"
        return Block(self._take(source, n, self._stream, where), synthetic, self._t)


def _exactly(shape: tuple[int, ...], source: Any, n: Count, rng: Generator, where: str) -> Statistic:
    try:
        draw = source.draw
    except AttributeError:
        raise NotExact(f"{where} {_named(source)} has no statistic to draw; use engine='rows'") from None
    return draw(n, rng, shape)  # type: ignore[no-any-return]


def _bound(regime: Any, n0: int) -> Any:
    """Replace the word "n0" in a regime's sizes by the number."""
    if not dataclasses.is_dataclass(regime) or isinstance(regime, type):
        return regime
    named = {f.name: n0 for f in dataclasses.fields(regime) if getattr(regime, f.name) == "n0"}
    return dataclasses.replace(regime, **named) if named else regime


def _what(model: Any) -> str:
    return f"the class {model.__name__}" if isinstance(model, type) else "None" if model is None else _named(model)


def _named(part: object) -> str:
    """The class of a part, or of the user's object that an adapter wraps."""
    return type(inspect.unwrap(part)).__name__  # type: ignore[arg-type]
