"""Documents: text as a chain carries it, ragged token ids and the tokenizer that made them."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from genloss.chain.data import Array, Data, Ints, register_concat, take
from genloss.errors import SpecError

Tokens = NDArray[np.int32]


class Tokenizer(Protocol):
    """Turns text into token ids and back.

    Attributes:
        size: How many ids there are, the end symbol among them.
        end: The id of the symbol that ends a document; it never stands inside one.
        unknown: The id for what the vocabulary lacks; -1 if nothing can be unknown.
        fingerprint: Names the vocabulary: tokenizers of one fingerprint give one text the same ids.
    """

    @property
    def size(self) -> int:
        """How many ids there are."""

    @property
    def end(self) -> int:
        """The end symbol."""

    @property
    def unknown(self) -> int:
        """The unknown symbol."""

    @property
    def fingerprint(self) -> str:
        """Names the vocabulary."""

    def encode(self, texts: Sequence[str]) -> "Documents":
        """Read texts, one document each."""

    def decode(self, tokens: Tokens) -> str:
        """Write the text of one document."""

    def to_arrays(self) -> dict[str, Array]:
        """Give the kind and the fingerprint, each as the bytes of its text, and what ours need to be built again.

        A tokenizer of your own is not built again by `genloss.corpus.tokenizers.restored`: it is given again, and what
        stands here names it in messages.
        """


class Documents:
    """Documents as token ids. Iterating gives text; indexing gives one text, or documents for a slice or an array.

    Attributes:
        tokens: The ids of all documents, one after the other, without end symbols: shape (tokens,).
        offsets: Where each document begins, and where the last one ends: shape (documents + 1,).
        tokenizer: What made the ids and turns them into text.

    Example:
        >>> from genloss.corpus import Words
        >>> documents = Words().train(["The tails go.", "The head stays."])
        >>> len(documents), documents[1]
        (2, 'The head stays.')
    """

    __slots__ = ("offsets", "tokenizer", "tokens")

    def __init__(self, tokens: Any, offsets: Any, tokenizer: Tokenizer) -> None:
        self.tokens: Tokens = np.asarray(tokens, dtype=np.int32)
        self.offsets: Ints = np.asarray(offsets, dtype=np.int64)
        self.tokenizer = tokenizer
        steps = np.diff(self.offsets)
        if self.offsets.ndim != 1 or not len(self.offsets) or self.offsets[0] != 0 or (steps < 0).any():
            raise SpecError("documents: offsets must begin at 0 and never fall")
        if self.offsets[-1] != len(self.tokens):
            raise SpecError(f"documents: offsets end at {self.offsets[-1]}, but there are {len(self.tokens)} tokens")

    def __repr__(self) -> str:
        return f"Documents({len(self)} documents, {len(self.tokens)} tokens)"

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> str: ...
    @overload
    def __getitem__(self, index: slice | Array) -> "Documents": ...
    def __getitem__(self, index: Any) -> "str | Documents":
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        if isinstance(index, np.ndarray):
            return self.take(index)
        at = range(len(self))[index]
        return self.tokenizer.decode(self.tokens[self.offsets[at] : self.offsets[at + 1]])

    @property
    def lengths(self) -> Ints:
        """Tokens in each document, without the end symbol: shape (documents,)."""
        return np.diff(self.offsets)

    def take(self, index: Array) -> "Documents":
        """Pick documents by position (or by a truth value each)."""
        if index.dtype == bool:
            index = np.flatnonzero(index)
        index = np.where(index < 0, index + len(self), index)
        lengths = self.lengths[index]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        moves = np.repeat(self.offsets[:-1][index] - offsets[:-1], lengths)
        return Documents(self.tokens[moves + np.arange(offsets[-1])], offsets, self.tokenizer)

    def first_tokens(self, tokens: int) -> "Documents":
        """The first tokens; the last document may be cut short."""
        whole = int(np.searchsorted(self.offsets, tokens))
        offsets = np.minimum(self.offsets[: whole + 1], tokens)
        return Documents(self.tokens[: offsets[-1]], offsets, self.tokenizer)

    def ended(self) -> Tokens:
        """All tokens, each document followed by the end symbol: shape (tokens + documents,)."""
        found = np.full(len(self.tokens) + len(self), self.tokenizer.end, dtype=np.int32)
        found[np.arange(len(self.tokens)) + np.repeat(np.arange(len(self)), self.lengths)] = self.tokens
        return found

    def counts(self) -> Ints:
        """How often each id occurs (the end symbol never does): shape (tokenizer.size,)."""
        return np.bincount(self.tokens, minlength=self.tokenizer.size)

    def to_arrays(self) -> dict[str, Array]:
        """Give the documents and their tokenizer as plain arrays; `tokenizers.documents_from` reads them."""
        named = {"kind": type(self.tokenizer).__qualname__, "fingerprint": self.tokenizer.fingerprint}
        own = {name: np.frombuffer(text.encode(), dtype=np.uint8) for name, text in named.items()}
        if hasattr(self.tokenizer, "to_arrays"):
            own |= self.tokenizer.to_arrays()
        vocabulary = {f"tokenizer.{name}": array for name, array in own.items()}
        return {"tokens": self.tokens, "offsets": self.offsets, **vocabulary}


def same_tokens(one: Tokenizer, other: Tokenizer) -> bool:
    """Whether two tokenizers give one text the same ids."""
    return one is other or one.fingerprint == other.fingerprint


def joined(first: Documents, parts: Sequence[Data]) -> Documents:
    """Join documents, in order; texts among them are read by the tokenizer of the first.

    Raises:
        SpecError: If two parts were made by different tokenizers.
    """
    tokenizer = first.tokenizer
    read = [part if isinstance(part, Documents) else tokenizer.encode(list(part)) for part in parts]
    for part in read:
        if not same_tokens(part.tokenizer, tokenizer):
            raise SpecError("documents: parts made by different tokenizers cannot be joined; encode all texts with one")
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([part.lengths for part in read]))])
    return Documents(np.concatenate([part.tokens for part in read]), offsets, tokenizer)


@take.register
def _(data: Documents, index: Array) -> Data:
    return data.take(index)


register_concat(Documents)(joined)
