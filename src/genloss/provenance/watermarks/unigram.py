"""One green list for all text (Zhao et al. 2023): a fixed mask of the vocabulary, scored over distinct tokens."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Floats, Ints
from genloss.errors import SpecError
from genloss.plain.secret import SECRET, hidden_key
from genloss.provenance.evidence.tail_areas import log_hypergeometric_tail
from genloss.provenance.watermarks.scheme import (
    Bools,
    Scored,
    Tokens,
    check_bias,
    check_logits,
    check_share,
    check_whole,
    drawn_by_logits,
    kernels,
)


@dataclass(frozen=True)
class Unigram:
    """A fixed green list; robust to edits, and known to whoever counts words.

    A unit is a token of the vocabulary: m distinct tokens without the watermark are a draw without replacement, so the
    green ones among them are hypergeometric. A corpus has at most vocab_size units.

    Attributes:
        vocab_size: V, that of the model's config.
        key: Seeds the shuffle of the mask: a whole number, or {"env": NAME} or {"file": PATH} that names it. All but
            the default is shown by its fingerprint only (`genloss.plain.secret`).
        gamma: The share of green tokens.
        bias: Added to the logits of green tokens.
    """

    vocab_size: int
    key: int = field(default=0, metadata=SECRET)
    gamma: float = 0.5
    bias: float = 2.0

    def __post_init__(self) -> None:
        check_whole(self.vocab_size, "unigram.vocab_size", 2, 2**31 - 1)
        object.__setattr__(self, "key", hidden_key(self.key, "unigram.key", -(2**63), 2**63 - 1, public=0))
        check_share(self.gamma, "unigram.gamma")
        check_bias(self.bias, "unigram.bias")
        if not self.greens:
            raise SpecError(f"unigram.gamma: {self.gamma} of {self.vocab_size} ids makes no green token; raise gamma")

    @property
    def greens(self) -> int:
        """G: how many tokens are green."""
        return int(self.gamma * self.vocab_size)

    @property
    def method(self) -> str:
        """The null law."""
        return "hypergeometric over distinct tokens"

    @property
    def secret(self) -> int:
        """The key."""
        return self.key

    @property
    def mask(self) -> Bools:
        """Which tokens are green: shape (vocab_size,)."""
        return _mask(self.vocab_size, self.greens, int(self.key))

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of a unit's score without the watermark."""
        share = self.greens / self.vocab_size
        return share, (share * (1 - share)) ** 0.5

    def with_key(self, key: int) -> "Unigram":
        """The same scheme under another key."""
        return replace(self, key=key)

    def random_key(self, rng: Generator) -> int:
        """Draw a key."""
        return int(rng.integers(2**31))

    def statistic(self, total: Any, units: Any) -> Floats:
        """The number of distinct green tokens."""
        return np.asarray(total, dtype=float)

    def log_tail(self, total: Any, units: Any) -> Floats:
        """Hypergeometric."""
        return log_hypergeometric_tail(total, self.vocab_size, self.greens, units)

    def scored(self, tokens: Tokens, offsets: Ints) -> Scored:
        """Count a distinct token as 1 if it is green."""
        units = tokens.astype(np.uint64)
        counted = kernels().first_seen(units, np.ones(len(tokens), np.bool_), offsets)
        return Scored(units, self.mask[tokens].astype(float), counted)

    def process(self, context: Sequence[int] | Array, logits: Array) -> Floats:
        """Raise the logits of green tokens."""
        return check_logits(logits, self.vocab_size) + self.bias * self.mask

    def choose(self, context: Sequence[int] | Array, probs: Array, rng: Generator) -> int:
        """Draw the next token from the law with raised logits."""
        return drawn_by_logits(self, context, probs, rng)


@lru_cache(maxsize=64)
def _mask(vocab_size: int, greens: int, key: int) -> Bools:
    """The mask, shuffled by NumPy's default generator; its seed is the first 4 bytes of a SHA-256 of the key."""
    digest = hashlib.sha256(int(key).to_bytes(8, "little", signed=True)).digest()
    mask = np.arange(vocab_size) < greens
    np.random.default_rng(int.from_bytes(digest[:4], "little")).shuffle(mask)
    mask.flags.writeable = False
    return mask
