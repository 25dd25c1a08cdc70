"""SynthID-Text (Dathathri et al. 2024): a tournament among tokens, judged by keyed bits of n-grams."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from genloss.chain.data import Array, Floats, Ints
from genloss.errors import SpecError
from genloss.plain.secret import SECRET, hidden_keys
from genloss.provenance.evidence.tail_areas import LatticeSum, lattice_of, log_binomial_tail
from genloss.provenance.watermarks.scheme import (
    Bools,
    Scored,
    Tokens,
    Units,
    check_flag,
    check_logits,
    check_whole,
    drawn_by_logits,
    generators,
    ids_of,
    kernels,
    tournaments,
)

_TABLE, _DRAWS = 1 << 20, 1 << 16


@dataclass(frozen=True)
class BayesianHead:
    """The parameters of a trained Bayesian detector: how likely the bits of a watermarked token are.

    Bit l of a watermarked token was decided between two tokens with probability sigmoid(beta_l + the sum of delta_lj
    over the bits j < l that are 1); it is then 1 with probability 3/4, else 1/2.

    Attributes:
        beta: Shape (depth,).
        delta: Shape (depth, depth); only j < l is used.
        prior: The share of watermarked texts.
    """

    beta: tuple[float, ...]
    delta: tuple[tuple[float, ...], ...]
    prior: float = 0.5

    def log_odds(self, bits: Array) -> Floats:
        """Log odds of watermarked against not, one per unit: bits of shape (units, depth)."""
        g = np.asarray(bits, dtype=float)
        latent = np.asarray(self.beta) + g @ np.tril(np.asarray(self.delta), -1).T
        two = 1 / (1 + np.exp(-latent))
        return np.asarray(np.log((g + 0.5) * two + 1 - two).sum(1))

    def posterior(self, log_odds: float) -> float:
        """The probability of the watermark after the summed log odds of all units."""
        prior = min(max(self.prior, 1e-5), 1 - 1e-5)
        return float(1 / (1 + np.exp(np.clip(-log_odds - np.log(prior / (1 - prior)), -700, 700))))


@dataclass(frozen=True)
class SynthID:
    """Bits of the n-gram that ends in a token, one per key, favour tokens in one round of a tournament each.

    A unit is a distinct n-gram whose first n - 1 tokens did not come within the last `history` positions; embedding
    leaves such repeats unmarked. The score of a unit is a whole number made of its bits, so that the null law of a sum
    follows from that of one unit: from all patterns of the table, or from fair bits.

    Attributes:
        vocab_size: V, that of the model's config.
        keys: One key a round: whole numbers, or {"env": NAME} or {"file": PATH} that names a list of them in brackets;
            shown by their fingerprint only (`genloss.plain.secret`).
        ngram: Tokens in an n-gram.
        history: Positions that are searched for a repeated context; 0 marks and counts repeats too.
        hash: "table" is Hugging Face's (a table of bits), "rounds" that of synthid-text (twelve rounds).
        score: "weighted" (weights falling from 10 to 1 over the rounds), "mean", or "bayesian" with a trained head.
        head: The trained head.
        table_seed: Seeds the table.
        table_size: Bits in the table.
        skip_first: Whether the first n - 1 tokens are left unmarked.

    Example:
        >>> SynthID(1000, keys=(654, 400, 836)).bits([1, 2, 3, 4, 5, 6]).shape
        (2, 3)
    """

    vocab_size: int
    keys: tuple[int, ...] = field(metadata=SECRET)
    ngram: int = 5
    history: int = 1024
    hash: Literal["table", "rounds"] = "table"
    score: Literal["weighted", "mean", "bayesian"] = "weighted"
    head: BayesianHead | None = None
    table_seed: int = 0
    table_size: int = 1 << 16
    skip_first: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", hidden_keys(self.keys, "synthid.keys", -(2**63), 2**63 - 1))
        check_whole(self.vocab_size, "synthid.vocab_size", 2, 2**31 - 1)
        check_whole(self.ngram, "synthid.ngram", 2, 1024)
        check_flag(self.skip_first, "synthid.skip_first")
        check_whole(self.history, "synthid.history", 0)
        check_whole(self.table_size, "synthid.table_size", 2, 1 << 24)
        check_whole(self.table_seed, "synthid.table_seed", 0, 2**64 - 1)
        for name, known in (("hash", ("table", "rounds")), ("score", ("weighted", "mean", "bayesian"))):
            if getattr(self, name) not in known:
                raise SpecError(f"synthid.{name}: no {name} {getattr(self, name)!r}; known: {', '.join(known)}")
        if (self.score == "bayesian") != (self.head is not None):
            raise SpecError("synthid.head: a trained head goes with score='bayesian', and only with it")
        if self.head is not None:
            depth = len(self.keys)
            if np.shape(self.head.beta) != (depth,) or np.shape(self.head.delta) != (depth, depth):
                raise SpecError(f"synthid.head: made for another depth; give beta ({depth},), delta ({depth}, {depth})")

    @property
    def method(self) -> str:
        """The null law."""
        if self._binomial:
            return "mean score, binomial over distinct n-grams"
        one = "" if self._known_law else ", the law of one of them sampled"
        return f"{self.score} score, sums over distinct n-grams, exact to 24 units, a bound by saddle point beyond{one}"

    @property
    def _binomial(self) -> bool:
        """Whether all bits are fair, independent and count alike."""
        fair = self.hash == "rounds" and self.head is None
        return fair and (self.weights == 1).all() and len(set(self._keys.tolist())) == len(self.keys)

    @property
    def _known_law(self) -> bool:
        """Whether the law of one unit follows from the table, or from fair bits."""
        return self._patterns is not None or (self.hash == "rounds" and self.head is None)

    @property
    def secret(self) -> tuple[int, ...]:
        """The keys."""
        return self.keys

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of a unit's score without the watermark."""
        return self._null.moments

    def with_key(self, key: Sequence[int]) -> "SynthID":
        """The same scheme under other keys."""
        return replace(self, keys=hidden_keys(key, "synthid.keys", -(2**63), 2**63 - 1))

    def random_key(self, rng: Generator) -> tuple[int, ...]:
        """Draw as many keys."""
        return tuple(int(key) for key in rng.integers(2**31, size=len(self.keys)))

    @cached_property
    def weights(self) -> Ints:
        """What the bits of the rounds count, as whole numbers: shape (depth,)."""
        depth = len(self.keys)
        if self.score != "weighted" or depth == 1:
            return np.ones(depth, np.int64)
        # Evenly from 10 to 1, times depth - 1.
        return 10 * (depth - 1) - 9 * np.arange(depth)

    def statistic(self, total: Any, units: Any) -> Floats:
        """The (weighted) mean of the bits; with a head the posterior probability of the watermark."""
        total, units = np.asarray(total, dtype=float), np.asarray(units)
        if self.head is not None:
            low, step = self._steps
            odds = np.atleast_1d(total * step + units * low)
            return np.array([self.head.posterior(each) for each in odds]).reshape(total.shape)
        most = units * self.weights.sum()
        return np.asarray(total / np.maximum(most, 1))

    def log_tail(self, total: Any, units: Any) -> Floats:
        """The law of sums of so many units.

        It is binomial for the mean of rounds, else that of `tail_areas.LatticeSum`: exact for few units,
        and a saddle point made larger beyond. With a head, or a table whose size is not a power of two, the law of one
        unit is that of 2^20 random n-grams.
        """
        if self._binomial:
            return log_binomial_tail(total, np.asarray(units) * len(self.keys), 0.5)
        return self._null.log_tail(total, units)

    def scored(self, tokens: Tokens, offsets: Ints) -> Scored:
        """Score a distinct n-gram by a whole number."""
        contexts, units, valid = self._hashed(tokens, offsets)
        counted = valid
        if self.history:
            counted = valid & ~kernels().recent(contexts, valid, offsets, self.history)
        counted = kernels().first_seen(units, counted, offsets)
        values = np.zeros(len(tokens))
        if self._patterns is not None:
            values[counted] = self._patterns[units[counted] & np.uint64(self.table_size - 1)]
        elif self.head is None and self.hash == "rounds":
            kernels().rounds_scores(units, counted, self._keys, 12, 5, self.weights, values)
        else:
            values[counted] = self._scores(self._bits(units[counted]))
        return Scored(units, values, counted)

    def bits(self, token_ids: Sequence[int] | Array) -> NDArray[np.uint8]:
        """The bits (g-values) of every n-gram: shape (tokens - ngram + 1, depth)."""
        tokens = ids_of(token_ids, self.vocab_size)
        _, units, valid = self._hashed(tokens, np.array([0, len(tokens)]))
        return self._bits(units[valid])

    def fresh(self, token_ids: Sequence[int] | Array) -> Bools:
        """Whether the context of every n-gram is new within the history: shape (tokens - ngram + 1,)."""
        tokens = ids_of(token_ids, self.vocab_size)
        offsets = np.array([0, len(tokens)])
        contexts, _, valid = self._hashed(tokens, offsets)
        again: Bools = kernels().recent(contexts, valid, offsets, self.history)
        return ~again[valid]

    def process(self, context: Sequence[int] | Array, logits: Array) -> Floats:
        """Run the tournament on the law of the next token; a repeated context leaves the logits as they are.

        The context is the document without its prompt; zeros stand before its first token.
        """
        found = check_logits(logits, self.vocab_size)
        document = ids_of(context, self.vocab_size, "context")
        if self.skip_first and len(document) < self.ngram - 1:
            return found
        # The last place stands for the next token.
        padded = np.concatenate([np.zeros(self.ngram - 1, np.int32), document, [0]]).astype(np.int32)
        offsets = np.array([0, len(padded)])
        contexts, _, valid = self._hashed(padded, offsets)
        if self.skip_first:
            valid[: 2 * (self.ngram - 1)] = False
        if self.history and kernels().recent(contexts, valid, offsets, self.history)[-1]:
            return found
        lcg = np.uint64(6364136223846793005)
        with np.errstate(over="ignore"):
            units = (contexts[-1] + np.arange(self.vocab_size, dtype=np.uint64)) * lcg + np.uint64(1)
        law = np.exp(found - found.max())
        law /= law.sum()
        kernels().tournament(law, self._bits(units, rows=True))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(law))

    def choose(self, context: Sequence[int] | Array, probs: Array, rng: Generator) -> int:
        """Draw the winner of the tournament."""
        return drawn_by_logits(self, context, probs, rng)

    @cached_property
    def _keys(self) -> Ints:
        return np.array(self.keys, dtype=np.int64)

    @cached_property
    def _start(self) -> int:
        """Where the hash of an n-gram begins."""
        if self.hash == "table":
            return 1
        import hashlib

        digest = hashlib.sha256(self._keys.astype("<i8").tobytes()).digest()
        return int.from_bytes(digest, "big") % (2**63 - 1)

    def _hashed(self, tokens: Tokens, offsets: Ints) -> tuple[Units, Units, Bools]:
        contexts, units = np.zeros(len(tokens), np.uint64), np.zeros(len(tokens), np.uint64)
        valid = np.zeros(len(tokens), np.bool_)
        kernels().ngram_hashes(tokens, offsets, np.int64(self._start), self.ngram, contexts, units, valid)
        return contexts, units, valid

    def _bits(self, units: Units, *, rows: bool = False) -> NDArray[np.uint8]:
        """The bits of units: shape (units, depth), or (depth, units) as rows."""
        held = np.empty((len(self.keys), len(units)) if rows else (len(units), len(self.keys)), np.uint8)
        bits = held.T if rows else held
        if self.hash == "rounds":
            kernels().rounds_bits(units, self._keys, 12, 5, bits)
        else:
            kernels().table_bits(units, self._keys, self._bits_table, bits)
        return held

    def _scores(self, bits: Array) -> Ints:
        if self.head is None:
            return np.asarray(bits @ self.weights)
        low, step = self._steps
        return np.maximum(np.rint((self.head.log_odds(bits) - low) / step), 0).astype(np.int64)

    @cached_property
    def _steps(self) -> tuple[float, float]:
        """Log odds are counted in steps: the least that there can be, and the width of a step."""
        assert self.head is not None
        latent = np.asarray(self.head.beta), np.tril(np.asarray(self.head.delta), -1)
        most = 1 / (1 + np.exp(-(latent[0] + np.maximum(latent[1], 0).sum(1))))
        return float(np.log1p(-0.5 * most).sum()), float((np.log1p(0.5 * most) - np.log1p(-0.5 * most)).sum()) / 8192

    @cached_property
    def _patterns(self) -> Any:
        """The score of every place of a table whose size is a power of two: only the low bits of a hash matter."""
        if self.hash == "rounds" or self.table_size & (self.table_size - 1) or self.table_size > _TABLE:
            return None
        return self._scores(self._bits(np.arange(self.table_size, dtype=np.uint64))).astype(np.int32)

    @property
    def _summed(self) -> tuple[int, ...]:
        """What the bits of distinct keys count: equal keys have one bit, whose weights add up."""
        summed: dict[int, int] = {}
        for key, weight in zip(self._keys.tolist(), self.weights.tolist(), strict=True):
            summed[key] = summed.get(key, 0) + weight
        return tuple(summed.values())

    @property
    def _bits_table(self) -> NDArray[np.uint8]:
        return _table(self.table_seed, self.table_size)

    @cached_property
    def _every_bit(self) -> NDArray[np.uint64]:
        """All bits of an n-gram by the low bits of its hash before the last step; empty where others matter."""
        if self.hash == "rounds" or self.table_size & (self.table_size - 1) or self.table_size > _TABLE:
            return np.zeros(0, np.uint64)
        return np.asarray(tournaments().patterns(self.table_size, self._keys, self._bits_table))

    @cached_property
    def _null(self) -> LatticeSum:
        if self._patterns is not None:
            return LatticeSum(lattice_of(self._patterns))
        if self.hash == "rounds" and self.head is None:
            return _fair(self._summed)
        # No closed form: the patterns of so many random n-grams, and the largest score that there can be.
        units = np.random.default_rng(0).integers(2**64, size=16 * _DRAWS, dtype=np.uint64)
        largest = 8192 if self.head is not None else int(self.weights.sum())
        return LatticeSum(lattice_of(np.append(self._scores(self._bits(units)), largest)))


@lru_cache(maxsize=8)
def _table(seed: int, size: int) -> NDArray[np.uint8]:
    """The table of bits: the lowest bit of each number of the Mersenne Twister."""
    return np.asarray(generators().words(seed & 0xFFFFFFFF, size) & 1, dtype=np.uint8)


@lru_cache(maxsize=8)
def _fair(weights: tuple[int, ...]) -> LatticeSum:
    """The law of a weighted sum of fair bits."""
    law = np.ones(1)
    for weight in weights:
        law = np.convolve(law, np.concatenate([[0.5], np.zeros(weight - 1), [0.5]]))
    return LatticeSum(law)
