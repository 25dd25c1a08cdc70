"""The contract, as checks that users can run on their own classes.

Each check is a sentence; an object that breaks it fails with that sentence as `AssertionError`. The package's own
classes are held to the same functions.

Example:
    >>> import numpy as np
    >>> from genloss import GaussianMLE
    >>> check_learner(GaussianMLE(), np.arange(50.0))
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from genloss.chain.data import Array, Batch, Count, Data, Statistic, concat, size, take
from genloss.chain.foreign import as_learner
from genloss.chain.meta import meta_of
from genloss.chain.recursion import Chain, Generation
from genloss.chain.seeds import Streams
from genloss.errors import NotExact, SpecError
from genloss.plain.describe import describe
from genloss.probes.offers import Offer, offers
from genloss.runs.block import _takes_rng

_REPLICATES = 3
_SIGMAS = 6.0


def check_source(source: Any, n: int = 200, *, name: str = "") -> Offer:
    """Check that a source keeps its contract: a true law, a corpus or a fitted model.

    Args:
        source: The source.
        n: Rows to draw.
        name: What to call it; its class name by default.

    Returns:
        What it offers, and which engines and probes work with it; printed, it is a sentence.

    Raises:
        AssertionError: With the sentence that does not hold.
    """
    name = name or type(source).__name__
    _assert(callable(getattr(source, "sample", None)), f"{name} is not a source: give it sample(n, rng)")
    with _leaving_global_state(f"{name}.sample"):
        rows = _draw(source, n, 1, name)
    again, other = _draw(source, n, 1, name), _draw(source, n, 2, name)
    _assert(_size(rows, name) == n, f"sample(n, rng) must draw n rows: {name} drew {_size(rows, name)} of {n}")
    _assert(_same(rows, again), f"the same stream must draw the same rows: {name}.sample does not depend on rng alone")
    _assert(not _same(rows, other), f"different streams must draw different rows: {name}.sample does not use rng")
    one = _draw(source, 1, 3, name)
    _assert(_kind(rows) == _kind(one), f"rows must keep their shape: {name} drew {_kind(rows)}, then {_kind(one)}")
    _assert(_finite(rows), f"rows must be finite: {name} drew NaN or infinite numbers")
    held_out = getattr(source, "held_out", None)
    if held_out is not None and size(held_out):
        _assert(
            _kind(held_out) == _kind(rows),
            f"held-out rows must be like those drawn: {name} draws {_kind(rows)}, holds out {_kind(held_out)}",
        )
    if hasattr(source, "sample_batch"):
        _check_batch_source(source, rows, n, name)
    if hasattr(source, "draw"):
        _check_exact_source(source, n, name)
    return offers(source)


def check_learner(learner: Any, data: Data, *, seed: int = 0) -> None:
    """Check that a learner keeps its contract when it is fitted to some data.

    Args:
        learner: A learner: any object with `fit(data, rng)`, or a scikit-learn estimator.
        data: Rows that it should be able to learn; 100 or more tell more.
        seed: The seed of all random streams of the check.

    Raises:
        AssertionError: With the sentence that does not hold.
    """
    try:
        ready: Any = as_learner(learner)
    except SpecError as error:
        raise AssertionError(str(error)) from None
    name = type(learner).__name__
    n = int(np.max(size(data)))
    before, data_before = _state(learner), copy.deepcopy(data)
    with _leaving_global_state(f"{name}.fit"):
        model = _fit(ready, data, seed, name)
    _assert(_state(learner) == before, f"fit() must not change the learner: {name} is another one after fit")
    _assert(_same(data, data_before), f"fit() must not change the data: {name}.fit wrote into its rows")
    rows = _draw(model, n, seed + 1, name)
    _assert(
        _kind(rows) == _kind(data),
        f"a model must draw rows like its data: fitted on {_whole(data)}, draws {_whole(rows)}",
    )
    check_source(model, n, name=f"the model of {name}")
    again = _draw(_fit(ready, data, seed, name), n, seed + 1, name)
    _assert(_same(rows, again), f"the same data and the same stream must fit the same model: {name}.fit does not")
    second = _fit(ready, rows, seed + 2, name)
    _draw(second, n, seed + 3, name)
    later = _draw(model, n, seed + 1, name)
    _assert(_same(rows, later), f"a model must be usable after another fit: {name} shares something between its models")
    _assert(_state(learner) == before, f"drawing must not change the learner: {name} is another one after sample")
    if getattr(ready, "statistic", None) is not None:
        _check_reduced_fit(ready, data, rows, seed, name)
    if getattr(ready, "batched", False):
        _check_batched_fit(ready, data, seed, name)


def check_statistic(cls: type[Statistic], *datasets: Data) -> None:
    """Check that a statistic is a commutative monoid: what is reduced may be joined in any order.

    Args:
        cls: The class.
        *datasets: Two or more datasets of one kind.

    Raises:
        AssertionError: With the sentence that does not hold.
    """
    name = cls.__name__
    _assert(len(datasets) >= 2, "give check_statistic two or more datasets")
    parts = [cls.of(rows) for rows in datasets]
    for rows, part in zip(datasets, parts, strict=True):
        _assert(part.n == size(rows), f"n must be the number of rows: {name}.of gives {part.n} for {size(rows)} rows")
        _assert(
            _agree(cls.of(part), part), f"of() must return a statistic of its own kind as it is: {name}.of does not"
        )
    joined = parts[0] + parts[1]
    whole = cls.of(concat(datasets[:2]))
    _assert(
        isinstance(joined, cls), f"two statistics must add up to one: {name} + {name} gives {type(joined).__name__}"
    )
    _assert(_agree(whole, joined), f"of(x ++ y) must equal of(x) + of(y): {name} does not")
    _assert(_agree(parts[1] + parts[0], joined), f"the order of a sum must not matter: {name} does not commute")
    if len(parts) > 2:
        left, right = joined + parts[2], parts[0] + (parts[1] + parts[2])
        _assert(_agree(left, right), f"the order of a sum must not matter: {name} is not associative")
    first = datasets[0]
    if isinstance(first, np.ndarray) and hasattr(cls, "replicates"):
        side = cls.of(Batch(np.stack([first, first[::-1]])))
        _assert(side.replicates == 2, f"of(Batch) must keep replicates apart: {name}.of gives {side.replicates} of 2")
        _assert(
            np.all(np.asarray(side.n) == len(first)), f"n must be the rows of one replicate: {name}.of gives {side.n}"
        )


def check_probe(probe: Any, chain: Chain, *, generations: int = 2, seed: int = 0) -> None:
    """Check that a probe keeps its contract on the first generations of a chain.

    Args:
        probe: A function of a generation, or of a generation and a random stream.
        chain: A chain whose models it should be able to measure.
        generations: The last generation to look at.
        seed: The seed of the chain.

    Raises:
        AssertionError: With the sentence that does not hold.
    """
    name = getattr(probe, "__name__", type(probe).__name__)
    _assert(callable(probe), f"{name} is not a probe: give a function of a generation")
    takes_rng = _takes_rng(probe)

    def read(g: Generation, stream: int = 0) -> Any:
        value = probe(g, *((_stream(seed, stream),) if takes_rng else ()))
        return np.asarray(getattr(value, "values", value), dtype=float)

    shapes = set()
    for g in islice(chain.generations(Streams(seed)), generations + 1):
        before = _state(g.model)
        with _leaving_global_state(name):
            value = read(g)
        _assert(value.ndim <= 1, f"a probe gives a number or one labelled vector: {name} gives shape {value.shape}")
        again = read(g)
        _assert(np.array_equal(value, again, equal_nan=True), f"the same stream must measure the same: {name} does not")
        _assert(_state(g.model) == before, f"a probe must not change the generation: {name} changes its model")
        shapes.add(value.shape)
    _assert(len(shapes) == 1, f"a probe gives one shape at all generations: {name} gives {sorted(shapes)}")
    if meta_of(probe).vectorized and chain.batchable():
        for g in islice(chain.generations(Streams(seed), replicates=_REPLICATES), generations + 1):
            value = read(g)
            wanted = (_REPLICATES, *shapes.copy().pop())
            _assert(
                value.shape == wanted,
                f"a vectorized probe gives one value per replicate: {name} gives shape {value.shape} for {wanted}",
            )
            if not takes_rng:
                each = np.stack([read(one) for one in g.each()])
                _assert(
                    np.allclose(value, each, equal_nan=True),
                    f"a vectorized probe must measure each replicate as if it were alone: {name} does not",
                )


def _check_batch_source(source: Any, rows: Data, n: int, name: str) -> None:
    batch = source.sample_batch(n, _stream(5), _REPLICATES)
    _assert(isinstance(batch, Batch), f"sample_batch() must return a Batch: {name} returns a {type(batch).__name__}")
    wanted = (_REPLICATES, *_table(rows).shape)
    _assert(
        batch.rows.shape == wanted,
        f"sample_batch() must draw n rows per replicate: {name} drew shape {batch.rows.shape} for {wanted}",
    )
    _assert(_finite(batch.rows), f"rows must be finite: {name}.sample_batch drew NaN or infinite numbers")
    again = source.sample_batch(n, _stream(5), _REPLICATES)
    _assert(_same(batch, again), f"the same stream must draw the same rows: {name}.sample_batch does not")
    _assert(
        not _same(batch.rows[0], batch.rows[1]), f"replicates must not share rows: {name}.sample_batch repeats them"
    )
    single = np.concatenate([_table(source.sample(n, _stream(6, i))) for i in range(_REPLICATES)])
    side = batch.rows.reshape(single.shape)
    _assert(_alike(single, side), f"sample_batch() must have the law of sample(): {name} draws from another")


def _check_exact_source(source: Any, n: int, name: str) -> None:
    try:
        single, many = source.draw(n, _stream(7)), source.draw(n, _stream(7), (_REPLICATES,))
    except NotExact:
        return
    for drawn in (single, many):
        _assert(
            isinstance(drawn, Statistic), f"draw() must return a Statistic: {name} returns a {type(drawn).__name__}"
        )
        _assert(_counts(drawn.n, n), f"draw(n) must stand for n rows: {name} gives n = {drawn.n} for {n}")
    again = source.draw(n, _stream(7), (_REPLICATES,))
    _assert(_agree(many, again), f"the same stream must draw the same statistic: {name}.draw does not")
    other = source.draw(n, _stream(8), (_REPLICATES,))
    _assert(not _agree(many, other), f"different streams must draw different statistics: {name}.draw does not use rng")


def _check_reduced_fit(learner: Any, data: Data, rows: Data, seed: int, name: str) -> None:
    model = _fit(learner, learner.statistic.of(data), seed, name)
    drawn = _draw(model, int(np.max(size(data))), seed + 1, name)
    _assert(_close(drawn, rows), f"fit() must give the same model for rows and for their statistic: {name} does not")


def _check_batched_fit(learner: Any, data: Data, seed: int, name: str) -> None:
    n = int(size(data))
    sets = [take(data, _stream(seed, 9, i).integers(n, size=n)) for i in range(_REPLICATES)]
    model = learner.fit(Batch(np.stack([_table(each) for each in sets])), _stream(seed, 10))
    _assert(hasattr(model, "pick"), f"a model of many replicates needs pick(i): that of {name} has none")
    _assert(hasattr(model, "sample_batch"), f"a model of many replicates needs sample_batch: that of {name} has none")
    batch = model.sample_batch(n, _stream(seed, 11), _REPLICATES)
    wanted = (_REPLICATES, *_table(data).shape)
    _assert(
        isinstance(batch, Batch) and batch.rows.shape == wanted,
        f"a batched fit must draw rows for each replicate: {name}, fitted on {wanted}, draws {np.shape(batch.rows)}",
    )
    for i, each in enumerate(sets):
        alone = learner.fit(each, _stream(seed, 12))
        picked = _draw(model.pick(i), 4 * n, seed + 13, name)
        same = _alike(_draw(alone, 4 * n, seed + 14, name), picked)
        _assert(same, f"replicate i of a batched fit must be the fit of replicate i: {name} fits another law")
        _assert(
            _alike(picked, batch.rows[i]),
            f"sample_batch() must draw replicate i from pick(i): {name} draws from another",
        )


def _fit(learner: Any, data: Data, seed: int, name: str) -> Any:
    model = learner.fit(data, _stream(seed))
    _assert(
        callable(getattr(model, "sample", None)),
        f"fit() must return something with sample(n, rng): {name}.fit returned {type(model).__name__}",
    )
    return model


def _draw(source: Any, n: int, seed: int, name: str) -> Data:
    try:
        return source.sample(n, _stream(seed))
    except TypeError as error:
        raise AssertionError(f"sample(n, rng) must draw n rows: {name}.sample raised {error}") from error


def _stream(*address: int) -> Generator:
    return Generator(PCG64(SeedSequence(20_240_701, spawn_key=address)))


def _assert(holds: Any, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)


@contextmanager
def _leaving_global_state(name: str) -> Iterator[None]:
    read: Callable[[], Any] = np.random.get_state
    before = read()[1].copy(), read()[2]
    yield
    after = read()
    _assert(
        np.array_equal(before[0], after[1]) and before[1] == after[2],
        f"randomness must come from rng alone: {name} uses NumPy's global state",
    )


def _size(rows: Data, name: str) -> Count:
    try:
        return size(rows)
    except TypeError:
        raise AssertionError(f"sample(n, rng) must draw n rows: {name} drew a {type(rows).__name__}") from None


def _state(thing: Any) -> Any:
    """What can be told of an object from outside, to see whether it has changed."""
    if hasattr(thing, "__describe__") or hasattr(thing, "get_params"):
        return describe(thing), _state(vars(thing)) if hasattr(thing, "__dict__") else None
    try:
        return describe(thing if isinstance(thing, dict) or not hasattr(thing, "__dict__") else dict(vars(thing)))
    except (RecursionError, TypeError):
        return None


def _same(one: Data, other: Data) -> bool:
    if isinstance(one, Batch):
        return isinstance(other, Batch) and _same(one.rows, other.rows)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
    if hasattr(one, "iloc"):
        return bool(one.equals(other))
    if hasattr(one, "to_arrays"):
        mine, yours = one.to_arrays(), other.to_arrays()
        return mine.keys() == yours.keys() and all(_same(mine[name], yours[name]) for name in mine)
    return type(one) is type(other) and bool(describe(one) == describe(other))


def _close(one: Data, other: Data) -> bool:
    if isinstance(one, tuple):
        return all(map(_close, one, other))
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        return one.shape == np.shape(other) and bool(np.allclose(one, other, rtol=1e-6, atol=1e-9))
    return _same(one, other)


def _alike(one: Data, other: Data) -> bool:
    """Whether the means of numbers and of their squares agree, at six standard errors."""
    for power in (1, 2):
        x, y = (np.asarray(_table(rows), dtype=float) ** power for rows in (one, other))
        error = np.sqrt(x.var(0) / len(x) + y.var(0) / len(y))
        if np.any(np.abs(x.mean(0) - y.mean(0)) > _SIGMAS * error + 1e-9 * np.abs(x).max()):
            return False
    return True


def _agree(one: Any, other: Any) -> bool:
    """Whether two statistics hold the same numbers, up to rounding."""
    if type(one) is not type(other):
        return False
    named = vars(one) if hasattr(one, "__dict__") else {}
    names = named or [slot for cls in type(one).__mro__ for slot in getattr(cls, "__slots__", ())]
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(_close_parts(x, y) for x, y in pairs)


def _close_parts(x: Any, y: Any) -> bool:
    try:
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    except (TypeError, ValueError):
        return bool(describe(x) == describe(y))
    scale = max(np.abs(x).max(initial=0), np.abs(y).max(initial=0), 1e-300)
    return x.shape == y.shape and bool(np.all(np.abs(x - y) <= 1e-8 * scale))


def _counts(given: Any, n: int) -> bool:
    return bool(np.all(np.asarray(given) == n))


def _finite(rows: Data) -> bool:
    if isinstance(rows, tuple):
        return all(map(_finite, rows))
    return not (isinstance(rows, np.ndarray) and rows.dtype.kind in "fc") or bool(np.isfinite(rows).all())


def _kind(rows: Data) -> str:
    """What the rows of two datasets must have in common."""
    if isinstance(rows, Batch):
        return f"rows of shape {rows.rows.shape[2:]}"
    if isinstance(rows, np.ndarray):
        return f"rows of shape {rows.shape[1:]}"
    return f"({', '.join(map(_kind, rows))})" if isinstance(rows, tuple) else f"a {type(rows).__name__}"


def _table(rows: Data) -> Array:
    """Rows as a `Batch` holds them: pairs (X, y) become the columns of X and of y side by side."""
    return np.column_stack(rows) if isinstance(rows, tuple) else np.asarray(rows)


def _whole(rows: Data) -> str:
    return str(rows.shape) if isinstance(rows, np.ndarray) else _kind(rows)
