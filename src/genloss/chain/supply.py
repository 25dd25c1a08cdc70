"""What a regime draws with: rows of the chain's own models and new real rows, each from its own random stream."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from numpy.random import Generator

from genloss.chain.data import Block, Count, Data, Statistic
from genloss.chain.seeds import Role
from genloss.errors import NotExact, SpecError

Take = Callable[[Any, Count, Generator, str], Data]
"""How n rows, or their statistic, are drawn from a source; the last argument names the source in messages."""


class Supply:
    """The draws of one generation (a `Draw`).

    Attributes:
        own: Rows of the last model.
        real: New real rows.
        past: The true source and all models so far, if the regime asked for them.
        replicates: How many replicates run side by side; None for a single chain.
    """

    __slots__ = ("own", "past", "real", "replicates")

    def __init__(
        self,
        take: Take,
        streams: Callable[..., Generator],
        source: Any,
        model: Any,
        t: int,
        replicates: int | None,
        past: Sequence[Any],
    ) -> None:
        self.own = _Rows(take, streams, "synthetic", model, t)
        self.real = _Rows(take, streams, "real", source, t)
        self.past = past
        self.replicates = replicates

    def __call__(self, *_: Any) -> Block:
        """Refuse a regime that draws as regimes did before `own` and `real`."""
        raise SpecError(
            "regime: a draw is not called; write draw.own(n) for the last model's rows, draw.real(n) for new"
        )


class _Rows:
    """Rows of one maker: opens its random streams only when they are used."""

    __slots__ = ("_choices", "_role", "_source", "_stream", "_streams", "_t", "_take")

    def __init__(self, take: Take, streams: Callable[..., Generator], role: Role, source: Any, t: int) -> None:
        self._take = take
        self._streams = streams
        self._role = role
        self._source = source
        self._t = t
        self._stream: Generator | None = None
        self._choices: Generator | None = None

    @property
    def rng(self) -> Generator:
        if self._choices is None:
            self._choices = self._streams("regime", int(self._role == "real"))
        return self._choices

    def __call__(self, n: Count, model: Any = None) -> Block:
        source = self._source if model is None else model
        if self._role == "real":
            if model is not None:
                raise SpecError("regime: draw.real(n) draws from the true source; write draw.own(n, model) for a model")
            where = "source:"
        elif source is None:
            raise SpecError("regime: there is no model before generation 0; start(n0, draw) draws by draw.real(n)")
        else:
            where = f"learner: {named(source)}, fitted at generation {self._t - 1},"
        if self._stream is None:
            self._stream = self._streams(self._role)
        return Block(self._take(source, n, self._stream, where), int(self._role != "real"), self._t)


def exactly(shape: tuple[int, ...], source: Any, n: Count, rng: Generator, where: str) -> Statistic:
    """Draw the statistic of n rows."""
    try:
        draw = source.draw
    except AttributeError:
        raise NotExact(f"{where} {named(source)} has no statistic to draw; use engine='rows'") from None
    return draw(n, rng, shape)  # type: ignore[no-any-return]


def named(part: object) -> str:
    """The class of a part, or of the user's object that an adapter wraps."""
    return type(inspect.unwrap(part)).__name__  # type: ignore[arg-type]
