"""What every watermark offers: scores of distinct units with a known null law, and a changed next token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from genloss.chain.data import Array, Floats, Ints
from genloss.errors import SpecError
from genloss.plain.numbers import whole_number

Units = NDArray[np.uint64]
Tokens = NDArray[np.int32]
Bools = NDArray[np.bool_]

CHUNK = 1 << 20
"""Tokens that are scored at a time."""


@dataclass(frozen=True, eq=False)
class Scored:
    """The tokens of some documents under a key.

    Attributes:
        units: Names each token's draw of the pseudorandom function, its seed and its token: shape (tokens,).
        values: What each token adds to the statistic, where it counts: shape (tokens,).
        counted: Whether a token counts: enough tokens stand before it, and its unit is new in its document.
    """

    units: Units
    values: Floats
    counted: Bools


@runtime_checkable
class Scheme(Protocol):
    """A way of marking text with a key.

    Attributes:
        vocab_size: How many ids the model knows: that of its output, not of its tokenizer.
        method: The name of the null law.
    """

    @property
    def vocab_size(self) -> int:
        """How many ids there are."""

    @property
    def method(self) -> str:
        """The name of the null law."""

    @property
    def secret(self) -> Any:
        """The key, or the keys."""

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of a unit's score without the watermark."""

    def with_key(self, key: Any) -> "Scheme":
        """The same scheme under another key."""

    def random_key(self, rng: Generator) -> Any:
        """Draw a key like its own."""

    def scored(self, tokens: Tokens, offsets: Ints) -> Scored:
        """Score documents given as ids one after the other and offsets."""

    def log_tail(self, total: Any, units: Any) -> Floats:
        """The natural logarithm of the chance that distinct units reach a total in text without the watermark."""

    def statistic(self, total: Any, units: Any) -> Floats:
        """What is reported for a total."""

    def process(self, context: Sequence[int] | Array, logits: Array) -> Floats:
        """Change the logits of the next token."""

    def choose(self, context: Sequence[int] | Array, probs: Array, rng: Generator) -> int:
        """Choose the next token of a document from its law."""


def kernels() -> Any:
    """The compiled loops over documents."""
    return _compiled("keying")


def generators() -> Any:
    """The compiled random number generators."""
    return _compiled("generators")


def choosing() -> Any:
    """The compiled loops that choose the tokens of n-gram models by keyed numbers."""
    return _compiled("choosing")


def tournaments() -> Any:
    """The compiled loops that choose the tokens of n-gram models by tournaments."""
    return _compiled("tournaments")


def _compiled(name: str) -> Any:
    try:
        return import_module(f"genloss.provenance.watermarks.{name}")
    except ImportError:
        raise SpecError('watermark: needs numba; pip install "genloss[text]"') from None


def ids_of(tokens: Any, vocab_size: int, where: str = "token_ids") -> Tokens:
    """Read token ids, refusing whatever is not an id of the vocabulary.

    Raises:
        SpecError: Naming the first id out of place.
    """
    try:
        found = np.asarray(tokens)
    except (TypeError, ValueError):
        raise SpecError(f"{where}: no list of whole numbers; give the token ids of one document") from None
    if found.size == 0 and found.ndim <= 1:
        return np.empty(0, np.int32)
    if found.ndim != 1:
        raise SpecError(f"{where}: shape {found.shape}; give the token ids of one document, one after the other")
    if found.dtype.kind == "f":
        odd = ~np.isfinite(found) | (found != np.floor(found))
        if odd.any():
            raise SpecError(f"{where}: holds {found[odd][0]}; token ids are whole numbers")
    if found.dtype.kind not in "iuf":
        raise SpecError(f"{where}: holds {found.dtype} and no whole numbers; give token ids")
    wrong = (found < 0) | (found >= vocab_size)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise SpecError(
            f"{where}: id {int(found[at])} at position {at} is outside the vocabulary of {vocab_size}; "
            "give the ids of the model's own tokenizer, and the vocab_size of its config"
        )
    return np.ascontiguousarray(found, dtype=np.int32)


def chunks_of(documents: Any, vocab_size: int) -> Iterator[tuple[Tokens, Ints]]:
    """Read documents, some 2^20 tokens at a time, as ids one after the other and offsets.

    Args:
        documents: `Documents`, or any iterable of one sequence of ids a document.
        vocab_size: How many ids the model knows.

    Raises:
        SpecError: If an id is outside the vocabulary, or the documents hold text.
    """
    if hasattr(documents, "tokens") and hasattr(documents, "offsets"):
        yield from _cut(ids_of(documents.tokens, vocab_size, "documents"), documents.offsets)
        return
    if isinstance(documents, (str, bytes)) or not hasattr(documents, "__iter__"):
        raise SpecError(f"documents: {type(documents).__name__}; give one sequence of token ids a document")
    held: list[Tokens] = []
    size = 0
    for i, document in enumerate(documents):
        if isinstance(document, (str, bytes)):
            raise SpecError(f"documents: document {i} is text; encode it with the model's tokenizer first")
        held.append(ids_of(document, vocab_size, f"document {i}"))
        size += len(held[-1])
        if size >= CHUNK:
            yield _joined(held)
            held, size = [], 0
    if held:
        yield _joined(held)


def _joined(held: list[Tokens]) -> tuple[Tokens, Ints]:
    return np.concatenate(held), np.concatenate([[0], np.cumsum([len(each) for each in held])])


def _cut(tokens: Tokens, offsets: Ints) -> Iterator[tuple[Tokens, Ints]]:
    begin = 0
    while begin < len(offsets) - 1:
        end = int(np.searchsorted(offsets, offsets[begin] + CHUNK, side="right")) - 1
        end = max(end, begin + 1)
        part = offsets[begin : end + 1]
        yield tokens[part[0] : part[-1]], part - part[0]
        begin = end


def check_whole(value: Any, where: str, least: int = 1, most: int | None = None) -> int:
    """Read a whole number, or say what would be one."""
    return whole_number(value, where, least, most)


def check_share(value: Any, where: str) -> None:
    """Refuse what is not a share above 0 and below 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise SpecError(f"{where}: {value!r}; give a number above 0 and below 1")


def check_bias(value: Any, where: str) -> None:
    """Refuse what cannot be added to logits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise SpecError(f"{where}: {value!r}; give the finite number that is added to logits")


def check_flag(value: Any, where: str) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, (bool, np.bool_)):
        raise SpecError(f"{where}: {value!r}; give true or false")


def check_logits(logits: Array, vocab_size: int, where: str = "logits") -> Floats:
    """Read the logits of one next token, one an id."""
    found = np.array(logits, dtype=float)
    if found.shape != (vocab_size,):
        raise SpecError(f"{where}: shape {found.shape}; give one number for each of {vocab_size} ids")
    if np.isnan(found).any() or (found == np.inf).any():
        raise SpecError(f"{where}: NaN or infinite; give finite numbers, or -inf for what cannot follow")
    return found


def check_law(probs: Array, vocab_size: int) -> Floats:
    """Read the law of one next token, one probability an id, scaled to add up to 1."""
    found = check_logits(probs, vocab_size, "probs")
    total = found.sum()
    if (found < 0).any() or not 0 < total < np.inf:
        raise SpecError("probs: no law; give probabilities from 0, not all of them 0")
    return np.asarray(found / total)


def drawn(law: Floats, rng: Generator) -> int:
    """Draw one id."""
    running = np.cumsum(law)
    return int(min(np.searchsorted(running, rng.random() * running[-1], side="right"), np.flatnonzero(law)[-1]))


def drawn_by_logits(scheme: Scheme, context: Sequence[int] | Array, probs: Array, rng: Generator) -> int:
    """Draw the next token from a law whose logits the scheme has changed."""
    law = check_law(probs, scheme.vocab_size)
    with np.errstate(divide="ignore"):
        changed = scheme.process(context, np.log(law))
    return drawn(np.exp(changed - changed.max()), rng)
