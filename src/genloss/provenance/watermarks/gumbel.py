"""The Gumbel watermark (Aaronson 2022): the next token is the one whose keyed random number wins."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Floats, Ints
from genloss.errors import SpecError
from genloss.plain.secret import SECRET, hidden_key
from genloss.provenance.evidence.tail_areas import log_gamma_tail
from genloss.provenance.watermarks.scheme import (
    Scored,
    Tokens,
    check_flag,
    check_law,
    check_logits,
    check_whole,
    drawn,
    generators,
    ids_of,
    kernels,
)

_LOW = 0xFFFFFFFF


@dataclass(frozen=True)
class Gumbel:
    """Choose the token with the largest u^(1/p), u keyed by the window before it: over keys, a draw from p itself.

    A unit without the watermark scores -log(1 - u), an exponential variable, so n of them add up to Gamma(n, 1).

    Attributes:
        vocab_size: V, that of the model's config.
        key: The secret: of 64 bits for "philox"; the salt that folds the window for "twister". A whole number, or
            {"env": NAME} or {"file": PATH} that names it; shown by its fingerprint only
            (`genloss.plain.secret`).
        width: Tokens in the window.
        prf: "philox" is vLLM's (Philox4x32-10); "twister" folds the window to a seed, times the key plus the next token
            modulo 2^64 - 1, and takes the token's place in `torch.rand(V)` on a CPU.
        once: Whether a window counts, and is marked, only the first time that it comes in a document.
        start: Where "twister" begins to fold; from 0 a window of one token would leave the key out, and is refused.
        padded: Whether "philox" marks and scores a document's first tokens too, whose window is filled up with -1: vLLM
            does (`WatermarkSpec.from_vllm`). One key and one prompt then begin every document with the same tokens;
            else the first `width` tokens are drawn by chance, and are no units.

    Example:
        >>> import numpy as np
        >>> Gumbel(100, 42).choose([1, 2, 3, 4], np.full(100, 0.01), np.random.default_rng(0))
        18
    """

    vocab_size: int
    key: int = field(metadata=SECRET)
    width: int = 4
    prf: Literal["philox", "twister"] = "philox"
    once: bool = True
    start: int = 0
    padded: bool = False

    def __post_init__(self) -> None:
        check_whole(self.vocab_size, "gumbel.vocab_size", 2, 2**31 - 1)
        object.__setattr__(self, "key", hidden_key(self.key, "gumbel.key", 0, 2**64 - 1))
        check_whole(self.width, "gumbel.width", 1, 1024)
        check_flag(self.once, "gumbel.once")
        check_flag(self.padded, "gumbel.padded")
        if self.padded and self.prf != "philox":
            raise SpecError("gumbel.padded: goes with prf='philox' only; leave it out")
        check_whole(self.start, "gumbel.start", 0, 2**64 - 2)
        if self.prf not in ("philox", "twister"):
            raise SpecError(f"gumbel.prf: no generator {self.prf!r}; known: philox, twister")
        if self.prf == "twister" and not self.key:
            raise SpecError("gumbel.key: 0 seeds by the last token alone; give a whole number from 1")
        if self.prf == "twister" and self.width == 1 and not self.start:
            raise SpecError(
                "gumbel.width: 1 from start=0 seeds by the last token alone, under every key; give a start, or width=2"
            )

    @property
    def method(self) -> str:
        """The null law."""
        return "gamma over distinct (window, token) pairs"

    @property
    def secret(self) -> int:
        """The key."""
        return self.key

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of a unit's score without the watermark."""
        return 1.0, 1.0

    def with_key(self, key: int) -> "Gumbel":
        """The same scheme under another key."""
        return replace(self, key=key)

    def random_key(self, rng: Generator) -> int:
        """Draw a key."""
        return (
            int(rng.integers(2**64, dtype=np.uint64)) if self.prf == "philox" else int(rng.integers(1 << 32, 1 << 62))
        )

    def statistic(self, total: Any, units: Any) -> Floats:
        """The sum of the scores."""
        return np.asarray(total, dtype=float)

    def log_tail(self, total: Any, units: Any) -> Floats:
        """Gamma(units, 1)."""
        return log_gamma_tail(units, total)

    def scored(self, tokens: Tokens, offsets: Ints) -> Scored:
        """Score -log(1 - u) a distinct window and token."""
        n = len(tokens)
        contexts, units = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
        valid = np.ones(n, np.bool_)
        if self.prf == "philox":
            words = np.zeros(n, np.uint64)
            low, high = np.uint64(self.key & _LOW), np.uint64(self.key >> 32)
            kernels().philox_units(tokens, offsets, self.width, low, high, contexts, units, words)
            if not self.padded:
                valid = np.arange(n) - np.repeat(offsets[:-1], np.diff(offsets)) >= self.width
        else:
            contexts, valid = self._seeds(tokens, offsets)
            if not self.start and self.width > 1:
                # Zeros fold to nothing: after them the last token alone is the seed, under every key.
                filled = np.concatenate([[0], np.cumsum(tokens != 0)])
                last = np.flatnonzero(valid)
                valid[last] = filled[last - 1] > filled[last - self.width]
            units = contexts << np.uint64(32) | tokens.astype(np.uint64)
        counted = kernels().first_seen(contexts if self.once else units, valid, offsets)
        values = np.zeros(n)
        if self.prf == "philox":
            values[counted] = -np.log1p(-_uniform(words[counted]))
        else:
            distinct, back = np.unique(units[counted], return_inverse=True)
            listed = (distinct >> np.uint64(32)).astype(np.uint32), (distinct & np.uint64(_LOW)).astype(np.int64)
            found = generators().nth_words(*listed)
            values[counted] = -np.log1p(-_fraction(found))[back]
        return Scored(units, values, counted)

    def uniforms(self, context: Sequence[int] | Array) -> Floats | None:
        """The keyed number of every token after a context: shape (vocab_size,); None if the window is not full."""
        before = ids_of(context, self.vocab_size, "context")
        if len(before) < self.width and not self.padded:
            return None
        if self.prf == "philox":
            halves = np.uint64(self.key & _LOW), np.uint64(self.key >> 32)
            return _uniform(kernels().philox_row(before, self.width, *halves, self.vocab_size))
        seeds, _ = self._seeds(np.append(before[-self.width :], 0).astype(np.int32), np.array([0, self.width + 1]))
        return _fraction(generators().words(int(seeds[-1]), self.vocab_size))

    def choose(self, context: Sequence[int] | Array, probs: Array, rng: Generator) -> int:
        """Choose the token with the largest u^(1/p), or draw one where the window was there before."""
        law = check_law(probs, self.vocab_size)
        keyed = None if self._stale(context) else self.uniforms(context)
        if keyed is None:
            return drawn(law, rng)
        with np.errstate(divide="ignore"):
            return int(np.argmax(np.where(law > 0, np.log(np.maximum(keyed, 1e-30)) / law, -np.inf)))

    def process(self, context: Sequence[int] | Array, logits: Array) -> Floats:
        """Leave the chosen token alone: 0 for it, -inf for all others; the logits unchanged where nothing is chosen."""
        found = check_logits(logits, self.vocab_size)
        keyed = None if self._stale(context) else self.uniforms(context)
        if keyed is None:
            return found
        noise = -np.log(-np.log(np.maximum(keyed, 1e-30)))
        best = int(np.argmax(found + noise))
        found[:] = -np.inf
        found[best] = 0.0
        return found

    def _stale(self, context: Sequence[int] | Array) -> bool:
        """Whether the window before the next token stood in the document before."""
        if not self.once:
            return False
        tokens = ids_of(context, self.vocab_size, "context")
        if self.prf == "philox":
            tokens = np.concatenate([np.full(self.width, -1, np.int32), tokens])
        if len(tokens) <= self.width:
            return False
        windows = np.lib.stride_tricks.sliding_window_view(tokens, self.width)
        return bool((windows[:-1] == windows[-1]).all(1).any())

    def _seeds(self, tokens: Tokens, offsets: Ints) -> tuple[Any, Any]:
        seeds, valid = np.zeros(len(tokens), np.uint32), np.zeros(len(tokens), np.bool_)
        kernels().folded_seeds(tokens, offsets, np.uint64(self.start), np.uint64(self.key), self.width, seeds, valid)
        return seeds.astype(np.uint64), valid


def _uniform(words: Any) -> Floats:
    """Words of 32 bits as vLLM makes numbers of them: (24 bits + 1) / (2^24 + 1), rounded to single precision."""
    exact = ((words >> words.dtype.type(8)).astype(float) + 1.0) / (2**24 + 1)
    return np.asarray(exact.astype(np.float32), dtype=float)


def _fraction(words: Any) -> Floats:
    """Words of 32 bits as torch makes numbers of single precision of them: the low 24 bits."""
    return np.asarray((words & np.uint32(0xFFFFFF)) * 2.0**-24)
