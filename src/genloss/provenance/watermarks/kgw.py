"""Green lists keyed by the tokens before (Kirchenbauer et al. 2023): embedding by a bias on logits, and counting."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from genloss.chain.data import Array, Floats, Ints
from genloss.errors import SpecError
from genloss.plain.secret import SECRET, hidden_key
from genloss.provenance.evidence.tail_areas import log_binomial_tail
from genloss.provenance.watermarks.scheme import (
    Bools,
    Scored,
    Tokens,
    check_bias,
    check_flag,
    check_logits,
    check_share,
    check_whole,
    drawn_by_logits,
    generators,
    ids_of,
    kernels,
)

_HASHED = 1_000_003
_ORIGINAL_TABLE = 2971215073
_PUBLIC = 15485863
_TOP = 2**64 - 1
Seeding = Literal["last", "sum", "skipgram", "minhash", "anchored-minhash"]


@dataclass(frozen=True)
class KGW:
    """A green list of the vocabulary for every window of tokens; the logits of green tokens are raised.

    The window seeds a generator, whose shuffle of the vocabulary begins with the green tokens. Without the watermark a
    distinct pair of seed and token is green with probability G / V, G = int(gamma V): the green tokens among n such
    pairs are binomial. Windows alone do not make units: windows of one smallest hash share a seed. A key times token 0
    is 0: windows that it alone seeds have one green list under all keys, and are no evidence.

    Attributes:
        vocab_size: V, that of the model's config.
        key: Multiplies hashes or tokens into seeds: a whole number, or {"env": NAME} or {"file": PATH} that names it.
            All but the published default is shown by its fingerprint only (`genloss.plain.secret`).
        gamma: The share of green tokens.
        bias: Added to the logits of green tokens.
        seeding: How the window makes a seed: "last" (its last token, Hugging Face's "lefthash"), "sum", "skipgram" (its
            first token, hashed), "minhash" (the least hash) or "anchored-minhash" (the least product of a hash and the
            last token's, "selfhash").
        own: Whether the token itself is the last one of its window.
        width: Tokens in the window.
        table_seed: Seeds the table of hashes; None for the key, as Hugging Face does.
        candidates: With `own`, how many of the most probable tokens may be raised.
        table: Green lists made elsewhere (another device shuffles otherwise), for "last" only: bits by token before and
            token, packed by `numpy.packbits` along the second axis: shape (V, ceil(V / 8)).

    Example:
        >>> scheme = KGW(1000)
        >>> scheme.green([3]).sum()
        np.int64(250)
    """

    vocab_size: int
    key: int = field(default=_PUBLIC, metadata=SECRET)
    gamma: float = 0.25
    bias: float = 2.0
    seeding: Seeding = "last"
    own: bool = False
    width: int = 1
    table_seed: int | None = None
    candidates: int = 40
    table: NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_whole(self.vocab_size, "kgw.vocab_size", 2, 2**31 - 1)
        check_whole(self.width, "kgw.width", 1, 1024)
        check_whole(self.candidates, "kgw.candidates")
        object.__setattr__(self, "key", hidden_key(self.key, "kgw.key", -(2**63), 2**63 - 1, public=_PUBLIC))
        check_share(self.gamma, "kgw.gamma")
        check_bias(self.bias, "kgw.bias")
        if self.seeding not in Seeding.__args__:  # type: ignore[attr-defined]
            raise SpecError(f"kgw.seeding: no seeding {self.seeding!r}; known: {', '.join(Seeding.__args__)}")  # type: ignore[attr-defined]
        check_flag(self.own, "kgw.own")
        if self.table_seed is not None:
            check_whole(self.table_seed, "kgw.table_seed", -(2**63), 2**64 - 1)
        if self.own and self.seeding == "last":
            raise SpecError("kgw.own: the last token cannot seed its own list; use seeding='anchored-minhash'")
        if not self.greens:
            raise SpecError(f"kgw.gamma: {self.gamma} of {self.vocab_size} ids makes no green token; raise gamma")
        if self.table is not None:
            wanted = (self.vocab_size, -(-self.vocab_size // 8))
            if self.seeding != "last" or self.table.shape != wanted or self.table.dtype != np.uint8:
                raise SpecError(f"kgw.table: give packed bits of shape {wanted} with seeding='last'")

    @classmethod
    def original(cls, seeding: str, vocab_size: int, *, gamma: float = 0.25, bias: float = 2.0) -> "KGW":
        """The seeding schemes of the original implementation (lm-watermarking), by the names that it gives them.

        Args:
            seeding: "simple_1", "lefthash", "selfhash", "algorithm-3", "minhash", "skipgram", or free form such as
                "ff-additive_prf-4-True-15485863".
            vocab_size: How many ids the model knows.
            gamma: The share of green tokens.
            bias: Added to the logits of green tokens (delta).
        """
        names = {
            "simple_1": "ff-additive_prf-1-False",
            "lefthash": "ff-additive_prf-1-False",
            "selfhash": "ff-anchored_minhash_prf-4-True",
            "algorithm-3": "ff-anchored_minhash_prf-4-True",
            "minhash": "ff-minhash_prf-4-False",
            "skipgram": "ff-skipgram_prf-5-False",
        }
        kinds: dict[str, Seeding] = {
            "additive_prf": "sum",
            "minhash_prf": "minhash",
            "anchored_minhash_prf": "anchored-minhash",
            "skipgram_prf": "skipgram",
        }
        parts = names.get(str(seeding), str(seeding)).split("-")
        numbers = [*parts[2:3], *parts[4:]]
        if len(parts) not in (4, 5) or parts[0] != "ff" or parts[1] not in kinds or not all(map(str.isdigit, numbers)):
            named = re.sub(r"[0-9]+", "*", str(seeding)[:60])  # its last number may be a secret
            raise SpecError(f"kgw: no seeding {named!r}; known: {', '.join(names)}, ff-PRF-WIDTH-SELF[-KEY]")
        return cls(
            vocab_size,
            int(parts[4]) if len(parts) == 5 else _PUBLIC,
            gamma,
            bias,
            kinds[parts[1]],
            parts[3] == "True",
            int(parts[2]),
            _ORIGINAL_TABLE,
            41,
        )

    @property
    def greens(self) -> int:
        """G: how many tokens a green list holds."""
        return int(self.vocab_size * self.gamma)

    @property
    def method(self) -> str:
        """The null law."""
        return "binomial over distinct (seed, token) pairs"

    @property
    def secret(self) -> int:
        """The key."""
        return self.key

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of a unit's score without the watermark."""
        share = self.greens / self.vocab_size
        return share, (share * (1 - share)) ** 0.5

    def with_key(self, key: int) -> "KGW":
        """The same scheme under another key."""
        return replace(self, key=key, table=None)

    def random_key(self, rng: Generator) -> int:
        """Draw an odd key, so that seeds of different tokens differ."""
        return int(rng.integers(1 << 20, 1 << 30)) * 2 + 1

    def statistic(self, total: Any, units: Any) -> Floats:
        """The number of green tokens."""
        return np.asarray(total, dtype=float)

    def log_tail(self, total: Any, units: Any) -> Floats:
        """Binomial with G / V."""
        return log_binomial_tail(total, units, self.greens / self.vocab_size)

    def scored(self, tokens: Tokens, offsets: Ints) -> Scored:
        """Count a distinct pair of seed and token as 1 if it is green.

        Seeds that token 0 makes under every key are left out: whoever knows their green list, which hangs on no secret,
        could write text of it alone.
        """
        found = self.judged(tokens, offsets)
        keyless = self._keyless
        if keyless is None:
            return found
        seeds, _ = self.seeds(tokens, offsets)
        return replace(found, counted=found.counted & (seeds != keyless))

    @property
    def _keyless(self) -> np.uint32 | None:
        """The seed that token 0 makes under every key, if there is one."""
        if self.seeding in ("last", "sum"):
            return np.uint32(0)
        if self.seeding in ("skipgram", "minhash") and self.table_seed is not None:
            return np.uint32(self._hashes[0] + 1)
        return None

    def judged(self, tokens: Tokens, offsets: Ints) -> Scored:
        """As `scored`, with seeds that hang on no key: the counts of transformers and lm-watermarking."""
        seeds, valid = self.seeds(tokens, offsets)
        units = seeds.astype(np.uint64) << np.uint64(32) | tokens.astype(np.uint64)
        if self.table is not None:
            # The device's seeds are unknown: the token before stands for them.
            before = np.concatenate([[0], tokens[:-1]]).astype(np.uint64)
            units = before << np.uint64(32) | tokens.astype(np.uint64)
        counted: Bools = kernels().first_seen(units, valid, offsets)
        distinct, back = np.unique(units[counted], return_inverse=True)
        ids = (distinct & np.uint64(0xFFFFFFFF)).astype(np.int64)
        values = np.zeros(len(tokens))
        if self.table is not None:
            contexts = (distinct >> np.uint64(32)).astype(np.int64)
            green = self.table[contexts, ids // 8] >> (7 - ids % 8).astype(np.uint8) & 1 > 0
        else:
            green = np.zeros(len(distinct), np.bool_)
            listed = (distinct >> np.uint64(32)).astype(np.uint32)
            generators().dealt_first(self.vocab_size, self.greens, listed, ids, green)
        values[counted] = green[back]
        return Scored(units, values, counted)

    def seeds(self, tokens: Tokens, offsets: Ints) -> tuple[NDArray[np.uint32], Bools]:
        """The low 32 bits of the seed of every token's green list, and whether its window is full."""
        seeds = np.zeros(len(tokens), np.uint32)
        valid = np.zeros(len(tokens), np.bool_)
        if self.seeding in ("minhash", "anchored-minhash"):
            anchored = self.seeding == "anchored-minhash"
            args = (self._hashes, int(self.key), self.width, anchored, self.own, seeds, valid)
            kernels().hashed_seeds(tokens, offsets, *args)
            return seeds, valid
        begins = np.repeat(offsets[:-1], np.diff(offsets))
        # The window of token i is its last `width` tokens up to i - 1, or up to i where the token is in it.
        last = np.arange(len(tokens)) - (not self.own)
        first = last - self.width + 1
        valid = first >= begins
        if self.seeding == "sum":
            sums = np.concatenate([[0], np.cumsum(tokens, dtype=np.int64)])
            at = sums[last[valid] + 1] - sums[first[valid]]
            seeds[valid] = self._products(at)
        elif self.seeding == "last":
            seeds[valid] = self._products(tokens[last[valid]].astype(np.int64))
        else:
            product = np.array([self.key], np.int64) * tokens[first[valid]].astype(np.int64)
            seeds[valid] = self._hashes[product % _HASHED] + 1
        return seeds, valid

    def _products(self, factors: Ints) -> NDArray[np.uint32]:
        """The low bits of key times factor, modulo 2^64 - 1."""
        distinct, back = np.unique(factors, return_inverse=True)
        low = [self.key * int(factor) % _TOP & 0xFFFFFFFF for factor in distinct]
        found: NDArray[np.uint32] = np.array(low, dtype=np.uint32)[back]
        return found

    @property
    def _hashes(self) -> NDArray[np.int32]:
        return _shuffled((self.key if self.table_seed is None else self.table_seed) & 0xFFFFFFFF)

    def green(self, context: Sequence[int] | Array) -> Bools:
        """The green list after a context: shape (vocab_size,); with `own` whether each token is green on its own list.

        With `own` this costs a shuffle a token.

        Raises:
            SpecError: If the context is shorter than the window.
        """
        return self._green(ids_of(context, self.vocab_size, "context"), np.arange(self.vocab_size))

    def _green(self, context: Tokens, candidates: Array) -> Bools:
        found = np.zeros(self.vocab_size, np.bool_)
        needed = self.width - self.own
        if len(context) < needed:
            raise SpecError(f"context: {len(context)} tokens; the window needs {needed}")
        window = context[len(context) - needed :]
        if self.own:
            tokens = np.concatenate([np.tile(window, (len(candidates), 1)), candidates[:, None]], axis=1).ravel()
            offsets = np.arange(len(candidates) + 1) * self.width
            scored = self.judged(tokens.astype(np.int32), offsets)
            found[candidates] = scored.values[self.width - 1 :: self.width] > 0
            return found
        if self.table is not None:
            found[:] = np.unpackbits(self.table[window[-1]], count=self.vocab_size)
            return found
        tokens = np.append(window, 0).astype(np.int32)
        seeds, _ = self.seeds(tokens, np.array([0, len(tokens)]))
        found[generators().permutation(self.vocab_size, self.greens, int(seeds[-1]))[: self.greens]] = True
        return found

    def process(self, context: Sequence[int] | Array, logits: Array) -> Floats:
        """Raise the logits of green tokens; a context shorter than the window leaves them as they are."""
        found = check_logits(logits, self.vocab_size)
        window = ids_of(context, self.vocab_size, "context")
        if len(window) < self.width - self.own:
            return found
        candidates = np.arange(self.vocab_size)
        if self.own:
            candidates = np.argsort(-found, kind="stable")[: self.candidates]
        found[self._green(window, candidates)] += self.bias
        return found

    def choose(self, context: Sequence[int] | Array, probs: Array, rng: Generator) -> int:
        """Draw the next token from the law with raised logits."""
        return drawn_by_logits(self, context, probs, rng)


@lru_cache(maxsize=4)
def _shuffled(seed: int) -> NDArray[np.int32]:
    """The shuffled numbers below 1,000,003 that tokens are hashed by."""
    found: NDArray[np.int32] = generators().permutation(_HASHED, _HASHED - 1, seed).astype(np.int32)
    return found
