"""Symbols drawn with given probabilities: source, learner and statistic side by side."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Batch, Count, Data, Floats, Ints, Statistic
from genloss.errors import NotExact, SpecError
from genloss.families.arrays import ByValue, at_least, numbers
from genloss.plain.numbers import whole_number


class Counts(Statistic):
    """How often each symbol occurs among the rows: everything that symbols without order tell.

    Attributes:
        counts: Occurrences of symbol 0, 1, ...: shape (k,), or (replicates, k). Rows alone show symbols up to the
            largest that occurs; shorter counts are padded with zeros where they are joined.
        n: Number of rows.
    """

    reusable: ClassVar[bool] = True

    __slots__ = ("counts", "n")

    def __init__(self, counts: Ints) -> None:
        self.counts = counts
        self.n = int(counts.sum()) if counts.ndim == 1 else counts.sum(-1)

    def __repr__(self) -> str:
        return f"Counts({self.counts})"

    @property
    def replicates(self) -> int | None:
        """Replicates held as leading axis; None for one dataset."""
        return len(self.counts) if self.counts.ndim == 2 else None

    @classmethod
    def of(cls, data: Data) -> Self:
        """Count symbols, given as whole numbers of shape (n,), or a `Batch` of shape (replicates, n)."""
        if isinstance(data, cls):
            return data
        batch = isinstance(data, Batch)
        rows = symbols(data.rows if batch else data, 1 + batch)
        k = int(rows.max(initial=-1)) + 1
        return cls(tally(rows, k) if batch else np.bincount(rows, minlength=k))

    def __add__(self, other: Self) -> Self:
        """Join: counts add up."""
        k = max(self.counts.shape[-1], other.counts.shape[-1])
        return type(self)(padded(self.counts, k) + padded(other.counts, k))

    def subsample(self, n: Count, rng: Generator) -> Self:
        """Draw the counts of n of these rows (multivariate hypergeometric); they may be drawn again and again."""
        return type(self)(thinned(self.counts, n, rng))


@dataclass(frozen=True, eq=False)
class Categorical(ByValue):
    """Symbols 0 to k - 1, each drawn with its own probability.

    Temperature and truncation act on what is drawn, not on `p`: first the temperature, then top-k, then top-p, each
    followed by dividing by the sum. A symbol of probability 0 stays at 0.

    Attributes:
        p: Probabilities that add up to 1 (to 1e-9): shape (k,), or (replicates, k).
        temperature: Symbols are drawn in proportion to p ** (1 / temperature).
        top_k: Only the top_k most probable symbols are drawn (of equal ones, the lower); None draws from all.
        top_p: Only the most probable symbols that together hold top_p are drawn (nucleus sampling); 1 draws from all.

    Example:
        >>> import numpy as np
        >>> Categorical([0.5, 0.3, 0.2], top_k=2).drawn
        array([0.625, 0.375, 0.   ])
    """

    p: Any
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", distribution(self.p, "categorical.p", (1, 2)))
        check_sampling(self.temperature, self.top_k, self.top_p, "categorical")

    @classmethod
    def zipf(cls, k: int, exponent: float = 1.0) -> "Categorical":
        """Make symbol i as probable as (i + 1) ** -exponent, up to the constant."""
        return Zipf(k, exponent).law

    @classmethod
    def uniform(cls, k: int) -> "Categorical":
        """Make all k symbols equally probable."""
        return Zipf(k, 0.0).law

    @property
    def k(self) -> int:
        """Number of symbols."""
        return int(self.p.shape[-1])

    @property
    def statistic_width(self) -> int:
        """Numbers in the statistic of a draw."""
        return self.k

    @cached_property
    def drawn(self) -> Floats:
        """The probabilities of what is drawn, after temperature and truncation."""
        return sharpened(self.p, self.temperature, self.top_k, self.top_p)

    def pick(self, i: int) -> "Categorical":
        """Return the law of replicate i."""
        return self if self.p.ndim == 1 else replace(self, p=self.p[i])

    def sample(self, n: int, rng: Generator) -> Ints:
        """Draw n symbols: shape (n,)."""
        return np.searchsorted(_cumulated(self.drawn), rng.random(n), side="right")

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n symbols per replicate: shape (replicates, n)."""
        uniform = rng.random((replicates, n))
        if self.p.ndim == 1:
            return Batch(np.searchsorted(_cumulated(self.drawn), uniform, side="right"))
        pairs = zip(_cumulated(self.drawn), uniform, strict=True)
        return Batch(np.stack([np.searchsorted(edges, u, side="right") for edges, u in pairs]))

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Counts:
        """Draw the counts of n symbols (multinomial)."""
        return Counts(shared_out(n, self.drawn, rng, shape))


@dataclass(frozen=True)
class Zipf:
    """Symbols 0 to k - 1 whose probabilities fall like a power of their rank, as those of words do.

    Attributes:
        k: Number of symbols.
        exponent: Symbol i is as probable as (i + 1) ** -exponent; 0 makes all equally probable.

    Example:
        >>> import numpy as np
        >>> Zipf(3, exponent=1.0).p.round(3)
        array([0.545, 0.273, 0.182])
    """

    k: int
    exponent: float = 1.0

    def __post_init__(self) -> None:
        whole_number(self.k, "zipf.k", 1)
        if not 0 <= self.exponent < np.inf:
            raise SpecError(f"zipf.exponent: {self.exponent}; give a finite number from 0")

    @cached_property
    def law(self) -> Categorical:
        """The same law with its probabilities written out."""
        weights = np.arange(1, self.k + 1) ** -float(self.exponent)
        return Categorical(weights / weights.sum())

    @property
    def p(self) -> Floats:
        """Probabilities: shape (k,)."""
        return self.law.p  # type: ignore[no-any-return]

    @property
    def statistic_width(self) -> int:
        """Numbers in the statistic of a draw."""
        return self.k

    def pick(self, i: int) -> "Zipf":
        """Return the law itself: it is the same for every replicate."""
        return self

    def sample(self, n: int, rng: Generator) -> Ints:
        """Draw n symbols: shape (n,)."""
        return self.law.sample(n, rng)

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n symbols per replicate: shape (replicates, n)."""
        return self.law.sample_batch(n, rng, replicates)

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Counts:
        """Draw the counts of n symbols (multinomial)."""
        return self.law.draw(n, rng, shape)


@dataclass(frozen=True)
class CategoricalMLE:
    """Fit symbols' probabilities by their frequencies; refitted again and again it is neutral Wright-Fisher drift.

    Attributes:
        temperature: What the models draw with; see `Categorical`.
        top_k: What the models draw with; see `Categorical`.
        top_p: What the models draw with; see `Categorical`.
        alpha: Added to every count (additive smoothing): an extinct symbol can come back.
        k: Number of symbols. A chain takes it from its source; where neither says, it is the largest symbol seen + 1.
    """

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[Counts]] = Counts

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    alpha: float = 0.0
    k: int | None = None

    def __post_init__(self) -> None:
        check_sampling(self.temperature, self.top_k, self.top_p, "categorical-mle")
        if not 0 <= self.alpha < np.inf:
            raise SpecError(f"categorical-mle.alpha: {self.alpha}; give a finite number from 0")

    def bound(self, source: Any) -> "CategoricalMLE":
        """Learn from the source how many symbols there are."""
        k = getattr(source, "k", None)
        return replace(self, k=k) if self.k is None and isinstance(k, int) else self

    def fit(self, data: Data, rng: Generator) -> Categorical:
        """Fit to symbols, a `Batch` of symbols or their `Counts`."""
        s = Counts.of(data)
        at_least(s.n, 1, "CategoricalMLE")
        if self.alpha > 0 and self.k is None:
            raise SpecError("categorical-mle.k: smoothing must know how many symbols there are; give k")
        counts = s.counts if self.k is None else padded(s.counts, self.k)
        if self.k is not None and counts.shape[-1] > self.k:
            raise SpecError(f"data: symbol {counts.shape[-1] - 1}, but there are k = {self.k}, numbered from 0")
        total = np.asarray(s.n)[..., None] + self.alpha * counts.shape[-1]
        return Categorical((counts + self.alpha) / total, self.temperature, self.top_k, self.top_p)


def distribution(p: Any, where: str, dims: tuple[int, ...]) -> Floats:
    """Read probabilities that add up to 1 along the last axis.

    Raises:
        SpecError: If they are none.
    """
    found = numbers(p, where)
    if found.ndim not in dims or not found.shape[-1]:
        raise SpecError(f"{where}: shape {found.shape}; give one probability per symbol")
    if found.min() < 0:
        raise SpecError(f"{where}: {found.min()} is not a probability; give numbers from 0")
    off = np.abs(found.sum(-1) - 1).max()
    if off > 1e-9:
        raise SpecError(f"{where}: adds up to {found.sum(-1).flat[0]:.10g}; divide by the sum, so that it adds up to 1")
    return found


def check_sampling(temperature: float, top_k: int | None, top_p: float, where: str) -> None:
    """Refuse a temperature or truncation that leaves nothing to draw.

    Raises:
        SpecError: Naming the setting.
    """
    if not 0 < temperature < np.inf:
        raise SpecError(f"{where}.temperature: {temperature}; give a finite number above 0")
    if top_k is not None:
        whole_number(top_k, f"{where}.top_k", 1)
    if not 0 < top_p <= 1:
        raise SpecError(f"{where}.top_p: {top_p}; give a share above 0 and at most 1")


def sharpened(p: Floats, temperature: float, top_k: int | None, top_p: float) -> Floats:
    """Apply temperature and truncation to probabilities along the last axis."""
    if temperature != 1:
        p = (p / p.max(-1, keepdims=True)) ** (1 / temperature)
        p = p / p.sum(-1, keepdims=True)
    if top_k is None and top_p >= 1:
        return p
    order = np.argsort(-p, axis=-1, kind="stable")
    falling = np.take_along_axis(p, order, -1)
    if top_k is not None:
        falling[..., top_k:] = 0
        falling /= falling.sum(-1, keepdims=True)
    if top_p < 1:
        # A symbol is kept while those before it hold less than top_p; 1e-12 forgives the rounding of their sum.
        falling[np.cumsum(falling, -1) - falling >= top_p - 1e-12] = 0
        falling /= falling.sum(-1, keepdims=True)
    kept = np.empty_like(p)
    np.put_along_axis(kept, order, falling, -1)
    return kept


def symbols(rows: Any, dims: int) -> Ints:
    """Read whole numbers from 0.

    Raises:
        SpecError: If they are none.
    """
    found = np.asarray(rows)
    if found.ndim != dims:
        raise SpecError(f"data: symbols of shape {found.shape}; give {dims} dimension{'s' * (dims > 1)}")
    if found.size and (found.dtype.kind not in "iu" or found.min() < 0):
        raise SpecError(f"data: symbols are whole numbers from 0, got {found.dtype} from {found.min()}")
    return found.astype(np.int64, copy=False)


def tally(rows: Ints, k: int) -> Ints:
    """Count symbols 0 to k - 1 along the last axis of (replicates, n)."""
    shifted = rows + k * np.arange(len(rows))[:, None]
    return np.bincount(shifted.ravel(), minlength=k * len(rows)).reshape(len(rows), k)


def padded(counts: Array, k: int) -> Array:
    """Add zeros at the end of the last axis, up to k numbers."""
    missing = k - counts.shape[-1]
    if missing <= 0:
        return counts
    return np.concatenate((counts, np.zeros((*counts.shape[:-1], missing), counts.dtype)), -1)


def shared_out(n: Count, p: Floats, rng: Generator, shape: tuple[int, ...]) -> Ints:
    """Draw multinomial counts of n rows, for p of shape (k,) or (replicates, k)."""
    # NumPy gives the last symbol what is left over and finds the others' shares by subtracting from 1. With the most
    # probable symbol last, the subtraction keeps its digits, and a symbol of probability 0 is never drawn.
    largest = p.argmax(-1)[..., None]
    order = p.copy()
    np.put_along_axis(order, largest, p[..., -1:], -1)
    order[..., -1:] = np.take_along_axis(p, largest, -1)
    counts: Ints = rng.multinomial(np.broadcast_to(n, shape), order)
    largest = np.broadcast_to(largest, (*counts.shape[:-1], 1))
    last = np.take_along_axis(counts, largest, -1)
    np.put_along_axis(counts, largest, counts[..., -1:], -1)
    counts[..., -1:] = last
    return counts


def thinned(counts: Ints, n: Count, rng: Generator) -> Ints:
    """Draw how many of each symbol are among n rows chosen without replacement.

    The n rows are shared out between halves of the alphabet, then between halves of the halves.

    Raises:
        NotExact: For 10^9 rows or more, which NumPy's hypergeometric draw does not take.
    """
    if np.max(counts.sum(-1)) >= 10**9:
        raise NotExact("Counts of 10^9 rows or more have no exact hypergeometric draw")
    k = counts.shape[-1]
    levels = [padded(counts, 1 << max(k - 1, 0).bit_length())]
    while levels[-1].shape[-1] > 1:
        levels.append(levels[-1][..., 0::2] + levels[-1][..., 1::2])
    chosen: Ints = np.broadcast_to(n, levels[-1].shape[:-1])[..., None]
    for level in reversed(levels[:-1]):
        left = rng.hypergeometric(level[..., 0::2], level[..., 1::2], chosen)
        chosen = np.stack((left, chosen - left), -1).reshape(level.shape)
    return np.ascontiguousarray(chosen[..., :k])


def _cumulated(p: Floats) -> Floats:
    """Upper edges of the symbols' shares of [0, 1]; the last is exactly 1."""
    edges = np.cumsum(p, -1)
    return edges / edges[..., -1:]
