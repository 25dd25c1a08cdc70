"""Data regimes: what enters the pool from one generation to the next."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from genloss.chain.data import Block, Pool
from genloss.chain.protocols import Draw, RowDraw
from genloss.chain.schedules import Size, check_size, size_at, whole
from genloss.errors import SpecError
from genloss.plain.numbers import share, whole_number


@dataclass(frozen=True)
class Replace:
    """Train every generation on the last one's output only; the fully synthetic loop.

    Attributes:
        n: Synthetic rows per generation.
    """

    reuses: ClassVar[bool] = False

    n: Size = "n0"

    def __post_init__(self) -> None:
        check_size(self.n, "regime.n")

    def grow(self, pool: Pool, t: int, draw: Draw) -> Pool:
        """Forget everything but n rows from the last model."""
        return Pool((draw.own(size_at(self.n, t, "regime.n")),))


@dataclass(frozen=True)
class Accumulate:
    """Keep all earlier data, the first real data among them, and add the last generation's output to it.

    Gerstgrasser et al. 2024 (2404.01413), Dey and Donoho 2024 (2410.22812).

    Attributes:
        n: Synthetic rows that each generation adds.
    """

    n: Size = "n0"

    def __post_init__(self) -> None:
        check_size(self.n, "regime.n")

    def grow(self, pool: Pool, t: int, draw: Draw) -> Pool:
        """Add n rows from the last model."""
        return pool.absorb(draw.own(size_at(self.n, t, "regime.n")))


@dataclass(frozen=True)
class FreshReal:
    """Train every generation on the last one's output mixed with new real data; the fresh-data loop.

    Alemohammad et al. 2024 (2307.01850). With `real_fraction=1` it is the control: no model's output is ever used.

    Attributes:
        n: Rows that each generation trains on, real and synthetic together.
        real_fraction: The share of them that is real, from 0 to 1.
        composition: "fixed" takes round(n * real_fraction) real rows; "binomial" lets each row be real with that
            probability, as in a crawl.
    """

    reuses: ClassVar[bool] = False

    n: Size = "n0"
    real_fraction: float = 1.0
    composition: Literal["fixed", "binomial"] = "fixed"

    def __post_init__(self) -> None:
        check_size(self.n, "regime.n")
        share(self.real_fraction, "regime.real_fraction", zero=True, one=True)
        if self.composition not in ("fixed", "binomial"):
            raise SpecError(f"regime.composition: no composition {self.composition!r}; known: binomial, fixed")

    @property
    def ragged(self) -> bool:
        """Whether the number of real rows differs between replicates."""
        return self.composition == "binomial" and 0 < self.real_fraction < 1

    def grow(self, pool: Pool, t: int, draw: Draw) -> Pool:
        """Draw the real part and the synthetic part anew."""
        n = size_at(self.n, t, "regime.n")
        if self.ragged:
            counts = draw.real.rng.binomial(n, self.real_fraction, draw.replicates)
            if draw.replicates is not None:
                return Pool((draw.real(counts), draw.own(n - counts)))
            return _joined(draw.real, int(counts), draw.own, n - int(counts))
        n_real = round(n * self.real_fraction)
        return _joined(draw.real, n_real, draw.own, n - n_real)

    def synthetic_share(self, t: int) -> float:
        """The expected share of the rows of generation t that the last model made."""
        if t == 0 or self.real_fraction == 1:
            return 0.0
        if self.ragged or self.n == "n0":
            return 1 - self.real_fraction
        n = size_at(self.n, t, "regime.n")
        return 1 - round(n * self.real_fraction) / n


@dataclass(frozen=True)
class FixedReal:
    """Train every generation on the same real rows and new output of the last model; the synthetic augmentation loop.

    Bertrand et al. 2024 (2310.00429), Seddik et al. 2024 (2404.05090, Theorem 2).

    Attributes:
        n: Rows that each generation trains on, real and synthetic together.
        n_real: How many of them are real: the first n_real of generation 0, the same in every generation.
    """

    n: Size = "n0"
    n_real: int = 1

    def __post_init__(self) -> None:
        check_size(self.n, "regime.n")
        if not isinstance(self.n_real, bool) and self.n_real == 0:
            raise SpecError("regime.n_real: 0 rows; at least 1 (with 0 the regime is replace)")
        object.__setattr__(self, "n_real", whole(self.n_real, "regime.n_real"))

    def start(self, n0: int, draw: Draw) -> Pool:
        """Lay down the real rows that stay and those that train generation 0 only."""
        if self.n_real > n0:
            raise SpecError(f"regime.n_real: {self.n_real} rows, but generation 0 has n0 = {n0}; at most n0")
        return _joined(draw.real, self.n_real, draw.real, n0 - self.n_real)

    def grow(self, pool: Pool, t: int, draw: Draw) -> Pool:
        """Keep the first block, the real rows that stay, and draw the rest anew."""
        n = size_at(self.n, t, "regime.n")
        if n < self.n_real:
            raise SpecError(f"regime.n: {n} rows at generation {t}, fewer than the n_real = {self.n_real} real ones")
        kept = Pool(pool.blocks[:1])
        return kept if n == self.n_real else kept.append(draw.own(n - self.n_real))


@dataclass(frozen=True)
class Window:
    """Train on the output of the last k generations; real data count as generation 0 and pass out of the window.

    Attributes:
        n: Synthetic rows per generation.
        k: How many generations are kept.
    """

    n: Size = "n0"
    k: int = 2

    def __post_init__(self) -> None:
        check_size(self.n, "regime.n")
        whole_number(self.k, "regime.k", 1)

    def grow(self, pool: Pool, t: int, draw: Draw) -> Pool:
        """Add n rows from the last model and drop what is older than the window."""
        kept = Pool(block for block in pool.blocks if block.born > t - self.k)
        return kept.append(draw.own(size_at(self.n, t, "regime.n")))


@dataclass(frozen=True)
class PastModels:
    """Train on n new rows from the uniform mixture of the true source and all models so far.

    Seddik et al. 2024 (2404.05090) call it randomly sampled data. Nothing is stored but the models.

    Attributes:
        n: Rows that each generation trains on.
        include_real: Whether the true source is one of the components.
    """

    reuses: ClassVar[bool] = False
    ragged: ClassVar[bool] = True
    keeps_models: ClassVar[bool] = True

    n: Size = "n0"
    include_real: bool = True

    def __post_init__(self) -> None:
        check_size(self.n, "regime.n")

    def grow(self, pool: Pool, t: int, draw: Draw) -> Pool:
        """Share n rows out among the components at random and draw each one's part."""
        n = size_at(self.n, t, "regime.n")
        models = draw.past[1:]
        components: list[Callable[[Any], Block]] = [draw.real] if self.include_real else []
        components += [partial(draw.own, model=model) for model in models]
        weights = np.full(len(components), 1 / len(components))
        counts = draw.own.rng.multinomial(n, weights, draw.replicates)
        blocks: list[Block] = []
        for j, component in enumerate(components):
            count = counts[..., j]
            if draw.replicates is not None:
                blocks.append(component(count))
            elif count > 0:
                blocks.append(component(int(count)))
        return Pool(blocks)

    def synthetic_share(self, t: int) -> float:
        """The expected share of the rows of generation t that models made: t of them, beside the truth if it counts."""
        return t / (t + self.include_real) if t else 0.0


def _joined(first: RowDraw, n_first: int, second: RowDraw, n_second: int) -> Pool:
    """Draw two parts, leaving out an empty one."""
    return Pool([rows(n) for rows, n in ((first, n_first), (second, n_second)) if n > 0])
