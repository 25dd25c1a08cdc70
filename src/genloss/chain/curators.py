"""Curators: which part of the pool a generation trains on."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from genloss.chain.capabilities import is_batched, thins
from genloss.chain.data import Array, Batch, Block, Data, Floats, Pool, Statistic, take
from genloss.chain.protocols import Curator, Detector
from genloss.chain.schedules import whole
from genloss.errors import NotExact, SpecError
from genloss.plain.numbers import share


@dataclass(frozen=True)
class KeepAll:
    """Train on the whole pool."""

    batched: ClassVar[bool] = True
    thins: ClassVar[bool] = True

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Return the pool as it is."""
        return pool


@dataclass(frozen=True)
class Subsample:
    """Train on n rows chosen from the pool at random, each row as likely as any other.

    With `Accumulate` it is the accumulate-subsample regime of Kazdan et al. 2024 (2410.16713). A pool of at most n
    rows is kept whole, unless rows are drawn with replacement.

    Attributes:
        n: Rows to train on.
        replacement: Whether a row may be chosen more than once.
    """

    batched: ClassVar[bool] = True

    n: int
    replacement: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", whole(self.n, "curator.n"))

    @property
    def thins(self) -> bool:
        """Whether it can work on statistics, which have forgotten the rows that replacement would repeat."""
        return not self.replacement

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Choose n rows of all blocks together."""
        if isinstance(pool.blocks[0].data, Statistic):
            return self._of_statistics(pool, rng)
        total = int(np.max(pool.size))
        if total <= self.n and not self.replacement:
            return pool
        if isinstance(pool.blocks[0].data, Batch):
            return self._of_batches(pool, total, rng)
        if self.replacement:
            chosen = rng.integers(total, size=self.n)
        else:
            chosen = rng.choice(total, self.n, replace=False, shuffle=False)
        return _taken(pool, np.sort(chosen))

    def _of_statistics(self, pool: Pool, rng: Generator) -> Pool:
        if self.replacement:
            raise NotExact(
                "Subsample with replacement repeats rows, which a statistic has forgotten; use engine='rows'"
            )
        blocks = []
        left: Any = pool.size
        wanted: Any = np.minimum(self.n, left)
        for i, block in enumerate(pool.blocks, 1):
            rows: Any = block.size
            if i == len(pool.blocks):
                count = wanted
            elif np.max(left) >= 10**9:
                raise NotExact(
                    "curator: Subsample of several blocks with 10^9 rows or more has no exact draw; use engine='rows'"
                )
            else:
                count = rng.hypergeometric(rows, left - rows, wanted, _shape(block.data))
            left, wanted = left - rows, wanted - count
            if np.any(count):
                blocks.append(Block(block.data.subsample(count, rng), block.maker, block.born))
        return Pool(blocks)

    def _of_batches(self, pool: Pool, total: int, rng: Generator) -> Pool:
        replicates = len(pool.blocks[0].data.rows)
        if self.replacement:
            chosen = rng.integers(total, size=(replicates, self.n))
        else:
            # One replicate after the other: the cost is that of n rows, not of the whole pool.
            each = [rng.choice(total, self.n, replace=False, shuffle=False) for _ in range(replicates)]
            chosen = np.sort(each, axis=1)
        return _mixed(pool, chosen)


@dataclass(frozen=True)
class TopFraction:
    """Train on the rows with the highest score: a user's, a reward model's or a quality filter's choice.

    Attributes:
        score: A function of the rows that gives one number per row; higher is better.
        q: The share of the rows that is kept; ceil(q * size) rows are.
    """

    score: Callable[[Data], Array]
    q: float

    def __post_init__(self) -> None:
        share(self.q, "curator.q", one=True)

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Keep the best rows of all blocks together."""
        scores = _scores(self.score, pool, "curator.score")
        # A share such as 0.1 of 30 rows is 3 rows, although its product in floating point lies just above.
        kept = max(1, math.ceil(self.q * len(scores) - 1e-9))
        return _taken(pool, np.sort(np.argsort(-scores, kind="stable")[:kept]))


@dataclass(frozen=True)
class Preferred:
    """Train on what users prefer: of every k rows, put together at random, they choose one.

    The chance to be chosen is in proportion to exp(reward / temperature) among the k (Bradley and Terry for k = 2, Luce
    for more), as in Ferbach et al. 2024 (2407.09499). With temperature 0 they choose the best, of equally good ones
    any. Of n rows floor(n / k) are trained on.

    Attributes:
        reward: What users look for. A number: this much for each unit of a row that is a number. Numbers: that of
            symbol 0, 1, ... A function of the rows: one number per row.
        k: Rows that compete; 1 leaves the choice to chance.
        temperature: How much chance there is in the choice; 0 for none.

    Example:
        >>> import numpy as np
        >>> from genloss.chain.data import Block, Pool
        >>> pool = Pool([Block(np.array([1.0, 4.0, 2.0]), True, 1)])
        >>> Preferred(reward=1.0, k=3, temperature=0).select(pool, np.random.default_rng(0)).data
        array([4.])
    """

    reward: float | Sequence[float] | Callable[[Data], Array]
    k: int = 2
    temperature: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", whole(self.k, "curator.k"))
        if not 0 <= self.temperature < math.inf:
            raise SpecError(f"curator.temperature: {self.temperature}; give a finite number from 0")
        if callable(self.reward):
            return
        table = np.asarray(self.reward)
        if table.dtype.kind not in "iuf" or table.ndim > 1 or not np.isfinite(table).all():
            raise SpecError(
                f"curator.reward: {self.reward!r}; give a finite number, one for each symbol, or a function"
            )
        object.__setattr__(self, "reward", tuple(table.tolist()) if table.ndim else table.item())

    @property
    def batched(self) -> bool:
        """Whether it can handle many replicates at once: a function takes the rows of one."""
        return not callable(self.reward)

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Put the rows of all blocks together in groups of k and choose one of each."""
        scores = self._rewards(pool)
        total = scores.shape[-1]
        if total < self.k:
            raise SpecError(f"curator.k: {self.k} rows compete, but there are {total}; give the regime at least k rows")
        order = rng.permuted(np.broadcast_to(np.arange(total), scores.shape), axis=-1)
        groups = order[..., : total // self.k * self.k].reshape(*scores.shape[:-1], total // self.k, self.k)
        strength = np.take_along_axis(scores[..., None, :], groups, -1)
        if self.temperature > 0:
            # The largest of values with Gumbel noise is a choice in proportion to their exponentials.
            strength = strength / self.temperature + rng.gumbel(size=strength.shape)
        chosen = np.take_along_axis(groups, strength.argmax(-1)[..., None], -1)[..., 0]
        return _mixed(pool, chosen) if chosen.ndim == 2 else _taken(pool, np.sort(chosen))

    def _rewards(self, pool: Pool) -> Floats:
        """Reward every row: shape (n,), or (replicates, n)."""
        if isinstance(pool.blocks[0].data, Statistic):
            raise NotExact("Preferred compares rows, which a statistic has forgotten; use engine='rows'")
        if callable(self.reward):
            return _scores(self.reward, pool, "curator.reward")
        data = pool.data
        batch = isinstance(data, Batch)
        rows = np.asarray(data.rows if batch else data)
        if rows.ndim != 1 + batch or rows.dtype.kind not in "iuf":
            raise SpecError("curator.reward: rows are no single numbers; give a function that rewards them")
        if isinstance(self.reward, tuple):
            table = np.asarray(self.reward, dtype=float)
            if rows.dtype.kind == "f" or not 0 <= rows.min() <= rows.max() < len(table):
                raise SpecError(f"curator.reward: {len(table)} numbers; rows are no symbols from 0 to {len(table) - 1}")
            return np.asarray(table[rows])
        return np.asarray(self.reward * rows, dtype=float)


@dataclass(frozen=True)
class Below:
    """Train on the rows that a detector scores below a cut: what it does not take for synthetic.

    Attributes:
        detector: Anything with `score(data)`, higher is more synthetic.
        cut: Rows that score at the cut or above are left out.
    """

    detector: Detector
    cut: float

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Leave out what the detector flags."""
        passed = np.flatnonzero(_scores(self.detector.score, pool, "curator.detector") < self.cut)
        if not len(passed):
            raise SpecError(f"curator: no row scores below {self.cut}, so nothing is left to train on; raise the cut")
        return _taken(pool, passed)


@dataclass(frozen=True)
class ImperfectFilter:
    """Leave out each row by chance, as a detector with known error rates would.

    It reads the provenance that the pool records, so it is an oracle with errors, not a detector. The expected share of
    real rows after it is (1 - s)(1 - f) / ((1 - s)(1 - f) + s (1 - p)), for a raw synthetic share s.

    Attributes:
        true_positive: The chance that a synthetic row is left out.
        false_positive: The chance that a real row is left out.
    """

    thins: ClassVar[bool] = True

    true_positive: float
    false_positive: float = 0.0

    def __post_init__(self) -> None:
        for name in ("true_positive", "false_positive"):
            if not 0 <= getattr(self, name) <= 1:
                raise SpecError(f"curator.{name}: {getattr(self, name)} is not a rate; give a number from 0 to 1")

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Keep each row with the chance that its provenance gives it."""
        blocks = []
        for block in pool.blocks:
            keep = np.where(block.synthetic, 1 - self.true_positive, 1 - self.false_positive)
            if isinstance(block.data, Statistic):
                count = rng.binomial(block.size, keep, _shape(block.data))
                if np.any(count):
                    blocks.append(Block(block.data.subsample(count, rng), block.maker, block.born))
                continue
            index = np.flatnonzero(rng.random(int(np.max(block.size))) < keep)
            if len(index):
                blocks.append(block.take(index))
        filtered = Pool(blocks)
        if not blocks or np.min(filtered.size) < 1:
            raise SpecError(
                "curator: the filter left no row to train on; lower its true_positive rate or give the regime more rows"
            )
        return filtered


@dataclass(frozen=True)
class Then:
    """Apply several curators, one after the other.

    Attributes:
        curators: The curators, first to last.
    """

    curators: tuple[Curator, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "curators", tuple(self.curators))
        for curator in self.curators:
            if isinstance(curator, type) or not callable(getattr(curator, "select", None)):
                raise SpecError(f"curator.curators: {curator!r} is not a curator; give it select(pool, rng)")

    @property
    def batched(self) -> bool:
        """Whether all parts can handle many replicates at once."""
        return all(is_batched(curator) for curator in self.curators)

    @property
    def thins(self) -> bool:
        """Whether all parts can work on statistics."""
        return all(thins(curator) for curator in self.curators)

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Hand each curator what the one before it left."""
        for curator in self.curators:
            pool = curator.select(pool, rng)
        return pool


def _shape(statistic: Statistic) -> tuple[int, ...] | None:
    """The replicate axes of a statistic (its `replicates`), as a size for a random draw."""
    replicates: int | None = getattr(statistic, "replicates", None)
    return None if replicates is None else (replicates,)


def _scores(score: Callable[[Data], Array], pool: Pool, where: str) -> Array:
    scores = []
    for block in pool.blocks:
        if isinstance(block.data, Statistic):
            raise NotExact(f"{where}: {type(block.data).__name__} has no rows to score; use engine='rows'")
        got = np.asarray(score(block.data), dtype=float)
        if got.shape != (block.size,):
            raise SpecError(f"{where}: gave shape {got.shape} for {block.size} rows; give one number per row")
        scores.append(got)
    joined = np.concatenate(scores)
    if np.isnan(joined).any():
        raise SpecError(f"{where}: {int(np.isnan(joined).sum())} scores are NaN; give one number per row")
    return joined


def _mixed(pool: Pool, chosen: Array) -> Pool:
    """Take rows of many replicates by a row of positions each: one block whose rows have their own makers."""
    ends = np.cumsum([block.size for block in pool.blocks])
    if all(isinstance(block.maker, int) for block in pool.blocks):
        of_blocks = np.array([block.maker for block in pool.blocks], dtype=np.int32)
        makers = of_blocks[np.searchsorted(ends, chosen, side="right")] if of_blocks.any() else np.zeros_like(chosen)
    else:
        every = [np.broadcast_to(block.maker, (len(chosen), len(block.data))) for block in pool.blocks]
        makers = np.take_along_axis(np.concatenate(every, 1), chosen, 1)
    return Pool((Block(take(pool.data, chosen), makers, pool.blocks[-1].born),))


def _taken(pool: Pool, index: Array) -> Pool:
    """Take rows by their (sorted) positions in the whole pool, block by block."""
    ends = np.cumsum([int(np.max(block.size)) for block in pool.blocks])
    cuts = np.searchsorted(index, ends)
    blocks = []
    for block, end, first, last in zip(pool.blocks, ends, (0, *cuts[:-1]), cuts, strict=True):
        if last > first:
            blocks.append(block.take(index[first:last] - (end - int(np.max(block.size)))))
    return Pool(blocks)
