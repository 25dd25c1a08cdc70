"""Next-token prediction by linear softmax regression on one-hot contexts: a categorical law for each context.

Seddik et al. 2024 (2404.05090, section 2). The regression's likelihood is highest at the observed frequencies of tokens
after each context, so the models are those frequencies and no optimiser runs.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Batch, Count, Data, Floats, Ints, Statistic
from genloss.errors import SpecError
from genloss.families.arrays import ByValue, at_least
from genloss.families.categorical import (
    Categorical,
    check_sampling,
    distribution,
    padded,
    shared_out,
    sharpened,
    symbols,
    tally,
    thinned,
)
from genloss.metrics.distance import kl_symbols
from genloss.metrics.spread import shannon


class ContextCounts(Statistic):
    """How often each token follows each context.

    Attributes:
        counts: Shape (contexts, k), or (replicates, contexts, k). Rows alone show contexts and tokens up to the largest
            that occur; smaller tables are padded with zeros where they are joined.
        n: Number of rows.
    """

    reusable: ClassVar[bool] = True

    __slots__ = ("counts", "n")

    def __init__(self, counts: Ints) -> None:
        self.counts = counts
        self.n = int(counts.sum()) if counts.ndim == 2 else counts.sum((-2, -1))

    def __repr__(self) -> str:
        return f"ContextCounts({self.counts})"

    @property
    def replicates(self) -> int | None:
        """Replicates held as leading axis; None for one dataset."""
        return len(self.counts) if self.counts.ndim == 3 else None

    @classmethod
    def of(cls, data: Data) -> Self:
        """Count (context, token) rows of shape (n, 2), or a `Batch` of shape (replicates, n, 2)."""
        if isinstance(data, cls):
            return data
        batch = isinstance(data, Batch)
        rows = symbols(data.rows if batch else data, 2 + batch)
        if rows.shape[-1] != 2:
            raise SpecError(f"data: rows of {rows.shape[-1]} numbers; a row is a context and the token after it")
        contexts, k = int(rows[..., 0].max(initial=-1)) + 1, int(rows[..., 1].max(initial=-1)) + 1
        cells = rows[..., 0] * k + rows[..., 1]
        counts = tally(cells if batch else cells[None], contexts * k)
        return cls(counts.reshape(*rows.shape[:-2], contexts, k))

    def __add__(self, other: Self) -> Self:
        """Join: counts add up."""
        contexts, k = np.maximum(self.counts.shape[-2:], other.counts.shape[-2:])
        return type(self)(_table(self.counts, contexts, k) + _table(other.counts, contexts, k))

    def subsample(self, n: Count, rng: Generator) -> Self:
        """Draw the counts of n of these rows (multivariate hypergeometric); they may be drawn again and again."""
        flat = thinned(self.counts.reshape(*self.counts.shape[:-2], -1), n, rng)
        return type(self)(flat.reshape(self.counts.shape))


@dataclass(frozen=True, eq=False)
class NextToken(ByValue):
    """Contexts that come with given frequencies, each followed by a token drawn from a law of its own.

    Attributes:
        p: Probabilities of the k tokens after each context: shape (contexts, k), or (replicates, contexts, k).
        contexts: Probabilities of the contexts: shape (contexts,), or (replicates, contexts); None makes them equally
            probable.
        temperature: Tokens are drawn in proportion to p ** (1 / temperature).
        top_k: Only the top_k most probable tokens of a context are drawn; None draws from all.
        top_p: Only the most probable tokens that together hold top_p are drawn; 1 draws from all.

    Example:
        >>> import numpy as np
        >>> law = NextToken(p=[[0.9, 0.1], [0.2, 0.8]])
        >>> law.sample(3, np.random.default_rng(0)).shape
        (3, 2)
    """

    p: Any
    contexts: Any = None
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        p = distribution(self.p, "next-token.p", (2, 3))
        given = np.full(p.shape[-2], 1 / p.shape[-2]) if self.contexts is None else self.contexts
        contexts = distribution(given, "next-token.contexts", (1, 2))
        if contexts.shape[-1] != p.shape[-2]:
            raise SpecError(f"next-token.contexts: {contexts.shape[-1]} probabilities for {p.shape[-2]} contexts")
        check_sampling(self.temperature, self.top_k, self.top_p, "next-token")
        object.__setattr__(self, "p", p)
        object.__setattr__(self, "contexts", contexts)

    @property
    def k(self) -> int:
        """Number of tokens."""
        return int(self.p.shape[-1])

    @property
    def width(self) -> int:
        """Numbers a row."""
        return 2

    @property
    def statistic_width(self) -> int:
        """Numbers in the statistic of a draw."""
        return int(self.p.shape[-2] * self.p.shape[-1])

    @cached_property
    def drawn(self) -> Floats:
        """Probabilities of the tokens that are drawn after each context, after temperature and truncation."""
        return sharpened(self.p, self.temperature, self.top_k, self.top_p)

    def entropy(self) -> Any:
        """The entropy of the next token, in nats: the mean over contexts."""
        return (self.contexts * shannon(self.drawn)).sum(-1)

    def kl(self, other: Any) -> Any:
        """KL(self || other) of pairs of a context and a token, in nats."""
        if not isinstance(other, NextToken):
            return NotImplemented
        if self.p.shape[-2:] != other.p.shape[-2:]:
            return None
        return kl_symbols(self.pairs, other.pairs)

    @cached_property
    def pairs(self) -> Floats:
        """Probabilities of what is drawn, context by context in one row: shape (contexts * k,) or with replicates."""
        joint = self.contexts[..., None] * self.drawn
        return joint.reshape(*joint.shape[:-2], -1)  # type: ignore[no-any-return]

    def pick(self, i: int) -> "NextToken":
        """Return the law of replicate i."""
        contexts = self.contexts[i] if self.contexts.ndim == 2 else self.contexts
        return replace(self, p=self.p[i] if self.p.ndim == 3 else self.p, contexts=contexts)

    def sample(self, n: int, rng: Generator) -> Ints:
        """Draw n rows of a context and a token: shape (n, 2)."""
        return self._split(Categorical(self.pairs).sample(n, rng))

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n rows per replicate: shape (replicates, n, 2)."""
        return Batch(self._split(Categorical(self.pairs).sample_batch(n, rng, replicates).rows))

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> ContextCounts:
        """Draw the counts of n rows (multinomial over pairs)."""
        counts = shared_out(n, self.pairs, rng, shape)
        return ContextCounts(counts.reshape(*shape, *self.p.shape[-2:]))

    def _split(self, cells: Ints) -> Ints:
        return np.stack(np.divmod(cells, self.k), -1)


@dataclass(frozen=True, eq=False)
class SoftmaxMLE(ByValue):
    """Fit the law of the token after each context by the observed frequencies.

    A context that the data do not hold gets equal probabilities for all tokens: a softmax regression started from zero
    never moves the weights of a context that it does not see.

    Attributes:
        temperature: What the models draw with; see `NextToken`.
        top_k: What the models draw with; see `NextToken`.
        top_p: What the models draw with; see `NextToken`.
        contexts: The probabilities of the contexts that models are asked with. A chain takes them from its source;
            where neither says, they are the contexts' frequencies in the data.
        k: Number of tokens. A chain takes it from its source; where neither says, it is the largest token seen + 1.
    """

    batched: ClassVar[bool] = True
    statistic: ClassVar[type[ContextCounts]] = ContextCounts

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    contexts: Any = None
    k: int | None = None

    def __post_init__(self) -> None:
        check_sampling(self.temperature, self.top_k, self.top_p, "softmax-mle")
        if self.contexts is not None:
            object.__setattr__(self, "contexts", distribution(self.contexts, "softmax-mle.contexts", (1,)))

    def bound(self, source: Any) -> "SoftmaxMLE":
        """Learn from the source which contexts and how many tokens there are."""
        if not isinstance(source, NextToken):
            return self
        contexts = source.contexts if self.contexts is None else self.contexts
        return replace(self, contexts=contexts, k=source.k if self.k is None else self.k)

    def fit(self, data: Data, rng: Generator) -> NextToken:
        """Fit to rows, a `Batch` of rows or their `ContextCounts`."""
        s = ContextCounts.of(data)
        at_least(s.n, 1, "SoftmaxMLE")
        seen, largest = s.counts.shape[-2:]
        k = largest if self.k is None else self.k
        known = seen if self.contexts is None else len(self.contexts)
        if seen > known or largest > k:
            raise SpecError(
                f"data: context {seen - 1} or token {largest - 1} of {known} contexts and {k} tokens, from 0"
            )
        counts = _table(s.counts, known, k)
        asked = counts.sum(-1, keepdims=True)
        p = np.where(asked > 0, counts / np.maximum(asked, 1), 1 / k)
        contexts = asked[..., 0] / np.asarray(s.n)[..., None] if self.contexts is None else self.contexts
        return NextToken(p, contexts, self.temperature, self.top_k, self.top_p)


def _table(counts: Array, contexts: int, k: int) -> Array:
    """Add rows and columns of zeros."""
    return padded(padded(counts, k).swapaxes(-1, -2), contexts).swapaxes(-1, -2)
